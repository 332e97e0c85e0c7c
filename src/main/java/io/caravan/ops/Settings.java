package io.caravan.ops;

import io.caravan.event.DeadLetters;
import io.caravan.event.Suggestion;
import io.caravan.event.Tlp;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.OpenctiConfiguration.OnGap;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import io.caravan.sink.DeadLetterTopic;
import io.caravan.sink.Door;
import io.caravan.sink.KafkaOptions;
import io.caravan.sink.PositionTopic;
import io.caravan.sink.Topic;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;

/**
 * The program's settings: {@code application.properties}, each of which an environment variable beats ({@code opencti.url}
 * is {@code OPENCTI_URL}). All are read and checked at once, and each mistake is one line: the property, what is wrong with
 * it, what it may be. Names outside the program's own prefixes belong to users' routes and to Camel and are handed through.
 */
public final class Settings {

    /** A setting: its default as it would stand in the file, and what its value must be. */
    record Setting(String name, String byDefault, Value value) {}

    private static final String KAFKA = "kafka";
    private static final String JOURNAL = "journal";
    private static final String OPENCTI = "opencti";
    private static final String SINKS = "caravan.sinks";
    private static final String POSITION_STORE = "caravan.position-store";
    private static final String LOCAL = "local";

    private static final String DATA_DIR = "caravan.data-dir";
    private static final String FILES_DIR = "files.dir";
    /** Where in files.dir the sinks write that write there. */
    private static final Map<String, String> SINK_FOLDERS = Map.of(JOURNAL, "journal", "mirror", "objects");

    private static final Map<String, Setting> ALL = new LinkedHashMap<>();

    static {
        add("opencti.url", "", Value.TEXT);
        add("opencti.token", "", Value.TEXT);
        add("opencti.token-file", "", Value.TEXT);
        add("opencti.stream", "live", Value::stream);
        add("opencti.start", "", Value::start);
        add("opencti.listen-delete", "true", Value.BOOLEAN);
        add("opencti.ignore-users", "", Value.emptyOr(Value.each(Value::user)));
        add("opencti.no-dependencies", "false", Value.BOOLEAN);
        add("opencti.with-inferences", "false", Value.BOOLEAN);
        add("opencti.ssl-verify", "true", Value.BOOLEAN);
        add("opencti.ca-file", "", Value.TEXT);
        add("opencti.client-cert-file", "", Value.TEXT);
        add("opencti.client-key-file", "", Value.TEXT);
        add("opencti.proxy", "", Value.TEXT);
        add("opencti.heartbeat-timeout", "30s", Value.between(Duration.ofSeconds(1), Duration.ofHours(1)));
        add("opencti.on-gap", "recover", Value.oneOf("recover", "fail"));
        add("caravan.batch-max-events", "1000", Value.between(1, 1_000_000));
        add("caravan.batch-max-bytes", "16MB", Value.sizeBetween("1KB", "1GB"));
        add("caravan.event-max-bytes", "64MB", Value.sizeBetween("1KB", "1GB"));
        add(DATA_DIR, "data", Value::folder);
        add(POSITION_STORE, "", Value.oneOf(LOCAL, KAFKA)); // the sinks say which, see below
        add(SINKS, "journal", Value.eachOnce(Value::sink));
        add("caravan.http-host", "127.0.0.1", Value::host);
        add("caravan.http-port", "8080", Value.between(0, 65_535));
        add("caravan.log-format", "plain", Value.oneOf("plain", "json"));
        add("caravan.log-level", "INFO", Value.oneOf("ERROR", "WARN", "INFO", "DEBUG", "TRACE"));
        add(FILES_DIR, "data/files", Value::folder);
        add("kafka.brokers", "", Value.emptyOr(Value.each(Value::broker)));
        add(
                "kafka.topic-prefix",
                "opencti.",
                Value.matching("[A-Za-z0-9._-]{0,200}", "no topic prefix, which is letters, digits, dots, - and _"));
        add("kafka.topics", "events,changes,objects,indicators", Value.eachOnce(Value::topic));
        for (Topic topic : Topic.values()) {
            add(
                    "kafka.topic." + topic,
                    "",
                    Value.matching(
                            "[A-Za-z0-9._-]{0,249}", "no topic's name, which is letters, digits, dots, - and _"));
        }
        add("kafka.record-max-bytes", "16MB", Value.sizeBetween("1KB", "512MB"));
        add("destination.url", "", Value.TEXT);
        add("destination.token", "", Value.TEXT);
        add("destination.token-file", "", Value.TEXT);
        add("destination.ssl-verify", "true", Value.BOOLEAN);
        add("destination.ca-file", "", Value.TEXT);
        add("destination.client-cert-file", "", Value.TEXT);
        add("destination.client-key-file", "", Value.TEXT);
        add("destination.proxy", "", Value.TEXT);
        add("destination.way", "bundle", Value.oneOf("bundle", "queue", "taxii"));
        add("destination.collection", "", Value.TEXT);
        add(
                "destination.api-root",
                "/taxii2/root",
                Value.matching("(/[A-Za-z0-9._~-]+)+", "no path, such as /taxii2/root"));
        add("destination.name", "Caravan", Value.matching(".{1,200}", "no name"));
        add("destination.user", "", Value.TEXT);
        add("destination.default-author", "", Value.emptyOr(Value::identity));
        add("destination.perfect-sync", "false", Value.BOOLEAN);
        add("destination.deletions", "true", Value.BOOLEAN);
        add("destination.protect-others", "true", Value.BOOLEAN);
        add("destination.check-markings", "true", Value.BOOLEAN);
        add("destination.files", "true", Value.BOOLEAN);
        add("destination.files-max-bytes", "50MB", Value.sizeBetween("1KB", "1GB"));
    }

