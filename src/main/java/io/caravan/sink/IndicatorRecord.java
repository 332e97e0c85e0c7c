package io.caravan.sink;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import io.caravan.event.pattern.PatternValues;
import io.caravan.event.pattern.PatternValues.Match;
import io.caravan.event.pattern.PatternValues.Value;
import io.caravan.event.pattern.ValueKind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * An indicator as detection engineers read it: the Elastic Common Schema's {@code threat.indicator.*}, and beside it,
 * under {@code caravan}, what the schema has no field for. {@code docs/schemas/indicator.schema.json} describes it field
 * by field. Values come from the pattern alone. What is absent, and what Elasticsearch would refuse the document for (a
 * date that is none), is left out. A field of the Common Schema holds one value, or a list where there are several.
 */
public final class IndicatorRecord {

    /** The version of the Elastic Common Schema whose fields these are. */
    public static final String ECS = "9.4.0";

    /**
     * What the record says that the indicator's own object does not.
     *
     * @param platform the platform's address
     * @param position of the event that this state became known by
     * @param dependency true where the indicator does not match the stream's filter itself
     * @param tlp the strictest colour it is marked with
     * @param author the name of its author
     * @param malware names of malware that it is known to indicate
     * @param actors names of threat actors, intrusion sets and campaigns that it is known to indicate
     */
    public record Context(
            String platform,
            EventId position,
            boolean dependency,
            Optional<Tlp> tlp,
            Optional<String> author,
            Collection<String> malware,
            Collection<String> actors) {}

    /** The values that the Common Schema expects of {@code threat.indicator.type}. */
    private static final Set<String> TYPES = Set.of(
            "autonomous-system",
            "artifact",
            "directory",
            "domain-name",
            "email-addr",
            "file",
            "ipv4-addr",
            "ipv6-addr",
            "mac-addr",
            "mutex",
            "port",
            "process",
            "software",
            "url",
            "user-account",
            "windows-registry-key",
            "x509-certificate");

    private static final Map<String, String> HIVES = Map.of(
            "HKEY_LOCAL_MACHINE", "HKLM",
            "HKEY_CURRENT_USER", "HKCU",
            "HKEY_CLASSES_ROOT", "HKCR",
            "HKEY_USERS", "HKU",
            "HKEY_CURRENT_CONFIG", "HKCC",
            "HKEY_PERFORMANCE_DATA", "HKPD");

    private static final SparseJson.Pair<JsonNode> PHASE = new SparseJson.Pair<>(
            "kill_chain_name",
            phase -> text(phase, "kill_chain_name"),
            "phase_name",
            phase -> text(phase, "phase_name"));

    private static final SparseJson.Pair<Value> OTHER_VALUE =
            new SparseJson.Pair<>("path", value -> value.path().text(), "value", Value::text);

    private static final PatternValues NO_PATTERN =
            new PatternValues(List.of(), Optional.empty(), false, Optional.empty());

    private static final List<ValueKind> HASHES = List.of(
            ValueKind.MD5,
            ValueKind.SHA1,
            ValueKind.SHA256,
            ValueKind.SHA384,
            ValueKind.SHA512,
            ValueKind.SSDEEP,
            ValueKind.TLSH);

    private final StixObject object;
    private final Context context;
    private final JsonNode indicator;
    private final JsonNode opencti;
    private final PatternValues pattern;
    private final Map<ValueKind, List<String>> values = new EnumMap<>(ValueKind.class);

    private IndicatorRecord(StixObject object, Context context) throws IOException {
        this.object = object;
        this.context = context;
        indicator = Json.tree(object.json());
        opencti = indicator.path("extensions").path(StixObject.OPENCTI);
        String type = text(indicator, "pattern_type");
        pattern = (type.equalsIgnoreCase("stix") || type.isEmpty())
                        && indicator.path("pattern").isTextual()
                ? PatternValues.read(indicator.path("pattern").textValue(), patternVersion())
                : NO_PATTERN;
        for (Value value : pattern.values()) {
            List<String> texts = values.computeIfAbsent(value.kind(), kind -> new ArrayList<>());
            texts.add(value.text());
        }
        values.replaceAll((kind, texts) -> texts.size() == 1 ? texts : List.copyOf(new LinkedHashSet<>(texts)));
    }

