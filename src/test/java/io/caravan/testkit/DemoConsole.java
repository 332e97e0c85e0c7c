package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.ops.Settings;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicPartition;

/**
 * What the demo says: at the start where to look, then every few seconds what has arrived, read from where it arrived: the
 * journal and Kafka. Prints in a daemon thread of its own.
 */
final class DemoConsole implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration PAUSE = Duration.ofSeconds(3);
    private static final int NEWEST_SHOWN = 3;
    private static final int LONGEST_NAME = 70;

    private final PrintStream out;
    private final Settings settings;
    private final String brokers;
    private final Path journal;
    private final Map<Path, Long> read = new HashMap<>();
    private final Map<String, Integer> counts = new TreeMap<>();
    private final Thread thread = new Thread(this::run, "console");

    DemoConsole(PrintStream out, Settings settings, String brokers) {
        this.out = out;
        this.settings = settings;
        this.brokers = brokers;
        journal = settings.filesDirectory().resolve("journal");
        thread.setDaemon(true);
    }

    void start() {
        greet();
        thread.start();
    }

    private void greet() {
        String files = settings.home().relativize(journal).toString();
        out.println("Caravan's demo runs: a platform replays a recording again and again, with new objects each time.");
        out.println();
        out.println("  files    tail -F " + files + "/*/*/*/*.ndjson");
        out.println("  Kafka    ./caravan tail opencti.events    (broker " + brokers + ")");
        out.println("  health   http://localhost:" + settings.get("caravan.http-port") + "/observe/health");
        out.println("  routes   edit routes/*.yaml and start the demo again");
        out.println("  stop     Ctrl-C");
        out.println();
    }

    private void run() {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            while (true) {
                Thread.sleep(PAUSE.toMillis());
                tell(admin);
            }
        } catch (InterruptedException closed) {
            // nothing more to tell
        } catch (IOException e) {
            out.println("the journal cannot be read: " + e);
        }
    }

    private void tell(Admin admin) throws IOException, InterruptedException {
        List<JsonNode> arrived = arrivals();
        arrived.forEach(line -> counts.merge(line.path("op").asText(), 1, Integer::sum));
        arrived.stream().skip(Math.max(0, arrived.size() - NEWEST_SHOWN)).forEach(this::show);
        if (!arrived.isEmpty()) {
            String counted = counts.entrySet().stream()
                    .map(entry -> entry.getValue() + " " + entry.getKey())
                    .collect(Collectors.joining(", "));
            String time = LocalTime.now().truncatedTo(ChronoUnit.SECONDS).toString();
            out.println(time + "  so far " + counted + "; " + topics(admin));
        }
    }

    private void show(JsonNode line) {
        JsonNode object = line.path("event").path("data");
        out.printf(
                "          %-7s %-20s %s%n",
                line.path("op").asText(), object.path("type").asText(), name(object));
    }

    private static String name(JsonNode object) {
        JsonNode extension = object.path("extensions").path(Frames.OPENCTI_EXTENSION);
        String name = Stream.of("name", "value", "phase_name", "source_name")
                .map(field -> object.path(field).asText())
                .filter(text -> !text.isEmpty())
                .findFirst()
                .orElseGet(() -> extension.has("source_value")
                        ? extension.path("source_value").asText() + " "
                                + object.path("relationship_type").asText() + " "
                                + extension.path("target_value").asText()
                        : object.path("id").asText());
        String line = name.replaceAll("[\\p{Cntrl}\\v]", " ");
        return line.length() > LONGEST_NAME ? line.substring(0, LONGEST_NAME) + "..." : line;
    }

    /** The journal's new lines. */
    private List<JsonNode> arrivals() throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (Path file : hours()) {
            for (String line : newText(file).lines().toList()) {
                lines.add(JSON.readTree(line));
            }
        }
        return lines;
    }

    private List<Path> hours() throws IOException {
        if (!Files.exists(journal)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(journal)) {
            return files.filter(file -> file.toString().endsWith(".ndjson"))
                    .sorted()
                    .toList();
        }
    }

    /** What a file has gained since last time, up to its last whole line. */
    private String newText(Path hour) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(hour.toFile(), "r")) {
            long from = Math.min(read.getOrDefault(hour, 0L), file.length());
            byte[] bytes = new byte[(int) (file.length() - from)];
            file.seek(from);
            file.readFully(bytes);
            String text = new String(bytes, StandardCharsets.ISO_8859_1);
            int whole = text.lastIndexOf('\n') + 1;
            read.put(hour, from + whole);
            return new String(bytes, 0, whole, StandardCharsets.UTF_8);
        } catch (FileNotFoundException gzippedByNow) {
            return "";
        }
    }

    /** Each topic with the number of its records. */
    private String topics(Admin admin) throws InterruptedException {
        try {
            Map<String, TopicDescription> topics = admin.describeTopics(
                            admin.listTopics().names().get(5, TimeUnit.SECONDS))
                    .allTopicNames()
                    .get(5, TimeUnit.SECONDS);
            Map<TopicPartition, OffsetSpec> ends = topics.values().stream()
                    .flatMap(topic -> topic.partitions().stream()
                            .map(partition -> new TopicPartition(topic.name(), partition.partition())))
                    .collect(Collectors.toMap(Function.identity(), partition -> OffsetSpec.latest()));
            Map<String, Long> records = new TreeMap<>();
            admin.listOffsets(ends)
                    .all()
                    .get(5, TimeUnit.SECONDS)
                    .forEach((partition, end) -> records.merge(partition.topic(), end.offset(), Long::sum));
            return records.entrySet().stream()
                    .map(entry -> entry.getKey() + " " + entry.getValue())
                    .collect(Collectors.joining(", ", "in Kafka ", ""));
        } catch (ExecutionException | TimeoutException e) {
            return "Kafka does not answer: " + e.getMessage();
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
