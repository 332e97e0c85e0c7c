package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiComponent;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.Request;
import io.caravan.testkit.SmallDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of what is pushed, told by a destination over HTTP, and by files to a program that is started again. */
class OutcomesTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";

    @TempDir
    private Path folder;

    private final FakeDestination destination = FakeDestination.start().collection(COLLECTION, true);
    private final List<DeadLetter> letters = new ArrayList<>();
    private boolean byTaxii;
    private static final Duration HOUR = Duration.ofHours(1);
    private Outcomes.Limits limits = new Outcomes.Limits(Duration.ofMinutes(2), HOUR);
    private Duration passed = Duration.ZERO;
    private long readings;
    private long batches;

    @AfterEach
    void close() {
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    /** A program that pushes, as long as it lives. */
    private final class Life {
        private final PushCounters counters = new PushCounters();
        private final Way way;
        private final Outcomes outcomes;
        private final Pusher pusher;

        Life(Path pushed, DeadLetters deadLetters) {
            OpenctiConfiguration connection = new OpenctiConfiguration();
            connection.setUrl(destination.url());
            connection.setToken(FakeDestination.TOKEN);
            Platform platform = new Platform(connection);
            GraphQl api = new GraphQl(platform, PATIENCE);
            way = byTaxii
                    ? new TaxiiWay(platform, "/taxii2/root", COLLECTION, PATIENCE)
                    : new BundleWay(api, new Connector(api, COLLECTION, "Caravan"));
            outcomes =
                    new Outcomes(way, deadLetters, counters, new PushedFiles(pushed), limits, OutcomesTest.this::time);
            Rules rules = new Rules(
                    new Wording(Optional.empty()),
                    true,
                    Optional.empty(),
                    new io.caravan.opencti.push.Files(Optional.empty(), 0));
            pusher = new Pusher(way, rules, deadLetters, outcomes, counters);
        }

        Life() {
            this(folder, letters::add);
        }

        Life push(Change... changes) throws Exception {
            pusher.deliver(Changes.batch(batches++, changes), "partner");
            return this;
        }

        /** As something would that does not know what a worker rejects. */
        Life pushAsItIs(Item... items) throws Exception {
            Run run = new Run(List.of(items));
            outcomes.follow(run, "partner", way.push(run));
            return this;
        }

        Life goOn() {
            outcomes.goOn();
            return this;
        }

        Life ask() throws Exception {
            destination.awaitApplied();
            outcomes.ask();
            return this;
        }
    }

    @Test
    void whatFailedIsALetterAlsoInTheNextLife() throws Exception {
        refuse(2);
        new Life().push(upserts(1, 3));

        Life next = new Life().goOn();
        assertThat(next.outcomes.waiting()).isEqualTo(3);
        assertThat(next.outcomes.isAllApplied()).isFalse();
        next.ask();

        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.sink()).isEqualTo("partner");
            assertThat(letter.id()).isEqualTo(tool(2).id());
            assertThat(letter.op()).isEqualTo("update");
            assertThat(letter.error()).contains("Refused by the test");
            assertThat(letter.event())
                    .hasValueSatisfying(event -> assertThat(event.toString()).contains("{"));
        });
        assertThat(next.counters.failed()).isEqualTo(1);
        assertThat(next.counters.applied()).isEqualTo(2);
        assertThat(next.outcomes.waiting()).isZero();
        assertThat(files()).isEmpty();
    }

    @Test
    void whatIsAppliedLeavesNothing() throws Exception {
        Life life = new Life().push(upserts(1, 3));
        assertThat(files()).hasSize(1);
        life.ask();
        assertThat(files()).isEmpty();
        assertThat(life.outcomes.isAllApplied()).isTrue();
        assertThat(new Life().goOn().outcomes.waiting()).isZero();
    }

    @Test
    void aLifeThatDoesNotGoOnLeavesWhatIsThere() throws Exception {
        refuse(1);
        new Life().push(upserts(1, 1));
        List<Path> before = files();

        Life redriving = new Life().push(upserts(2, 2));
        assertThat(files()).hasSize(2).containsAll(before);
        redriving.ask();

        assertThat(redriving.outcomes.waiting()).isZero();
        assertThat(letters).isEmpty();
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void stepsThatShareADestinationTakeNothingTwice() throws Exception {
        new Life(folder.resolve("partner"), letters::add).push(upserts(1, 1));
        OpenctiComponent component = new OpenctiComponent();
        component.keepPushedIn(folder);
        assertThat(component.pushed("partner").left()).hasSize(1);
        assertThat(component.pushed("partner").left()).isEmpty();
        assertThat(component.pushed("another").left()).isEmpty();
    }

    @Test
    void theOldestOfTooMuchIsUnknown() throws Exception {
        PushedFiles files = new PushedFiles(folder);
        PushedRun.Told event = new PushedRun.Told("1-0", "create", "{}".getBytes(StandardCharsets.UTF_8));
        for (int i = 1; i <= 3; i++) {
            List<PushedRun.Sent> objects = IntStream.range(0, 40_000)
                    .mapToObj(number -> new PushedRun.Sent("tool--" + number, "tool--" + number, 0))
                    .toList();
            files.keep(new PushedRun("work " + i, "partner", false, List.of(event), objects));
        }
        Life next = new Life().goOn();
        assertThat(next.outcomes.waiting()).isEqualTo(80_000);
        assertThat(next.counters.unknown()).isEqualTo(40_000);
        assertThat(files())
                .containsExactly(folder.resolve("0000000000000002.json"), folder.resolve("0000000000000003.json"));
    }

    @Test
    void whatCannotBeReadIsLeftWhereItIsAndTheRestIsFollowed() throws Exception {
        refuse(1);
        new Life().push(upserts(1, 1)).push(upserts(2, 2));
        byte[] whole = Files.readAllBytes(files().get(0));
        List<String> garbled =
                List.of("", "null", "[]", "{}", "\0\0\0", new String(whole).replace("\"event\":0", "\"event\":7"));
        for (int i = 0; i < garbled.size(); i++) {
            Files.writeString(folder.resolve("000000000000010%d.json".formatted(i)), garbled.get(i));
        }
        Files.write(folder.resolve("0000000000000200.json"), Arrays.copyOf(whole, whole.length / 2));
        Files.write(folder.resolve("0000000000000201.json.next"), whole);
        Files.writeString(folder.resolve("notes.txt"), "somebody's");
        Files.createDirectory(folder.resolve("0000000000000202.json"));

        Life next = new Life().goOn();
        assertThat(next.outcomes.waiting()).isEqualTo(2);
        next.ask();
        assertThat(letters).extracting(DeadLetter::id).containsExactly(tool(1).id());
        assertThat(files()).hasSize(garbled.size() + 3);
        next.push(upserts(3, 3));
        assertThat(files()).contains(folder.resolve("0000000000000203.json"));
    }

    /** As a worker that splits a bundle leaves out what it makes nothing of: its work is complete without it. */
    @Test
    void whatACompleteWorkHasNotCountedIsNotApplied() throws Exception {
        byTaxii = true;
        Life life = new Life()
                .pushAsItIs(
                        item(Changes.upsert(tool(1))),
                        item(Changes.upsert(tool(2))),
                        item(Changes.remove(endless("sighting"))))
                .ask();
        assertThat(life.counters.applied()).isEqualTo(2);
        assertThat(life.counters.unknown()).isEqualTo(1);
        assertThat(life.outcomes.waiting()).isZero();
        assertThat(letters).hasSize(3).allSatisfy(letter -> assertThat(letter.error())
                .isEqualTo("the destination was through with the push and has not counted 1 of its 3 objects, and does"
                        + " not say which: this may be one"));
    }

    /** A message that is rejected is reported nowhere, and its work stays in progress. */
    @Test
    void whatAWorkDoesNotCountInTimeIsNotApplied() throws Exception {
        Life life = new Life()
                .pushAsItIs(item(Changes.upsert(tool(1))), item(Changes.remove(endless("relationship"))))
                .ask();
        passed = passed.plus(HOUR).plusSeconds(1);
        life.ask();
        assertThat(life.counters.applied()).isEqualTo(1);
        assertThat(life.counters.unknown()).isEqualTo(1);
        assertThat(letters).hasSize(2).allSatisfy(letter -> assertThat(letter.error())
                .startsWith("the destination has not reported in time on 1 of its 2 objects"));
    }

    /** It waited for hours behind others, and is being applied now. */
    @Test
    void theTimeBeforeAPushBeginsIsNotCounted() throws Exception {
        Life life = new Life().pushAsItIs(item(Changes.upsert(tool(1))), item(Changes.remove(endless("relationship"))));
        passed = HOUR.multipliedBy(5);
        life.ask();
        passed = passed.plus(HOUR).minusSeconds(1);
        life.ask();
        assertThat(letters).isEmpty();
        assertThat(life.outcomes.waiting()).isEqualTo(2);
    }

    @Test
    void theTimeBeforeACountGrowsIsNotCounted() throws Exception {
        Life life = new Life().push(upserts(1, 3));
        destination.awaitApplied();
        for (int counted = 1; counted < 3; counted++) {
            destination.answer(1, OutcomesTest::asksForWork, work(3, counted));
            life.outcomes.ask();
            passed = passed.plus(HOUR).minusSeconds(1);
        }
        destination.answer(1, OutcomesTest::asksForWork, work(3, 2));
        life.outcomes.ask();
        assertThat(letters).isEmpty();
        life.outcomes.ask();
        assertThat(life.counters.applied()).isEqualTo(3);
    }

    @Test
    void whatIsOvertakenByLaterPushesIsLost() throws Exception {
        Life life = new Life().pushAsItIs(item(Changes.remove(endless("relationship"))));
        life.push(upserts(1, 1)).ask();
        passed = HOUR.minusSeconds(1);
        life.ask();
        assertThat(letters).isEmpty(); // another worker may have it in hand
        passed = HOUR.plusSeconds(1);
        life.ask();
        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.id()).isEqualTo(endless("relationship").id());
            assertThat(letter.error()).isEqualTo("the destination has not reported in time on it");
        });
        assertThat(life.counters.unknown()).isEqualTo(1);
        assertThat(life.counters.applied()).isEqualTo(1);
    }

    /** The destination was through with the first between the questions about the first and the second. */
    @Test
    void whatSeemsOvertakenByAStaleAnswerIsAskedForOnceMore() throws Exception {
        limits = new Outcomes.Limits(Duration.ofMinutes(2), Duration.ofSeconds(-1)); // late as soon as it is overtaken
        Life life = new Life().push(upserts(1, 1)).push(upserts(2, 2));
        passed = HOUR;
        destination.awaitApplied().answer(1, OutcomesTest::asksForWork, work(1, 0));
        life.outcomes.ask();
        assertThat(letters).isEmpty();
        assertThat(life.counters.unknown()).isZero();
        assertThat(life.counters.applied()).isEqualTo(2);
    }

    private long time() {
        return passed.toNanos() + ++readings; // no two are the same
    }

    private static boolean asksForWork(Request request) {
        return request.text().contains("query Work");
    }

    private static Answer work(int expected, int counted) {
        return Answer.json(("{\"data\":{\"work\":{\"id\":\"w\",\"status\":\"progress\",\"errors\":[],\"tracking\":"
                        + "{\"import_expected_number\":%d,\"import_processed_number\":%d}}}}")
                .formatted(expected, counted));
    }

    /** It may begin yet: whoever looks after the destination learns of it, and no event is sent twice. */
    @Test
    void whatNoWorkerHasBegunWithIsUnknownAndNoLetter() throws Exception {
        destination.haltWorker();
        Life life = new Life().push(upserts(1, 3));
        passed = Duration.ofMinutes(3);
        life.outcomes.ask();
        assertThat(life.counters.unknown()).isEqualTo(3);
        assertThat(life.counters.applied()).isZero();
        assertThat(letters).isEmpty();
        destination.letWorkerGoOn();
    }

    @Test
    void whatADestinationDoesNotKnowEndsAsUnknown() throws Exception {
        new Life().push(upserts(1, 2));
        try (FakeDestination other = FakeDestination.start()) {
            OpenctiConfiguration connection = new OpenctiConfiguration();
            connection.setUrl(other.url());
            connection.setToken(FakeDestination.TOKEN);
            Platform platform = new Platform(connection);
            GraphQl api = new GraphQl(platform, PATIENCE);
            PushCounters counters = new PushCounters();
            Outcomes outcomes = new Outcomes(
                    new BundleWay(api, new Connector(api, COLLECTION, "Caravan")),
                    letters::add,
                    counters,
                    new PushedFiles(folder));
            outcomes.goOn();
            outcomes.ask();
            assertThat(outcomes.waiting()).isZero();
            assertThat(counters.unknown()).isEqualTo(2);
        }
        assertThat(files()).isEmpty();
    }

    @Test
    void aWrongTokenOrAnotherWayLosesNothing() throws Exception {
        refuse(1);
        new Life().push(upserts(1, 1));
        destination.token("another");
        Life next = new Life().goOn().ask();
        byTaxii = true;
        Life other = new Life().goOn().ask();
        assertThat(next.outcomes.waiting()).isEqualTo(1);
        assertThat(other.outcomes.waiting()).isEqualTo(1);

        destination.token(FakeDestination.TOKEN);
        other.ask();
        assertThat(letters).extracting(DeadLetter::id).containsExactly(tool(1).id());
    }

    @Test
    void moreFailuresThanAWorkNamesAreLettersToo() throws Exception {
        destination.refuseObjects(object -> true);
        Life life = new Life().push(upserts(1, 130)).ask();

        assertThat(letters)
                .extracting(DeadLetter::id)
                .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(1, 130)
                        .mapToObj(number -> tool(number).id())
                        .toList());
        assertThat(letters)
                .filteredOn(letter -> letter.error().contains("Refused by the test"))
                .hasSize(100);
        assertThat(letters)
                .filteredOn(letter -> letter.error().contains("no more than 100 failures of a push"))
                .hasSize(30);
        assertThat(life.counters.failed()).isEqualTo(130);
    }

    @Test
    void whereItIsNotToldWhichFailedEachIsALetter() throws Exception {
        byTaxii = true;
        refuse(2);
        Life life = new Life().push(upserts(1, 5)).ask();
        assertThat(letters)
                .hasSize(5)
                .allSatisfy(
                        letter -> assertThat(letter.error())
                                .isEqualTo(
                                        "1 of 5 objects of a push were not applied, and the destination does not say which: this may be one"));
        assertThat(life.counters.failed()).isEqualTo(1);
        assertThat(life.counters.applied()).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void ofRemovalsThatFailUnnamedThereAreNoLetters(int count) throws Exception {
        byTaxii = true;
        destination.refuseObjects(object -> true);
        Change[] removals = IntStream.rangeClosed(1, count)
                .mapToObj(number -> Changes.remove(tool(number)))
                .toArray(Change[]::new);
        Life life = new Life().push(removals).ask();
        assertThat(letters).isEmpty();
        assertThat(life.counters.failed()).isEqualTo(count);
    }

    @Test
    void ofManyRemovalsOfWhatIsNotThereThereAreNoLetters() throws Exception {
        Change[] removals = IntStream.rangeClosed(1, 130)
                .mapToObj(number -> Changes.remove(tool(number)))
                .toArray(Change[]::new);
        Life life = new Life().push(removals).ask();
        assertThat(letters).isEmpty();
        assertThat(life.counters.failed()).isLessThanOrEqualTo(30); // of the others it is not told
    }

    @Test
    void ofAnEventThatBringsManyObjectsOneLetterIsEnough() throws Exception {
        byTaxii = true;
        refuse(2);
        Life life = new Life();
        Change[] all = upserts(1, 5);
        Change[] ofOne = Arrays.stream(all)
                .map(change -> Changes.of(all[0].event(), change.reason(), change))
                .toArray(Change[]::new);
        life.pusher.deliver(Changes.batchOfOneEvent(batches++, ofOne), "partner");
        life.ask();
        assertThat(letters).hasSize(1);
        assertThat(life.counters.failed()).isEqualTo(1);
    }

    @Test
    void aFullDiskHoldsTheBatchAndPushesItOnce() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(folder.resolve("disk"), 1)) {
            disk.fill();
            refuse(1);
            Life life = new Life(disk.path().resolve("pushed"), letters::add);
            Batch batch = Changes.batch(1, upserts(1, 2));
            for (int i = 0; i < 3; i++) {
                assertThatThrownBy(() -> life.pusher.deliver(batch, "partner"))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("No space left");
            }
            disk.free();
            life.pusher.deliver(batch, "partner");
            life.ask();
            assertThat(destination.pushes()).hasSize(1);
            assertThat(life.counters.pushed()).isEqualTo(2);
            assertThat(letters).hasSize(1);
        }
    }

    @Test
    void lettersThatCannotBeKeptAreKeptLaterAndEachOnce() throws Exception {
        destination.refuseObjects(object -> true);
        List<DeadLetter> tried = new ArrayList<>();
        Life life = new Life(folder, letter -> {
            tried.add(letter);
            if (tried.size() == 3) {
                throw new IOException("No space left on device");
            }
            letters.add(letter);
        });
        life.push(upserts(1, 4)).ask();
        assertThat(letters).hasSize(2);
        assertThat(files()).hasSize(1);
        life.ask();
        assertThat(letters)
                .extracting(DeadLetter::id)
                .containsExactlyInAnyOrder(tool(1).id(), tool(2).id(), tool(3).id(), tool(4).id());
        assertThat(files()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"..", ".", "a/b", "Partner", "con*", "é", ""})
    void aNameThatNoFileCouldHaveIsAFolderAllTheSame(String name) throws Exception {
        PushedRun run = new PushedRun("work", "sink", false, List.of(), List.of());
        Path file = PushedFiles.of(name, folder).keep(run);
        assertThat(file.getParent())
                .isEqualTo(folder.resolve(UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8))
                        .toString()));
        assertThat(PushedFiles.of("partner", folder).keep(run).getParent()).isEqualTo(folder.resolve("partner"));
    }

    private void refuse(int number) {
        destination.refuseObjects(object -> isTool(object, number));
    }

    private static boolean isTool(JsonNode object, int number) {
        return object.path("id").asText().equals(tool(number).id());
    }

    private static Change[] upserts(int first, int last) {
        return IntStream.rangeClosed(first, last)
                .mapToObj(number -> Changes.upsert(tool(number)))
                .toArray(Change[]::new);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    private static Item item(Change change) {
        boolean isRemoval = change.type() == Change.Type.REMOVE;
        String json = change.object().json().toString();
        String operation = ",\"opencti_operation\":\"delete\"}";
        Bytes sent = isRemoval
                ? Bytes.of(json.substring(0, json.length() - 1) + operation)
                : change.object().json();
        return new Item(change, isRemoval ? Item.Operation.DELETE : Item.Operation.UPSERT, sent);
    }

    private static StixObject endless(String type) {
        return Changes.object(
                "{\"type\":\"%s\",\"id\":\"%s--00000000-0000-4000-8000-00000000000e\"}".formatted(type, type));
    }

    private static StixObject tool(int number) {
        String id = "%08d-0000-4000-8000-000000000000".formatted(number);
        return Changes.object("tool--" + id, id, "Tool " + number);
    }
}