    /** Where an indicator says none, it is the version of STIX that the object itself has (STIX 2.1, section 4.7). */
    private String patternVersion() {
        String version = text(indicator, "pattern_version");
        return version.isEmpty() ? text(indicator, "spec_version") : version;
    }

    /** The record, JSON in UTF-8. */
    public static byte[] of(StixObject indicator, Context context) throws IOException {
        return new IndicatorRecord(indicator, context).json();
    }

    private byte[] json() throws IOException {
        try (SparseJson json = new SparseJson()) {
            json.text("@timestamp", IsoTime.of(context.position.time()));
            json.object("ecs");
            json.text("version", ECS);
            json.end();
            json.object("event");
            json.text("kind", "enrichment");
            json.texts("category", List.of("threat"));
            json.texts("type", List.of("indicator"));
            json.end();
            json.texts("tags", texts(indicator.path("labels")));
            json.object("threat");
            json.object("indicator");
            writeIndicator(json);
            json.end();
            json.end();
            json.object("caravan");
            writeOwn(json);
            json.end();
            return json.toBytes();
        }
    }

    private void writeIndicator(SparseJson json) throws IOException {
        json.textOrTexts("type", types());
        json.texts("id", object.id().isEmpty() ? List.of() : List.of(object.id()));
        json.text("name", text(indicator, "name"));
        json.text("description", text(indicator, "description"));
        writeValues(json);
        String modified = modified();
        json.text("first_seen", time(indicator, "created"));
        json.text("last_seen", modified);
        json.text("modified_at", modified);
        json.text("confidence", confidence().map(IndicatorRecord::scale).orElse(""));
        json.text("provider", context.author.orElse(""));
        json.text("reference", reference());
        if (context.tlp.isPresent()) {
            json.object("marking");
            json.text("tlp", context.tlp.get().toString().substring("TLP:".length()));
            json.text("tlp_version", "2.0"); // whose names these are; CLEAR was WHITE before
            json.end();
        }
    }

    private void writeValues(SparseJson json) throws IOException {
        json.textOrTexts("ip", addresses());
        json.numberOrNumbers("port", numbers(ValueKind.PORT));
        json.object("as");
        json.numberOrNumbers("number", numbers(ValueKind.AS_NUMBER));
        json.end();
        json.object("url");
        json.textOrTexts("domain", domains());
        json.textOrTexts("full", all(ValueKind.URL));
        json.end();
        json.object("email");
        json.textOrTexts("address", all(ValueKind.EMAIL));
        json.end();
        json.object("file");
        json.textOrTexts("name", all(ValueKind.FILE_NAME));
        json.textOrTexts("directory", all(ValueKind.DIRECTORY));
        json.object("hash");
        for (ValueKind hash : HASHES) {
            json.textOrTexts(hash.toString(), all(hash));
        }
        json.end();
        json.end();
        writeRegistry(json);
        json.object("x509");
        json.textOrTexts("serial_number", all(ValueKind.X509_SERIAL_NUMBER));
        writeDistinguishedName(json, "issuer", ValueKind.X509_ISSUER);
        writeDistinguishedName(json, "subject", ValueKind.X509_SUBJECT);
        json.end();
    }

    private void writeDistinguishedName(SparseJson json, String of, ValueKind kind) throws IOException {
        json.object(of);
        json.textOrTexts("distinguished_name", all(kind));
        json.end();
    }

    /** The name of a value belongs to the path only where the pattern looks for one name in one key. */
    private void writeRegistry(SparseJson json) throws IOException {
        List<RegistryKey> keys = each(ValueKind.REGISTRY_KEY, RegistryKey::of);
        List<String> names = all(ValueKind.REGISTRY_VALUE);
        if (keys.isEmpty() && names.isEmpty()) {
            return;
        }
        boolean both = pattern.match().equals(Optional.of(Match.ALL)) && keys.size() == 1 && names.size() == 1;
        json.object("registry");
        json.textOrTexts("hive", distinct(keys.stream().map(RegistryKey::hive)));
        json.textOrTexts("key", distinct(keys.stream().map(RegistryKey::key)));
        json.textOrTexts("value", names);
        json.textOrTexts(
                "path", distinct(keys.stream().map(key -> both ? key.path() + "\\" + names.get(0) : key.path())));
        json.end();
    }

