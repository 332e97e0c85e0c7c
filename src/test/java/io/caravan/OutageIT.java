package io.caravan;

import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kafka is away while much is to be delivered, and the program has 128 MB of heap: nothing is lost, nothing there twice,
 * readiness goes down and up again, and the platform is held back meanwhile.
 *
 * <p>{@code -Dchaos.outage=60} is away for so many seconds after the platform has been held back, and as many thousand
 * events are to be delivered, 30,000 at least.
 */
@Tag("chaos")
class OutageIT {

    private static final int SECONDS = Integer.getInteger("chaos.outage", 6);
    private static final Duration SOON = Patience.SOON;
    private static final Duration LATER = Patience.LATER;
    private static final Pattern HEAP_AFTER_COLLECTION = Pattern.compile("Pause .*->([0-9]+)M\\(");

    @TempDir
    Path home;

    @TempDir
    Path brokerData;

    private final HttpClient http = HttpClient.newHttpClient();
    private final String prefix = "outage-" + UUID.randomUUID() + ".";
    private FakePlatform platform;
    private KafkaBroker broker;
    private Process brokerProcess;
    private Process process;
    private int port;

    @BeforeEach
    void start() throws IOException {
        platform = FakePlatform.start();
        broker = new KafkaBroker(brokerData); // to know its port; it runs as a process
        brokerProcess = broker.process();
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
    }

    @AfterEach
    void stop() throws InterruptedException {
        for (Process each : Arrays.asList(process, brokerProcess)) {
            if (each != null) {
                each.destroyForcibly().waitFor();
            }
        }
        platform.close();
    }

    @Test
    void waitsForKafkaWithoutLosingOrHoardingAnything() throws Exception {
        List<Frame> events = Ledger.stream(Math.max(30_000, SECONDS * 1000));
        platform.append(events).always(play().rate(3000));
        await().atMost(SOON).ignoreExceptions().until(() -> Topics.of(broker).count("any") == 0);
        process = new Installation(home, platform)
                .set("caravan.sinks", "kafka")
                .set("caravan.position-store", "kafka")
                .set("caravan.http-port", String.valueOf(port))
                .set("kafka.brokers", broker.brokers())
                .set("kafka.topic-prefix", prefix)
                .set("kafka.client.request.timeout.ms", "2000")
                .set("kafka.client.default.api.timeout.ms", "4000")
                .set("kafka.client.delivery.timeout.ms", "4000")
                .set("kafka.client.max.block.ms", "4000")
                .run("run", "-Xmx128m", "-Xlog:gc:file=" + home.resolve("gc.log"));
        await().atMost(SOON).until(() -> Topics.of(broker).count(prefix + "events") > events.size() / 10);

        brokerProcess.destroyForcibly().waitFor();
        int heapBefore = highestHeap();
        await().atMost(SOON).until(() -> readiness() == 503);
        AtomicLong held = new AtomicLong();
        await("the platform is held back")
                .atMost(SOON)
                .pollInterval(Duration.ofSeconds(1))
                .until(() -> held.getAndSet(platform.bytesWritten()) == platform.bytesWritten());
        long gone = System.nanoTime();
        while (System.nanoTime() - gone < TimeUnit.SECONDS.toNanos(SECONDS)) {
            Thread.sleep(200);
            assertThat(readiness()).isEqualTo(503);
        }
        long sentMeanwhile = platform.bytesWritten() - held.get();
        assertThat(platform.eventsSent())
                .as("what the platform could get rid of")
                .isLessThan(events.size());

        brokerProcess = broker.process();
        await().atMost(LATER).until(() -> readiness() == 200);
        new CommittedPosition(broker, prefix).awaitTheEndOf(events, LATER);
        Ledger wanted = Ledger.of(events);
        Ledger found = Ledger.of(broker, prefix + "events");
        System.out.printf(
                "outage: %d s, %s; heap after collections at most %d MB before, %d MB in all; sent by the platform meanwhile:"
                        + " %d bytes%n",
                SECONDS, wanted.comparedWith(found), heapBefore, highestHeap(), sentMeanwhile);
        assertThat(found).isEqualTo(wanted);
        assertThat(sentMeanwhile).as("sent while nothing was delivered").isLessThan(64 << 10);
    }

    private int readiness() throws Exception {
        URI ready = URI.create("http://127.0.0.1:" + port + "/observe/health/ready");
        try {
            return http.send(HttpRequest.newBuilder(ready).build(), HttpResponse.BodyHandlers.discarding())
                    .statusCode();
        } catch (IOException notYet) {
            return 0;
        }
    }

    /** In megabytes. */
    private int highestHeap() throws IOException {
        return HEAP_AFTER_COLLECTION
                .matcher(Files.readString(home.resolve("gc.log")))
                .results()
                .map(MatchResult::group)
                .mapToInt(line -> Integer.parseInt(line.replaceAll(".*->([0-9]+)M\\($", "$1")))
                .max()
                .orElse(0);
    }
}
