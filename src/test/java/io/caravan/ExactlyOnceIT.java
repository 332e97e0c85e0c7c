package io.caravan;

import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.event.Position;
import io.caravan.ops.Program;
import io.caravan.testkit.ByObject;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The position in Kafka's transactions: whoever reads committed records has each event, and each change that it means, once
 * and in order, whatever is killed, stopped or cut in between.
 */
class ExactlyOnceIT {

    private static final Duration SOON = Patience.SOON;
    private static final Duration LATER = Patience.LATER;

    @TempDir
    Path home;

    @TempDir
    Path calm;

    @TempDir
    Path brokerData;

    private final String prefix = "once-" + UUID.randomUUID() + ".";
    private final List<Process> processes = new ArrayList<>();
    private KafkaBroker broker = KafkaBroker.ofThisRun();
    private FakePlatform platform;
    private Installation caravan;

    @BeforeEach
    void start() throws IOException {
        platform = FakePlatform.start();
        install();
    }

    private void install() throws IOException {
        caravan = installation(home, prefix);
    }

    @AfterEach
    void stop() throws Exception {
        for (Process process : processes) {
            process.destroyForcibly().waitFor();
        }
        platform.close();
        if (broker != KafkaBroker.ofThisRun()) {
            broker.close();
        }
    }

    @Test
    void thePositionStandsInKafkaAndNothingIsReadTwiceAfterAStop() throws Exception {
        List<Frame> events = Capture.events("runA/runA-all.sse");
        platform.append(events);
        for (int run = 0; run < 2; run++) {
            try (Program program = caravan.start()) {
                await().atMost(SOON).until(() -> committed(prefix).equals(ByObject.of(events)));
                await().atMost(SOON)
                        .until(() -> program.consumers().get(0).position().equals(Optional.of(positionInKafka())));
            }
        }

        assertThat(Topics.of(broker).partitions(prefix + "positions")).isEqualTo(1);
        assertThat(Topics.of(broker).setting(prefix + "positions", "cleanup.policy"))
                .isEqualTo("compact");
        assertThat(Delivered.upTo(Delivered.last(events), positionInKafka())).isTrue();
    }

    @Test
    void commitsWhoseOutcomeIsNotKnownAreFoundOut() throws Exception {
        Process brokerProcess = brokerProcess();
        install();
        List<Frame> events = Capture.events("volume/vol-all.sse").subList(0, 2500);
        platform.append(events).always(play().rate(500));
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        impatient().set("caravan.batch-max-events", "20");
        run(caravan);
        await().atMost(SOON).until(() -> Topics.of(broker).count(prefix + "positions") > 10);
        for (int halt = 0; halt < 3; halt++) {
            Thread.sleep(200 + random.nextInt(500));
            Halt.of(brokerProcess, Duration.ofMillis(1500 + random.nextInt(1500)));
            long before = Topics.of(broker).count(prefix + "positions");
            await().atMost(SOON).until(() -> Topics.of(broker).count(prefix + "positions") > before + 2);
        }
        platform.always(play());
        awaitTheEndOf(events);
        assertThat(committed(prefix)).as("seed %d", seed).isEqualTo(ByObject.of(events));
        assertThat(caravan.log()).contains("cannot deliver");
    }

    @Test
    void aBrokerIsKilledAndStartedAgain() throws Exception {
        broker = new KafkaBroker(brokerData).set("num.partitions", 4).start();
        install();
        List<Frame> events = Capture.events("volume/vol-all.sse").subList(0, 2500);
        platform.append(events).always(play().rate(1500));
        impatient().set("caravan.batch-max-events", "50");
        run(caravan);
        for (int part = 1; part <= 2; part++) {
            long some = part * 1000L;
            await().atMost(SOON).until(() -> Topics.of(broker).count(prefix + "events") > some);
            broker.kill();
            broker.start();
        }
        awaitTheEndOf(events);
        assertThat(committed(prefix)).isEqualTo(ByObject.of(events));
        assertThat(broker.faults()).isEmpty();
    }

    @Test
    void sleepsBeyondTheEndOfItsTransaction() throws Exception {
        broker = new KafkaBroker(brokerData)
                .set("transaction.abort.timed.out.transaction.cleanup.interval.ms", 200)
                .start();
        install();
        List<Frame> events = Capture.events("volume/vol-all.sse").subList(0, 2500);
        platform.append(events).always(play().rate(1000));
        caravan.set("caravan.batch-max-events", "100").set("kafka.client.transaction.timeout.ms", "1000");
        Process process = run(caravan);
        for (int sleep = 0; sleep < 2; sleep++) {
            long before = Topics.of(broker).count(prefix + "events");
            await().atMost(SOON)
                    .pollInterval(Duration.ofMillis(3))
                    .until(() -> Topics.of(broker).count(prefix + "events") > before + 100);
            Halt.of(process, Duration.ofMillis(2500));
        }
        awaitTheEndOf(events);
        assertThat(committed(prefix)).isEqualTo(ByObject.of(events));
    }