    /** Behind it are a sink's name and its settings: those of its door, and what its route makes of others. */
    private static final String SINK = "caravan.sink.";

    private static final String MAX_TLP = "max-tlp";
    private static final String TYPES = "types";

    /** Behind it is the name of any property of Kafka's clients. */
    private static final String CLIENT = "kafka.client.";

    private static final String EVERYTHING = "";
    private static final List<String> OWN_PREFIXES =
            List.of("opencti.", "caravan.", "files.", "kafka.", "destination.");

    private final Path home;

    /** All, and those of each sink's door. */
    private final Map<String, Setting> settings = new LinkedHashMap<>(ALL);

    private final Properties values = new Properties();

    /** By the names that were set, what set them: the file, called by the name itself, or a variable. */
    private final Map<String, String> sources = new TreeMap<>();

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
        String sinks = environment.getOrDefault(variableOf(SINKS), file.getOrDefault(SINKS, byDefault(SINKS)));
        for (String sink : Value.list(sinks.strip())) {
            add(settings, SINK + sink + "." + MAX_TLP, "", Value.emptyOr(Value::marking));
            add(settings, SINK + sink + "." + TYPES, "", Value.emptyOr(Value.each(Value::type)));
        }
        settings.values().forEach(setting -> values.setProperty(setting.name(), setting.byDefault()));
        file.forEach((name, value) -> take(name, value, name));
        for (String name : values.stringPropertyNames()) {
            String variable = variableOf(name);
            if (environment.containsKey(variable)) {
                take(name, environment.get(variable), variable);
            }
        }
        if (get(POSITION_STORE).isEmpty()) {
            values.setProperty(POSITION_STORE, sinks().contains(KAFKA) ? KAFKA : LOCAL);
        }
        if (CLIENT.startsWith(prefix)) {
            takeClientVariables(environment);
            checkClientProperties();
        }
        noteSinkVariables(environment);
        sources.keySet().stream()
                .filter(name -> name.startsWith(prefix) && !settings.containsKey(name))
                .forEach(this::checkUnknown);
        doubtUnknownVariables(environment);
        for (Setting setting : settings.values()) {
            if (!setting.name().startsWith(prefix)) {
                continue;
            }
            try {
                setting.value().check(get(setting.name()));
            } catch (IllegalArgumentException e) {
                mistakes.add(withSource(setting.name()) + ": " + e.getMessage());
            }
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
        return home.resolve(get(DATA_DIR));
    }

    /** What is known, and the position. */
    public Path stateDirectory() {
        return dataDirectory().resolve("state/store");
    }

    public Path deadLetters() {
        return dataDirectory().resolve("dead-letters");
    }

    public Path filesDirectory() {
        return home.resolve(get(FILES_DIR));
    }

