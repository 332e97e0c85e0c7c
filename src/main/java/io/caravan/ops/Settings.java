package io.caravan.ops;

import io.caravan.event.EventId;
import io.caravan.event.Tlp;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.OpenctiConfiguration.OnGap;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Start;
import io.caravan.sink.Door;
import io.caravan.sink.KafkaOptions;
import io.caravan.sink.Topic;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The program's settings: {@code application.properties}, each of which an environment variable beats ({@code opencti.url}
 * is {@code OPENCTI_URL}). All are read and checked at once, and each mistake is one line: the property, what is wrong with
 * it, what it may be. Names outside the program's own prefixes belong to users' routes and to Camel and are handed through.
 */
public final class Settings {

    /** A setting: its default as it would stand in the file, and what its value must be. */
    record Setting(String name, String byDefault, Value value) {}

    /** Checks a value; the message of what it throws says what the value may be. */
    private interface Value {
        void check(String value);
    }

    private static final String SEPARATOR = "\\s*,\\s*";
    private static final Value TEXT = value -> {};
    private static final Value BOOLEAN = oneOf("true", "false");

    private static final Map<String, Setting> ALL = new LinkedHashMap<>();

    static {
        add("opencti.url", "", TEXT);
        add("opencti.token", "", TEXT);
        add("opencti.token-file", "", TEXT);
        add("opencti.stream", "live", Settings::stream);
        add("opencti.start", "", Settings::start);
        add("opencti.listen-delete", "true", BOOLEAN);
        add("opencti.no-dependencies", "false", BOOLEAN);
        add("opencti.with-inferences", "false", BOOLEAN);
        add("opencti.ssl-verify", "true", BOOLEAN);
        add("opencti.ca-file", "", TEXT);
        add("opencti.client-cert-file", "", TEXT);
        add("opencti.client-key-file", "", TEXT);
        add("opencti.proxy", "", TEXT);
        add("opencti.heartbeat-timeout", "30s", between(Duration.ofSeconds(1), Duration.ofHours(1)));
        add("opencti.on-gap", "recover", oneOf("recover", "fail"));
        add("caravan.batch-max-events", "1000", between(1, 1_000_000));
        add("caravan.batch-max-bytes", "16MB", sizeBetween("1KB", "1GB"));
        add("caravan.event-max-bytes", "64MB", sizeBetween("1KB", "1GB"));
        add("caravan.data-dir", "data", Settings::present);
        add("caravan.position-store", "local", oneOf("local"));
        add("caravan.sinks", "journal", Settings::sinks);
        add("caravan.http-host", "127.0.0.1", Settings::host);
        add("caravan.http-port", "8080", between(0, 65_535));
        add("caravan.log-format", "plain", oneOf("plain", "json"));
        add("caravan.log-level", "INFO", oneOf("ERROR", "WARN", "INFO", "DEBUG", "TRACE"));
        add("files.dir", "data/files", Settings::present);
        add("kafka.brokers", "", Settings::brokers);
        add(
                "kafka.topic-prefix",
                "opencti.",
                matching("[A-Za-z0-9._-]{0,200}", "no topic prefix, which is letters, digits, dots, - and _"));
        add("kafka.topics", "events,changes,objects,indicators", Settings::topics);
        for (Topic topic : Topic.values()) {
            add(
                    "kafka.topic." + topic,
                    "",
                    matching("[A-Za-z0-9._-]{0,249}", "no topic's name, which is letters, digits, dots, - and _"));
        }
        add("kafka.record-max-bytes", "16MB", sizeBetween("1KB", "512MB"));
    }

    /** Behind it are a sink's name and its settings: those two, and what its route makes of others. */
    private static final String SINK = "caravan.sink.";

    private static final String MAX_TLP = ".max-tlp";
    private static final String TYPES = ".types";

    /** Behind it is the name of any property of Kafka's clients. */
    private static final String CLIENT = "kafka.client.";

    private static final String EVERYTHING = "";
    private static final List<String> OWN_PREFIXES =
            List.of("opencti.", "caravan.", "files.", "kafka.", "destination.");

    private final Path home;
    private final Properties values = new Properties();
    private final List<String> mistakes = new ArrayList<>();
    private final List<String> doubts = new ArrayList<>();

    /**
     * @param home the folder that {@code application.properties} lies in and that relative paths start from
     * @throws IOException when the file is there and cannot be read
     */
    public static Settings load(Path home, Map<String, String> environment) throws IOException {
        return new Settings(home, readFile(home.resolve("application.properties")), environment, EVERYTHING);
    }

