package io.caravan.ops;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Tlp;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.sink.Door;
import io.caravan.sink.KafkaOptions;
import io.caravan.sink.Topic;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {

    private static final Map<String, String> SOUND =
            Map.of("OPENCTI_URL", "https://opencti.example.org", "OPENCTI_TOKEN", "secret");

    private static final String SINKS = "caravan.sinks=journal,kafka\nkafka.brokers=kafka:9092\n";

    @TempDir
    Path home;

    @Test
    void theProjectsFileHasEverySettingWithItsDefaultAndAComment() throws IOException {
        Map<String, String> shown = new TreeMap<>();
        boolean commented = false;
        for (String line : Files.readAllLines(Path.of("application.properties"))) {
            if (line.matches("[a-z].*=.*")) {
                String name = line.substring(0, line.indexOf('='));
                assertThat(commented).as("a comment above %s", name).isTrue();
                shown.put(name, line.substring(line.indexOf('=') + 1));
            } else {
                commented = line.startsWith("#") && !line.startsWith("# ----");
            }
        }
        assertThat(shown.keySet()).containsExactlyInAnyOrderElementsOf(Settings.names());
        shown.forEach((name, value) -> assertThat(value).as(name).isEqualTo(Settings.byDefault(name)));
    }

    /** What a stream, a batch and a program's own parts are told elsewhere. */
    private static final Set<String> NO_SETTINGS = Set.of(
            "batchMaxEvents",
            "batchMaxBytes",
            "eventMaxBytes",
            "positionStore",
            "deadLetters",
            "failureHandler",
            "following",
            "configuration",
            "bridgeErrorHandler",
            "lazyStartProducer",
            "answerTimeout",
            "autowiredEnabled");

    @Test
    void everyOptionOfADestinationIsASetting() throws IOException {
        JsonNode catalog = new ObjectMapper()
                .readTree(Path.of("src/generated/resources/META-INF/io/caravan/opencti/opencti.json")
                        .toFile());
        List<String> options = new ArrayList<>();
        catalog.path("properties").properties().forEach(option -> {
            if (option.getValue().path("label").asText().contains("producer")) {
                options.add(option.getKey());
            }
        });
        options.removeAll(NO_SETTINGS);
        assertThat(options).contains("way").allSatisfy(option -> assertThat(Settings.names())
                .contains("destination." + option.replaceAll("([A-Z])", "-$1").toLowerCase()));
    }

    @Test
    void everyOptionOfTheComponentIsASetting() throws IOException {
        JsonNode catalog = new ObjectMapper()
                .readTree(Path.of("src/generated/resources/META-INF/io/caravan/opencti/opencti.json")
                        .toFile());
        List<String> options = new ArrayList<>();
        catalog.path("componentProperties").fieldNames().forEachRemaining(options::add);
        options.removeAll(NO_SETTINGS);
        assertThat(options).isNotEmpty().allSatisfy(option -> assertThat(Settings.names())
                .contains("opencti." + option.replaceAll("([A-Z])", "-$1").toLowerCase()));
    }

    @Test
    void theDefaultsOfSettingsAndOptionsAgree() throws IOException {
        OpenctiConfiguration set = settings("", SOUND).opencti();
        OpenctiConfiguration untouched = new OpenctiConfiguration();
        assertThat(set)
                .usingRecursiveComparison()
                .ignoringExpectedNullFields()
                .ignoringFields("url", "token")
                .isEqualTo(untouched);
    }

    @Test
    void anEnvironmentVariableBeatsAProperty() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("OPENCTI_HEARTBEAT_TIMEOUT", "2m");
        Settings settings = settings("opencti.heartbeat-timeout=10s\ncaravan.batch-max-bytes=2KB", environment);
        assertThat(settings.opencti().getHeartbeatTimeout()).isEqualTo(120_000);
        assertThat(settings.opencti().getBatchMaxBytes()).isEqualTo(2048);
    }

    @Test
    void aMistakeInAVariableNamesIt() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("OPENCTI_ON_GAP", "maybe");
        assertThat(settings("", environment).mistakes())
                .containsExactly("opencti.on-gap (from OPENCTI_ON_GAP): \"maybe\" is not recover or fail");
    }

    @Test
    void settingsOfUsersRoutesAndOfCamelAreHandedThrough() throws IOException {
        Settings settings = settings("splunk.index=main\ncamel.main.name=mine", SOUND);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.all()).containsEntry("splunk.index", "main").containsEntry("camel.main.name", "mine");
    }

    @ParameterizedTest(name = "{0}={1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "opencti.url | opencti.example.org | opencti.url begins with neither http:// nor https://",
                "opencti.url | ftp://opencti.example.org | opencti.url begins with neither http:// nor https://",
                "opencti.url | https://opencti_1:8080 | a host's name holds no underscore",
                "opencti.url | https://opencti:99999 | its host or port cannot be",
                "opencti.url | https://me:secret@example.org | opencti.url is to be an address alone",
                "opencti.url | https://example.org/stream | opencti.url ends in /stream",
                "opencti.url | https://example.org/stream/live | say https://example.org as url and live as stream",
                "opencti.url | https://example.org/dashboard | say https://example.org",
                "opencti.stream | the live one | is no stream",
                "opencti.start | yesterday | which is none of: empty, now, a date",
                "opencti.start | 1795282698 | \"1795282698\", which is a time in seconds: say it in milliseconds, 1795282698000",
                "opencti.start | 99999999999999 | lies in the future",
                "opencti.start | 2999-01-01 | lies in the future",
                "opencti.start | 99999999999999-0 | lies in the future",
                "opencti.heartbeat-timeout | 30 | is no duration, which is like",
                "opencti.heartbeat-timeout | 10ms | is not from 1s to 3600s",
                "opencti.listen-delete | yes | is not true or false",
                "opencti.ca-file | /no/such/file | opencti.ca-file: the file /no/such/file is not there",
                "opencti.token-file | token | opencti.token and token-file are both set",
                "opencti.proxy | proxy:port | opencti.proxy is no proxy's address",
                "caravan.batch-max-events | 0 | is no number from 1 to 1000000",
                "caravan.batch-max-bytes | 16 MB | is no size, which is like",
                "caravan.event-max-bytes | 4GB | is not from 1KB to 1GB",
                "caravan.data-dir | | not set: say a folder",
                "caravan.sinks | journal, | is no sink's name",
                "caravan.sinks | Journal | is no sink's name",
                "caravan.sinks | journal,journal | \"journal\" is named twice; name each once",
                "caravan.sinks | journal, mirror ,journal | \"journal\" is named twice; name each once",
                "kafka.topics | events,changes,events | \"events\" is named twice; name each once",
                "kafka.topics | event | \"event\" is no topic; there are: events, changes, objects, indicators; did you mean events?",
                "caravan.http-host | http://0.0.0.0 | is no host's name or address, which is like 127.0.0.1",
                "caravan.http-host | | is no host's name or address",
                "caravan.http-port | 65536 | is no number from 0 to 65535",
                "caravan.log-level | LOUD | is not ERROR or WARN",
                "caravan.sniks | journal | there is no such setting; did you mean caravan.sinks?",
                "kafka.brokers | localhost | is no broker, which is host:port",
                "kafka.brokers | localhost:0 | is no broker",
                "kafka.brokers | localhost:65536 | is no broker",
                "kafka.brokers | a:9092,,b:9092 | \"\" is no broker",
                "kafka.brokers | a:9092, | \"\" is no broker",
                "kafka.brokers | a:9092;b:9092 | is no broker, which is host:port",
                "kafka.brokers | SASL_SSL://kafka:9093 | is no broker",
                "kafka.brokers | ::1:9092 | is no broker",
                "kafka.topic-prefix | threat intel. | is no topic prefix",
                "kafka.topics | | \"\" is no topic; there are: events, changes, objects, indicators",
                "kafka.topics | events,evnets | \"evnets\" is no topic; there are: events, changes, objects, indicators; did you mean events?",
                "kafka.record-max-bytes | 1GB | is not from 1KB to 512MB",
                "kafka.record-max-bytes | 100 | is not from 1KB to 512MB",
                "kafka.client.acks | 1 | cannot be set: it is all, or events would be lost with a broker",
                "kafka.client.bootstrap.servers | a:9092 | cannot be set: it is kafka.brokers",
                "kafka.client.max.request.size | 1 | cannot be set: it is kafka.record-max-bytes",
                "kafka.client.enable.idempotence | false | cannot be set: it is true",
                "kafka.client.transactional.id | mine | cannot be set: it is made of platform and stream",
                "kafka.client.partitioner.ignore.keys | true | cannot be set: keys choose partitions",
                "kafka.sasl.mechanism | PLAIN | there is no such setting",
            })
    void aMistakeIsOneLineThatSaysWhatWouldBeRight(String name, String value, String message) throws IOException {
        String line = name + "=" + (value == null ? "" : value);
        String url = name.equals("opencti.url") ? "" : "opencti.url=https://opencti.example.org\n";
        assertThat(settings(url + "opencti.token=hush\n" + line, Map.of()).mistakes())
                .singleElement()
                .asString()
                .startsWith("opencti.ca-file".equals(name) ? "opencti.ca-file" : name.substring(0, 7))
                .contains(message)
                .doesNotContain("\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"live", "raw"})
    void streamsThatAreNotPublicNeedAToken(String stream) throws IOException {
        String lines = "opencti.url=https://opencti.example.org\nopencti.stream=" + stream;
        assertThat(settings(lines, Map.of()).mistakes())
                .singleElement()
                .asString()
                .startsWith("opencti.token: not set");
    }

    @Test
    void aPublicStreamNeedsNoToken() throws IOException {
        String lines = "opencti.url=https://opencti.example.org\nopencti.stream=0f9f6ed4-5b1c-4a5e-9d0a-3f3f5f5f5f5f";
        assertThat(settings(lines, Map.of()).mistakes()).isEmpty();
    }

    @Test
    void noMistakeTellsASecret() throws IOException {
        String lines = "opencti.token=hu sh\nopencti.url=https://example.org\nopencti.proxy=http://me:hush@proxy:port";
        assertThat(settings(lines, Map.of()).mistakes()).isNotEmpty().noneMatch(mistake -> mistake.contains("hu"));
    }

    @Test
    void aVariableThatIsNearlyASettingIsDoubted() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("OPENCTI_STRAT", "now");
        environment.put("OPENCTI_PORT_8080_TCP", "tcp://10.0.0.1:8080"); // as Kubernetes sets it
        assertThat(settings("", environment).doubts())
                .containsExactly("The environment variable OPENCTI_STRAT is no setting; did you mean OPENCTI_START?");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "localhost:9092",
                "kafka-1.example.org:9092,kafka-2.example.org:9092",
                "kafka_1:1 , 10.0.0.1:65535",
                "[::1]:9092,[2001:db8::17]:9092",
                ""
            })
    void brokersAreHostAndPort(String brokers) throws IOException {
        Settings settings = settings("kafka.brokers=" + brokers, SOUND);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.kafka().brokers()).isEqualTo(brokers);
    }

    @Test
    void aPositionInKafkaNeedsTheSinkAndPutsItLast() throws IOException {
        assertThat(settings("caravan.position-store=kafka", SOUND).mistakes())
                .containsExactly(
                        "caravan.position-store: \"kafka\" is for what the sink kafka delivers, and caravan.sinks"
                                + " does not name it: name it there, or say local");
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("KAFKA_BROKERS", "kafka:9092");
        String sinks = "caravan.sinks=kafka,journal,mirror\n";
        assertThat(settings(sinks + "caravan.position-store=kafka", environment).sinks())
                .containsExactly("journal", "mirror", "kafka");
        assertThat(settings(sinks + "caravan.position-store=local", environment).sinks())
                .containsExactly("kafka", "journal", "mirror");
    }

    @Test
    void thePositionIsInKafkaWhereTheSinkKafkaIsEnabledAndElseOnTheDisk() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("KAFKA_BROKERS", "kafka:9092");
        for (String said : List.of("", "caravan.position-store=", "caravan.position-store=kafka")) {
            Settings settings = settings("caravan.sinks=kafka,mirror\n" + said, environment);
            assertThat(settings.positionTopic()).as(said).isPresent();
            assertThat(settings.sinks()).containsExactly("mirror", "kafka");
            assertThat(settings.get("caravan.position-store")).isEqualTo("kafka");
            assertThat(settings.mistakes()).isEmpty();
            assertThat(settings.doubts()).isEmpty();
        }
        assertThat(settings("caravan.sinks=mirror", environment).positionTopic())
                .isEmpty();
        assertThat(settings("caravan.sinks=mirror", environment).get("caravan.position-store"))
                .isEqualTo("local");
    }

    @Test
    void aPositionOnTheDiskBesideTheSinkKafkaIsWarnedOf() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("KAFKA_BROKERS", "kafka:9092");
        environment.put("CARAVAN_POSITION_STORE", "local");
        Settings settings = settings("caravan.sinks=kafka", environment);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.positionTopic()).isEmpty();
        assertThat(settings.doubts())
                .singleElement()
                .asString()
                .startsWith(
                        "caravan.position-store (from CARAVAN_POSITION_STORE): local gives up exactly once into Kafka");
        assertThat(settings("caravan.sinks=journal\ncaravan.position-store=local", SOUND)
                        .doubts())
                .isEmpty();
    }

    @Test
    void theKafkaSinkNeedsBrokers() throws IOException {
        assertThat(settings("caravan.sinks=journal,kafka", SOUND).mistakes())
                .containsExactly(
                        "kafka.brokers: not set, and caravan.sinks names kafka: say host:port of one broker or of several,"
                                + " separated by commas (KAFKA_BROKERS)");
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("KAFKA_BROKERS", "kafka:9092");
        assertThat(settings("caravan.sinks=kafka", environment).mistakes()).isEmpty();
    }

    @Test
    void whatKafkaIsToBeComesFromItsSettings() throws IOException {
        KafkaOptions kafka = settings("""
                        kafka.brokers=kafka:9092
                        kafka.topic-prefix=cti.
                        kafka.record-max-bytes=3MB
                        kafka.topics=indicators,events
                        kafka.topic.indicators=detection
                        kafka.client.sasl.mechanism=PLAIN
                        """, SOUND).kafka();
        assertThat(kafka)
                .isEqualTo(new KafkaOptions(
                        "kafka:9092",
                        3 << 20,
                        "cti.",
                        Map.of(Topic.EVENTS, "cti.events", Topic.INDICATORS, "detection"),
                        Map.of("sasl.mechanism", "PLAIN")));
        assertThat(settings("", SOUND).kafka())
                .isEqualTo(new KafkaOptions(
                        "",
                        16 << 20,
                        "opencti.",
                        Map.of(
                                Topic.EVENTS, "opencti.events",
                                Topic.CHANGES, "opencti.changes",
                                Topic.OBJECTS, "opencti.objects",
                                Topic.INDICATORS, "opencti.indicators"),
                        Map.of()));
    }

    @Test
    void anyPropertyOfKafkasClientsIsAVariableToo() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("KAFKA_CLIENT_SECURITY_PROTOCOL", "SASL_SSL");
        environment.put("KAFKA_CLIENT_SASL_JAAS_CONFIG", " …PlainLoginModule required password=\"Hush_1\"; ");
        environment.put("KAFKA_CLIENT_LINGER_MS", "7");
        Settings settings = settings("kafka.client.linger.ms=6\nkafka.client.batch.size=1000", environment);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.doubts()).isEmpty();
        assertThat(settings.kafka().client())
                .isEqualTo(Map.of(
                        "security.protocol", "SASL_SSL",
                        "sasl.jaas.config", "…PlainLoginModule required password=\"Hush_1\";",
                        "linger.ms", "7",
                        "batch.size", "1000"));
    }

    @Test
    void aReservedClientPropertyInAVariableIsAMistakeThatNamesIt() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("KAFKA_CLIENT_ACKS", "1");
        assertThat(settings("", environment).mistakes())
                .containsExactly("kafka.client.acks (from KAFKA_CLIENT_ACKS): cannot be set: it is all, or events would"
                        + " be lost with a broker");
    }

    @Test
    void aClientPropertyThatNobodyKnowsIsDoubtedAndHandedOn() throws IOException {
        Settings settings = settings("kafka.client.sasl.mechanisn=PLAIN\nkafka.client.acme.vault=secret", SOUND);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.doubts())
                .containsExactly(
                        "kafka.client.acme.vault: Kafka's clients know no property acme.vault; it is handed to them all the"
                                + " same",
                        "kafka.client.sasl.mechanisn: Kafka's clients know no property sasl.mechanisn; did you mean"
                                + " sasl.mechanism?; it is handed to them all the same");
        assertThat(settings.kafka().client()).containsEntry("acme.vault", "secret");
    }

    @ParameterizedTest(name = "{0}={1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "kafka.max-tlp | AMBER | \"AMBER\" is no marking; there are: TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED",
                "kafka.max-tlp | TLP:AMBER,TLP:RED | \"TLP:AMBER,TLP:RED\" is no marking; there are: TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED",
                "kafka.types | Indicator | \"Indicator\" is no STIX type of a platform; did you mean indicator?",
                "kafka.types | malware,indicators | \"indicators\" is no STIX type of a platform; did you mean indicator?",
                "kafka.types | Organization | \"Organization\" is no STIX type of a platform; did you mean identity?",
                "kafka.types | indicator;malware | \"indicator;malware\" is no STIX type, which is small letters, digits and -, such as threat-actor; several are separated by commas",
                "kafka.types | indicator, | \"\" is no STIX type, which is small letters, digits and -, such as threat-actor; several are separated by commas",
                "kafka.maxtlp | TLP:RED | there is no such setting; did you mean caravan.sink.kafka.max-tlp?",
                "kafka.max.tlp | TLP:RED | there is no such setting; did you mean caravan.sink.kafka.max-tlp?",
                "kafka.MAX_TLP | TLP:RED | there is no such setting; did you mean caravan.sink.kafka.max-tlp?",
                "kafka.type | indicator | there is no such setting; did you mean caravan.sink.kafka.types?",
                "nosuch.max-tlp | TLP:RED | \"nosuch\" is no sink in caravan.sinks; there are: journal, kafka",
                "nosuch.tpyes | indicator | \"nosuch\" is no sink in caravan.sinks; there are: journal, kafka",
                "Kafka.types | indicator | \"Kafka\" is no sink in caravan.sinks; there are: journal, kafka",
                "types | indicator | \"\" is no sink in caravan.sinks; there are: journal, kafka",
            })
    void aMistakeInADoorNeverLeavesItOpen(String name, String value, String message) throws IOException {
        assertThat(settings(SINKS + "caravan.sink." + name + "=" + value, SOUND).mistakes())
                .containsExactly("caravan.sink." + name + ": " + message);
    }

    @ParameterizedTest(name = "{0}={1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "KAFKA_MAX_TLP | TLP:PINK | caravan.sink.kafka.max-tlp (from CARAVAN_SINK_KAFKA_MAX_TLP): \"TLP:PINK\" is no marking; there are: TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED",
                "KAFKA_MAXTLP | TLP:RED | caravan.sink.kafka.maxtlp (from CARAVAN_SINK_KAFKA_MAXTLP): there is no such setting; did you mean caravan.sink.kafka.max-tlp?",
                "NOSUCH_TYPES | malware | caravan.sink.nosuch.types (from CARAVAN_SINK_NOSUCH_TYPES): \"nosuch\" is no sink in caravan.sinks; there are: journal, kafka",
                "MAX_TLP | TLP:RED | caravan.sink.max.tlp (from CARAVAN_SINK_MAX_TLP): \"max\" is no sink in caravan.sinks; there are: journal, kafka",
            })
    void norDoesOneInAVariable(String variable, String value, String message) throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("CARAVAN_SINK_" + variable, value);
        Settings settings = settings(SINKS, environment);
        assertThat(settings.mistakes()).containsExactly(message);
        assertThat(settings.doubts()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "TLP:AMBER,        AMBER",
        "tlp:amber,        AMBER",
        "Tlp:Green,        GREEN",
        "TLP:WHITE,        CLEAR",
        "tlp:clear,        CLEAR",
        "tlp:amber+strict, AMBER_STRICT",
    })
    void aMarkingIsWrittenInAnyCaseAndAsInTlp1(String written, Tlp marking) throws IOException {
        Settings settings = settings(SINKS + "caravan.sink.kafka.max-tlp=" + written, SOUND);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.doors()).isEqualTo(Map.of("kafka", new Door(Optional.of(marking), Set.of())));
    }

    @ParameterizedTest
    @ValueSource(strings = {"threat-actor,x-acme-2", "threat-actor ,\tx-acme-2 ", "x-acme-2,threat-actor,x-acme-2"})
    void typesAreAListHoweverItIsSpaced(String written) throws IOException {
        Settings settings = settings(SINKS + "caravan.sink.journal.types=" + written, SOUND);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.doors())
                .isEqualTo(Map.of("journal", new Door(Optional.empty(), Set.of("threat-actor", "x-acme-2"))));
    }

    @Test
    void aVariableSetsADoorToo() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("CARAVAN_SINKS", "mirror,journal");
        environment.put("CARAVAN_SINK_JOURNAL_MAX_TLP", "TLP:GREEN");
        environment.put("CARAVAN_SINK_MIRROR_TYPES", "malware");
        Settings settings = settings("caravan.sink.journal.max-tlp=TLP:RED", environment);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.doubts()).isEmpty();
        assertThat(settings.doors())
                .isEqualTo(Map.of(
                        "journal", new Door(Optional.of(Tlp.GREEN), Set.of()),
                        "mirror", new Door(Optional.empty(), Set.of("malware"))));
    }

    @Test
    void aDoorThatNothingIsSetForIsOpen() throws IOException {
        assertThat(settings(SINKS + "caravan.sink.kafka.max-tlp=\ncaravan.sink.kafka.types=", SOUND)
                        .doors())
                .isEmpty();
    }

    @Test
    void whatElseIsSetForASinkIsItsRoutes() throws IOException {
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put("CARAVAN_SINK_KAFKA_PORT_9092_TCP", "tcp://10.0.0.1:9092"); // as Kubernetes sets it
        Settings settings = settings(SINKS + "caravan.sink.kafka.tries=3\ncaravan.sink.splunk.index=main", environment);
        assertThat(settings.mistakes()).isEmpty();
        assertThat(settings.doubts()).isEmpty();
        assertThat(settings.all())
                .containsEntry("caravan.sink.kafka.tries", "3")
                .containsEntry("caravan.sink.splunk.index", "main");
    }

    @Property(tries = 2000)
    void whateverAValueIsItIsTakenOrIsAMistakeOfOneLine(@ForAll("names") String name, @ForAll String value)
            throws IOException {
        Path folder = Files.createTempDirectory("settings");
        Map<String, String> environment = new TreeMap<>(SOUND);
        environment.put(Settings.variableOf(name), value);
        Settings settings = Settings.load(folder, environment);
        if (settings.mistakes().isEmpty()) {
            settings.opencti();
            settings.sinks();
        }
        assertThat(settings.mistakes())
                .allSatisfy(
                        mistake -> assertThat(mistake).startsWith("opencti.").doesNotContain("\n"));
        Files.delete(folder);
    }

    @Provide
    Arbitrary<String> names() {
        return Arbitraries.of(Settings.names().stream()
                .filter(name -> name.startsWith("opencti."))
                .toList());
    }

    private Settings settings(String file, Map<String, String> environment) throws IOException {
        Files.writeString(home.resolve("application.properties"), file);
        return Settings.load(home, environment);
    }
}
