package io.caravan.event;

import static io.caravan.event.KnownWriter.position;
import static io.caravan.event.StixObjects.malware;
import static io.caravan.event.StixObjects.report;
import static io.caravan.event.StixObjects.sighting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.event.Known.KnownObject;
import io.caravan.testkit.SmallDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

/** The known objects of a state: what batches make known, and what later ones find. */
class KnownObjectsTest {

    private static final StixObject EMOTET = malware("1", "malware--emotet");
    private static final StixObject SEEN = sighting("7", "sighting--seen", "malware--emotet", "1", "identity--bank");

    @TempDir
    Path temporary;

    private Path directory;
    private State state;
    private long batches;

    @BeforeEach
    void open() {
        directory = temporary.resolve("data/state");
        state = new State(directory);
    }

    @AfterEach
    void close() {
        state.close();
    }

    @Test
    void findsAnObjectByItsKeyAndItsStixId() throws IOException {
        Pending batch = state.begin();
        batch.put(new KnownObject(EMOTET, false, Optional.empty()));
        batch.put(new KnownObject(SEEN, true, Optional.empty()));
        write(batch);

        assertThat(state.begin().object("1")).contains(new KnownObject(EMOTET, false, Optional.empty()));
        assertThat(state.begin().withId("malware--emotet")).contains(new KnownObject(EMOTET, false, Optional.empty()));
        assertThat(state.begin().object("7")).contains(new KnownObject(SEEN, true, Optional.empty()));
        assertThat(state.begin().object("malware--emotet")).isEmpty();
        assertThat(state.begin().withId("1")).isEmpty();
    }

    @Test
    void findsAnObjectWithoutInternalIdByItsStixId() throws IOException {
        StixObject object = malware("", "malware--emotet");
        put(object);

        assertThat(state.begin().object("malware--emotet"))
                .map(KnownObject::object)
                .contains(object);
        assertThat(state.begin().withId("malware--emotet"))
                .map(KnownObject::object)
                .contains(object);
    }

    @Test
    void bringsTheBytesOfTheObjectAsTheyCame() throws IOException {
        Bytes json = Bytes.of("{ \"id\" : \"malware--x\", \"n\": 1.10, \"name\": \"é\\u00e9\" }");
        StixObject object = StixObject.read(json);
        put(object);

        assertThat(state.begin().object("malware--x"))
                .map(known -> known.object().json())
                .contains(json);
    }

    @Test
    void isThereAfterARestart() throws IOException {
        put(EMOTET, SEEN);
        reopen();

        assertThat(state.read()).contains(position(1));
        assertThat(state.begin().object("1")).contains(new KnownObject(EMOTET, false, Optional.empty()));
        assertThat(keysEndingAt(state.begin(), "1")).containsExactly("7");
    }

    @Test
    void aBatchSeesWhatItPutsAndRemovesAtOnce() throws IOException {
        put(EMOTET);
        Pending batch = state.begin();
        batch.put(new KnownObject(SEEN, false, Optional.empty()));
        assertThat(keysEndingAt(batch, "1")).containsExactly("7");
        assertThat(batch.withId("sighting--seen")).isPresent();

        batch.remove("7");
        batch.remove("1");

        assertThat(keysEndingAt(batch, "1")).isEmpty();
        assertThat(batch.object("1")).isEmpty();
        assertThat(batch.withId("malware--emotet")).isEmpty();
        assertThat(batch.withId("sighting--seen")).isEmpty();
    }

    @Test
    void aBatchThatIsGivenUpLeavesNothing() throws IOException {
        put(EMOTET, SEEN);
        Pending givenUp = state.begin();
        givenUp.remove("1");
        givenUp.put(new KnownObject(malware("2", "malware--qakbot"), false, Optional.empty()));

        Pending again = state.begin();

        assertThat(again.object("1")).isPresent();
        assertThat(again.object("2")).isEmpty();
        write(again);
        reopen();
        assertThat(state.begin().object("1")).isPresent();
        assertThat(state.begin().object("2")).isEmpty();
    }

    @Test
    void aPositionThatMovesAloneLeavesWhatIsKnown() throws IOException {
        put(EMOTET);

        state.write(position(5));

        assertThat(state.read()).contains(position(5));
        assertThat(state.begin().object("1")).isPresent();
    }

    @Test
    void removingWhatIsNotKnownChangesNothing() throws IOException {
        put(EMOTET);
        Pending batch = state.begin();
        batch.remove("2");
        write(batch);

        assertThat(state.begin().object("1")).isPresent();
    }