    /** Those that the program writes to, with these sinks. */
    List<WritableFolder> writableFolders() {
        List<WritableFolder> folders = new ArrayList<>();
        Path data = dataDirectory();
        folders.add(new WritableFolder(
                DATA_DIR,
                data,
                List.of(stateDirectory().getParent(), stateDirectory(), deadLetters(), data.resolve("pushed"))));
        Path files = filesDirectory();
        List<Path> used = sinks().stream()
                .map(SINK_FOLDERS::get)
                .filter(Objects::nonNull)
                .map(files::resolve)
                .toList();
        if (!used.isEmpty()) {
            folders.add(new WritableFolder(FILES_DIR, files, used));
        }
        return folders;
    }

    public Path routesDirectory() {
        return home.resolve("routes");
    }

    /** In the order in which they get a batch: where Kafka holds the position, it comes last. */
    public List<String> sinks() {
        List<String> sinks = new ArrayList<>(Value.list(get(SINKS)));
        if (isPositionInKafka() && sinks.remove(KAFKA)) {
            sinks.add(KAFKA);
        }
        return sinks;
    }

    /** What keeps dead letters in Kafka, too, if Kafka is a sink. */
    public DeadLetterTopic deadLetterTopic(DeadLetters files) {
        return new DeadLetterTopic(kafka(), files, !doors().containsKey(KAFKA), Clock.systemUTC());
    }

    /** Where positions are kept in Kafka; empty where they are not. */
    public Optional<PositionTopic> positionTopic() {
        return isPositionInKafka()
                ? Optional.of(new PositionTopic(kafka(), Platform.address(get("opencti.url")), get("opencti.stream")))
                : Optional.empty();
    }

    /** Those that tell by a batch's number that it comes again, and have to see every one. */
    public Set<String> countingSinks() {
        return isPositionInKafka() ? Set.of(JOURNAL, KAFKA) : Set.of(JOURNAL);
    }

    private boolean isPositionInKafka() {
        return get(POSITION_STORE).equals(KAFKA);
    }

    /** Where health and metrics are served. */
    public HttpAddress http() {
        return new HttpAddress(get("caravan.http-host"), Integer.parseInt(get("caravan.http-port")));
    }

    /** What the {@code opencti:} component starts from. */
    public OpenctiConfiguration opencti() {
        OpenctiConfiguration opencti = platform("opencti.");
        opencti.setStart(get("opencti.start"));
        opencti.setListenDelete(isOn("opencti.listen-delete"));
        opencti.setIgnoreUsers(get("opencti.ignore-users"));
        opencti.setNoDependencies(isOn("opencti.no-dependencies"));
        opencti.setWithInferences(isOn("opencti.with-inferences"));
        opencti.setHeartbeatTimeout(
                Value.duration(get("opencti.heartbeat-timeout")).toMillis());
        opencti.setOnGap(OnGap.valueOf(get("opencti.on-gap")));
        opencti.setBatchMaxEvents(Integer.parseInt(get("caravan.batch-max-events")));
        opencti.setBatchMaxBytes(Value.bytes(get("caravan.batch-max-bytes")));
        opencti.setEventMaxBytes((int) Value.bytes(get("caravan.event-max-bytes")));
        return opencti;
    }

    /** The platform that is written to. */
    public OpenctiConfiguration destination() {
        return platform("destination.");
    }

    /** Where a platform is and who asks there, by the settings that begin so. */
    private OpenctiConfiguration platform(String prefix) {
        OpenctiConfiguration platform = new OpenctiConfiguration();
        platform.setUrl(get(prefix + "url"));
        platform.setToken(get(prefix + "token"));
        platform.setTokenFile(file(prefix + "token-file"));
        platform.setSslVerify(isOn(prefix + "ssl-verify"));
        platform.setCaFile(file(prefix + "ca-file"));
        platform.setClientCertFile(file(prefix + "client-cert-file"));
        platform.setClientKeyFile(file(prefix + "client-key-file"));
        platform.setProxy(get(prefix + "proxy"));
        return platform;
    }

