package io.caravan;

import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.opencti.stream.OpenctiConsumer;
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
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole program with Kafka as its sink and the position on the disk: there, away, and coming back. */
class KafkaIT {

    private static final Duration SOON = Patience.SOON;
    private static final Duration LATER = Patience.LATER;

    @TempDir
    Path home;

    @TempDir
    Path brokerData;

    private final String prefix = "kafka-" + UUID.randomUUID() + ".";
    private FakePlatform platform;
    private Installation caravan;
    private Program program;
    private Process process;
    private KafkaBroker own;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        own = new KafkaBroker(brokerData).set("num.partitions", 4);
        caravan = new Installation(home, platform)
                .set("opencti.heartbeat-timeout", "2s")
                .set("caravan.sinks", "kafka")
                .set("caravan.position-store", "local")
                .set("kafka.topic-prefix", prefix)
                .set("kafka.brokers", own.brokers());
    }

    @AfterEach
    void stop() throws Exception {
        if (program != null) {
            program.close();
        }
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        own.close();
        platform.close();
        assertThat(own.faults()).isEmpty();
    }

    @Test
    void aRecordedStreamReachesItsTopicAndTheJournal() throws Exception {
        KafkaBroker shared = KafkaBroker.ofThisRun();
        List<Frame> events = Capture.events("runA/runA-all.sse");
        platform.append(events);
        program = caravan.set("caravan.sinks", "journal,kafka")
                .set("kafka.brokers", shared.brokers())
                .start();
        await().atMost(SOON).until(() -> delivered() == events.size());

        assertThat(ByObject.ofRecords(Topics.of(shared).records(topic()))).isEqualTo(ByObject.of(events));
        assertThat(caravan.journal())
                .isEqualTo(events.stream().map(Installation.Line::of).toList());
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void nothingIsLostWhileABrokerStopsAndIsKilledUnderLoad() throws Exception {
        own.start();
        List<Frame> events = Capture.events("volume/vol-all.sse");
        platform.append(events).always(play().rate(1500));
        program = impatient().set("caravan.batch-max-events", "100").start();

        await().atMost(SOON).until(() -> delivered() > 1000);
        own.stop();
        awaitDown();
        own.start();
        awaitUp();
        await().atMost(SOON).until(() -> delivered() > 3000);
        own.kill();
        awaitDown();
        own.start();
        await().atMost(LATER).until(() -> delivered() == events.size());
        awaitUp();

        assertTopicHolds(events);
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void aBrokerThatComesLaterGetsEverything() throws Exception {
        List<Frame> events = Capture.events("runA/runA-green.sse");
        platform.append(events);
        program = impatient().start();
        awaitDown();
        own.start();
        await().atMost(SOON).until(() -> delivered() == events.size());
        awaitUp();

        assertTopicHolds(events);
    }

    @ParameterizedTest
    @CsvSource({"local, The route sink-kafka cannot deliver", "kafka, The position cannot be read"})
    void stopsInOrderOnSigtermWhileKafkaIsAwayAndBringsEverythingAtTheNextStart(String store, String said)
            throws Exception {
        List<Frame> events = Capture.events("runA/runA-green.sse");
        platform.append(events);
        caravan.set("caravan.position-store", store);
        process = impatient().run("run");
        await().atMost(LATER).until(() -> caravan.log().contains(said));
        sigterm();
        own.start();
        process = impatient().run("run");
        await().atMost(LATER).until(() -> Topics.of(own).count(topic()) >= events.size());
        sigterm();
        assertTopicHolds(events);
    }

    @Test
    void stopsInOrderOnSigtermWhileItsStartWaitsForKafka() throws Exception {
        try (ServerSocket neverAnswers = new ServerSocket(0)) {
            caravan.set("kafka.brokers", "127.0.0.1:" + neverAnswers.getLocalPort());
            process = caravan.run("run");
            neverAnswers.setSoTimeout((int) LATER.toMillis());
            Socket asked = neverAnswers.accept();
            sigterm();
            asked.close();
        }
        assertThat(caravan.log()).doesNotContain("\tat ");
    }

    @Test
    void needsLittleMemoryWhileKafkaIsAwayUnderLoad() throws Exception {
        own.start();
        List<Frame> events = new ArrayList<>();
        List<Frame> recorded = Capture.events("volume/vol-all.sse");
        for (int round = 0; round < 4; round++) {
            for (Frame frame : recorded) {
                events.add(Frame.of((1000 + events.size()) + "-0", frame.event(), frame.data()));
            }
        }
        events.add(10_000, Frames.large("10999-1", anObject(1), 12));
        events.add(15_000, Frames.large("15998-1", anObject(2), 12));
        platform.append(events).always(play().rate(4000));
        process = impatient().run("run", "-Xmx256m");
        await().atMost(SOON).until(() -> Topics.of(own).count(topic()) > 3000);
        own.stop();
        await().during(Duration.ofSeconds(10)).atMost(SOON).until(process::isAlive);
        own.start();
        await().atMost(LATER)
                .pollInterval(Duration.ofMillis(500))
                .until(() ->
                        !process.isAlive() || Topics.of(own).count(topic()) >= events.size() && topicHolds(events));
        sigterm();

        assertThat(caravan.log()).doesNotContain("OutOfMemory").doesNotContain("heap");
        assertTopicHolds(events);
    }

    private Installation impatient() {
        return caravan.set("kafka.client.request.timeout.ms", "1000")
                .set("kafka.client.default.api.timeout.ms", "1000")
                .set("kafka.client.delivery.timeout.ms", "1500")
                .set("kafka.client.max.block.ms", "1000");
    }

    private void sigterm() throws InterruptedException {
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();
        assertThat(process.exitValue()).isZero();
    }

    private void awaitDown() {
        await().atMost(SOON)
                .until(() ->
                        consumer().sinkTrouble().orElse("").startsWith("sink-kafka: Kafka at " + own.brokers() + " "));
        assertThat(health().getState()).isEqualTo(HealthCheck.State.DOWN);
        assertThat(health().getMessage().orElse("")).contains("sink-kafka: Kafka at " + own.brokers());
    }

    private void awaitUp() {
        await().atMost(SOON).until(() -> health().getState() == HealthCheck.State.UP);
    }

    private HealthCheck.Result health() {
        return HealthCheckHelper.invoke(program.context(), "full").stream()
                .filter(result -> result.getCheck().getId().equals("consumer:stream"))
                .findFirst()
                .orElseThrow();
    }

    /** Each event at least once, and what is about an object in the end in the order of the stream. */
    private boolean topicHolds(List<Frame> events) {
        return ByObject.ofRecords(Topics.of(own).records(topic()))
                .withoutRepetitions()
                .equals(ByObject.of(events).withoutRepetitions());
    }

    private void assertTopicHolds(List<Frame> events) {
        assertThat(ByObject.ofRecords(Topics.of(own).records(topic())).withoutRepetitions())
                .isEqualTo(ByObject.of(events).withoutRepetitions());
    }

    private String topic() {
        return prefix + "events";
    }

    private long delivered() {
        return consumer().counters().delivered();
    }

    private OpenctiConsumer consumer() {
        return program.consumers().get(0);
    }

    private static String anObject(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }
}