    /**
     * As {@link #load}, but a mistake elsewhere than in the settings whose names begin so is none: for who asks the running
     * program, which has its own settings.
     */
    public static Settings loadOnly(String prefix, Path home, Map<String, String> environment) throws IOException {
        return new Settings(home, readFile(home.resolve("application.properties")), environment, prefix);
    }

    private Settings(Path home, Map<String, String> file, Map<String, String> environment, String prefix) {
        this.home = home;
        Map<String, String> sources = new TreeMap<>();
        ALL.values().forEach(setting -> values.setProperty(setting.name(), setting.byDefault()));
        file.forEach((name, value) -> {
            values.setProperty(name, value.strip());
            sources.put(name, name);
            if (name.startsWith(prefix)
                    && !name.startsWith(CLIENT)
                    && !name.startsWith(SINK)
                    && !ALL.containsKey(name)
                    && OWN_PREFIXES.stream().anyMatch(name::startsWith)) {
                mistakes.add(name + ": there is no such setting"
                        + similar(name, ALL.keySet().stream().toList()));
            }
        });
        for (String name : values.stringPropertyNames()) {
            String variable = variableOf(name);
            if (environment.containsKey(variable)) {
                values.setProperty(name, environment.get(variable).strip());
                sources.put(name, variable);
            }
        }
        if (CLIENT.startsWith(prefix)) {
            takeClientVariables(environment, sources);
            checkClientProperties(sources);
        }
        doubtUnknownVariables(environment);
        for (Setting setting : ALL.values()) {
            if (!setting.name().startsWith(prefix)) {
                continue;
            }
            String value = values.getProperty(setting.name());
            String source = sources.getOrDefault(setting.name(), setting.name());
            try {
                setting.value().check(value);
            } catch (IllegalArgumentException e) {
                String said = source.equals(setting.name()) ? "" : " (from " + source + ")";
                mistakes.add(setting.name() + said + ": " + e.getMessage());
            }
        }
        if (prefix.equals(EVERYTHING)) {
            checkDoors(environment, sources);
        }
        if (mistakes.isEmpty() && prefix.equals(EVERYTHING)) {
            checkTogether();
        }
    }

    /** One line each; empty when the settings can be used. */
    public List<String> mistakes() {
        return mistakes.stream().map(mistake -> mistake.replaceAll("\\R", " ")).toList();
    }

    /** What is probably meant otherwise, one line each. */
    public List<String> doubts() {
        return List.copyOf(doubts);
    }

    public Path home() {
        return home;
    }

    /** All of them with the names users gave, for placeholders in routes. */
    public Properties all() {
        Properties copy = new Properties();
        copy.putAll(values);
        return copy;
    }

    public String get(String name) {
        return values.getProperty(name);
    }

    public Path dataDirectory() {
        return home.resolve(get("caravan.data-dir"));
    }

    public Path filesDirectory() {
        return home.resolve(get("files.dir"));
    }

    public Path routesDirectory() {
        return home.resolve("routes");
    }

    public List<String> sinks() {
        return List.of(get("caravan.sinks").split(SEPARATOR));
    }

    /** Where health and metrics are served. */
    public HttpAddress http() {
        return new HttpAddress(get("caravan.http-host"), Integer.parseInt(get("caravan.http-port")));
    }

    /** What the {@code opencti:} component starts from. */
    public OpenctiConfiguration opencti() {
        OpenctiConfiguration opencti = new OpenctiConfiguration();
        opencti.setUrl(get("opencti.url"));
        opencti.setToken(get("opencti.token"));
        opencti.setTokenFile(file("opencti.token-file"));
        opencti.setStart(get("opencti.start"));
        opencti.setListenDelete(isOn("opencti.listen-delete"));
        opencti.setNoDependencies(isOn("opencti.no-dependencies"));
        opencti.setWithInferences(isOn("opencti.with-inferences"));
        opencti.setSslVerify(isOn("opencti.ssl-verify"));
        opencti.setCaFile(file("opencti.ca-file"));
        opencti.setClientCertFile(file("opencti.client-cert-file"));
        opencti.setClientKeyFile(file("opencti.client-key-file"));
        opencti.setProxy(get("opencti.proxy"));
        opencti.setHeartbeatTimeout(duration(get("opencti.heartbeat-timeout")).toMillis());
        opencti.setOnGap(OnGap.valueOf(get("opencti.on-gap")));
        opencti.setBatchMaxEvents(Integer.parseInt(get("caravan.batch-max-events")));
        opencti.setBatchMaxBytes(bytes(get("caravan.batch-max-bytes")));
        opencti.setEventMaxBytes((int) bytes(get("caravan.event-max-bytes")));
        return opencti;
    }