    @Test
    void aRemovedObjectIsNotFoundInAnyWay() throws IOException {
        put(SEEN, report("9", "report--a", "malware--emotet"));
        Pending batch = state.begin();
        batch.remove("7");
        batch.remove("9");
        write(batch);

        assertThat(state.begin().object("7")).isEmpty();
        assertThat(state.begin().withId("sighting--seen")).isEmpty();
        assertThat(keysEndingAt(state.begin(), "malware--emotet", "1", "identity--bank"))
                .isEmpty();
        assertThat(state.begin().referringTo(List.of("malware--emotet"))).isZero();
    }

    @Test
    void aRenamedObjectIsFoundByItsNewIdOnly() throws IOException {
        put(EMOTET);
        StixObject renamed = malware("1", "malware--geodo");
        Pending batch = state.begin();
        batch.put(new KnownObject(renamed, false, Optional.empty()));
        assertThat(batch.withId("malware--emotet")).isEmpty();
        assertThat(batch.withId("malware--geodo")).map(KnownObject::object).contains(renamed);
        write(batch);

        assertThat(state.begin().withId("malware--emotet")).isEmpty();
        assertThat(state.begin().withId("malware--geodo"))
                .map(KnownObject::object)
                .contains(renamed);
        assertThat(state.begin().object("1")).map(KnownObject::object).contains(renamed);
    }

    @Test
    void anIdThatAnotherObjectTookOverStaysFound() throws IOException {
        put(EMOTET);
        put(malware("2", "malware--emotet"));
        put(malware("1", "malware--geodo"));

        assertThat(state.begin().withId("malware--emotet"))
                .map(known -> known.object().key())
                .contains("2");
    }

    @Test
    void aRelationWhoseEndMovedEndsThereOnly() throws IOException {
        put(SEEN);
        Pending batch = state.begin();
        batch.put(new KnownObject(
                sighting("7", "sighting--seen", "malware--qakbot", "2", "identity--bank"), false, Optional.empty()));
        assertThat(keysEndingAt(batch, "malware--emotet", "1")).isEmpty();
        assertThat(keysEndingAt(batch, "2")).containsExactly("7");
        write(batch);

        assertThat(keysEndingAt(state.begin(), "malware--emotet", "1")).isEmpty();
        assertThat(keysEndingAt(state.begin(), "2")).containsExactly("7");
        assertThat(keysEndingAt(state.begin(), "identity--bank")).containsExactly("7");
    }

    @Test
    void whatEndsAtSeveralIdsComesOnceAndInOrderWhereverItIs() throws IOException {
        put(
                sighting("c", "sighting--c", "x", "y"),
                sighting("a", "sighting--a", "y"),
                sighting("e", "sighting--e", "x"));
        Pending batch = state.begin();
        batch.put(new KnownObject(sighting("d", "sighting--d", "x", "y"), false, Optional.empty()));
        batch.put(new KnownObject(sighting("b", "sighting--b", "y", "x"), false, Optional.empty()));
        batch.put(new KnownObject(sighting("c", "sighting--c", "y", "x", "z"), false, Optional.empty()));
        batch.remove("e");

        assertThat(keysEndingAt(batch, "x", "y")).containsExactly("a", "b", "c", "d");
        assertThat(keysEndingAt(batch, "x")).containsExactly("b", "c", "d");
        write(batch);
        assertThat(keysEndingAt(state.begin(), "x", "y")).containsExactly("a", "b", "c", "d");
    }

    @Test
    void onlyRelationsEndSomewhere() throws IOException {
        put(report("9", "report--a", "malware--emotet"));

        assertThat(keysEndingAt(state.begin(), "malware--emotet")).isEmpty();
    }

    @Test
    void countsWhatRefersOnceWhereverItIs() throws IOException {
        put(report("a", "report--a", "x", "y"), report("b", "report--b", "y"), report("c", "report--c", "x"));
        Pending batch = state.begin();
        batch.put(new KnownObject(report("a", "report--a", "x"), false, Optional.empty()));
        batch.put(new KnownObject(report("d", "report--d", "x", "y"), false, Optional.empty()));
        batch.remove("c");

        assertThat(batch.referringTo(List.of("x"))).isEqualTo(2);
        assertThat(batch.referringTo(List.of("y"))).isEqualTo(2);
        assertThat(batch.referringTo(List.of("x", "y"))).isEqualTo(3);
        assertThat(batch.referringTo(List.of("z"))).isZero();
        write(batch);
        assertThat(state.begin().referringTo(List.of("x", "y"))).isEqualTo(3);
    }

