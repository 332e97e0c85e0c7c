package io.caravan;

import static io.caravan.testkit.Frames.create;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.ops.Program;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Dead letters sent again by the program as a process of its own, after one in this JVM has made them. */
class RedriveIT {

    private static final Duration SOON = Patience.SOON;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> TOPICS = List.of("events", "changes", "objects", "indicators");
    private static final String EMOTET = "malware--" + UUID.nameUUIDFromBytes(new byte[] {1});

    @TempDir
    Path home;

    private final String prefix = "redrive-" + UUID.randomUUID() + ".";
    private final Topics topics = Topics.of(KafkaBroker.ofThisRun());
    private FakePlatform platform;
    private Installation caravan;
    private Process process;
    private HookSink hook;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start().heartbeats(Heartbeats.none());
        caravan = new Installation(home, platform);
    }

    @AfterEach
    void stop() throws Exception {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        if (hook != null) {
            hook.close();
        }
        platform.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "kafka"})
    void aRecordThatWasTooLargeIsInTheTopicsOnceThereIsRoom(String positionStore) throws Exception {
        withKafka("kafka").set("caravan.position-store", positionStore).set("kafka.record-max-bytes", "20KB");
        follow(
                create("1000-0", anObject(1)),
                create("2000-0", malware("v1", 0, 100_000)),
                create("3000-0", anObject(3)));
        assertThat(caravan.deadLetters())
                .hasSize(3) // of the events, the changes and the objects
                .allSatisfy(letter -> assertThat(letter.path("op").asText()).isEqualTo("create"));
        assertThat(topics.records(prefix + "objects")).hasSize(2);

        caravan.set("kafka.record-max-bytes", "1MB");
        for (String topic : TOPICS) {
            topics.alter(prefix + topic, "max.message.bytes", String.valueOf(1 << 20));
        }
        assertThat(redrive("")).contains("3 of 3 sent, 0 kept").endsWith("exit 0");

        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(deadLetterFiles()).isEmpty();
        assertThat(names("objects")).containsExactlyInAnyOrder(anObject(1), anObject(3), "v1");
        assertThat(topics.records(prefix + "events")).hasSize(3);

        follow(create("4000-0", anObject(4)));
        assertThat(topics.records(prefix + "events")).hasSize(4);
    }

    @Test
    void aStateThatWasTooLargeIsInTheTopicsOnceThereIsRoom() throws Exception {
        withKafka("kafka").set("kafka.record-max-bytes", "20KB").set("opencti.start", "");
        platform.snapshot(List.of(Frames.snapshot("1000-0", malware("v1", 0, 100_000))));
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 1);
        }
        assertThat(topics.records(prefix + "objects")).isEmpty();

        caravan.set("kafka.record-max-bytes", "1MB");
        for (String topic : TOPICS) {
            topics.alter(prefix + topic, "max.message.bytes", String.valueOf(1 << 20));
        }
        assertThat(redrive("")).contains("3 of 3 sent, 0 kept").endsWith("exit 0");
        assertThat(names("objects")).containsExactly("v1");
    }

    @Test
    void whatARouteFailedOnGoesTheWholeWayOnceItIsMended() throws Exception {
        caravan.set("caravan.sinks", "journal,mirror").route("update.camel.yaml", failing("update"));
        Frame update = Frames.update("2000-0", malware("v1", 1, 0), malware("v2", 2, 0));
        follow(create("1000-0", malware("v1", 1, 0)), update, create("3000-0", anObject(3)));
        assertThat(caravan.deadLetters()).hasSize(1);

        assertThat(redrive("")).contains("0 of 1 sent, 1 kept").endsWith("exit 1");
        assertThat(redrive("")).contains("0 of 1 sent, 1 kept").endsWith("exit 1");
        assertThat(caravan.deadLetters()).singleElement().satisfies(letter -> {
            assertThat(letter.path("attempts").asInt()).isEqualTo(3);
            assertThat(letter.path("sink").asText()).isEqualTo("update");
            assertThat(letter.path("event").path("data").path("name").asText()).isEqualTo("v2");
        });

        caravan.route("update.camel.yaml", Files.readString(Path.of("routes/update.camel.yaml")));
        assertThat(redrive("")).contains("1 of 1 sent, 0 kept").endsWith("exit 0");
        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(caravan.journal().get(2)).isEqualTo(Installation.Line.of(update));
        assertThat(mirrored(EMOTET)).isEqualTo("v2");

        follow(create("4000-0", anObject(4)));
        assertThat(caravan.journalLength()).isEqualTo(4);
    }

    @Test
    void anOldStateNeverComesOverANewerOne() throws Exception {
        withKafka("kafka,mirror").set("kafka.record-max-bytes", "20KB").set("caravan.batch-max-events", "1");
        String gone = "malware--" + UUID.nameUUIDFromBytes(new byte[] {2});
        Map<String, Object> large = object(gone, "large", 1, 100_000);
        caravan.route("update.camel.yaml", failingOn("update", "stale"));
        follow(
                create("1000-0", malware("v0", 0, 0)),
                Frames.update("2000-0", malware("v0", 0, 0), malware("stale", 2, 0)), // the route's letter
                create("3000-0", malware("heavy", 3, 100_000)), // Kafka's
                create("4000-0", malware("v4", 4, 0)),
                create("5000-0", large), // Kafka's
                Frames.delete("6000-0", object(gone, "large", 1, 0)));
        assertThat(caravan.deadLetters()).hasSize(1 + 3 + 1 + 3); // one of a change that shows the state before

        caravan.route("update.camel.yaml", Files.readString(Path.of("routes/update.camel.yaml")))
                .set("kafka.record-max-bytes", "1MB")
                .set("caravan.batch-max-events", "1000");
        for (String topic : TOPICS) {
            topics.alter(prefix + topic, "max.message.bytes", String.valueOf(1 << 20));
        }
        assertThat(redrive("")).contains("8 of 8 sent, 0 kept").endsWith("exit 0");

        assertThat(mirrored(EMOTET)).isEqualTo("v4");
        assertThat(home.resolve("data/files/objects/malware/" + gone + ".json")).doesNotExist();
        List<String> states = names("objects");
        assertThat(states).containsSubsequence("v0", "v4").doesNotContain("stale", "heavy", "large");
        assertThat(names("events")).contains("stale", "heavy", "large"); // as they came
    }

    @Test
    void noneIsLostWhereverItIsKilled() throws Exception {
        caravan.route("create.camel.yaml", failing("create")).set("caravan.batch-max-events", "20");
        List<Frame> events = IntStream.rangeClosed(1, 3000)
                .mapToObj(n -> create(n + "000-0", anObject(n)))
                .toList();
        follow(events.toArray(Frame[]::new));
        assertThat(caravan.deadLetters()).hasSize(3000);

        caravan.route("create.camel.yaml", Files.readString(Path.of("routes/create.camel.yaml")));
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int kill = 0; kill < 4; kill++) {
            process = caravan.run("redrive");
            int more = caravan.journalLength() + 1 + random.nextInt(2000);
            await().atMost(SOON)
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> caravan.journalLength() >= more || !process.isAlive());
            process.destroyForcibly().waitFor();
            assertThat(caravan.deadLetters()).as("seed %d", seed).hasSizeLessThanOrEqualTo(3000);
        }
        assertThat(redrive("")).endsWith("exit 0");

        assertThat(caravan.deadLetters()).isEmpty();
        List<Installation.Line> journal = caravan.journal();
        List<Installation.Line> each =
                events.stream().map(Installation.Line::of).toList();
        assertThat(journal.stream().distinct().toList()).as("seed %d", seed).isEqualTo(each);
        assertThat(journal.subList(journal.size() - 3000, journal.size())).isEqualTo(each);
    }

    @Test
    void aSinksLettersGoToItAloneAndAnotherOnesJournalIsLeftWhole() throws Exception {
        withHook("journal,hook");
        hook.answers(object -> object == 2 ? 422 : 204);
        follow(create("1000-0", anObject(1)), create("2000-0", anObject(2)));
        assertThat(hook.taken()).containsExactly(1);

        hook.answers(object -> 503); // the journal has the next batch, and its position is not stored
        Frame third = create("3000-0", anObject(3));
        platform.append(third);
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> caravan.journalLength() == 3
                            && program.consumers().get(0).sinkTrouble().isPresent());
        }
        hook.answers(object -> 204);
        assertThat(redrive("--sink hook")).contains("1 of 1 sent, 0 kept").endsWith("exit 0");
        assertThat(hook.taken()).containsExactly(1, 2);

        follow(third);
        assertThat(hook.taken()).containsExactly(1, 2, 3);
        assertThat(caravan.journal())
                .extracting(Installation.Line::position)
                .containsExactly("1000-0", "2000-0", "3000-0");
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void whatFailedAtTheDestinationIsALetterUntilItIsAppliedThere() throws Exception {
        try (FakeDestination destination = FakeDestination.start()) {
            caravan.set("caravan.sinks", "journal,opencti").to(destination);
            destination.refuseObjects(isOneOf(anObject(1), anObject(2)));
            platform.append(
                    create("1000-0", anObject(1)), create("2000-0", anObject(2)), create("3000-0", anObject(3)));
            try (Program program = caravan.start()) {
                await().atMost(SOON).until(() -> caravan.deadLetters().size() == 2);
                assertThat(program.failure()).isEmpty();
            }
            assertThat(redrive("")).contains("0 of 2 sent, 2 kept").endsWith("exit 1");
            assertThat(caravan.deadLetters()).hasSize(2).allSatisfy(letter -> assertThat(
                            letter.path("attempts").asInt())
                    .isEqualTo(2));

            destination.refuseObjects(isOneOf(anObject(2)));
            assertThat(redrive("--sink opencti"))
                    .contains("1 of 2 sent, 1 kept")
                    .endsWith("exit 1");
            assertThat(caravan.deadLetters()).singleElement().satisfies(letter -> {
                assertThat(letter.path("id").asText()).isEqualTo(anObject(2));
                assertThat(letter.path("sink").asText()).isEqualTo("opencti");
                assertThat(letter.path("attempts").asInt()).isEqualTo(3);
                assertThat(letter.path("error").asText()).contains("Refused by the test");
            });
            assertThat(destination.objects()).containsOnlyKeys(anObject(1), anObject(3));

            destination.refuseObjects(isOneOf());
            assertThat(redrive("")).contains("1 of 1 sent, 0 kept").endsWith("exit 0");
            assertThat(caravan.deadLetters()).isEmpty();
            assertThat(deadLetterFiles()).isEmpty();
            assertThat(destination.objects()).containsOnlyKeys(anObject(1), anObject(2), anObject(3));
            assertThat(caravan.journalLength()).isEqualTo(3);
            assertThat(destination.failures()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "kafka"})
    void aSinkBesideKafkaGetsItsLettersWhereverThePositionStands(String positionStore) throws Exception {
        withKafka("kafka").set("caravan.position-store", positionStore);
        withHook("hook,kafka");
        hook.answers(object -> object % 2 == 0 ? 422 : 204);
        follow(IntStream.rangeClosed(1, 9)
                .mapToObj(n -> create(n + "000-0", anObject(n)))
                .toArray(Frame[]::new));

        hook.answers(object -> object == 4 ? 413 : 204);
        assertThat(redrive("")).contains("3 of 4 sent, 1 kept").endsWith("exit 1");

        assertThat(hook.taken()).containsExactly(1, 3, 5, 7, 9, 2, 6, 8);
        assertThat(caravan.deadLetters()).singleElement().satisfies(letter -> {
            assertThat(letter.path("position").asText()).isEqualTo("4000-0");
            assertThat(letter.path("attempts").asInt()).isEqualTo(2);
            assertThat(letter.path("error").asText()).contains("413");
        });
        assertThat(topics.records(prefix + "events")).hasSize(9);
        follow(create("10000-0", anObject(10)));
        assertThat(hook.taken()).containsExactly(1, 3, 5, 7, 9, 2, 6, 8, 10);
    }

    @Test
    void waitsForASinkThatIsAwayAndStopsInTimeWithNothingLost() throws Exception {
        withHook("hook");
        hook.answers(object -> 422);
        follow(create("1000-0", anObject(1)), create("2000-0", anObject(2)));
        hook.answers(object -> object == 1 ? 204 : 503);

        caravan.set("caravan.batch-max-events", "1");
        process = caravan.run("redrive");
        await().atMost(SOON).until(() -> caravan.log().contains("1 of 2 sent, 0 kept; waits: sink-hook: "));
        long start = System.nanoTime();
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();

        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Patience.STOP);
        assertThat(process.exitValue()).isEqualTo(1);
        assertThat(caravan.log()).contains("1 of 2 sent, 0 kept; stopped").doesNotContain("\tat ");
        assertThat(caravan.deadLetters())
                .extracting(letter -> letter.path("position").asText())
                .containsExactly("2000-0");

        hook.answers(object -> 204);
        assertThat(redrive("")).contains("1 of 1 sent, 0 kept").endsWith("exit 0");
        assertThat(hook.taken()).containsExactly(1, 2);
    }

    @Test
    void whatAnotherSinkRefusesOnTheWayIsANewLetter() throws Exception {
        withHook("journal,hook").route("create.camel.yaml", failing("create"));
        follow(create("1000-0", anObject(1)));
        caravan.route("create.camel.yaml", Files.readString(Path.of("routes/create.camel.yaml")));
        hook.answers(object -> 400);

        assertThat(redrive("")).contains("1 of 1 sent, 1 kept").endsWith("exit 1");
        assertThat(caravan.journalLength()).isEqualTo(1);
        assertThat(caravan.deadLetters())
                .singleElement()
                .satisfies(letter -> assertThat(letter.path("sink").asText()).isEqualTo("hook"));
    }

    @Test
    void saysWhatItWouldSendAndSendsNothing() throws Exception {
        withHook("hook").route("update.camel.yaml", failing("update"));
        hook.answers(object -> 422);
        follow(
                create("1000-0", anObject(1)),
                Frames.update("2000-0", malware("v0", 0, 0), malware("v1", 1, 0)),
                Frame.of("3000-0", "create", "{\"data\": {\"name\": \"no id\"}}"),
                Frame.of("4000-0", "create", "no JSON"));
        List<JsonNode> before = caravan.deadLetters();
        hook.close();
        move("data/state", "data/elsewhere");

        String said = redrive("--dry-run");
        assertThat(said)
                .containsPattern("\\d{4}-\\d\\d-\\d\\d  hook +1 would be sent")
                .containsPattern("\\d{4}-\\d\\d-\\d\\d  update +1 would be sent")
                .containsPattern("\\d{4}-\\d\\d-\\d\\d  stream +1 would be sent")
                .containsPattern("\\d{4}-\\d\\d-\\d\\d  stream +1 cannot be sent again")
                .contains("1000-0  " + anObject(1) + "  hook: ")
                .contains("3 would be sent")
                .endsWith("exit 0");
        assertThat(redrive("--dry-run --sink hook"))
                .contains("\n1 would be sent")
                .doesNotContain("update");
        assertThat(redrive("--dry-run --since 2999-01-01")).contains("0 would be sent");
        assertThat(caravan.deadLetters()).isEqualTo(before);

        caravan.set("caravan.sinks", "journal");
        assertThat(redrive("--dry-run"))
                .contains("caravan.sinks does not name it")
                .contains("2 would be sent");
        assertThat(redrive("")).contains("no position is stored").endsWith("exit 2");
        assertThat(redrive("--since yesterday")).contains("--since").endsWith("exit 2");
        assertThat(caravan.deadLetters()).isEqualTo(before);
    }

    @Test
    void whatCannotBeSentStaysAsItIs() throws Exception {
        withHook("hook,journal");
        hook.answers(object -> 422);
        follow(
                create("1000-0", anObject(1)),
                Frame.of("2000-0", "create", "{\"data\": {\"name\": \"no id\"}}"),
                Frame.of("3000-0", "restore", "{\"data\": {\"id\": \"" + anObject(3) + "\"}}"),
                Frame.of("4000-0", "create", "no JSON"));
        Path file = deadLetterFiles().get(0);
        Files.writeString(file, "written by hand\n", StandardOpenOption.APPEND);
        List<String> before = Files.readAllLines(file);
        caravan.set("caravan.sinks", "journal");

        assertThat(redrive(""))
                .contains("hook: 1 stay: caravan.sinks does not name it")
                .contains("0 of 1 sent, 1 kept, 3 cannot be sent again")
                .endsWith("exit 1");
        List<String> after = Files.readAllLines(file);
        assertThat(after).hasSameSizeAs(before);
        assertThat(JSON.readTree(after.get(byPosition(before, "2000-0")))
                        .path("attempts")
                        .asInt())
                .isEqualTo(2);
        after.remove(byPosition(before, "2000-0"));
        before.remove(byPosition(before, "2000-0"));
        assertThat(after).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "kafka"})
    void saysThatItCannotRunBesideACaravan(String positionStore) throws Exception {
        withKafka("kafka").set("caravan.position-store", positionStore).set("kafka.record-max-bytes", "20KB");
        platform.append(create("1000-0", malware("v1", 1, 100_000)));
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 1);
            assertThat(redrive(""))
                    .contains("is in use by another Caravan: stop it")
                    .endsWith("exit 2");
            platform.append(create("2000-0", anObject(2)));
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 2);
        }
        assertThat(caravan.deadLetters()).hasSize(3);
    }

    private Installation withKafka(String sinks) {
        return caravan.set("caravan.sinks", sinks)
                .set("kafka.brokers", KafkaBroker.ofThisRun().brokers())
                .set("kafka.topic-prefix", prefix);
    }

    private Installation withHook(String sinks) throws IOException {
        hook = new HookSink();
        hook.route(caravan, true);
        return caravan.set("caravan.sinks", sinks);
    }

    /** What the platform sends, followed to its end and the program stopped. */
    private void follow(Frame... frames) throws Exception {
        platform.append(frames);
        Frame last = frames[frames.length - 1];
        try (Program program = caravan.start()) {
            await().atMost(SOON).until(() -> Delivered.upTo(last, program));
        }
    }

    /** What the command says, and its exit code at the end. */
    private String redrive(String options) throws Exception {
        Files.deleteIfExists(home.resolve("caravan.log"));
        process = caravan.run(("redrive " + options).strip());
        assertThat(Patience.ends(process, SOON)).isTrue();
        String said = caravan.log();
        assertThat(said).doesNotContain("\tat ").doesNotContain(FakePlatform.TOKEN, FakeDestination.TOKEN);
        return said + "exit " + process.exitValue();
    }

    private static String failing(String op) {
        return Installation.byType(
                op, "{throwException: {exceptionType: java.lang.IllegalStateException, message: bad}}");
    }

    private static String failingOn(String op, String name) {
        return Installation.byType(
                op,
                "{choice: {when: [{simple: \"${body.object.name} == '" + name + "'\", steps: [{throwException:"
                        + " {exceptionType: java.lang.IllegalStateException, message: bad}}]}]}},"
                        + " {bean: {ref: " + op + ", method: changes}}");
    }

    private static Map<String, Object> malware(String name, int minute, int description) {
        return object(EMOTET, name, minute, description);
    }

    private static Map<String, Object> object(String id, String name, int minute, int description) {
        Map<String, Object> object = Frames.object(id);
        object.put("name", name);
        object.put("description", "x".repeat(description));
        Frames.extension(object).put("updated_at", "2026-11-21T17:%02d:00.000Z".formatted(minute));
        return object;
    }

    private static Predicate<JsonNode> isOneOf(String... ids) {
        return object -> List.of(ids).contains(object.path("id").asText());
    }

    private static String anObject(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }

    private String mirrored(String id) throws IOException {
        Path file = home.resolve("data/files/objects/malware/" + id + ".json");
        return JSON.readTree(Files.readAllBytes(file)).path("name").asText();
    }

    /** Of the objects in a topic's records, in order. */
    private List<String> names(String topic) throws IOException {
        List<String> names = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : topics.records(prefix + topic)) {
            if (record.value() != null) {
                JsonNode json = JSON.readTree(record.value());
                names.add(
                        json.path("data").isObject()
                                ? json.path("data").path("name").asText()
                                : json.path("name").asText());
            }
        }
        return names;
    }

    private List<Path> deadLetterFiles() throws IOException {
        try (Stream<Path> files = Files.list(home.resolve("data/dead-letters"))) {
            return files.toList();
        }
    }

    private static int byPosition(List<String> lines, String position) {
        return IntStream.range(0, lines.size())
                .filter(n -> lines.get(n).contains("\"position\":\"" + position + "\""))
                .findFirst()
                .orElseThrow();
    }

    private void move(String from, String to) throws IOException {
        Files.move(home.resolve(from), home.resolve(to));
    }
}