    /** Where Kafka is and how it is spoken to; its brokers are empty where nothing is written there. */
    public KafkaOptions kafka() {
        Map<String, String> client = new TreeMap<>();
        values.stringPropertyNames().stream()
                .filter(name -> name.startsWith(CLIENT))
                .forEach(name -> client.put(name.substring(CLIENT.length()), get(name)));
        return new KafkaOptions(
                get("kafka.brokers"),
                (int) bytes(get("kafka.record-max-bytes")),
                get("kafka.topic-prefix"),
                topicNames(),
                client);
    }

    /** What may go to which sink; a sink that is not named lets everything in. */
    public Map<String, Door> doors() {
        Map<String, Door> doors = new TreeMap<>();
        for (String sink : sinks()) {
            Optional<Tlp> maxTlp = Tlp.ofName(values.getProperty(SINK + sink + MAX_TLP, ""));
            String types = values.getProperty(SINK + sink + TYPES, "");
            Door door = new Door(maxTlp, types.isEmpty() ? Set.of() : Set.of(types.split(SEPARATOR)));
            if (!door.equals(Door.OPEN)) {
                doors.put(sink, door);
            }
        }
        return doors;
    }

    /** The settings of each sink; what else begins with its name is for its route. */
    private void checkDoors(Map<String, String> environment, Map<String, String> sources) {
        for (String sink : sinks()) {
            for (String name : List.of(SINK + sink + MAX_TLP, SINK + sink + TYPES)) {
                String variable = variableOf(name);
                if (environment.containsKey(variable)) {
                    values.setProperty(name, environment.get(variable).strip());
                    sources.put(name, variable);
                }
                String value = values.getProperty(name, "");
                boolean isSound = value.isEmpty()
                        || (name.endsWith(TYPES)
                                ? value.matches("[a-z0-9-]+(\\s*,\\s*[a-z0-9-]+)*")
                                : Tlp.ofName(value).isPresent());
                if (!isSound) {
                    mistakes.add(name + ": \"" + value + "\" is "
                            + (name.endsWith(TYPES)
                                    ? "no list of STIX types, such as indicator,malware"
                                    : "no marking; there are: "
                                            + Stream.of(Tlp.values())
                                                    .map(Tlp::toString)
                                                    .collect(Collectors.joining(", "))));
                }
            }
        }
        for (String name : new TreeSet<>(values.stringPropertyNames())) {
            if (!name.startsWith(SINK) || name.lastIndexOf('.') < SINK.length()) {
                continue;
            }
            String sink = name.substring(SINK.length(), name.lastIndexOf('.'));
            String setting = name.substring(name.lastIndexOf('.'));
            if (!List.of(MAX_TLP, TYPES).contains(setting)) { // one that is meant to be another would let everything in
                nearest(setting, List.of(MAX_TLP, TYPES))
                        .ifPresent(near -> mistakes.add(
                                name + ": there is no such setting; did you mean " + SINK + sink + near + "?"));
            } else if (!sinks().contains(sink)) {
                mistakes.add(name + ": there is no sink \"" + sink + "\" in caravan.sinks");
            }
        }
    }

    /** The prefix and its own name, or the name that was given it. */
    private Map<Topic, String> topicNames() {
        Map<Topic, String> names = new EnumMap<>(Topic.class);
        Stream.of(get("kafka.topics").split(SEPARATOR))
                .map(Topic::of)
                .flatMap(Optional::stream)
                .forEach(topic -> {
                    String given = get("kafka.topic." + topic);
                    names.put(topic, given.isEmpty() ? get("kafka.topic-prefix") + topic : given);
                });
        return names;
    }

    private boolean isOn(String name) {
        return get(name).equals("true");
    }

    private String file(String name) {
        return get(name).isEmpty() ? "" : home.resolve(get(name)).toString();
    }

