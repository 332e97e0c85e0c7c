package io.caravan;

import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.ops.Program;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Play;
import io.caravan.testkit.Request;
import io.caravan.testkit.Script;
import io.caravan.testkit.SmallDisk;
import io.caravan.testkit.Topics;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Breaks everything at random instants, again and again: the program is killed and put to sleep, so is the broker, the
 * disk fills, and the platform's connections are cut, silent, refused, and repeat themselves. In the end whoever reads
 * committed records has every event once and in order, and so has the journal; and every change is what it is where
 * nothing happens. Likewise, of the records, where two instances deliver at once.
 *
 * <p>{@code -Dchaos.kills=500} kills so often, a few times by default; {@code -Dchaos.seed=…} breaks the same things again,
 * at about the same instants.
 */
@Tag("chaos")
class ChaosIT {

    private static final int KILLS = Integer.getInteger("chaos.kills", 8);
    private static final long SEED = Long.getLong("chaos.seed", System.nanoTime());
    /** So many are for one life of the program, with what its faults cost. */
    private static final int EVENTS_A_KILL = 120;
    /** What the program keeps on its disk for so many events, and as much again. */
    private static final int MEGABYTES = 64 + 2 * KILLS;

    /** How a process ends by SIGKILL. */
    private static final int KILLED = 128 + 9;

    private static final Duration SOON = Patience.SOON;
    private static final Duration LATER = Patience.LATER;

    @TempDir
    Path home;

    @TempDir
    Path otherHome;

    @TempDir
    Path brokerData;

    private final Random random = new Random(SEED);
    private final String prefix = "chaos-" + UUID.randomUUID() + ".";
    private final Map<String, Integer> figures = new TreeMap<>();
    private FakePlatform platform;
    private KafkaBroker broker;
    private Process brokerProcess;
    private Installation caravan;
    private Optional<SmallDisk> disk = Optional.empty();
    private Process process;
    private Process otherProcess;
    private String lastEvent;

    @BeforeEach
    void start() throws Exception {
        platform = FakePlatform.start();
        broker = new KafkaBroker(brokerData); // to know its port; it runs as a process
        brokerProcess = broker.process();
        caravan = impatient(installation(home, prefix));
        System.out.println("chaos: -Dchaos.kills=" + KILLS + " -Dchaos.seed=" + SEED);
    }

    @AfterEach
    void stop() throws Exception {
        for (Process each : Arrays.asList(process, otherProcess, brokerProcess)) {
            if (each != null) {
                each.destroyForcibly().waitFor();
            }
        }
        disk.ifPresent(SmallDisk::close);
        platform.close();
    }