    @Test
    void takesAnyTextAsAnId() throws IOException {
        String lengthy = "x".repeat(100_000);
        List<String> ids = List.of(
                "",
                "a",
                "ab",
                "b",
                "\0",
                "a\0b",
                "position",
                "o",
                "\ud800",
                "\udfff",
                "?",
                "\ufffd",
                "\ud83d\ude00",
                lengthy,
                lengthy + "x");
        Pending batch = state.begin();
        for (String id : ids) {
            batch.put(new KnownObject(sighting("key " + id, id, id), false, Optional.empty()));
        }
        write(batch);

        for (String id : ids) {
            assertThat(state.begin().withId(id))
                    .map(known -> known.object().id())
                    .contains(id);
            assertThat(keysEndingAt(state.begin(), id)).containsExactly("key " + id);
        }
        assertThat(state.read()).contains(position(1));
    }

    /** Every key of a write has a sequence number. */
    @Test
    void ofTheIndexesOnlyWhatDiffersIsWritten() throws Exception {
        String[] references =
                IntStream.range(0, 1000).mapToObj(n -> "malware--" + n).toArray(String[]::new);
        put(report("9", "report--a", references));
        long before = latestSequenceNumber();
        references[500] = "malware--another";

        put(report("9", "report--a", references));

        assertThat(latestSequenceNumber() - before)
                .as("position, nothing prepared, object, one entry less, one more")
                .isEqualTo(5);
    }

    @Test
    void opensAStoreThatHoldsOnlyAPosition() throws Exception {
        Files.createDirectories(directory);
        RocksDB.loadLibrary();
        try (Options options = new Options().setCreateIfMissing(true);
                FlushOptions now = new FlushOptions();
                RocksDB store = RocksDB.open(options, directory.toString())) {
            store.put(
                    "position".getBytes(StandardCharsets.US_ASCII), position(3).toJson());
            store.flush(now);
        }
        batches = 3;

        assertThat(state.read()).contains(position(3));
        assertThat(state.begin().object("1")).isEmpty();
        put(EMOTET);
        assertThat(state.read()).contains(position(4));
        assertThat(state.begin().object("1")).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\0{\"id\":", "x{}"})
    void anObjectThatCannotBeReadIsAnErrorThatNamesTheDirectory(String value) throws Exception {
        put(EMOTET);
        state.close();
        byte[] key = ByteBuffer.allocate(KnownObjects.PREFIX).put((byte) 'o').array();
        Digest.of("1").write(ByteBuffer.wrap(key, 1, Digest.LENGTH));
        try (Options options = new Options();
                RocksDB store = RocksDB.open(options, directory.toString())) {
            assertThat(store.get(key)).isNotNull();
            store.put(key, value.getBytes(StandardCharsets.UTF_8));
        }
        state = new State(directory);

        assertThatThrownBy(() -> state.begin().object("1"))
                .isInstanceOf(State.Unusable.class)
                .hasMessageContaining(directory + " holds an object");
    }