    /** What no setting shows alone: the platform's address, files and token as the component takes them. */
    private void checkTogether() {
        try {
            new Platform(opencti());
        } catch (IllegalArgumentException e) {
            mistakes.add("opencti." + e.getMessage());
        }
        if (sinks().contains("kafka") && get("kafka.brokers").isEmpty()) {
            mistakes.add(
                    "kafka.brokers: not set, and caravan.sinks names kafka: say host:port of one broker or of several,"
                            + " separated by commas (KAFKA_BROKERS)");
        }
        if (sinks().contains("kafka")) {
            Map<Topic, String> names = topicNames();
            if (new HashSet<>(names.values()).size() < names.size()) {
                mistakes.add("kafka.topic: two topics have one name: " + new TreeMap<>(names).values());
            }
            kafka().mistake().ifPresent(mistake -> mistakes.add("kafka.client: " + mistake));
        }
        boolean isPublicPerhaps = !List.of("live", "raw").contains(get("opencti.stream"));
        if (get("opencti.token").isEmpty() && get("opencti.token-file").isEmpty() && !isPublicPerhaps) {
            mistakes.add(
                    "opencti.token: not set: say the token of a user who may read streams (OPENCTI_TOKEN), or the file that"
                            + " holds it as opencti.token-file; only a public stream needs none");
        }
    }

    /** {@code KAFKA_CLIENT_SASL_MECHANISM} is {@code kafka.client.sasl.mechanism}. */
    private void takeClientVariables(Map<String, String> environment, Map<String, String> sources) {
        String prefix = variableOf(CLIENT);
        environment.forEach((variable, value) -> {
            if (variable.startsWith(prefix)) {
                String name = variable.toLowerCase(Locale.ROOT).replace('_', '.');
                values.setProperty(name, value.strip());
                sources.put(name, variable);
            }
        });
    }

    private void checkClientProperties(Map<String, String> sources) {
        Set<String> known = KafkaOptions.knownClientProperties();
        for (String name : new TreeSet<>(values.stringPropertyNames())) {
            if (!name.startsWith(CLIENT)) {
                continue;
            }
            String property = name.substring(CLIENT.length());
            String source = sources.get(name).equals(name) ? name : name + " (from " + sources.get(name) + ")";
            KafkaOptions.reserved(property).ifPresent(why -> mistakes.add(source + ": cannot be set: " + why));
            if (!known.contains(property)) {
                doubts.add(source + ": Kafka's clients know no property " + property
                        + similar(property, List.copyOf(known)) + "; it is handed to them all the same");
            }
        }
    }

    /** A variable that is nearly one of ours; others (Kubernetes sets OPENCTI_PORT for a service) are nobody's business. */
    private void doubtUnknownVariables(Map<String, String> environment) {
        List<String> known = ALL.keySet().stream().map(Settings::variableOf).toList();
        environment.keySet().stream()
                .sorted()
                .filter(name -> !known.contains(name)
                        && !name.startsWith(variableOf(CLIENT))
                        && !values.containsKey(name.toLowerCase(Locale.ROOT).replace('_', '.')))
                .forEach(name -> nearest(name, known)
                        .ifPresent(near -> doubts.add(
                                "The environment variable " + name + " is no setting; did you mean " + near + "?")));
    }

    static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    static String byDefault(String name) {
        return ALL.get(name).byDefault();
    }