    /** How it is written to. */
    public PushConfiguration push() {
        PushConfiguration push = new PushConfiguration();
        push.setWay(PushConfiguration.Way.valueOf(get("destination.way")));
        push.setCollection(get("destination.collection"));
        push.setApiRoot(get("destination.api-root"));
        push.setName(get("destination.name"));
        push.setUser(get("destination.user"));
        push.setDefaultAuthor(get("destination.default-author"));
        push.setPerfectSync(isOn("destination.perfect-sync"));
        push.setDeletions(isOn("destination.deletions"));
        push.setProtectOthers(isOn("destination.protect-others"));
        push.setCheckMarkings(isOn("destination.check-markings"));
        push.setFiles(isOn("destination.files"));
        push.setFilesMaxBytes(Value.bytes(get("destination.files-max-bytes")));
        return push;
    }

    /** Where Kafka is and how it is spoken to; its brokers are empty where nothing is written there. */
    public KafkaOptions kafka() {
        return new KafkaOptions(
                get("kafka.brokers"),
                (int) Value.bytes(get("kafka.record-max-bytes")),
                get("kafka.topic-prefix"),
                topicNames(),
                client());
    }

    /** By Kafka's own names. */
    private Map<String, String> client() {
        Map<String, String> client = new TreeMap<>();
        values.stringPropertyNames().stream()
                .filter(name -> name.startsWith(CLIENT))
                .forEach(name -> client.put(name.substring(CLIENT.length()), get(name)));
        return client;
    }

    /** What may go to which sink; a sink that is not named lets everything in. */
    public Map<String, Door> doors() {
        Map<String, Door> doors = new TreeMap<>();
        for (String sink : sinks()) {
            Optional<Tlp> maxTlp = Tlp.ofName(get(SINK + sink + "." + MAX_TLP));
            String types = get(SINK + sink + "." + TYPES);
            Door door = new Door(maxTlp, types.isEmpty() ? Set.of() : Set.copyOf(Value.list(types)));
            if (!door.equals(Door.OPEN)) {
                doors.put(sink, door);
            }
        }
        return doors;
    }

