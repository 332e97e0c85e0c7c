package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion.VersionFlag;
import io.caravan.event.Bytes;
import io.caravan.event.CapturedIndicators;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import io.caravan.event.pattern.Addresses;
import io.caravan.sink.IndicatorRecord.Context;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IndicatorRecordTest {

    private static final JsonSchema SCHEMA = schema();
    private static final String PLATFORM = "https://opencti.example.test";
    private static final String SHA256 = "aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f";

    @Test
    void saysAllOfAnIndicatorThatThePlatformSent() throws IOException {
        Event event = captured("indicator--7e906560-0e3a-5e2d-9d3b-f728a242d400");
        Context context = new Context(
                PLATFORM + "/",
                event.id(),
                false,
                event.object().tlp(),
                Optional.of("Some Author"),
                List.of("ZLoader", "Emotet", "Emotet"),
                List.of("APT 0"));
        assertRecord(event.object(), context, """
                {
                  "@timestamp": "%s",
                  "ecs": {"version": "9.4.0"},
                  "event": {"kind": "enrichment", "category": ["threat"], "type": ["indicator"]},
                  "tags": ["crimson-thistle-3", "paper-viper-4"],
                  "threat": {"indicator": {
                    "type": "domain-name",
                    "id": ["indicator--7e906560-0e3a-5e2d-9d3b-f728a242d400"],
                    "name": "Silent Viper 5674",
                    "description": "العربية من اليمين",
                    "url": {"domain": "amber584853.example.test"},
                    "first_seen": "2026-11-21T17:48:48.398Z",
                    "last_seen": "2026-11-21T17:48:48.398Z",
                    "modified_at": "2026-11-21T17:48:48.398Z",
                    "confidence": "Low",
                    "provider": "Some Author",
                    "reference": "https://opencti.example.test/dashboard/observations/indicators/ff5d5cd4-70b6-416f-a26d-47ef6a67fe75",
                    "marking": {"tlp": "GREEN", "tlp_version": "2.0"}}},
                  "caravan": {
                    "id": "indicator--7e906560-0e3a-5e2d-9d3b-f728a242d400",
                    "internal_id": "ff5d5cd4-70b6-416f-a26d-47ef6a67fe75",
                    "platform": "https://opencti.example.test/",
                    "position": "%s",
                    "pattern": "[domain-name:value = 'amber584853.example.test']",
                    "pattern_type": "stix",
                    "match": "any",
                    "partial": false,
                    "values": {"domain": ["amber584853.example.test"]},
                    "main_observable_type": "Domain-Name",
                    "score": 38,
                    "confidence": 13,
                    "detection": false,
                    "revoked": true,
                    "valid_from": "2025-11-24T13:35:45.460Z",
                    "valid_until": "2026-09-20T13:35:45.460Z",
                    "indicator_types": ["malicious-activity"],
                    "labels": ["crimson-thistle-3", "paper-viper-4"],
                    "malware": ["Emotet", "ZLoader"],
                    "actors": ["APT 0"],
                    "references": ["https://ref.example.test/178086999"]}
                }
                """.formatted(event.id().time(), event.id()));
    }

    @Test
    void leavesOutWhatIsAbsent() throws IOException {
        assertRecord(
                object(
                        "{\"id\": \"indicator--1\", \"type\": \"indicator\", \"name\": null, \"labels\": null, \"score\": null}"),
                new Context(
                        PLATFORM, new EventId(1, 0), true, Optional.empty(), Optional.empty(), List.of(), List.of()),
                """
                {
                  "@timestamp": "1970-01-01T00:00:00.001Z",
                  "ecs": {"version": "9.4.0"},
                  "event": {"kind": "enrichment", "category": ["threat"], "type": ["indicator"]},
                  "threat": {"indicator": {
                    "id": ["indicator--1"],
                    "reference": "https://opencti.example.test/dashboard/id/indicator--1"}},
                  "caravan": {
                    "id": "indicator--1",
                    "platform": "https://opencti.example.test",
                    "position": "1-0",
                    "dependency": true}
                }
                """);
    }

    @Test
    void hasAYaraRuleWithoutReadingIt() throws IOException {
        Event event = CapturedIndicators.events()
                .filter(candidate -> candidate.object().json().toString().contains("\"pattern_type\":\"yara\""))
                .findFirst()
                .orElseThrow();
        JsonNode record = record(event.object(), context(event));
        assertThat(record.at("/caravan/pattern").asText()).startsWith("rule ");
        assertThat(record.at("/caravan/pattern_type").asText()).isEqualTo("yara");
        assertThat(record.at("/threat/indicator/type").asText()).isEqualTo("file");
        assertThat(record.path("caravan").has("values")).isFalse();
        assertThat(record.path("caravan").has("pattern_error")).isFalse();
    }

    @Test
    void putsEachValueWhereTheCommonSchemaHasIt() throws IOException {
        assertIndicator("[ipv4-addr:value = '203.0.113.110']", "\"type\": \"ipv4-addr\", \"ip\": \"203.0.113.110\"");
        assertIndicator(
                "[ipv4-addr:value = '203.0.113.1/32' OR ipv6-addr:value = '2001:db8::1']",
                "\"type\": [\"ipv4-addr\", \"ipv6-addr\"], \"ip\": [\"203.0.113.1\", \"2001:db8::1\"]");
        assertIndicator("[ipv6-addr:value ISSUBSET '2001:db8::/32']", "\"type\": \"ipv6-addr\"");
        assertIndicator(
                "[url:value = 'https://a.example/x']",
                "\"type\": \"url\", \"url\": {\"full\": \"https://a.example/x\"}");
        assertIndicator(
                "[hostname:value = 'Mail.a.example']",
                "\"type\": \"domain-name\", \"url\": {\"domain\": \"mail.a.example\"}");
        assertIndicator(
                "[email-addr:value = 'a@b.example']",
                "\"type\": \"email-addr\", \"email\": {\"address\": \"a@b.example\"}");
        assertIndicator(
                "[file:hashes.'SHA-256' = '" + SHA256 + "' AND file:name = 'a.exe']",
                "\"type\": \"file\", \"file\": {\"name\": \"a.exe\", \"hash\": {\"sha256\": \"" + SHA256 + "\"}}");
        assertIndicator(
                "[autonomous-system:number = 'AS64496']",
                "\"type\": \"autonomous-system\", \"as\": {\"number\": 64496}");
        assertIndicator(
                "[network-traffic:dst_ref.value = '203.0.113.1' AND network-traffic:dst_port IN (80, 443)]",
                "\"type\": [\"ipv4-addr\", \"port\"], \"ip\": \"203.0.113.1\", \"port\": [80, 443]");
        assertIndicator(
                "[x509-certificate:issuer = 'CN=a' AND x509-certificate:serial_number = '4c:0b']",
                "\"type\": \"x509-certificate\","
                        + " \"x509\": {\"serial_number\": \"4C0B\", \"issuer\": {\"distinguished_name\": \"CN=a\"}}");
        assertIndicator("[mac-addr:value = '00:00:5e:00:53:01']", "\"type\": \"mac-addr\"");
        assertIndicator("[mutex:name = 'm']", "\"type\": \"mutex\"");
        assertIndicator("[user-account:display_name = 'm']", "\"type\": \"user-account\"");
        assertIndicator("[user-agent:value = 'm']", "");
        assertIndicator("[ipv4-addr:value = 'no address']", "\"type\": \"ipv4-addr\"");
        assertIndicator("[domain-name:value != 'good.example']", "");
    }

    @Test
    void writesRegistryPathsAsTheCommonSchemaDoes() throws IOException {
        String run = "HKEY_LOCAL_MACHINE\\\\Software\\\\Run";
        assertIndicator("[windows-registry-key:key = '" + run + "']", """
                "type": "windows-registry-key",
                "registry": {"hive": "HKLM", "key": "Software\\\\Run", "path": "HKLM\\\\Software\\\\Run"}""");
        assertIndicator(
                "[windows-registry-key:key = '" + run + "' AND windows-registry-key:values[*].name = 'x']", """
                "type": "windows-registry-key",
                "registry":
                  {"hive": "HKLM", "key": "Software\\\\Run", "value": "x", "path": "HKLM\\\\Software\\\\Run\\\\x"}""");
        assertIndicator("[windows-registry-key:key IN ('" + run + "', 'hkcu\\\\b', 'c')]", """
                "type": "windows-registry-key",
                "registry": {"hive": ["HKLM", "HKCU"], "key": ["Software\\\\Run", "b", "c"],
                  "path": ["HKLM\\\\Software\\\\Run", "HKCU\\\\b", "c"]}""");
    }

    @Test
    void keepsARegistryValueOutOfAPathThatItMayNotBelongTo() throws IOException {
        assertIndicator(
                "[windows-registry-key:key = 'HKEY_USERS\\\\a' OR windows-registry-key:values[*].name = 'x']", """
                "type": "windows-registry-key",
                "registry": {"hive": "HKU", "key": "a", "value": "x", "path": "HKU\\\\a"}""");
    }

    @Test
    void everyPatternMakesARecordThatFitsTheSchema() throws IOException {
        for (String name : List.of("valid", "invalid")) {
            for (String line : Files.readAllLines(Path.of("src/test/resources/patterns/" + name + ".txt"))) {
                String pattern = name.equals("invalid") ? line.substring(line.indexOf('\t') + 1) : line;
                String json = indicator(pattern);
                JsonNode own = record(object(json), context(EventId.ZERO)).path("caravan");
                assertThat(own.has("pattern_error")).as(pattern).isEqualTo(name.equals("invalid"));
            }
        }
    }

    @Test
    void hasEveryValueByItsKind() throws IOException {
        assertOwn(
                "[ipv4-addr:value IN ('203.0.113.1', '203.0.113.0/24') OR mac-addr:value = '00:00:5e:00:53:01'"
                        + " OR user-agent:value = 'it\\'s' OR cryptocurrency-wallet:value = 'bc1q' OR file:size = 5]",
                """
                "match": "any", "partial": false,
                "values": {"ipv4": ["203.0.113.1"], "cidr": ["203.0.113.0/24"], "mac": ["00:00:5e:00:53:01"],
                  "user_agent": ["it's"], "wallet": ["bc1q"], "other": [{"path": "file:size", "value": "5"}]}""");
        assertOwn("[ipv4-addr:value = '203.0.113.1'] FOLLOWEDBY [mutex:name = 'm']", """
                "match": "all", "partial": true, "values": {"ipv4": ["203.0.113.1"], "mutex": ["m"]}""");
        assertOwn("[domain-name:value != 'good.example']", "");
    }

    @Test
    void isThereEvenWhereThePatternCannotBeRead() throws IOException {
        assertOwn("[domain-name:value = 'C:\\Windows' AND ]", """
                "pattern_error": "character 25: a backslash that escapes neither ' nor \\\\\"""");
    }

    @Test
    void readsConfidenceByTheScaleOfStix() throws IOException {
        assertConfidence(0, "None");
        assertConfidence(1, "Low");
        assertConfidence(29, "Low");
        assertConfidence(30, "Medium");
        assertConfidence(69, "Medium");
        assertConfidence(70, "High");
        assertConfidence(100, "High");
        assertConfidence(101, "");
    }

    @Test
    void writesTlpWithoutItsPrefix() throws IOException {
        Context context = new Context(
                PLATFORM, EventId.ZERO, false, Optional.of(Tlp.AMBER_STRICT), Optional.empty(), List.of(), List.of());
        assertThat(record(object(indicator("[a:b = 1]")), context)
                        .at("/threat/indicator/marking/tlp")
                        .asText())
                .isEqualTo("AMBER+STRICT");
    }

    /** The platform lowers pattern types before it compares them. */
    @ParameterizedTest
    @CsvSource({"stix, true", "STIX, true", "Stix, true", "'', true", "yara, false", "stix2, false", "' stix', false"})
    void readsPatternsOfTheTypeStixInWhateverCase(String type, boolean isRead) throws IOException {
        String json = indicator("[ipv4-addr:value = '198.51.100.77']").replace("\"stix\"", "\"" + type + "\"");
        JsonNode record = record(object(json), context(EventId.ZERO));
        assertThat(record.at("/threat/indicator/ip").asText()).isEqualTo(isRead ? "198.51.100.77" : "");
        assertThat(record.at("/caravan/match").asText()).isEqualTo(isRead ? "any" : "");
        assertThat(record.at("/caravan/pattern_type").asText()).isEqualTo(type);
    }

    /** The version is the pattern's or, where it says none, that of STIX that the object has. */
    @ParameterizedTest
    @CsvSource({
        "pattern_version, 2.0, true",
        "spec_version,    2.0, true",
        "pattern_version, 2.1, false",
        "spec_version,    2.1, false",
        "nothing,         2.0, false"
    })
    void readsTimesInPlainStringsOfStix20(String property, String version, boolean isRead) throws IOException {
        String json = indicator(
                        "[ipv4-addr:value = '198.51.100.77'] START '2018-01-01T00:00:00Z' STOP '2018-02-01T00:00:00Z'")
                .replace("{", "{\"" + property + "\": \"" + version + "\", ");
        JsonNode record = record(object(json), context(EventId.ZERO));
        assertThat(record.at("/threat/indicator/ip").asText()).isEqualTo(isRead ? "198.51.100.77" : "");
        assertThat(record.at("/caravan").has("pattern_error")).isEqualTo(!isRead);
    }

    @Test
    void anAddressThatIsNoneIsAmongTheOtherValues() throws IOException {
        JsonNode record =
                record(object(indicator("[ipv6-addr:value = '::ffff:198.51.100.087']")), context(EventId.ZERO));
        assertThat(record.at("/threat/indicator").has("ip")).isFalse();
        assertThat(record.at("/caravan/values").toString())
                .isEqualTo("{\"other\":[{\"path\":\"ipv6-addr:value\",\"value\":\"::ffff:198.51.100.087\"}]}");
    }

    @Test
    void everyAddressFitsTheSchema() throws IOException {
        for (String[] line : Addresses.all()) {
            if (!line[1].startsWith("other")) {
                record(object(indicator("[ipv6-addr:value = '" + line[0] + "']")), context(EventId.ZERO));
            }
        }
    }

    @Test
    void aPositionBeyondTheYearsOfFourDigitsIsTheLastOfThem() throws IOException {
        EventId position = new EventId(Long.MAX_VALUE, 0);
        assertThat(record(object(indicator("[a:b = 1]")), context(position))
                        .path("@timestamp")
                        .asText())
                .isEqualTo("9999-12-31T23:59:59.999Z");
    }

    @Test
    void leavesOutWhatElasticsearchWouldRefuseTheRecordFor() throws IOException {
        String json =
                "{\"id\": \"indicator--1\", \"type\": \"indicator\", \"created\": \"yesterday\", \"valid_from\": 5,"
                        + " \"valid_until\": \"+12345-01-01T00:00:00Z\", \"confidence\": \"high\", \"name\": \"half \\ud83d pair\","
                        + " \"kill_chain_phases\": [null, {}], \"labels\": [5, \"a\", \"\", \"a\"], \"pattern_type\": \"stix\","
                        + " \"external_references\": [{\"url\": null}], \"pattern\": \"[ipv4-addr:value = 'x']\"}";
        JsonNode record = record(object(json), context(EventId.ZERO));
        assertThat(record.at("/threat/indicator").has("ip")).isFalse();
        assertThat(record.at("/threat/indicator").has("first_seen")).isFalse();
        assertThat(record.at("/threat/indicator/name").asText()).isEqualTo("half ? pair");
        assertThat(record.at("/caravan").has("valid_from")).isFalse();
        assertThat(record.at("/caravan").has("valid_until")).isFalse();
        assertThat(record.at("/tags").toString()).isEqualTo("[\"a\"]");
        assertThat(record.at("/caravan/values").toString())
                .isEqualTo("{\"other\":[{\"path\":\"ipv4-addr:value\",\"value\":\"x\"}]}");
    }

    /** As {@link Instant} writes it; in whatever form it comes. */
    @ParameterizedTest
    @CsvSource({
        "2026-11-21T17:38:18.973Z,          2026-11-21T17:38:18.973Z",
        "2026-11-21T17:38:18.000Z,          2026-11-21T17:38:18Z",
        "2024-02-29T23:59:59.001Z,          2024-02-29T23:59:59.001Z",
        "2023-02-29T23:59:59.001Z,          ''",
        "2026-04-31T00:00:00.100Z,          ''",
        "2026-13-01T00:00:00.100Z,          ''",
        "2026-00-01T00:00:00.100Z,          ''",
        "2026-01-00T00:00:00.100Z,          ''",
        "2026-01-01T25:00:00.100Z,          ''",
        "2026-01-01T00:60:00.100Z,          ''",
        "2026-01-01T00:00:61.100Z,          ''",
        "2026-01-01T00:00:00.1x0Z,          ''",
        "2026-01-01T00:00:00Z,              2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.1Z,            2026-01-01T00:00:00.100Z",
        "2026-01-01T00:00:00.123456789Z,    2026-01-01T00:00:00.123456789Z",
        "2026-01-01T01:00:00+01:00,         2026-01-01T00:00:00Z",
        "+12026-01-01T00:00:00Z,            ''",
        "9999-12-31T24:00:00Z,              ''",
        "yesterday,                         ''"
    })
    void writesATimeAsItIsReadEverywhere(String time, String written) throws IOException {
        String json = "{\"id\": \"indicator--1\", \"type\": \"indicator\", \"valid_from\": \"" + time + "\"}";
        assertThat(record(object(json), context(EventId.ZERO))
                        .at("/caravan/valid_from")
                        .asText())
                .isEqualTo(written);
    }

    @Test
    void wasModifiedWhenEitherTimeSaysSoLast() throws IOException {
        assertModified("2026-01-01T00:00:01.500Z", "2026-01-01T00:00:01.600Z", "2026-01-01T00:00:01.600Z");
        assertModified("2026-01-01T00:00:01.600Z", "2026-01-01T00:00:01.500Z", "2026-01-01T00:00:01.600Z");
        assertModified("2026-01-01T00:00:01.000Z", "2026-01-01T00:00:01.500Z", "2026-01-01T00:00:01.500Z");
        assertModified("2026-01-01T00:00:01.500Z", "2026-01-01T00:00:01.000Z", "2026-01-01T00:00:01.500Z");
        assertModified("", "2026-01-01T00:00:01.500Z", "2026-01-01T00:00:01.500Z");
        assertModified("2026-01-01T00:00:01.500Z", "never", "2026-01-01T00:00:01.500Z");
        assertModified("", "", "");
    }

    private static void assertModified(String modified, String updated, String written) throws IOException {
        String json = "{\"id\": \"indicator--1\", \"type\": \"indicator\", \"modified\": \"" + modified
                + "\", \"extensions\": {\"" + StixObject.OPENCTI + "\": {\"updated_at\": \"" + updated + "\"}}}";
        JsonNode indicator = record(object(json), context(EventId.ZERO)).at("/threat/indicator");
        assertThat(indicator.path("modified_at").asText()).isEqualTo(written);
        assertThat(indicator.path("last_seen").asText()).isEqualTo(written);
    }

    /** What JSON can hold and UTF-8 cannot, in every place that a text can stand. */
    @Test
    void writesWholeCharactersAsTheyAreAndHalvesAsQuestionMarks() throws IOException {
        String text = "\\ud83e\\udd8a 漢\\ud83d \\udd8a\\ud83e";
        String json = "{\"id\": \"indicator--1\", \"type\": \"indicator\", \"name\": \"" + text + "\", \"labels\": [\""
                + text + "\"], \"kill_chain_phases\": [{\"phase_name\": \"" + text + "\"}]}";
        byte[] record = IndicatorRecord.of(object(json), context(EventId.ZERO));
        String whole = "🦊 漢? ??";
        assertThat(new String(record, UTF_8))
                .contains(
                        "\"name\":\"" + whole + "\"",
                        "\"tags\":[\"" + whole + "\"]",
                        "\"phase_name\":\"" + whole + "\"");
        assertThat(new String(record, UTF_8).getBytes(UTF_8)).isEqualTo(record);
    }

    @Test
    void everyRecordOfEveryCaptureFitsTheSchema() throws IOException {
        List<Event> events = CapturedIndicators.events().toList();
        assertThat(events).hasSizeGreaterThan(4000);
        for (Event event : events) {
            JsonNode record = record(event.object(), context(event));
            boolean stix = record.at("/caravan/pattern_type").asText().equals("stix");
            assertThat(record.path("caravan").has("values")).isEqualTo(stix);
        }
    }

    @Test
    void theSchemaRefusesWhatItDoesNotName() throws IOException {
        String record = new String(IndicatorRecord.of(object(indicator("[a:b = 1]")), context(EventId.ZERO)), UTF_8);
        assertThat(SCHEMA.validate(record, InputFormat.JSON)).isEmpty();
        for (String member : List.of("\"ecs\":{", "\"threat\":{", "\"indicator\":{", "\"caravan\":{", "\"values\":{")) {
            assertThat(SCHEMA.validate(record.replace(member, member + "\"more\":1,"), InputFormat.JSON))
                    .isNotEmpty();
        }
    }

    private static void assertIndicator(String pattern, String members) throws IOException {
        JsonNode record = record(object(indicator(pattern)), context(EventId.ZERO));
        String rest = "\"id\": [\"indicator--1\"], \"reference\": \"" + PLATFORM + "/dashboard/id/indicator--1\"";
        assertThat(record.at("/threat/indicator"))
                .isEqualTo(Json.tree(Bytes.of("{" + members + (members.isEmpty() ? "" : ",") + rest + "}")));
    }

    private static void assertOwn(String pattern, String members) throws IOException {
        String json = indicator(pattern);
        String rest = "\"id\": \"indicator--1\", \"platform\": \"" + PLATFORM + "\", \"position\": \"0-0\","
                + " \"pattern_type\": \"stix\", \"pattern\": "
                + Json.tree(Bytes.of(json)).path("pattern");
        assertThat(record(object(json), context(EventId.ZERO)).path("caravan"))
                .isEqualTo(Json.tree(Bytes.of("{" + members + (members.isEmpty() ? "" : ",") + rest + "}")));
    }

    private static void assertConfidence(int confidence, String scale) throws IOException {
        String json = "{\"id\": \"indicator--1\", \"type\": \"indicator\", \"confidence\": " + confidence + "}";
        JsonNode record = record(object(json), context(EventId.ZERO));
        assertThat(record.at("/threat/indicator/confidence").asText()).isEqualTo(scale);
        assertThat(record.at("/caravan/confidence").asText()).isEqualTo(scale.isEmpty() ? "" : "" + confidence);
    }

    private static void assertRecord(StixObject indicator, Context context, String expected) throws IOException {
        assertThat(record(indicator, context).toPrettyString())
                .isEqualTo(Json.tree(Bytes.of(expected)).toPrettyString());
    }

    /** Which fits the schema. */
    static JsonNode record(StixObject indicator, Context context) throws IOException {
        byte[] record = IndicatorRecord.of(indicator, context);
        String text = new String(record, UTF_8);
        assertThat(SCHEMA.validate(
                        text, InputFormat.JSON, run -> run.getExecutionConfig().setFormatAssertionsEnabled(true)))
                .as(text)
                .isEmpty();
        return Json.tree(new Bytes(record, record.length));
    }

    private static Context context(Event event) {
        return new Context(PLATFORM, event.id(), false, event.object().tlp(), Optional.empty(), List.of(), List.of());
    }

    static Context context(EventId position) {
        return new Context(PLATFORM, position, false, Optional.empty(), Optional.empty(), List.of(), List.of());
    }

    private static Event captured(String id) {
        return CapturedIndicators.events()
                .filter(event -> event.objectId().equals(id))
                .findFirst()
                .orElseThrow();
    }

    private static String indicator(String pattern) {
        return "{\"id\": \"indicator--1\", \"type\": \"indicator\", \"pattern_type\": \"stix\", \"pattern\": "
                + TextNode.valueOf(pattern) + "}";
    }

    private static StixObject object(String json) throws IOException {
        return StixObject.read(Bytes.of(json));
    }

    private static JsonSchema schema() {
        try {
            return JsonSchemaFactory.getInstance(VersionFlag.V202012)
                    .getSchema(Files.readString(Path.of("docs/schemas/indicator.schema.json")));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