    /** With the hive's name as the Common Schema and its sensors write it: {@code HKLM\Software\…}. */
    private record RegistryKey(String hive, String key) {

        static RegistryKey of(String written) {
            int slash = written.indexOf('\\');
            String first = slash < 0 ? written : written.substring(0, slash);
            String upper = first.toUpperCase(Locale.ROOT);
            String hive = HIVES.getOrDefault(upper, HIVES.containsValue(upper) ? upper : "");
            if (hive.isEmpty()) {
                return new RegistryKey("", written);
            }
            return new RegistryKey(hive, slash < 0 ? "" : written.substring(slash + 1));
        }

        String path() {
            return Stream.of(hive, key)
                    .filter(part -> !part.isEmpty())
                    .reduce((parent, child) -> parent + "\\" + child)
                    .orElse("");
        }
    }

    private void writeOwn(SparseJson json) throws IOException {
        json.text("id", object.id());
        json.text("internal_id", object.internalId());
        json.text("platform", context.platform);
        json.text("position", context.position.toString());
        if (context.dependency) {
            json.flag("dependency", true);
        }
        json.text("pattern", text(indicator, "pattern"));
        json.text("pattern_type", text(indicator, "pattern_type"));
        json.text("pattern_version", text(indicator, "pattern_version"));
        json.text("pattern_error", pattern.error().orElse(""));
        if (pattern.match().isPresent()) {
            json.text("match", pattern.match().get().toString());
            json.flag("partial", pattern.partial());
        }
        json.object("values");
        for (Map.Entry<ValueKind, List<String>> entry : values.entrySet()) {
            if (entry.getKey() != ValueKind.OTHER) {
                json.texts(entry.getKey().toString(), entry.getValue());
            }
        }
        json.pairs("other", others(), OTHER_VALUE);
        json.end();
        json.text("main_observable_type", text(opencti, "main_observable_type"));
        json.number("score", number(opencti.path("score")));
        json.number("confidence", confidence());
        writeFlag(json, "detection", opencti);
        writeFlag(json, "revoked", indicator);
        json.text("valid_from", time(indicator, "valid_from"));
        json.text("valid_until", time(indicator, "valid_until"));
        json.texts("indicator_types", texts(indicator.path("indicator_types")));
        json.texts("labels", texts(indicator.path("labels")));
        json.pairs("kill_chain_phases", phases(), PHASE);
        json.texts("malware", named(context.malware));
        json.texts("actors", named(context.actors));
        json.texts("references", references());
    }

    private List<JsonNode> phases() {
        List<JsonNode> phases = new ArrayList<>();
        for (JsonNode phase : indicator.path("kill_chain_phases")) {
            if (!text(phase, "phase_name").isEmpty()) {
                phases.add(phase);
            }
        }
        return phases;
    }

    private Collection<String> references() {
        Set<String> urls = new LinkedHashSet<>();
        for (JsonNode reference : indicator.path("external_references")) {
            urls.add(text(reference, "url"));
        }
        urls.remove("");
        return urls;
    }

    private static void writeFlag(SparseJson json, String name, JsonNode of) throws IOException {
        if (of.path(name).isBoolean()) {
            json.flag(name, of.path(name).booleanValue());
        }
    }

    /** What the pattern's values are; where it has none, what the platform says that it is about. */
    private List<String> types() {
        Set<String> types = new LinkedHashSet<>();
        for (Value value : pattern.values()) {
            types.add(type(value));
        }
        types.remove("");
        if (!types.isEmpty()) {
            return List.copyOf(types);
        }
        String main = text(opencti, "main_observable_type").toLowerCase(Locale.ROOT);
        String type = main.equals("stixfile") ? "file" : main;
        return TYPES.contains(type) ? List.of(type) : List.of();
    }