    static String variableOf(String name) {
        return name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    private static void add(String name, String byDefault, Value value) {
        ALL.put(name, new Setting(name, byDefault, value));
    }

    private static Map<String, String> readFile(Path file) throws IOException {
        Properties properties = new Properties();
        if (Files.exists(file)) {
            try (Reader reader = Files.newBufferedReader(file)) {
                properties.load(reader);
            } catch (CharacterCodingException e) {
                throw new IOException("it is not in UTF-8", e);
            } catch (IllegalArgumentException e) {
                throw new IOException(e.getMessage(), e);
            }
        }
        Map<String, String> sorted = new TreeMap<>();
        properties.stringPropertyNames().forEach(name -> sorted.put(name, properties.getProperty(name)));
        return sorted;
    }

    private static Value oneOf(String... choices) {
        return value -> {
            if (!List.of(choices).contains(value)) {
                throw new IllegalArgumentException("\"" + value + "\" is not " + String.join(" or ", choices));
            }
        };
    }

    private static Value between(long least, long most) {
        return value -> {
            if (!value.matches("[0-9]{1,18}") || Long.parseLong(value) < least || Long.parseLong(value) > most) {
                throw new IllegalArgumentException("\"" + value + "\" is no number from " + least + " to " + most);
            }
        };
    }

    private static Value between(Duration least, Duration most) {
        return value -> {
            Duration duration = duration(value);
            if (duration.compareTo(least) < 0 || duration.compareTo(most) > 0) {
                throw new IllegalArgumentException(
                        "\"" + value + "\" is not from " + least.toSeconds() + "s to " + most.toSeconds() + "s");
            }
        };
    }

    private static Value sizeBetween(String least, String most) {
        return value -> {
            long size = bytes(value);
            if (size < bytes(least) || size > bytes(most)) {
                throw new IllegalArgumentException("\"" + value + "\" is not from " + least + " to " + most);
            }
        };
    }

    private static Duration duration(String value) {
        if (!value.matches("[0-9]{1,9}(ms|s|m|h)")) {
            throw new IllegalArgumentException("\"" + value + "\" is no duration, which is like 500ms, 30s, 2m or 1h");
        }
        long number = Long.parseLong(value.replaceAll("[a-z]", ""));
        return switch (value.replaceAll("[0-9]", "")) {
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
    }

    private static long bytes(String value) {
        if (!value.matches("[0-9]{1,10}(B|KB|MB|GB)?")) {
            throw new IllegalArgumentException("\"" + value + "\" is no size, which is like 65536, 512KB, 16MB or 1GB");
        }
        long number = Long.parseLong(value.replaceAll("[A-Z]", ""));
        return switch (value.replaceAll("[0-9]", "")) {
            case "KB" -> number << 10;
            case "MB" -> number << 20;
            case "GB" -> number << 30;
            default -> number;
        };
    }

    private static void present(String value) {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("not set: say a folder");
        }
    }

    private static void host(String value) {
        if (!value.matches("[A-Za-z0-9.-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")) {
            throw new IllegalArgumentException(
                    "\"" + value
                            + "\" is no host's name or address, which is like 127.0.0.1 (this machine alone), 0.0.0.0 (everyone) or ::1");
        }
    }

    private static void stream(String value) {
        if (!value.matches("[A-Za-z0-9][A-Za-z0-9_-]*")) {
            throw new IllegalArgumentException(
                    "\"" + value
                            + "\" is no stream, which is live, raw or a live stream's id such as 0f9f6ed4-5b1c-4a5e-9d0a-3f3f5f5f5f5f");
        }
    }

    private static void start(String value) {
        try {
            Start start = Start.parse(value);
            Instant from = start instanceof Start.Since since
                    ? since.date()
                    : start instanceof Start.After after ? after.id().time() : EventId.ZERO.time();
            if (from.isAfter(Instant.now().plus(Duration.ofDays(1)))) {
                throw new IllegalArgumentException("start \"" + value + "\" lies in the future");
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(e.getMessage().replaceFirst("^start (is )?", ""), e);
        }
    }

    private static Value matching(String pattern, String otherwise) {
        return value -> {
            if (!value.matches(pattern)) {
                throw new IllegalArgumentException("\"" + value + "\" is " + otherwise);
            }
        };
    }

    private static void brokers(String value) {
        for (String broker : value.isEmpty() ? new String[0] : value.split(SEPARATOR, -1)) {
            int port = broker.matches("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._-]+):[0-9]{1,5}")
                    ? Integer.parseInt(broker.substring(broker.lastIndexOf(':') + 1))
                    : 0;
            if (port < 1 || port > 65535) {
                throw new IllegalArgumentException("\"" + broker + "\" is no broker, which is host:port, such as"
                        + " kafka.example.org:9092; several are separated by commas");
            }
        }
    }

    private static void topics(String value) {
        for (String name : value.split(SEPARATOR, -1)) {
            if (Topic.of(name).isEmpty()) {
                throw new IllegalArgumentException("\"" + name + "\" is no topic; there are: "
                        + Stream.of(Topic.values()).map(Topic::toString).collect(Collectors.joining(", ")));
            }
        }
    }

    private static void sinks(String value) {
        for (String name : value.split(SEPARATOR, -1)) {
            if (!name.matches("[a-z0-9]+")) {
                throw new IllegalArgumentException(
                        "\"" + name + "\" is no sink's name, which is small letters and digits; several are"
                                + " separated by commas");
            }
        }
    }

    private static String similar(String name, List<String> known) {
        return nearest(name, known).map(near -> "; did you mean " + near + "?").orElse("");
    }

    /** The known name that at most two typing errors lead to. */
    private static Optional<String> nearest(String name, List<String> known) {
        return known.stream()
                .filter(candidate -> distance(name, candidate) <= 2)
                .min(java.util.Comparator.comparingInt(candidate -> distance(name, candidate)));
    }

    /** How many letters must be put in, taken out, replaced or swapped with the next (optimal string alignment). */
    private static int distance(String a, String b) {
        if (Math.abs(a.length() - b.length()) > 2) {
            return Integer.MAX_VALUE;
        }
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int replaced = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                d[i][j] = Math.min(replaced, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
