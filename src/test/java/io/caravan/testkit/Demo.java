package io.caravan.testkit;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.caravan.ops.Program;
import io.caravan.ops.Settings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/**
 * {@code ./caravan demo}: the program with the routes and settings of its folder, between a platform that replays a
 * recording and a Kafka broker, all in this JVM. Everything it writes is below {@code data/demo}, which is emptied at its
 * start. What the environment says is left alone, and what the settings say of a real platform or Kafka.
 *
 * <p>Exits as the program does: 0 stopped, 1 failed, 2 cannot be used, and then each mistake is one line.
 */
public final class Demo {

    private static final int STOPPED = 0;
    private static final int FAILED = 1;
    private static final int UNUSABLE = 2;
    /** Below the 8 s within which the program promises to stop. */
    private static final Duration LONGEST_STOP = Duration.ofMillis(7_500);

    private static final String CAPTURE = "runA/runA-all.sse";
    private static final double EVENTS_PER_SECOND = 3;
    private static final int KAFKA_PORT = 19092;
    private static final int HTTP_PORT = 8080;
    private static final long TOPIC_BYTES = 64 << 20;

    private final Path home;
    private final Path folder;
    /** Where {@code ./caravan tail} finds the broker. */
    private final Path brokers;

    private final Deque<AutoCloseable> opened = new ConcurrentLinkedDeque<>();
    private Optional<FileLock> lock = Optional.empty();
    private volatile boolean stopping;
    private volatile int code = STOPPED;

    private Demo(Path home) {
        this.home = home;
        folder = home.resolve("data/demo");
        brokers = folder.resolve("brokers");
    }

    /** In the working folder, which holds {@code application.properties} and {@code routes/}. */
    public static void main(String[] arguments) {
        Demo demo = new Demo(Path.of("").toAbsolutePath());
        Runtime.getRuntime().addShutdownHook(new Thread(demo::stop, "stop"));
        demo.code = demo.run();
        System.exit(demo.code);
    }

    /** What breaks because it is being stopped is no failure: the hook ends this JVM, and nothing is said. */
    private int run() {
        try {
            return runUntilStopped();
        } catch (RuntimeException | Error e) {
            if (stopping) {
                return STOPPED;
            }
            throw e;
        }
    }

    /** Until it is stopped or cannot go on. */
    private int runUntilStopped() {
        try {
            quiet();
            if (!occupy()) {
                return unusable(List.of("demo: another one runs in " + folder));
            }
            System.out.println("Starting Kafka, a platform and Caravan ...");
            KafkaBroker broker = open(broker()).start();
            FakePlatform platform = open(FakePlatform.start());
            Settings settings = Settings.load(home, environment(platform, broker));
            if (!settings.mistakes().isEmpty()) {
                return unusable(settings.mistakes());
            }
            Program program = open(new Program(settings));
            program.start();
            open(Replay.start(platform, new Recording(Capture.events(CAPTURE)), EVENTS_PER_SECOND));
            open(() -> Files.deleteIfExists(brokers));
            Files.writeString(brokers, broker.brokers() + "\n");
            open(new DemoConsole(System.out, settings, broker.brokers())).start();
            return program.awaitFailure().isPresent() ? FAILED : STOPPED;
        } catch (Program.Unusable e) {
            return unusable(e.mistakes());
        } catch (IOException | UncheckedIOException e) {
            return unusable(List.of("demo: " + folder + " cannot be used: " + e));
        } catch (IllegalStateException e) {
            return unusable(List.of("demo: " + e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return FAILED;
        }
    }

    private KafkaBroker broker() {
        return new KafkaBroker(folder.resolve("kafka"))
                .port(Ports.freeOr(KAFKA_PORT))
                .set("log.retention.bytes", TOPIC_BYTES)
                .set("log.segment.bytes", TOPIC_BYTES / 4);
    }

    private Map<String, String> environment(FakePlatform platform, KafkaBroker broker) {
        Map<String, String> environment = new TreeMap<>();
        environment.put("OPENCTI_URL", platform.url());
        environment.put("OPENCTI_TOKEN", FakePlatform.TOKEN);
        environment.put("OPENCTI_STREAM", "live");
        environment.put("OPENCTI_START", "0-0");
        for (String name : List.of("TOKEN_FILE", "CA_FILE", "CLIENT_CERT_FILE", "CLIENT_KEY_FILE", "PROXY")) {
            environment.put("OPENCTI_" + name, "");
        }
        environment.put("CARAVAN_DATA_DIR", folder.toString());
        environment.put("FILES_DIR", folder.resolve("files").toString());
        environment.put("CARAVAN_SINKS", "journal,kafka");
        environment.put("KAFKA_BROKERS", broker.brokers());
        environment.put("KAFKA_TOPIC_PREFIX", "opencti.");
        environment.put("KAFKA_CLIENT_SECURITY_PROTOCOL", "PLAINTEXT");
        environment.put("CARAVAN_HTTP_HOST", "127.0.0.1");
        environment.put("CARAVAN_HTTP_PORT", String.valueOf(Ports.freeOr(HTTP_PORT)));
        return environment;
    }

    /** Routes may log, and the program warn; the rest is the console's to tell. */
    private static void quiet() {
        System.setProperty("caravan.log-format", "plain");
        ((Logger) LoggerFactory.getLogger("io.caravan")).setLevel(Level.WARN);
    }

    /** Takes the folder for as long as this JVM lives, and empties it; whether no other demo has it. */
    private boolean occupy() throws IOException {
        Files.createDirectories(folder);
        Path file = folder.resolve("lock");
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        lock = Optional.ofNullable(channel.tryLock());
        if (lock.isPresent()) {
            empty(file);
        }
        return lock.isPresent();
    }

    private void empty(Path except) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                if (!file.equals(folder) && !file.equals(except)) {
                    Files.delete(file);
                }
            }
        }
    }

    private <T extends AutoCloseable> T open(T part) {
        opened.push(part);
        return part;
    }

    private int unusable(List<String> mistakes) {
        if (stopping) {
            return STOPPED;
        }
        mistakes.forEach(System.err::println);
        return UNUSABLE;
    }

    /** In the order opposite to the start's; what hangs is left, for the next demo begins anew. */
    private void stop() {
        stopping = true;
        Thread closing = new Thread(this::close, "close");
        closing.start();
        try {
            closing.join(LONGEST_STOP.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        System.out.flush();
        Runtime.getRuntime().halt(code);
    }

    private void close() {
        for (AutoCloseable part = opened.poll(); part != null; part = opened.poll()) {
            try {
                part.close();
            } catch (Exception e) {
                System.err.println("demo: stopping failed: " + e);
            }
        }
    }
}