    @Test
    void writesOnlyWhatWasBegunLastAndOnce() throws IOException {
        Pending first = state.begin();
        Pending second = state.begin();
        assertThatThrownBy(() -> write(first)).isInstanceOf(IllegalStateException.class);
        write(second);

        assertThatThrownBy(() -> write(second)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void onceClosedItSaysSo() throws IOException {
        put(EMOTET);
        Pending batch = state.begin();
        state.close();

        assertThatThrownBy(() -> batch.object("1"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is closed");
        assertThatThrownBy(() -> batch.endingAt(List.of("1"))).isInstanceOf(IOException.class);
    }

    /** Wherever the room ends: in the log, or only in the table that the first write is brought to. */
    @Test
    void aBatchThatComesAgainAfterAFullDiskFindsWhatItFound() throws IOException {
        for (int pages = 0; pages < 12; pages++) {
            try (SmallDisk disk = SmallDisk.mount(temporary.resolve("disk-" + pages), 1);
                    State small = new State(disk.path().resolve("state"))) {
                assertThat(small.read()).isEmpty();
                disk.fillButFor(pages);
                Pending batch = small.begin();
                batch.put(new KnownObject(EMOTET, false, Optional.empty()));
                boolean isWritten = isWritten(small, batch);
                disk.free();

                Pending again = small.begin();
                assertThat(again.object("1").isPresent()).as("%d pages", pages).isEqualTo(isWritten);
                assertThat(small.read().isPresent()).isEqualTo(isWritten);
                again.put(new KnownObject(EMOTET, false, Optional.empty()));
                again.put(new KnownObject(SEEN, false, Optional.empty()));
                small.write(position(2), again);
                assertThat(small.begin().object("7")).isPresent();
            }
        }
    }

    @Test
    void whatWasKnownBeforeAFullDiskIsKnownThroughout() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(temporary.resolve("disk"), 1);
                State small = new State(disk.path().resolve("state"))) {
            Pending first = small.begin();
            first.put(new KnownObject(EMOTET, false, Optional.empty()));
            small.write(position(1), first);
            disk.fill();
            Pending failing = small.begin();
            failing.remove("1");
            for (int n = 0; n < 100; n++) {
                failing.put(
                        new KnownObject(report("r" + n, "report--" + n, "malware--emotet"), false, Optional.empty()));
            }
            assertThat(isWritten(small, failing)).isFalse();
            disk.free();

            assertThat(small.begin().object("1")).isPresent();
            assertThat(small.begin().referringTo(List.of("malware--emotet"))).isZero();
            assertThat(small.read()).contains(position(1));
        }
    }

    @Test
    void findsWhatIsNotMarkedPageByPage() throws IOException {
        List<StixObject> objects = IntStream.range(0, 50)
                .mapToObj(n -> malware("key" + n, "malware--" + n))
                .toList();
        put(objects.toArray(StixObject[]::new));
        state.mark(7, List.of("key3", "key9", "nobody knows it"));
        state.mark(6, List.of("key4")); // another reconcile's
        assertThat(state.hasMarks(7)).isTrue();
        assertThat(state.hasMarks(8)).isFalse();

        List<String> found = new ArrayList<>();
        Optional<String> last = Optional.empty();
        List<StixObject> page = state.unmarked(7, last, 9, 1 << 20);
        while (!page.isEmpty()) {
            assertThat(page).hasSizeLessThanOrEqualTo(9);
            page.forEach(object -> found.add(object.key()));
            last = Optional.of(found.get(found.size() - 1));
            page = state.unmarked(7, last, 9, 1 << 20);
        }

        assertThat(found)
                .hasSize(48)
                .doesNotHaveDuplicates()
                .doesNotContain("key3", "key9")
                .contains("key4");
    }

    @Test
    void aPageIsNoLargerThanAskedForButNeverEmpty() throws IOException {
        put(EMOTET, SEEN);

        assertThat(state.unmarked(7, Optional.empty(), 10, 1)).hasSize(1);
        assertThat(state.unmarked(7, Optional.empty(), 10, 1 << 20)).hasSize(2);
    }

    @Test
    void marksOutliveAKill() throws IOException {
        put(EMOTET, SEEN);
        state.mark(7, List.of("1"));
        put(malware("2", "malware--other"));
        reopen();

        assertThat(state.unmarked(7, Optional.empty(), 10, 1 << 20))
                .extracting(StixObject::key)
                .containsExactlyInAnyOrder("7", "2");
    }

    @Test
    void canBeReadBesideTheOneThatWrites() throws IOException {
        put(EMOTET, SEEN);
        try (State reader = State.readOnly(directory)) {
            assertThat(reader.read()).contains(position(batches));
            assertThat(reader.begin().object("1")).isPresent();
            put(malware("2", "malware--other"));
            assertThat(reader.unmarked(-1, Optional.empty(), 10, 1 << 20)).hasSize(2);
            Pending edit = reader.begin();
            edit.remove("1");
            assertThatThrownBy(() -> reader.write(position(9), edit)).isInstanceOf(IOException.class);
        }
        assertThat(state.begin().object("1")).isPresent();
    }

    private static boolean isWritten(State state, Pending batch) {
        try {
            state.write(position(1), batch);
            return true;
        } catch (IOException full) {
            assertThat(full).hasMessageContaining("No space left");
            return false;
        }
    }

    private void put(StixObject... objects) throws IOException {
        Pending batch = state.begin();
        for (StixObject object : objects) {
            batch.put(new KnownObject(object, false, Optional.empty()));
        }
        write(batch);
    }

    private void write(Pending batch) throws IOException {
        state.write(position(batches + 1), batch);
        batches++;
    }

    private void reopen() {
        state.close();
        state = new State(directory);
    }

    private long latestSequenceNumber() throws Exception {
        state.close();
        try (Options options = new Options();
                RocksDB store = RocksDB.openReadOnly(options, directory.toString())) {
            return store.getLatestSequenceNumber();
        } finally {
            state = new State(directory);
        }
    }

    private static Collection<String> keysEndingAt(Known known, String... ids) throws IOException {
        return known.endingAt(List.of(ids)).stream()
                .map(relation -> relation.object().key())
                .toList();
    }
}
