package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.rabbitmq.client.Connection;
import io.caravan.ops.Program;
import io.caravan.testkit.Answer;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Patience;
import io.caravan.testkit.RabbitBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole program between two platforms: what the one has, the other has, whichever way it goes. */
class DestinationIT {

    private static final int KILLS = Integer.getInteger("destination.kills", 20);
    private static final Duration SOON = Patience.SOON;

    /** A collection of the destination. */
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";

    /** How a process ends by SIGKILL. */
    private static final int KILLED = 128 + 9;

    private static Optional<RabbitBroker> broker = Optional.empty();

    @TempDir
    Path home;

    private FakePlatform platform;
    private FakeDestination destination;
    private Installation caravan;
    private Process process;
    private Optional<Connection> worker = Optional.empty();
    private String connector = "";

    @AfterAll
    static void stopBroker() {
        broker.ifPresent(RabbitBroker::close);
    }

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        destination = FakeDestination.start().collection(COLLECTION, true);
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "mirror,opencti")
                .to(destination)
                .set("destination.collection", COLLECTION)
                .set("destination.files", "false")
                .set("destination.protect-others", "false");
    }

    @AfterEach
    void stop() throws Exception {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        if (worker.isPresent()) {
            worker.get().close();
        }
        platform.close();
        destination.close();
        assertThat(destination.failures()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "queue", "taxii"})
    void whatTheOneHasTheOtherHas(String way) throws Exception {
        platform.append(Capture.events("runA/runA-all.sse"));
        go(way);
        caravan.set("caravan.batch-max-events", "50");

        try (Program program = caravan.start()) {
            work(way);
            awaitTheEnd(program);
        }

        assertThatAllIsThere(way);
        assertThat(objectsPushed()).doesNotHaveDuplicates();
    }

    /** What an analyst may do to each kind of object: removed, merged, renamed, given another end. */
    @ParameterizedTest
    @ValueSource(strings = {"bundle", "queue", "taxii"})
    void eachOperationOnEachKindOfObjectIsThere(String way) throws Exception {
        EveryOperation operations = new EveryOperation();
        platform.append(operations.events());
        go(way);
        caravan.set("caravan.batch-max-events", "4");

        try (Program program = caravan.start()) {
            work(way);
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered()
                            == operations.events().size());
            assertThatAllIsThere(way);
            await().atMost(SOON).until(() -> program.producers().get(0).waiting() == 0);
            assertThat(program.producers().get(0).counters().unknown()).isZero();
        }

        assertThat(caravan.mirror().keySet()).isEqualTo(operations.left());
        assertThat(destination.objects().keySet()).isEqualTo(operations.left());
        assertThat(destination
                        .objects()
                        .get(operations.stoppedRelation())
                        .path("stop_time")
                        .asText())
                .isEqualTo(EveryOperation.STOPPED);
        assertThat(destination
                        .objects()
                        .get(operations.renamedLabel())
                        .path("color")
                        .asText())
                .isEqualTo(EveryOperation.COLOUR);
        assertThat(destination.objects().get(operations.markedObject()).path("object_marking_refs"))
                .hasSize(1);
        assertThat(caravan.deadLetters()).isEmpty();
    }

    /** Each life of the program gets twenty events, and ends amid them; some end between a push and the position. */
    @ParameterizedTest
    @ValueSource(strings = {"bundle", "queue", "taxii"})
    void killedManyTimesTheSame(String way) throws Exception {
        platform.append(Capture.events("runA/runA-all.sse")).always(play().silentAfter(20));
        go(way);
        caravan.set("caravan.batch-max-events", "5");
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<Set<String>> there = new ArrayList<>();
        for (int kill = 0; kill < KILLS; kill++) {
            int enough = destination.pushes().size() + 1 + random.nextInt(4);
            process = caravan.run("run");
            work(way);
            await().atMost(SOON)
                    .pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(2))
                    .until(() -> destination.pushes().size() >= enough || !process.isAlive());
            assertThat(process.destroyForcibly().waitFor()).isEqualTo(KILLED);
            awaitApplied();
            there.add(destination.objects().keySet());
        }
        platform.always(play());
        try (Program program = caravan.start()) {
            awaitTheEnd(program);
        }

        assertThatAllIsThere("seed " + seed);
        Set<String> all = destination.objects().keySet();
        assertThat(there).as("at the kills, seed %d", seed).allSatisfy(some -> {
            assertThat(some).isNotEmpty();
            assertThat(some.containsAll(all)).isFalse();
        });
        if (KILLS >= 20) { // of a few, none may fall there
            assertThat(objectsPushed())
                    .as("not only once, seed %d", seed)
                    .hasSizeGreaterThan(Set.copyOf(objectsPushed()).size());
        }
    }

    private void go(String way) throws IOException {
        caravan.set("destination.way", way);
        if (way.equals("queue")) {
            assumeTrue(RabbitBroker.isInstalled(), RabbitBroker.MISSING);
            if (broker.isEmpty()) {
                broker = Optional.of(new RabbitBroker(Files.createTempDirectory("caravan-rabbitmq-")).start());
            }
            destination.broker("127.0.0.1", broker.get().port(), false, RabbitBroker.USER, RabbitBroker.PASSWORD);
        }
    }

    /** What the platform and its worker do where a connector has registered to use the queue. */
    private void work(String way) throws IOException {
        if (way.equals("queue") && worker.isEmpty()) {
            await().atMost(SOON).until(() -> !destination.connectors().isEmpty());
            connector = destination.connectors().keySet().iterator().next();
            broker.get().queueFor(connector);
            worker = Optional.of(broker.get().consume(connector, destination::receive));
        }
    }

    /** Of an object, each of its states. */
    private List<JsonNode> objectsPushed() {
        List<JsonNode> objects = new ArrayList<>();
        destination.pushes().forEach(push -> {
            if (push.has("objects")) {
                push.get("objects").forEach(objects::add);
            } else {
                objects.add(push.get("data")); // an event
            }
        });
        return objects;
    }

    /** Until everything is delivered; a heartbeat may have moved the position further by then. */
    private static void awaitTheEnd(Program program) {
        Frame last = Delivered.last(Capture.events("runA/runA-all.sse"));
        await().atMost(SOON).until(() -> Delivered.upTo(last, program));
    }

    private void awaitApplied() {
        if (worker.isPresent()) {
            await().atMost(SOON).until(() -> broker.get().waiting(connector) == 0);
        }
        destination.awaitApplied();
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

    /** An answer with status 200 that nothing was taken by. */
    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void waitsWhereALoginPageAnswers(String way) throws Exception {
        caravan.set("destination.way", way);
        platform.append(create("1000-0", id(1)), create("1000-0", id(2)));
        destination.answerAll(
                request -> request.text().contains(id(1)), Answer.html("<!doctype html><title>Sign in</title>"));
        try (Program program = caravan.start()) {
            await().atMost(SOON).until(() -> program.consumers()
                    .get(0)
                    .sinkTrouble()
                    .orElse("")
                    .contains("the answer is an HTML page (\"Sign in\")"));
            assertThat(program.consumers().get(0).counters().delivered()).isZero();
            destination.answerAgain();
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 2);
        }
        destination.awaitApplied();
        assertThat(destination.objects()).containsOnlyKeys(id(1), id(2));
        assertThat(objectsPushed()).hasSize(2);
        assertThat(caravan.deadLetters()).isEmpty();
    }

    /** By a filter in front, which does not like its text. */
    @ParameterizedTest
    @ValueSource(ints = {403, 406})
    void oneObjectThatIsForbiddenIsADeadLetter(int status) throws Exception {
        caravan.set("destination.way", "taxii");
        platform.append(create("1000-0", id(1)), create("1000-0", id(2)), create("1000-0", id(3)));
        destination.answerAll(request -> request.text().contains(id(2)), Answer.status(status));
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 3);
        }
        destination.awaitApplied();
        assertThat(destination.objects()).containsOnlyKeys(id(1), id(3));
        assertThat(caravan.deadLetters()).hasSize(1);
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
            await().atMost(Patience.times(Duration.ofSeconds(40))) // a ping is given up after a minute
                    .until(() -> caravan.deadLetters().size() == 1);
            assertThat(program.failure()).isEmpty();
        }
        assertThat(destination.requests()).anyMatch(request -> request.text().contains("pingConnector"));
        assertThat(destination.pings()).isEmpty();
    }

    private void assertThatAllIsThere(String said) {
        await().atMost(SOON).untilAsserted(() -> {
            awaitApplied();
            assertThat(differences()).as(said).isEmpty();
        });
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
            boolean isUntold = !wanted.containsKey(id) && isBorne(found.get(id), wanted);
            if (!isAlike && !isUntold) {
                differences.add(id + ": wanted " + wanted.get(id) + ", found " + found.get(id));
            }
        }
        return differences;
    }

    /** A label that objects bear and the recorded stream never told of, older than it: the destination's worker makes it. */
    private static boolean isBorne(JsonNode label, Map<String, JsonNode> wanted) {
        return label.path("type").asText().equals("label")
                && wanted.values().stream().anyMatch(object -> object.findValues("labels").stream()
                        .anyMatch(names ->
                                isIn(JsonNodeFactory.instance.arrayNode().add(label.get("value")), names)));
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