    @Test
    void everyEventIsThereOnceAndInOrder() throws Exception {
        disk = SmallDisk.mountIfPossible(home.resolve("data"), MEGABYTES);
        caravan.set("caravan.sinks", "journal,mirror,kafka");
        List<Frame> events = Ledger.stream(KILLS * EVENTS_A_KILL);
        platform.append(events);
        lastEvent = events.get(events.size() - 1).id();
        Ledger calmChanges = calmChanges(events.size());
        while (figures.getOrDefault("kills of the program", 0) < KILLS) {
            disturb();
        }
        platform.forgetNext().always(play());
        ensureRunning();
        new CommittedPosition(broker, prefix).awaitTheEndOf(events, LATER);
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();

        assertEachIsThereOnce(events);
        assertThat(Ledger.of(broker, prefix + "changes"))
                .as("seed %d: the topic of changes", SEED)
                .isEqualTo(calmChanges);
        assertThat(caravan.journal()
                        .equals(events.stream().map(Installation.Line::of).toList()))
                .as("seed %d: the journal", SEED)
                .isTrue();
        assertThat(mirror(home)).as("seed %d: the mirror", SEED).isEqualTo(mirror(otherHome));
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void twoInstancesAtOnceLoseAndRepeatNothing() throws Exception {
        int kills = Math.max(2, KILLS / 10);
        List<Frame> events = Ledger.stream(kills * EVENTS_A_KILL);
        platform.append(events).always(play().rate(20));
        Installation other = impatient(installation(otherHome, prefix));
        for (Installation each : List.of(caravan, other)) {
            each.set("caravan.sinks", "kafka").set("kafka.topics", "events");
        }
        process = caravan.run("run", "-Xmx128m");
        otherProcess = other.run("run", "-Xmx128m");
        await().atMost(SOON).until(() -> !process.isAlive() || !otherProcess.isAlive());
        while (figures.getOrDefault("kills of an instance", 0) < kills) {
            process = running(process, caravan);
            otherProcess = running(otherProcess, other);
            Thread.sleep(random.nextInt(6000));
            Process one = random.nextBoolean() ? process : otherProcess;
            if (random.nextInt(4) == 0) {
                count("sleeps of an instance");
                Halt.of(one, Duration.ofMillis(random.nextInt(4000)));
            } else {
                count("kills of an instance");
                one.destroyForcibly().waitFor();
            }
        }
        otherProcess.destroyForcibly().waitFor();
        platform.always(play());
        process.destroyForcibly().waitFor();
        process = caravan.run("run");
        new CommittedPosition(broker, prefix).awaitTheEndOf(events, LATER);

        assertEachIsThereOnce(events);
        assertThat(figures).containsKey("ends because of the other");
    }

    /** Started again where it has ended: it was killed, or it has met the other. */
    private Process running(Process instance, Installation installation) throws IOException {
        if (instance.isAlive()) {
            return instance;
        }
        if (instance.exitValue() != KILLED) {
            assertThat(instance.exitValue()).as(installation.log()).isEqualTo(1);
            assertThat(installation.log()).contains("another Caravan delivers this stream");
            count("ends because of the other");
        }
        return installation.run("run", "-Xmx128m");
    }

    /** Something happens to the program, to the broker, or to both; the platform's connections fail all the time. */
    private void disturb() throws Exception {
        platform.forgetNext().next(scripts()).always(play().rate(2000));
        ensureRunning();
        long before = lastWrite();
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(5))
                .until(() -> lastWrite() > before || !process.isAlive() || isAtTheEnd());
        Thread.sleep(random.nextInt(200));
        int what = random.nextInt(22);
        if (what < 14) {
            count("kills of the program");
            process.destroyForcibly().waitFor();
        } else if (what < 16) {
            count("sleeps of the program");
            Halt.of(process, Duration.ofMillis(200 + random.nextInt(3000)));
        } else if (what < 18) {
            count("sleeps of the broker");
            Halt.of(brokerProcess, Duration.ofMillis(200 + random.nextInt(3000)));
        } else if (what < 20) {
            count("kills of the broker");
            brokerProcess.destroyForcibly().waitFor();
            killSometimes();
            brokerProcess = broker.process();
        } else if (disk.isPresent()) {
            count("times that the disk was full");
            disk.get().fill();
            Thread.sleep(random.nextInt(2000));
            killSometimes();
            disk.get().free();
        }
    }

    private void killSometimes() throws InterruptedException {
        if (random.nextBoolean()) {
            count("kills of the program");
            process.destroyForcibly().waitFor();
        }
    }

    /** What the next connections meet; now and then, half of them are refused. */
    private Script[] scripts() {
        if (random.nextInt(8) > 0) {
            return new Script[] {script(), script()};
        }
        return Stream.generate(() -> random.nextBoolean() ? Answer.status(500) : script())
                .limit(6)
                .toArray(Script[]::new);
    }

    private Script script() {
        count("connections with a fault");
        int event = 1 + random.nextInt(200);
        Play.Ending ending = Play.Ending.values()[random.nextInt(Play.Ending.values().length)];
        return switch (random.nextInt(8)) {
            case 0 -> Answer.status(500 + random.nextInt(5));
            case 1 -> play().cutAfter(event, ending);
            case 2 -> play().cutWithin(event, random.nextInt(100), ending); // its id, its name, the begin of its data
            case 3 -> play().cutWithin(event, random.nextInt(3000), ending);
            case 4 -> play().resend(1 + random.nextInt(100)).cutAfter(event, ending);
            case 5 ->
                play().chunk(1 + random.nextInt(50)).heartbeatsWithinGroups().cutAfter(event, ending);
            case 6 -> play().silentAfter(event);
            default -> play().errorAfter(event, "broken");
        };
    }