    @Test
    void oneOfTwoInstancesEndsAndSaysWhy() throws Exception {
        List<Frame> events = Capture.events("volume/vol-all.sse").subList(0, 2500);
        platform.append(events).always(play().rate(500));
        caravan.set("caravan.batch-max-events", "20");
        Installation other = installation(calm, prefix).set("caravan.batch-max-events", "20");
        Process first = run(caravan);
        await().atMost(SOON).until(() -> Topics.of(broker).count(prefix + "events") > 500);
        Process second = run(other);
        await().atMost(SOON).until(() -> !first.isAlive() || !second.isAlive());

        Process ended = first.isAlive() ? second : first;
        assertThat(ended.exitValue()).isEqualTo(1);
        assertThat(first.isAlive() ? other.log() : caravan.log())
                .contains("another Caravan delivers this stream into these topics");
        platform.always(play());
        awaitTheEndOf(events);
        assertThat(committed(prefix)).isEqualTo(ByObject.of(events));
        assertThat(first.isAlive() || second.isAlive()).isTrue();
    }

    @Test
    void whatItsTopicIsTooSmallForIsTakenOutAndTheRestGoesOnce() throws Exception {
        List<Frame> events = new ArrayList<>();
        List<Frame> small = new ArrayList<>();
        for (int number = 0; number < 400; number++) {
            boolean isLarge = List.of(100, 101, 300).contains(number);
            byte[] noise = new byte[isLarge ? 300_000 : 1000]; // which cannot be compressed
            new Random(number).nextBytes(noise);
            Map<String, Object> object = Frames.object("tool--00000000-0000-4000-8000-%012d".formatted(number % 50));
            object.put("description", Base64.getEncoder().encodeToString(noise));
            Frame event = Frames.create((1000 + number) + "-0", object);
            events.add(event);
            if (!isLarge) {
                small.add(event);
            }
        }
        Topics.of(broker).make(prefix + "events", 4, "cleanup.policy", "delete", "max.message.bytes", "100000");
        platform.append(events);
        caravan.set("kafka.topics", "events");
        run(caravan);
        awaitTheEndOf(events);

        assertThat(committed(prefix)).isEqualTo(ByObject.of(small));
        assertThat(Topics.of(broker).records(prefix + "dead-letters"))
                .hasSize(events.size() - small.size())
                .allSatisfy(letter -> assertThat(new String(letter.key())).isEqualTo("kafka"));
        assertThat(caravan.deadLetters())
                .hasSize(events.size() - small.size())
                .allSatisfy(letter -> assertThat(letter.path("sink").asText()).isEqualTo("kafka"));
    }

    /** As by an update from a version that stored it on the disk, back, and again. Ids above all heartbeats' stay news. */
    @Test
    void thePositionGoesFromTheDiskToKafkaAndBackAndNothingIsLostOrComesTwice() throws Exception {
        List<Frame> events = new ArrayList<>();
        for (String store : List.of("local", "", "local", "kafka")) {
            List<Frame> news = IntStream.range(0, 100)
                    .map(number -> events.size() + number)
                    .mapToObj(number -> Frames.create(
                            (4_102_444_800_000L + number) + "-0",
                            "tool--00000000-0000-4000-8000-%012d".formatted(number % 10)))
                    .toList();
            events.addAll(news);
            platform.append(news);
            try (Program program = caravan.set("caravan.position-store", store).start()) {
                await().atMost(SOON)
                        .until(() -> program.consumers().get(0).counters().delivered() == news.size());
            }
        }
        assertThat(committed(prefix)).isEqualTo(ByObject.of(events));
    }

    @Test
    void waitsForAKafkaThatIsAwayAtTheStart() throws Exception {
        broker = new KafkaBroker(brokerData);
        install();
        List<Frame> events = Capture.events("runA/runA-green.sse");
        platform.append(events);
        try (Program program = impatient().start()) {
            await().atMost(SOON)
                    .until(() ->
                            program.consumers().get(0).sinkTrouble().orElse("").contains(broker.brokers()));
            broker.start();
            awaitTheEndOf(events);
        }
        assertThat(committed(prefix)).isEqualTo(ByObject.of(events));
    }

    private Installation impatient() {
        return caravan.set("kafka.client.request.timeout.ms", "1000")
                .set("kafka.client.default.api.timeout.ms", "1000")
                .set("kafka.client.delivery.timeout.ms", "1500")
                .set("kafka.client.max.block.ms", "1000");
    }

    /** A broker that can be halted. */
    private Process brokerProcess() throws IOException {
        broker = new KafkaBroker(brokerData);
        Process process = broker.process();
        processes.add(process);
        return process;
    }

    private void awaitTheEndOf(List<Frame> events) {
        new CommittedPosition(broker, prefix).awaitTheEndOf(events, LATER);
    }

    private Installation installation(Path folder, String topicPrefix) throws IOException {
        return new Installation(Files.createTempDirectory(folder, "caravan"), platform)
                .set("caravan.sinks", "kafka")
                .set("kafka.topic-prefix", topicPrefix)
                .set("kafka.brokers", broker.brokers());
    }

    private Process run(Installation installation) throws IOException {
        Process process = installation.run("run");
        processes.add(process);
        return process;
    }

    private ByObject committed(String topicPrefix) {
        return ByObject.ofRecords(Topics.of(broker).records(topicPrefix + "events"));
    }

    private Position positionInKafka() throws IOException {
        return new CommittedPosition(broker, prefix).read();
    }
}
