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
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The position in Kafka's transactions: whoever reads committed records has each event, and each change that it means, once
 * and in order, whatever is killed, stopped or cut in between.
 */
class ExactlyOnceIT {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Duration LATER = Duration.ofSeconds(120);

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
    void install() throws IOException {
        platform = FakePlatform.start();
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
        assertThat(positionInKafka().newest().toString())
                .isEqualTo(events.get(events.size() - 1).id());
    }

    @Test
    void isKilledAgainAndAgain() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<Frame> events = Capture.events("volume/vol-all.sse");
        platform.append(events);
        Map<String, List<String>> calmChanges = calmChanges(events);
        platform.always(play().rate(800));
        caravan.set("caravan.batch-max-events", "50");
        long known = 0;
        for (int kill = 0; kill < 6; kill++) {
            Process process = run(caravan);
            long more = known + 1 + random.nextInt(700);
            await().atMost(SOON)
                    .pollInterval(Duration.ofMillis(3))
                    .until(() -> Topics.of(broker).count(prefix + "events") >= more);
            Thread.sleep(random.nextInt(20));
            process.destroyForcibly().waitFor();
            known = Topics.of(broker).count(prefix + "events");
        }
        platform.always(play());
        run(caravan);
        await().atMost(LATER).pollInterval(Duration.ofMillis(500)).until(() -> positionInKafka()
                .newest()
                .toString()
                .equals(events.get(events.size() - 1).id()));
        assertThat(committed(prefix)).as("seed %d", seed).isEqualTo(ByObject.of(events));
        assertThat(changes(prefix)).as("seed %d", seed).isEqualTo(calmChanges);
    }

    private Installation installation(Path folder, String topicPrefix) throws IOException {
        return new Installation(folder, platform)
                .set("caravan.sinks", "kafka")
                .set("caravan.position-store", "kafka")
                .set("kafka.topic-prefix", topicPrefix)
                .set("kafka.brokers", broker.brokers());
    }

    private Process run(Installation installation) throws IOException {
        Process process = installation.run("run");
        processes.add(process);
        return process;
    }

    /** What a run in which nothing happens leaves in the topic of changes. */
    private Map<String, List<String>> calmChanges(List<Frame> events) throws Exception {
        try (Program program = installation(calm, "calm-" + prefix).start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == events.size());
        }
        return changes("calm-" + prefix);
    }

    private ByObject committed(String topicPrefix) {
        return ByObject.ofRecords(Topics.of(broker).records(topicPrefix + "events"));
    }

    /** By their keys, in order. */
    private Map<String, List<String>> changes(String topicPrefix) {
        Map<String, List<String>> changes = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : Topics.of(broker).records(topicPrefix + "changes")) {
            changes.computeIfAbsent(new String(record.key(), StandardCharsets.UTF_8), key -> new ArrayList<>())
                    .add(new String(record.value(), StandardCharsets.UTF_8));
        }
        return changes;
    }

    private Position positionInKafka() throws IOException {
        List<ConsumerRecord<byte[], byte[]>> positions = Topics.of(broker).records(prefix + "positions");
        return Position.parse(positions.get(positions.size() - 1).value());
    }
}