    private Installation installation(Path folder, String topicPrefix) throws IOException {
        return new Installation(folder, platform)
                .set("caravan.sinks", "mirror,kafka")
                .set("caravan.position-store", "kafka")
                .set("kafka.topic-prefix", topicPrefix)
                .set("kafka.brokers", broker.brokers());
    }

    /** Each wait within it is short, so that what breaks is noticed soon. */
    private static Installation impatient(Installation installation) {
        return installation
                .set("caravan.batch-max-events", "25")
                .set("opencti.heartbeat-timeout", "1s")
                .set("kafka.client.request.timeout.ms", "1000")
                .set("kafka.client.default.api.timeout.ms", "2000")
                .set("kafka.client.delivery.timeout.ms", "1500")
                .set("kafka.client.max.block.ms", "1500")
                .set("kafka.client.transaction.timeout.ms", "2000");
    }

    private void ensureRunning() throws IOException {
        if (process == null || !process.isAlive()) {
            assertThat(process == null || process.exitValue() != 1 && process.exitValue() != 2)
                    .as("seed %d: the program has ended by itself", SEED)
                    .isTrue();
            process = caravan.run("run", "-Xmx128m");
        }
    }

    /** What a run in which nothing happens leaves in the topic of changes. */
    private Ledger calmChanges(int events) throws Exception {
        await().atMost(SOON).ignoreExceptions().until(() -> Topics.of(broker).count("any") == 0);
        try (Program program = installation(otherHome, "calm-" + prefix).start()) {
            await().atMost(LATER)
                    .until(() -> program.consumers().get(0).counters().delivered() == events);
        }
        return Ledger.of(broker, "calm-" + prefix + "changes");
    }

    /** For readers of committed records, and in the order of each key. */
    private void assertEachIsThereOnce(List<Frame> events) {
        Ledger wanted = Ledger.of(events);
        Ledger found = Ledger.of(broker, prefix + "events");
        System.out.println("chaos: " + figures + ", " + wanted.comparedWith(found));
        assertThat(found).as("seed %d: the topic of events", SEED).isEqualTo(wanted);
    }

    /** When the journal was last written to; files are renamed and removed meanwhile. */
    private long lastWrite() {
        File[] none = {};
        long last = 0;
        Deque<File> folders =
                new ArrayDeque<>(List.of(home.resolve("data/files/journal").toFile()));
        while (!folders.isEmpty()) {
            for (File each : Optional.ofNullable(folders.pop().listFiles()).orElse(none)) {
                if (each.isDirectory()) {
                    folders.push(each);
                } else {
                    last = Math.max(last, each.lastModified());
                }
            }
        }
        return last;
    }

    /** Whether a machine was so quick that all is delivered before all is broken; what is broken then proves less. */
    private boolean isAtTheEnd() {
        List<Request> asked = platform.streamRequests();
        boolean isAtTheEnd = !asked.isEmpty()
                && lastEvent.equals(asked.get(asked.size() - 1).query().get("from"));
        if (isAtTheEnd) {
            count("times at the stream's end");
        }
        return isAtTheEnd;
    }

    /** By their names, how large the files are. */
    private static Map<String, Long> sizes(Path folder) throws IOException {
        Map<String, Long> sizes = new HashMap<>();
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    sizes.put(folder.relativize(file).toString(), Files.size(file));
                }
            }
        }
        return sizes;
    }

    /** What is in each file, in 32 bits. */
    private static Map<String, Integer> mirror(Path home) throws IOException {
        Map<String, Integer> contents = new HashMap<>();
        for (String file : sizes(home.resolve("data/files/objects")).keySet()) {
            contents.put(
                    file,
                    Arrays.hashCode(Files.readAllBytes(
                            home.resolve("data/files/objects").resolve(file))));
        }
        return contents;
    }

    private void count(String what) {
        figures.merge(what, 1, Integer::sum);
    }
}
