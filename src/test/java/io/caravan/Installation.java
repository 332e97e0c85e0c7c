package io.caravan;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.ops.Program;
import io.caravan.ops.Settings;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * A folder as a user has it, with the project's own routes and its own settings, and the program run from it: in this JVM
 * or as a process of its own, which can be killed.
 */
final class Installation {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SUFFIX = ".json";
    private static final Pattern HEAD = Pattern.compile(
            "\\{\"position\":\"([0-9]+-[0-9]+)\",\"op\":\"([a-z]+)\",\"received\":\"[0-9T:.-]+Z\",\"event\":");

    /** A line of the journal. */
    record Line(String position, String op, byte[] event) {
        static Line of(Frame frame) {
            return new Line(frame.id(), frame.event(), frame.data());
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Line line
                    && position.equals(line.position)
                    && op.equals(line.op)
                    && Arrays.equals(event, line.event);
        }

        @Override
        public int hashCode() {
            return position.hashCode() + Arrays.hashCode(event);
        }

        @Override
        public String toString() {
            return op + " " + position + " (" + event.length + " bytes)";
        }
    }

    final Path home;
    private final Map<String, String> environment = new TreeMap<>();

    /** Follows this platform's log from its oldest event, unless set otherwise. */
    Installation(Path home, FakePlatform platform) throws IOException {
        this.home = home;
        copy(Path.of("routes"), home.resolve("routes"));
        Files.copy(Path.of("application.properties"), home.resolve("application.properties"));
        set("opencti.url", platform.url());
        set("opencti.token", FakePlatform.TOKEN);
        set("opencti.start", "0-0");
        set("caravan.http-port", "0");
    }

    /** As an environment variable. */
    Installation set(String property, String value) {
        environment.put(
                property.toUpperCase(java.util.Locale.ROOT).replace('.', '_').replace('-', '_'), value);
        return this;
    }

    /** The platform of {@code destination.*}. */
    Installation to(FakeDestination destination) {
        return set("destination.url", destination.url()).set("destination.token", FakeDestination.TOKEN);
    }

    Installation route(String file, String yaml) throws IOException {
        Files.writeString(home.resolve("routes").resolve(file), yaml);
        return this;
    }

    Settings settings() throws IOException {
        return Settings.load(home, environment);
    }

    /** In this JVM, started. */
    Program start() throws Exception {
        Settings settings = settings();
        if (!settings.mistakes().isEmpty()) {
            throw new IllegalArgumentException(settings.mistakes().toString());
        }
        Program program = new Program(settings);
        try {
            program.start();
            return program;
        } catch (Exception e) {
            program.close();
            throw e;
        }
    }

    /** A command and its arguments, separated by spaces, as a process of its own; its log is {@link #log()}. */
    Process run(String command, String... jvmOptions) throws IOException {
        List<String> line = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        line.add("-XX:TieredStopAtLevel=1"); // a child lives for seconds: its start is most of what it costs
        line.addAll(List.of(jvmOptions));
        line.addAll(List.of("-cp", classPath(), "io.caravan.Caravan", "--home", home.toString()));
        line.addAll(List.of(command.split(" ")));
        ProcessBuilder builder =
                new ProcessBuilder(line).directory(home.toFile()).redirectErrorStream(true);
        builder.environment().putAll(environment);
        return builder.redirectOutput(ProcessBuilder.Redirect.appendTo(logFile()))
                .start();
    }

    String log() throws IOException {
        return Files.exists(logFile().toPath()) ? Files.readString(logFile().toPath()) : "";
    }

    /** All of the journal, in order. */
    List<Line> journal() {
        List<Line> lines = new ArrayList<>();
        for (Path file : files(home.resolve("data/files/journal"))) {
            for (String line : content(file).split("\n")) {
                if (!line.isEmpty()) {
                    lines.add(line(line));
                }
            }
        }
        return lines;
    }

    /** How many lines the journal has, a last one that is being written left out. */
    int journalLength() {
        return files(home.resolve("data/files/journal")).stream()
                .mapToInt(file ->
                        (int) content(file).chars().filter(c -> c == '\n').count())
                .sum();
    }

    List<JsonNode> deadLetters() throws IOException {
        List<JsonNode> letters = new ArrayList<>();
        for (Path file : files(home.resolve("data/dead-letters"))) {
            for (String line : Files.readAllLines(file)) {
                letters.add(JSON.readTree(line));
            }
        }
        return letters;
    }

    /** By STIX id, what readers of the mirror see, also while it is written. */
    Map<String, JsonNode> mirror() throws IOException {
        return mirror(file -> file.toString().endsWith(SUFFIX));
    }

    /** As {@link #mirror}, of a program that has ended: every file is an object. */
    Map<String, JsonNode> mirrorAtRest() throws IOException {
        return mirror(file -> true);
    }

    private Map<String, JsonNode> mirror(Predicate<Path> isObject) throws IOException {
        Map<String, JsonNode> objects = new TreeMap<>();
        Path root = home.resolve("data/files/objects");
        if (!Files.exists(root)) {
            return objects;
        }
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(Files::isRegularFile).filter(isObject).toList()) {
                String name = file.getFileName().toString();
                String id = name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name;
                objects.put(id, JSON.readTree(Files.readAllBytes(file)));
            }
        }
        return objects;
    }

    private File logFile() {
        return home.resolve("caravan.log").toFile();
    }

    /** The line's own bytes, so that an event is compared byte for byte. */
    private static Line line(String line) {
        Matcher head = HEAD.matcher(line);
        if (!head.lookingAt() || !line.endsWith("}")) {
            throw new AssertionError("no whole line: " + line.substring(0, Math.min(200, line.length())));
        }
        String event = line.substring(head.end(), line.length() - 1);
        return new Line(head.group(1), head.group(2), event.getBytes(StandardCharsets.UTF_8));
    }

    private static String content(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = file.toString().endsWith(".gz") ? new GZIPInputStream(in).readAllBytes() : in.readAllBytes();
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> files(Path root) {
        if (!Files.exists(root)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(Files::isRegularFile)
                    .filter(file -> file.toString().matches(".*\\.ndjson(\\.gz)?"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)));
            }
        }
    }

    /** This JVM's, without the tests: the program must not need them. */
    private static String classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.endsWith("test-classes"))
                .reduce((a, b) -> a + File.pathSeparator + b)
                .orElseThrow();
    }

    /** A by-type route with these steps. */
    static String byType(String op, String steps) {
        return """
                - route:
                    id: %s
                    errorHandler: {noErrorHandler: {}}
                    from:
                      uri: direct:%s
                      steps:
                        - doTry:
                            steps: [%s]
                            doCatch:
                              - exception: ["java.lang.Exception"]
                                steps: [{bean: {ref: deadLetter, method: event}}]
                """.formatted(op, op, steps);
    }
}
