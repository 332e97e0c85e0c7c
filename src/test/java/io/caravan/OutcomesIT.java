package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.ops.Program;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Patience;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What fails at a destination after it was pushed is a dead letter, whatever becomes of the program meanwhile. */
class OutcomesIT {

    private static final Duration SOON = Patience.SOON;
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    @TempDir
    Path home;

    private FakePlatform platform;
    private FakeDestination destination;
    private Installation caravan;
    private Process process;
    private int port;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        destination = FakeDestination.start().collection(COLLECTION, true);
        port = freePort();
        caravan = new Installation(home, platform)
                .set("caravan.http-port", String.valueOf(port))
                .set("caravan.sinks", "opencti")
                .to(destination)
                .set("destination.collection", COLLECTION)
                .set("destination.files", "false");
    }

    @AfterEach
    void stop() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        platform.close();
        destination.close();
        assertThat(destination.failures()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void killedBeforeItIsTold(String way) throws Exception {
        caravan.set("destination.way", way);
        pushTwoOfWhichTheFirstFails();
        process.destroyForcibly().waitFor();
        assertThatItIsToldAfterTheNextStart();
    }

    @Test
    void stoppedBeforeItIsTold() throws Exception {
        pushTwoOfWhichTheFirstFails();
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();
        assertThat(process.exitValue()).isZero();

        byte[] whole = Files.readAllBytes(pushed().get(0));
        Files.write(home.resolve("data/pushed/destination/0000000000000900.json"), Arrays.copyOf(whole, 50));
        Files.write(home.resolve("data/pushed/destination/0000000000000901.json.next"), Arrays.copyOf(whole, 50));
        assertThatItIsToldAfterTheNextStart();
        assertThat(caravan.log()).containsOnlyOnce("0000000000000900.json is left out: ");
        assertThat(pushed()).hasSize(1);
    }

    /** Both are delivered, and the destination has told of none. */
    private void pushTwoOfWhichTheFirstFails() throws Exception {
        platform.append(create("1000-0", id(1)), create("2000-0", id(2)));
        destination.haltWorker().refuseObjects(object -> isId(object, 1));
        process = caravan.run("run");
        await().atMost(SOON).until(() -> metrics().contains("caravan_events_delivered_total 2.0"));
        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(pushed()).isNotEmpty();
    }

    private void assertThatItIsToldAfterTheNextStart() throws Exception {
        int pushes = destination.pushes().size();
        process = caravan.run("run");
        await().atMost(SOON).until(() -> metrics().contains("caravan_push_waiting{destination=\"destination\"} 2.0"));
        destination.letWorkerGoOn();
        await().atMost(SOON).until(() -> metrics().contains("caravan_push_waiting{destination=\"destination\"} 0.0"));

        assertThat(caravan.deadLetters()).isNotEmpty().allSatisfy(letter -> {
            assertThat(letter.path("sink").asText()).isEqualTo("opencti");
            assertThat(letter.path("id").asText()).isIn(id(1), id(2));
            assertThat(letter.path("position").asText()).isIn("1000-0", "2000-0");
            assertThat(letter.path("event").path("data").path("id")).isEqualTo(letter.path("id"));
        });
        assertThat(caravan.deadLetters())
                .anySatisfy(letter -> assertThat(letter.path("id").asText()).isEqualTo(id(1)));
        assertThat(metrics())
                .contains("caravan_push_failed_total{destination=\"destination\"} 1.0")
                .contains("caravan_push_applied_total{destination=\"destination\"} 1.0");
        assertThat(destination.pushes()).hasSize(pushes);
        assertThat(destination.objects()).containsOnlyKeys(id(2));
        assertThat(caravan.log()).doesNotContain("\tat ");
    }

    @Test
    void killedAtAnyInstantNoFailureIsLost() throws Exception {
        platform.append(IntStream.rangeClosed(1, 240)
                        .mapToObj(number -> create(number + "000-0", id(number)))
                        .toList())
                .always(play().rate(20));
        destination
                .refuseObjects(object -> isRefused(object.path("id").asText()))
                .workerBeginsAfter(Duration.ofMillis(200));
        caravan.set("caravan.batch-max-events", "5");
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int kill = 0; kill < 4; kill++) {
            int before = destination.pushes().size();
            process = caravan.run("run");
            await().atMost(SOON).until(() -> destination.pushes().size() > before);
            Thread.sleep(random.nextInt(1500));
            process.destroyForcibly().waitFor();
        }
        platform.always(play());
        process = caravan.run("run");
        List<String> refused = IntStream.rangeClosed(1, 240)
                .mapToObj(OutcomesIT::id)
                .filter(OutcomesIT::isRefused)
                .toList();
        await().atMost(SOON).ignoreExceptions().untilAsserted(() -> {
            assertThat(caravan.deadLetters().stream()
                            .map(letter -> letter.path("id").asText())
                            .distinct())
                    .as("seed %d", seed)
                    .containsExactlyInAnyOrderElementsOf(refused);
            assertThat(destination.awaitApplied().objects()).hasSize(180);
        });
        assertThat(caravan.log()).doesNotContain("\tat ");
    }

    /** Every fourth. */
    private static boolean isRefused(String id) {
        return Integer.parseInt(id.substring(id.length() - 5)) % 4 == 0;
    }

    @Test
    void whatRunHasLeftIsNoneOfRedrivesBusiness() throws Exception {
        platform.append(create("1000-0", id(1)));
        destination.refuseObjects(object -> true);
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.producers().get(0).counters().failed() == 1);
            destination.haltWorker();
            platform.append(create("2000-0", id(2)));
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 2);
        }
        List<Path> left = pushed();
        assertThat(left).hasSize(1);
        destination.letWorkerGoOn().awaitApplied().refuseObjects(object -> false);

        redrive();
        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(destination.objects()).containsOnlyKeys(id(1));
        assertThat(pushed()).isEqualTo(left);

        try (Program program = caravan.start()) {
            await().atMost(SOON).until(() -> program.producers().get(0).waiting() == 0);
        }
        assertThat(caravan.deadLetters())
                .singleElement()
                .satisfies(letter -> assertThat(letter.path("id").asText()).isEqualTo(id(2)));
        assertThat(pushed()).isEmpty();
    }

    @Test
    void whereTaxiiDoesNotTellWhichFailedAllGoAgain() throws Exception {
        caravan.set("destination.way", "taxii");
        destination.refuseConnections().refuseObjects(object -> isId(object, 3));
        platform.append(create("1000-0", id(1)));
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).sinkTrouble().isPresent());
            platform.append(create("2000-0", id(2)), create("3000-0", id(3)), create("4000-0", id(4)));
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().events("create") == 4);
            destination.acceptConnections();
            await().atMost(SOON)
                    .until(() -> program.producers().get(0).counters().applied() == 3);
            assertThat(program.producers().get(0).counters().failed()).isEqualTo(1);
        }
        assertThat(caravan.deadLetters())
                .extracting(letter -> letter.path("id").asText())
                .containsExactlyInAnyOrder(id(2), id(3), id(4));
        assertThat(caravan.deadLetters())
                .allSatisfy(letter -> assertThat(letter.path("error").asText())
                        .startsWith("1 of 3 objects of a push were not applied"));
        assertThat(destination.objects()).containsOnlyKeys(id(1), id(2), id(4));

        destination.refuseObjects(object -> false);
        redrive();
        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(destination.objects()).containsOnlyKeys(id(1), id(2), id(3), id(4));
    }

    private void redrive() throws Exception {
        process = caravan.run("redrive");
        assertThat(Patience.ends(process, SOON)).isTrue();
        assertThat(process.exitValue()).as(caravan.log()).isZero();
    }

    private List<Path> pushed() throws IOException {
        try (Stream<Path> files = Files.list(home.resolve("data/pushed/destination"))) {
            return files.sorted().toList();
        }
    }

    /** Empty while nobody answers. */
    private String metrics() throws InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + port + "/observe/metrics");
        try {
            return HTTP.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString())
                    .body();
        } catch (IOException notYet) {
            return "";
        }
    }

    private static boolean isId(JsonNode object, int number) {
        return object.path("id").asText().equals(id(number));
    }

    private static String id(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