    /** The prefix and its own name, or the name that was given it. */
    private Map<Topic, String> topicNames() {
        Map<Topic, String> names = new EnumMap<>(Topic.class);
        Value.list(get("kafka.topics")).stream()
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
        if (sinks().contains(OPENCTI)) {
            checkDestination("caravan.sinks names opencti", mistakes);
        }
        if (!isPositionInKafka() && sinks().contains(KAFKA)) {
            doubts.add(
                    withSource(POSITION_STORE) + ": local gives up exactly once into Kafka: after an outage or a kill"
                            + " the last batch may be in the topics twice, and older records behind newer ones; leave it empty, or"
                            + " say kafka");
        }
        if (isPositionInKafka() && !sinks().contains(KAFKA)) {
            mistakes.add(POSITION_STORE + ": \"kafka\" is for what the sink kafka delivers, and " + SINKS
                    + " does not name it: name it there, or say local");
        }
        if (sinks().contains(KAFKA) && get("kafka.brokers").isEmpty()) {
            mistakes.add(
                    "kafka.brokers: not set, and caravan.sinks names kafka: say host:port of one broker or of several,"
                            + " separated by commas (KAFKA_BROKERS)");
        }
        if (sinks().contains(KAFKA)) {
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

    /** What keeps a command from writing to the destination, whether a sink does so or not; one line each. */
    public List<String> destinationMistakes(String because) {
        List<String> found = new ArrayList<>();
        checkDestination(because, found);
        return found.stream().map(mistake -> mistake.replaceAll("\\R", " ")).toList();
    }

    private void checkDestination(String because, List<String> mistakes) {
        try {
            Platform destination = new Platform(destination());
            if (isFollowed(destination.url())) {
                doubts.add("destination.url is the platform that is followed: what is written there comes again");
            }
        } catch (IllegalArgumentException e) {
            mistakes.add("destination." + e.getMessage());
        }
        if (get("destination.token").isEmpty() && get("destination.token-file").isEmpty()) {
            mistakes.add("destination.token: not set, and " + because + ": say the token of a user who may write there"
                    + " (DESTINATION_TOKEN), or the file that holds it as destination.token-file");
        }
        String way = get("destination.way");
        if (way.equals("taxii") && get("destination.collection").isEmpty()) {
            mistakes.add("destination.collection: not set, and destination.way is taxii: say the id of the collection");
        }
        if (!way.equals("queue") && isOn("destination.perfect-sync")) {
            mistakes.add("destination.perfect-sync: only the way queue can do that: set destination.way=queue");
        }
        if (!way.equals("queue") && !get("destination.user").isEmpty()) {
            mistakes.add("destination.user: only the way queue writes in another user's name; " + way + " writes as "
                    + (way.equals("taxii") ? "the collection's user" : "the token's user"));
        }
    }

    private boolean isFollowed(String url) {
        try {
            return url.equals(Platform.address(get("opencti.url")));
        } catch (IllegalArgumentException unusable) {
            return false;
        }
    }

    private void take(String name, String value, String source) {
        values.setProperty(name, value.strip());
        sources.put(name, source);
    }

    private String withSource(String name) {
        String source = sources.getOrDefault(name, name);
        return source.equals(name) ? name : name + " (from " + source + ")";
    }

    /** {@code KAFKA_CLIENT_SASL_MECHANISM} is {@code kafka.client.sasl.mechanism}. */
    private void takeClientVariables(Map<String, String> environment) {
        environment.forEach((variable, value) -> {
            if (variable.startsWith(variableOf(CLIENT))) {
                take(variable.toLowerCase(Locale.ROOT).replace('_', '.'), value, variable);
            }
        });
    }

    private void checkClientProperties() {
        Set<String> properties = client().keySet();
        if (properties.isEmpty()) {
            return; // what Kafka's clients know takes long to load
        }
        List<String> known = List.copyOf(KafkaOptions.knownClientProperties());
        for (String property : properties) {
            String said = withSource(CLIENT + property);
            KafkaOptions.reserved(property).ifPresent(why -> mistakes.add(said + ": cannot be set: " + why));
            if (!known.contains(property)) {
                doubts.add(said + ": Kafka's clients know no property " + property
                        + Suggestion.didYouMean(property, known) + "; it is handed to them all the same");
            }
        }
    }

    /** Whatever a variable says of a sink is looked at as if it stood in the file: {@code caravan.sink.kafka.max-tlp}. */
    private void noteSinkVariables(Map<String, String> environment) {
        String prefix = variableOf(SINK);
        for (String variable : environment.keySet()) {
            if (variable.startsWith(prefix)) {
                String rest = variable.substring(prefix.length()).toLowerCase(Locale.ROOT);
                sources.putIfAbsent(SINK + rest.replaceFirst("_", ".").replace('_', '-'), variable);
            }
        }
    }

    /** A name that is no setting; a sink's may be its route's unless it is meant for the door, which would stand open. */
    private void checkUnknown(String name) {
        if (name.startsWith(SINK)) {
            String rest = name.substring(SINK.length());
            int dot = rest.indexOf('.');
            String sink = rest.substring(0, Math.max(dot, 0));
            List<String> door = List.of(MAX_TLP, TYPES);
            Suggestion.nearest(rest.substring(dot + 1), door)
                    .or(() -> Suggestion.nearest(rest, door)) // CARAVAN_SINK_MAX_TLP, which names no sink
                    .map(meant -> sinks().contains(sink)
                            ? "there is no such setting; did you mean " + SINK + sink + "." + meant + "?"
                            : "\"" + sink + "\" is no sink in caravan.sinks; there are: " + String.join(", ", sinks()))
                    .ifPresent(mistake -> mistakes.add(withSource(name) + ": " + mistake));
        } else if (!name.startsWith(CLIENT) && OWN_PREFIXES.stream().anyMatch(name::startsWith)) {
            mistakes.add(
                    withSource(name) + ": there is no such setting" + Suggestion.didYouMean(name, settings.keySet()));
        }
    }

    /** A variable that is nearly one of ours; others (Kubernetes sets OPENCTI_PORT for a service) are nobody's business. */
    private void doubtUnknownVariables(Map<String, String> environment) {
        List<String> known =
                settings.keySet().stream().map(Settings::variableOf).toList();
        environment.keySet().stream()
                .sorted()
                .filter(name -> !known.contains(name)
                        && !name.startsWith(variableOf(CLIENT))
                        && !name.startsWith(variableOf(SINK))
                        && !values.containsKey(name.toLowerCase(Locale.ROOT).replace('_', '.')))
                .forEach(name -> Suggestion.nearest(name, known)
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
        add(ALL, name, byDefault, value);
    }

    private static void add(Map<String, Setting> settings, String name, String byDefault, Value value) {
        settings.put(name, new Setting(name, byDefault, value));
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
}
