package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.ops.Program;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole program between two platforms: what the one has, the other has. */
class DestinationIT {

    private static final Duration SOON = Duration.ofSeconds(60);

    /** A collection of the destination. */
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";

    /** Became the same as another by a merge behind a rename: the destination drops it, and the mirror keeps it (README). */
    private static final String MERGED_AWAY = "relationship--9075fecc";

    @TempDir
    Path home;

    private FakePlatform platform;
    private FakeDestination destination;
    private Installation caravan;
    private Process process;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        destination = FakeDestination.start().collection(COLLECTION, true);
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "mirror,opencti")
                .set("destination.url", destination.url())
                .set("destination.token", FakeDestination.TOKEN)
                .set("destination.collection", COLLECTION)
                .set("destination.files", "false")
                .set("destination.protect-others", "false");
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
    void whatTheOneHasTheOtherHas(String way) throws Exception {
        List<Frame> events = Capture.events("runA/runA-all.sse");
        platform.append(events);
        caravan.set("destination.way", way).set("caravan.batch-max-events", "50");

        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == events.size());
        }

        destination.awaitApplied();
        assertThat(differences()).isEmpty();
    }

    @Test
    void killedTwentyTimesTheSame() throws Exception {
        platform.append(Capture.events("runA/runA-all.sse")).always(play().rate(60));
        caravan.set("caravan.batch-max-events", "10");
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int kill = 0; kill < 20; kill++) {
            int before = destination.pushes().size();
            process = caravan.run("run");
            await().atMost(SOON).until(() -> destination.pushes().size() > before || !process.isAlive());
            Thread.sleep(random.nextInt(300));
            process.destroyForcibly().waitFor();
        }
        platform.always(play());
        process = caravan.run("run");
        await().atMost(SOON).untilAsserted(() -> {
            destination.awaitApplied();
            assertThat(differences()).as("seed %d", seed).isEmpty();
        });
    }

    @Test
    void waitsForADestinationThatIsAway() throws Exception {
        destination.refuse(6, 503);
        assertThatItWaitsBecause("answers 503");
    }

    /** The platform says so whatever fails in it, its queue or its database. */
    @Test
    void takesNoInvalidBundleForTheBundlesFault() throws Exception {
        destination.failPushes(6, "UNSUPPORTED_ERROR", "Invalid bundle");
        assertThatItWaitsBecause("Invalid bundle");
    }

    private void assertThatItWaitsBecause(String trouble) throws Exception {
        platform.append(create("1000-0", id(1)));
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() ->
                            program.consumers().get(0).sinkTrouble().orElse("").contains(trouble));
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 1);
        }
        destination.awaitApplied();
        assertThat(destination.objects()).containsOnlyKeys(id(1));
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void whatFailsAtTheDestinationIsADeadLetterWithItsReason() throws Exception {
        platform.append(create("1000-0", id(1)), create("2000-0", id(2)));
        destination.refuseObjects(object -> object.path("id").asText().equals(id(1)));
        try (Program program = caravan.start()) {
            await().atMost(SOON).until(() -> caravan.deadLetters().size() == 1);
            assertThat(program.failure()).isEmpty();
        }
        JsonNode letter = caravan.deadLetters().get(0);
        assertThat(letter.path("sink").asText()).isEqualTo("opencti");
        assertThat(letter.path("id").asText()).isEqualTo(id(1));
        assertThat(letter.path("position").asText()).isEqualTo("1000-0");
        assertThat(letter.path("event").isObject()).isTrue();
        assertThat(destination.objects()).containsOnlyKeys(id(2));
    }

    @Test
    void removesNothingWhereItIsNotTo() throws Exception {
        platform.append(create("1000-0", id(1)), delete("2000-0", id(1)));
        caravan.set("destination.deletions", "false");
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 2);
        }
        destination.awaitApplied();
        assertThat(destination.objects()).containsOnlyKeys(id(1));
    }

    @Test
    void aSecondDestinationIsTheReadmesRoute() throws Exception {
        platform.append(create("1000-0", id(1)));
        carryByTheReadmesRoute("partner", 1);
        assertThat(destination.objects()).containsOnlyKeys(id(1));
    }

    @Test
    void theReadmesRouteForReportsSendsThemAndWhatTheyContain() throws Exception {
        List<Frame> events = Capture.events("runA/runA-all.sse");
        platform.append(events);
        carryByTheReadmesRoute("reports", events.size());

        Map<String, JsonNode> mirror = caravan.mirrorAtRest();
        Set<String> expected = new TreeSet<>();
        mirror.forEach((id, object) -> {
            if (id.startsWith("report--")) {
                expected.add(id);
                object.path("object_refs").forEach(contained -> expected.add(contained.asText()));
            }
        });
        expected.retainAll(mirror.keySet());
        assertThat(expected).hasSizeBetween(20, mirror.size() / 2);
        assertThat(destination.objects().keySet()).containsAll(expected);
        Set<String> others = new TreeSet<>(destination.objects().keySet());
        others.removeAll(expected);
        assertThat(others)
                .hasSizeLessThan(20)
                .allMatch(id -> id.matches("(identity|label|marking-definition|malware)--.*"));
    }

    private void carryByTheReadmesRoute(String name, int events) throws Exception {
        String file = "sinks/" + name + ".camel.yaml";
        String readme = Files.readString(Path.of("README.md"));
        int begin = readme.indexOf("# routes/" + file);
        String route = readme.substring(begin, readme.indexOf("```", begin));
        assertThat(route).contains("https://opencti.partner.example.org");
        caravan.route(file, route.replace("https://opencti.partner.example.org", destination.url()))
                .set("caravan.sinks", "journal,mirror," + name);
        Files.writeString(
                home.resolve("application.properties"),
                "\npartner.token=" + FakeDestination.TOKEN + "\n",
                StandardOpenOption.APPEND);
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == events);
        }
        destination.awaitApplied();
    }

    @Test
    void isAConnectorThatIsAlive() throws Exception {
        platform.append(create("1000-0", id(1)));
        caravan.set("destination.name", "From Paris");
        try (Program program = caravan.start()) {
            await().atMost(SOON).until(() -> !destination.pings().isEmpty());
            assertThat(program.failure()).isEmpty();
        }
        assertThat(destination.connectors().toString()).contains("From Paris");
    }

    @Test
    void registersAgainWhereItsConnectorWasDeleted() throws Exception {
        platform.append(create("1000-0", id(1)));
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 1);
            destination.deleteConnectors();
            platform.append(create("2000-0", id(2)));
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 2);
        }
        destination.awaitApplied();
        assertThat(destination.objects()).containsOnlyKeys(id(1), id(2));
        assertThat(destination.connectors()).hasSize(1);
        assertThat(caravan.deadLetters()).isEmpty();
    }

    /** What is slow of the one holds up nothing of the other: a connector that does not ping counts as dead. */
    @Test
    void asksWhatBecameOfAPushWhileAPingIsNotAnswered() throws Exception {
        platform.append(create("1000-0", id(1)));
        destination.holdPings().refuseObjects(object -> true);
        try (Program program = caravan.start()) {
            await().atMost(Duration.ofSeconds(40)) // a ping is given up after a minute
                    .until(() -> caravan.deadLetters().size() == 1);
            assertThat(program.failure()).isEmpty();
        }
        assertThat(destination.requests()).anyMatch(request -> request.text().contains("pingConnector"));
        assertThat(destination.pings()).isEmpty();
    }

    /** What the mirror has and the destination has not, or otherwise; a list may have grown there. */
    private List<String> differences() throws IOException {
        Map<String, JsonNode> wanted = caravan.mirror();
        Map<String, JsonNode> found = destination.objects();
        TreeSet<String> ids = new TreeSet<>(wanted.keySet());
        ids.addAll(found.keySet());
        List<String> differences = new ArrayList<>();
        for (String id : ids) {
            boolean isAlike = wanted.containsKey(id) && found.containsKey(id) && isIn(wanted.get(id), found.get(id));
            if (!isAlike && !id.startsWith(MERGED_AWAY)) {
                differences.add(id + ": wanted " + wanted.get(id) + ", found " + found.get(id));
            }
        }
        return differences;
    }

    /** Of a relation, what the platform makes of its ends (their names, in the extension) is the destination's own business. */
    private static boolean isIn(JsonNode wanted, JsonNode found) {
        if (wanted.path("type").asText().equals("relationship")) {
            ((ObjectNode) wanted).remove("extensions");
        }
        if (wanted.isObject()) {
            ((ObjectNode) wanted).remove("files"); // they are not to go
            return wanted.properties().stream().allMatch(field -> isIn(field.getValue(), found.path(field.getKey())));
        }
        if (wanted.isArray()) {
            for (JsonNode one : wanted) {
                boolean isThere = false;
                for (JsonNode other : found) {
                    isThere |= isIn(one, other);
                }
                if (!isThere) {
                    return false;
                }
            }
            return true;
        }
        return wanted.equals(found);
    }

    private static String id(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }
}