    /** Empty where the Common Schema expects no such type. */
    private static String type(Value value) {
        return switch (value.kind()) {
            case IPV4 -> "ipv4-addr";
            case IPV6 -> "ipv6-addr";
            case CIDR -> value.text().indexOf(':') < 0 ? "ipv4-addr" : "ipv6-addr";
            case DOMAIN -> "domain-name";
            case HOSTNAME -> isFullName(value.text()) ? "domain-name" : "";
            case URL -> "url";
            case EMAIL -> "email-addr";
            case MAC -> "mac-addr";
            case AS_NUMBER -> "autonomous-system";
            case PORT -> "port";
            case DIRECTORY -> "directory";
            case PROCESS_NAME, COMMAND_LINE -> "process";
            case MD5, SHA1, SHA224, SHA256, SHA384, SHA512, SHA3_256, SHA3_512, SSDEEP, TLSH ->
                value.path().type().equals("artifact") ? "artifact" : "file";
            case FILE_NAME -> "file";
            case REGISTRY_KEY, REGISTRY_VALUE -> "windows-registry-key";
            default -> TYPES.contains(value.path().type()) ? value.path().type() : "";
        };
    }

    /** Those of hosts too, where they are full: the Common Schema has no other field for them. */
    private List<String> domains() {
        if (!values.containsKey(ValueKind.HOSTNAME)) {
            return all(ValueKind.DOMAIN);
        }
        return distinct(Stream.concat(
                all(ValueKind.DOMAIN).stream(), all(ValueKind.HOSTNAME).stream().filter(IndicatorRecord::isFullName)));
    }

    private static boolean isFullName(String host) {
        return host.indexOf('.') > 0;
    }

    private Collection<Value> others() {
        return values.containsKey(ValueKind.OTHER)
                ? pattern.values().stream()
                        .filter(value -> value.kind() == ValueKind.OTHER)
                        .toList()
                : List.of();
    }

    private List<String> all(ValueKind kind) {
        return values.getOrDefault(kind, List.of());
    }

    private List<String> addresses() {
        List<String> addresses = new ArrayList<>(all(ValueKind.IPV4));
        addresses.addAll(all(ValueKind.IPV6));
        return addresses;
    }

    private <T> List<T> each(ValueKind kind, Function<String, T> of) {
        List<T> each = new ArrayList<>();
        for (String text : all(kind)) {
            each.add(of.apply(text));
        }
        return each;
    }

    private List<Long> numbers(ValueKind kind) {
        return each(kind, Long::valueOf);
    }

    /** The platform moves {@code modified} with some changes only, its own {@code updated_at} with all. */
    private String modified() {
        return IsoTime.later(time(indicator, "modified"), time(opencti, "updated_at"));
    }

    private static String time(JsonNode of, String name) {
        return IsoTime.of(text(of, name));
    }

    private Optional<Long> confidence() {
        return number(indicator.path("confidence")).filter(confidence -> confidence >= 0 && confidence <= 100);
    }

    /** STIX 2.1, appendix A. */
    private static String scale(long confidence) {
        if (confidence == 0) {
            return "None";
        }
        if (confidence < 30) {
            return "Low";
        }
        return confidence < 70 ? "Medium" : "High";
    }

    /** Where a person reads more: the indicator's page on the platform. */
    private String reference() {
        String url = context.platform;
        String base = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        return object.internalId().isEmpty()
                ? base + "/dashboard/id/" + object.id()
                : base + "/dashboard/observations/indicators/" + object.internalId();
    }

    private static Optional<Long> number(JsonNode value) {
        return value.isIntegralNumber() && value.canConvertToLong() ? Optional.of(value.longValue()) : Optional.empty();
    }

    /** In an order of their own: the same objects give the same record. */
    private static Collection<String> named(Collection<String> names) {
        Collection<String> sorted = new TreeSet<>(names);
        sorted.remove("");
        return sorted;
    }

    private static String text(JsonNode of, String name) {
        return of.path(name).isTextual() ? of.path(name).textValue() : "";
    }

    private static Collection<String> texts(JsonNode list) {
        Set<String> texts = new LinkedHashSet<>();
        for (JsonNode text : list) {
            if (text.isTextual()) {
                texts.add(text.textValue());
            }
        }
        texts.remove("");
        return texts;
    }

    private static List<String> distinct(Stream<String> texts) {
        return List.copyOf(
                new LinkedHashSet<>(texts.filter(text -> !text.isEmpty()).toList()));
    }
}
