package io.caravan.sink;

import static io.caravan.event.Changes.batch;
import static io.caravan.event.Changes.batchOfOneEvent;
import static io.caravan.event.Changes.object;
import static io.caravan.event.Changes.remove;
import static io.caravan.event.Changes.removed;
import static io.caravan.event.Changes.renamed;
import static io.caravan.event.Changes.upsert;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.StixObject;
import io.caravan.testkit.Capture;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The mirror and its files. An object's letter tells its internal id, a number its STIX id. */
class MirrorTest {

    private static final StixObject A1 = named("1", "a", "the first");
    private static final StixObject A2 = named("2", "a", "the first, renamed");
    private static final StixObject B1 = named("1", "b", "the second, renamed");
    private static final StixObject B2 = named("2", "b", "the second");
    private static final StixObject C3 = named("3", "c", "the third");

    @TempDir
    Path temporary;

    private Path root;
    private final List<DeadLetter> letters = new ArrayList<>();
    private final List<Mirror> opened = new ArrayList<>();

    @BeforeEach
    void chooseADirectoryThatIsNotThereYet() {
        root = temporary.resolve("files/objects");
    }

    @AfterEach
    void close() {
        opened.forEach(Mirror::close);
    }

    // files

    @Test
    void anObjectIsAFileOfItsTypesFolder() throws Exception {
        StixObject indicator =
                object("{ \"type\" : \"indicator\",\n \"id\":\"" + id("1") + "\", \"name\":\"\u00e9\\u00e9\" }");

        mirror().deliver(batch(0, upsert(indicator)));

        assertThat(Files.readString(root.resolve("indicator/" + id("1") + ".json")))
                .isEqualTo("{ \"type\" : \"indicator\",\n \"id\":\"" + id("1") + "\", \"name\":\"\u00e9\\u00e9\" }");
    }

    @Test
    void aLaterStateReplacesTheFile() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(named("1", "a", "a long name, longer than the next"))));

        mirror.deliver(batch(1, upsert(A1)));

        assertHolds(A1);
    }

    @Test
    void ofSeveralStatesInABatchTheLastCounts() throws Exception {
        mirror().deliver(batch(0, upsert(named("1", "a", "before")), upsert(B2), upsert(A1)));

        assertHolds(A1, B2);
    }

    @Test
    void anObjectThatIsGoneHasNoFile() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), upsert(B2)));

        mirror.deliver(batch(1, remove(A1)));

        assertHolds(B2);
    }

    @Test
    void whatWasNeverThereMayGo() throws Exception {
        mirror().deliver(batch(0, remove(A1), renamed(id("5"), B2)));

        assertHolds(B2);
    }

    @Test
    void everyRecordedObjectIsThereByteForByte() throws Exception {
        Map<String, byte[]> expected = new TreeMap<>();
        List<Change> changes = Capture.events("volume/vol-all.sse").stream()
                .map(Changes::ofFrame)
                .toList();
        Mirror mirror = mirror();
        for (int from = 0; from < changes.size(); from += 1000) {
            mirror.deliver(batch(from, changes.subList(from, Math.min(changes.size(), from + 1000))));
        }

        for (Change change : changes) {
            String file = change.object().id().replaceFirst("--.*", "") + "/"
                    + change.object().id() + ".json";
            expected.remove(file);
            change.after().ifPresent(object -> expected.put(file, object.json().exactly()));
        }
        assertThat(files()).containsExactlyElementsOf(expected.keySet()).hasSizeGreaterThan(3000);
        for (Map.Entry<String, byte[]> file : expected.entrySet()) {
            assertThat(root.resolve(file.getKey())).hasBinaryContent(file.getValue());
        }
        assertThat(letters).isEmpty();
    }

    @Test
    void anObjectOfManyMegabytesIsWhole() throws Exception {
        StixObject large = named("1", "a", "0123456789".repeat(2_000_000));

        mirror().deliver(batch(0, upsert(large), upsert(B2)));

        assertHolds(large, B2);
    }

    @Test
    void otherFilesAreLeftAlone() throws Exception {
        Files.createDirectories(root.resolve("indicator"));
        Files.writeString(root.resolve("indicator/notes.txt"), "mine");
        Files.writeString(root.resolve("readme"), "mine");

        mirror().deliver(batch(0, upsert(A1), remove(B2)));

        assertThat(files()).containsExactly("indicator/" + id("1") + ".json", "indicator/notes.txt", "readme");
    }

    // renames, removals, merges

    @Test
    void aRenamedObjectHasOneFile() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1)));

        mirror.deliver(batch(1, renamed(id("1"), A2)));

        assertHolds(A2);
    }

    @Test
    void anObjectMayBeRenamedManyTimesInABatch() throws Exception {
        mirror().deliver(batch(
                0, upsert(A1), renamed(id("1"), A2), renamed(id("2"), named("3", "a", "x")), renamed(id("3"), A1)));

        assertHolds(A1);
    }

    @Test
    void aRenameMayChangeTheType() throws Exception {
        StixObject malware = object(A1.id().replace("indicator", "malware"), "a", "a malware now");
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1)));

        mirror.deliver(batch(1, renamed(A1.id(), malware)));

        assertThat(files()).containsExactly("malware/" + malware.id() + ".json");
    }

    @Test
    void anObjectThatWasLastToldOfByAnotherIdGoesUnderBoth() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1)));

        mirror.deliver(batch(1, removed(id("1"), A2)));

        assertHolds();
    }

    /** Whatever batches it comes in, and when there was nothing before it. */
    @ParameterizedTest
    @MethodSource("twoSwapTheirIds")
    void twoObjectsMaySwapTheirIds(List<List<Change>> batches) throws Exception {
        Mirror mirror = mirror();
        int number = 0;
        for (List<Change> changes : batches) {
            mirror.deliver(batch(number++, changes));
        }

        assertHolds(B1, A2);
    }

    static Stream<List<List<Change>>> twoSwapTheirIds() {
        Change first = upsert(A1);
        Change second = upsert(B2);
        Change toTwo = renamed(id("1"), A2);
        Change toOne = renamed(id("2"), B1);
        return Stream.of(
                List.of(List.of(first, second, toTwo, toOne)),
                List.of(List.of(first, second), List.of(toTwo, toOne)),
                List.of(List.of(first, second), List.of(toTwo), List.of(toOne)),
                List.of(List.of(first), List.of(second, toTwo), List.of(toOne)),
                List.of(List.of(toTwo, toOne)),
                List.of(List.of(toTwo), List.of(toOne)));
    }

    @Test
    void anObjectMayGoAndComeInOneBatch() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(named("1", "a", "before"))));

        mirror.deliver(batch(1, remove(A1), upsert(A1)));

        assertHolds(A1);
    }

    @Test
    void anObjectMayComeAndGoInOneBatch() throws Exception {
        mirror().deliver(batch(0, upsert(A1), remove(A1)));

        assertHolds();
    }

    @Test
    void anotherObjectMayTakeTheIdOfOneThatGoes() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1)));

        mirror.deliver(batch(1, remove(A1), upsert(B1)));

        assertHolds(B1);
    }

    @Test
    void theEndOfAnObjectIsNotTheEndOfAnotherThatHasItsIdByThen() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), upsert(B1), remove(A1)));
        assertHolds(B1);

        mirror.deliver(batch(1, remove(A1)));

        assertHolds(B1);
    }

    @Test
    void withoutInternalIdsTheStixIdTells() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), upsert(named("2", "", "of no platform"))));

        mirror.deliver(batch(1, remove(named("1", "", "of no platform")), remove(B2)));

        assertHolds();
    }

    @Test
    void aFileThatSomebodyBrokeGoesWithItsObject() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), upsert(B2)));
        Files.writeString(file(A1), "{\"extensions\":");
        Files.writeString(file(B2), "");

        mirror.deliver(batch(1, remove(A1), remove(B2)));

        assertHolds();
    }

    @Test
    void aMergeTakesTheSourcesAndMovesTheirRelations() throws Exception {
        StixObject atSource = object("relationship--" + uuid("7"), "r", "ends at the source");
        StixObject atTarget = object("relationship--" + uuid("7"), "r", "ends at the target");
        StixObject twin = object("relationship--" + uuid("8"), "s", "is the same then");
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), upsert(B2), upsert(C3), upsert(atSource), upsert(twin)));

        StixObject merged = named("1", "a", "both");
        mirror.deliver(batchOfOneEvent(1, remove(B2), upsert(merged), upsert(atTarget), remove(twin)));

        assertHolds(merged, C3, atTarget);
    }

    /** The target may take over a source's id. */
    @Test
    void aMergedObjectMayBearTheIdOfASource() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), upsert(B2)));

        mirror.deliver(batchOfOneEvent(1, remove(B2), renamed(id("1"), A2)));

        assertHolds(A2);
    }

    // batches that come again

    @Test
    void aBatchMayComeAgain() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), upsert(B2), upsert(C3)));
        Batch batch = batch(1, renamed(id("1"), named("4", "a", "x")), renamed(id("2"), B1), remove(C3));
        for (int i = 0; i < 3; i++) {
            mirror.deliver(batch);
            mirror().deliver(batch);
        }

        assertHolds(B1, named("4", "a", "x"));
    }

    /** Few ids and few objects, so that they meet; cut anywhere, each batch tried with more or fewer changes first. */
    @Test
    void theFilesAreThoseOfTheChangesOneByOneWhereverBatchesAreCut() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int run = 0; run < 40; run++) {
            root = temporary.resolve("run" + run + "/objects");
            Model model = new Model();
            List<Change> changes = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                changes.add(model.next(random));
            }
            Mirror mirror = mirror();
            int from = 0;
            for (int number = 0; from < changes.size(); number++) {
                for (int tries = random.nextInt(3); tries > 0; tries--) {
                    int to = Math.min(changes.size(), from + random.nextInt(12));
                    mirror.deliver(batch(number, changes.subList(from, to)));
                }
                int to = Math.min(changes.size(), from + 1 + random.nextInt(12));
                mirror.deliver(batch(number, changes.subList(from, to)));
                from = to;
            }
            assertThat(contents()).as("seed %d, run %d", seed, run).isEqualTo(model.contents());
        }
    }

    /** What a platform could tell of a few objects: each has one id, no two have the same. */
    private static final class Model {
        private final Map<String, StixObject> byInternalId = new TreeMap<>();
        private int version;

        Change next(Random random) {
            String internalId = String.valueOf((char) ('a' + random.nextInt(4)));
            String number = String.valueOf(1 + random.nextInt(5));
            Optional<StixObject> last = Optional.ofNullable(byInternalId.get(internalId));
            if (last.isPresent() && random.nextInt(4) == 0) {
                byInternalId.remove(internalId);
                return remove(last.get());
            }
            boolean isFree =
                    byInternalId.values().stream().noneMatch(other -> other.id().equals(id(number)));
            if (!isFree && last.isEmpty()) {
                return next(random);
            }
            StixObject object = named(
                    isFree ? number : last.get().id().substring(last.get().id().length() - 1),
                    internalId,
                    "version " + version++);
            byInternalId.put(internalId, object);
            return last.map(StixObject::id)
                    .filter(id -> !id.equals(object.id()))
                    .map(previousId -> renamed(previousId, object))
                    .orElseGet(() -> upsert(object));
        }

        Map<String, String> contents() {
            return MirrorTest.contents(byInternalId.values().toArray(StixObject[]::new));
        }
    }

    // ids

    static Stream<String> idsThatAreNone() {
        String uuid = uuid("1");
        return Stream.of(
                "",
                "indicator",
                "--" + uuid,
                "indicator-" + uuid,
                "indicator--" + uuid + "0",
                "indicator--" + uuid.substring(1),
                "indicator--" + uuid.replace('0', 'g'),
                "indicator--" + uuid.replace('0', 'G'),
                "indicator--" + uuid.replace('-', '/'),
                "indicator--" + uuid + "\n",
                "\nindicator--" + uuid,
                "indicator\n--" + uuid,
                "indicator--" + uuid + "\0",
                "indicator\0--" + uuid,
                "indicator--" + uuid + ".json",
                "Indicator--" + uuid,
                "INDICATOR--" + uuid.toUpperCase(),
                "indicator_x--" + uuid,
                "indicator.--" + uuid,
                ".--" + uuid,
                "..--" + uuid,
                "../..--" + uuid,
                "../indicator--" + uuid,
                "indicator/../x--" + uuid,
                "indicator/x--" + uuid,
                "indicator\\x--" + uuid,
                "indicator--/../../../../../../../../../../x.json",
                "indicator--../../../../../../../../../../../../x",
                "/tmp/indicator--" + uuid,
                "/--" + uuid,
                "C:indicator--" + uuid,
                "~--" + uuid,
                ".next--" + uuid,
                "\u0131ndicator--" + uuid,
                "indicator\u2010\u2010" + uuid,
                "indicator--" + uuid.replace('1', '\u0661'),
                "\ud83d\udca3--" + uuid,
                "*--" + uuid,
                " indicator--" + uuid,
                "indicator-- " + uuid.substring(1),
                "x".repeat(213) + "--" + uuid,
                "x".repeat(100_000) + "--" + uuid);
    }

    @ParameterizedTest
    @MethodSource("idsThatAreNone")
    void anIdThatIsNoneBecomesADeadLetterAndNoFile(String id) throws Exception {
        StixObject odd = new StixObject(
                A1.json(), id, "indicator", "odd", "", "", "", List.of(), List.of(), List.of(), List.of());

        mirror().deliver(batch(0, upsert(B2), upsert(odd), remove(odd), renamed(id, C3)));

        assertHolds(B2, C3);
        try (Stream<Path> outside = Files.walk(temporary)) {
            assertThat(outside.filter(Files::isRegularFile)).allMatch(file -> file.startsWith(root));
        }
        assertThat(letters).hasSize(2).allSatisfy(letter -> {
            assertThat(letter.sink()).isEqualTo("mirror");
            assertThat(letter.id()).isEqualTo(id);
            assertThat(letter.position()).isEqualTo("1-0");
            assertThat(letter.error())
                    .isEqualTo("its STIX id cannot be a file's name: that is <type>--<36 of 0-9, a-f, A-F and ->,"
                            + " the type of a-z, 0-9 and -, at most 212 long");
            assertThat(letter.attempts()).isEqualTo(1);
        });
        assertThat(letters.get(0).event()).hasValue(upsert(odd).event().raw());
    }

    @Test
    void anIdWithCapitalDigitsIsAFileInSmallLetters() throws Exception {
        String uuid = "ABCDEF00-0000-4000-8000-00000000000F";
        StixObject object = object("indicator--" + uuid, "a", "in capitals");
        Mirror mirror = mirror();

        mirror.deliver(batch(0, upsert(object)));
        assertThat(files()).containsExactly("indicator/indicator--" + uuid.toLowerCase() + ".json");
        assertThat(contents().values()).containsExactly(object.json().toString());

        StixObject small = object("indicator--" + uuid.toLowerCase(), "a", "in small letters");
        mirror.deliver(batch(1, renamed(object.id(), small)));
        assertHolds(small);

        mirror.deliver(batch(2, remove(object("indicator--" + uuid, "b", "another"))));
        assertHolds(small);

        mirror.deliver(batch(3, remove(object)));
        assertThat(files()).isEmpty();
        assertThat(letters).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "0", "-", "--", "a--b", "x-mitre-tactic", "x-opencti-hostname", "con", "json"})
    void anUnusualTypeIsOneToo(String type) throws Exception {
        StixObject object = object(type + "--" + uuid("1"), "a", "odd");

        mirror().deliver(batch(0, upsert(object)));

        assertThat(files()).containsExactly(type + "/" + object.id() + ".json");
        assertThat(letters).isEmpty();
    }

    @Test
    void aTypeMayBeAsLongAsTheFileSystemTakes() throws Exception {
        StixObject object = object("x".repeat(212) + "--" + uuid("1"), "a", "odd");

        mirror().deliver(batch(0, upsert(object)));
        assertThat(files()).hasSize(1);
        mirror().deliver(batch(1, remove(object)));

        assertThat(files()).isEmpty();
        assertThat(letters).isEmpty();
    }

    @Test
    void whoTakesAnIdThatIsNoneLosesTheFileItHad() throws Exception {
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1)));

        mirror.deliver(batch(1, renamed(id("1"), object("Indicator--" + uuid("2"), "a", "renamed"))));

        assertHolds();
        assertThat(letters).hasSize(1);
    }

    @Test
    void aDeadLetterIsKeptOnceABatchHoweverOftenThatIsTried() throws Exception {
        StixObject odd = object("Indicator--" + uuid("1"), "a", "odd");
        Mirror mirror = mirror();
        Files.createDirectories(temporary.resolve("files"));
        Files.createFile(root);
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> mirror.deliver(batch(0, upsert(odd), upsert(B2))))
                    .isInstanceOf(IOException.class);
        }
        Files.delete(root);
        mirror.deliver(batch(0, upsert(odd), upsert(B2)));
        mirror.deliver(batch(0, upsert(odd), upsert(B2)));
        assertThat(letters).hasSize(1);

        mirror.deliver(batch(1, upsert(odd)));

        assertThat(letters).hasSize(2);
        assertHolds(B2);
    }

    @Test
    void anObjectWhoseFileCannotBeMadeIsADeadLetterOnceAndTheOthersAreThere() throws Exception {
        StixObject tool = object("tool--" + uuid("3"), "c", "tool");
        Change broken = Changes.broken(upsert(tool));
        Mirror mirror = mirror();
        mirror.deliver(batch(0, upsert(A1), broken, upsert(B2)));
        mirror.deliver(batch(0, upsert(A1), broken, upsert(B2)));

        assertHolds(A1, B2);
        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.sink()).isEqualTo("mirror");
            assertThat(letter.id()).isEqualTo(tool.id());
            assertThat(letter.error()).startsWith("its file cannot be made: an error in Caravan: ");
        });
    }

    @Test
    void aDeadLetterThatCannotBeKeptFailsTheBatch() throws Exception {
        List<DeadLetter> tried = new ArrayList<>();
        try (Mirror mirror = new Mirror(root, letter -> {
            tried.add(letter);
            if (tried.size() < 3) {
                throw new IOException("No space left on device");
            }
        })) {
            Batch batch = batch(0, upsert(A1), upsert(object("odd", "b", "odd")));
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> mirror.deliver(batch)).hasMessage("No space left on device");
            }
            mirror.deliver(batch);
            mirror.deliver(batch);
        }

        assertThat(tried).hasSize(3);
        assertHolds(A1);
    }

    // what fails, and what a kill leaves

    @Test
    void aFolderThatCannotBeMadeFailsTheBatchAndALaterTrySucceeds() throws Exception {
        Files.createDirectories(root);
        Files.createFile(root.resolve("indicator"));
        Mirror mirror = mirror();
        StixObject malware = object("malware--" + uuid("1"), "m", "could be written");
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> mirror.deliver(batch(0, upsert(malware), upsert(A1))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(root.resolve("indicator").toString());
        }
        Files.delete(root.resolve("indicator"));

        mirror.deliver(batch(0, upsert(malware), upsert(A1)));

        assertHolds(malware, A1);
    }

    @Test
    void aFileThatCannotBeReplacedFailsTheBatchAndALaterTrySucceeds() throws Exception {
        Files.createDirectories(file(A1).resolve("somebody's"));
        Mirror mirror = mirror();
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> mirror.deliver(batch(0, upsert(B2), upsert(A1), upsert(C3))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(A1.id());
        }
        Files.delete(file(A1).resolve("somebody's"));
        Files.delete(file(A1));

        mirror.deliver(batch(0, upsert(B2)));
        assertThat(leftovers()).isEmpty();
        mirror.deliver(batch(1, upsert(A1), upsert(C3)));

        assertHolds(A1, B2, C3);
    }

    @Test
    void whatAKillLeavesIsNoObjectAndIsRemoved() throws Exception {
        Files.createDirectories(root.resolve(".next"));
        Files.writeString(root.resolve(".next").resolve(id("1")), "{\"ty");
        Files.writeString(root.resolve(".next").resolve(id("4")), "{\"ty");

        Mirror mirror = mirror();
        mirror.deliver(batch(0));
        assertThat(leftovers()).isEmpty();
        mirror.deliver(batch(0, upsert(A1)));

        assertHolds(A1);
    }

    /** Each file says which batch it is of, so what may stand there after a kill is known exactly. */
    @Nested
    class Killed {

        private static final int KILLS = 12;

        @Test
        void atAnyInstantEachFileIsWholeAndOldOrNew() throws Exception {
            long seed = new Random().nextLong();
            Random random = new Random(seed);
            int delivered = 0;
            for (int kill = 0; kill < KILLS; kill++) {
                Process process = new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java")
                                        .toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                "-Xshare:auto",
                                "-XX:TieredStopAtLevel=1",
                                Deliveries.class.getName(),
                                root.toString(),
                                String.valueOf(delivered))
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
                try (BufferedReader out = process.inputReader()) {
                    for (int batches = 1 + random.nextInt(12); batches > 0; batches--) {
                        delivered = Integer.parseInt(out.readLine());
                        assertEachIsWhole(delivered, seed);
                    }
                    long until = System.nanoTime() + random.nextInt(15_000_000);
                    while (System.nanoTime() < until) {
                        Thread.onSpinWait();
                    }
                    process.toHandle().destroyForcibly(); // which leaves its output to be read
                    for (String line = out.readLine(); line != null; line = out.readLine()) {
                        delivered = Integer.parseInt(line);
                    }
                }
                assertEachIsOldOrNew(delivered, seed);
            }

            mirror().deliver(Deliveries.batch(delivered));

            assertThat(contents()).as("seed %d", seed).isEqualTo(Deliveries.contents(delivered));
        }

        /** While the other process goes on. */
        private void assertEachIsWhole(int batch, long seed) throws IOException {
            for (int object = 0; object < Deliveries.OBJECTS; object += 7) {
                Path file = file(Deliveries.state(object, batch));
                if (Files.exists(file)) {
                    try {
                        assertIsWhole(Files.readString(file), object, seed);
                    } catch (NoSuchFileException e) {
                        assertThat(object % 5).as("removed").isZero();
                    }
                }
            }
        }

        private void assertEachIsOldOrNew(int batch, long seed) throws IOException {
            Map<String, String> before = Deliveries.contents(batch);
            Map<String, String> after = Deliveries.contents(batch + 1);
            Map<String, String> there = contents(false);
            assertThat(there.keySet()).allMatch(file -> before.containsKey(file) || after.containsKey(file));
            for (String file : union(before, after)) {
                assertThat(there.get(file)).as("%s, seed %d", file, seed).isIn(before.get(file), after.get(file));
            }
        }

        private static void assertIsWhole(String content, int object, long seed) {
            int batch = Integer.parseInt(content.replaceAll("(?s).*\"name\":\"([0-9]+) .*", "$1"));
            assertThat(content)
                    .as("seed %d", seed)
                    .isEqualTo(Deliveries.state(object, batch).json().toString());
        }

        private static List<String> union(Map<String, String> one, Map<String, String> other) {
            return Stream.concat(one.keySet().stream(), other.keySet().stream())
                    .distinct()
                    .toList();
        }
    }

    /** A process that delivers batch after batch and says the number of each once it is delivered. */
    static final class Deliveries {

        static final int OBJECTS = 60;

        private Deliveries() {}

        public static void main(String[] arguments) throws Exception {
            try (Mirror mirror = new Mirror(Path.of(arguments[0]), letter -> {})) {
                for (int number = Integer.parseInt(arguments[1]); ; number++) {
                    mirror.deliver(batch(number));
                    System.out.println(number);
                }
            }
        }

        /** Every object anew, but of every fifth one either state or none. */
        static Batch batch(int number) {
            List<Change> changes = new ArrayList<>();
            for (int object = 0; object < OBJECTS; object++) {
                changes.add(isGone(object, number) ? remove(state(object, number)) : upsert(state(object, number)));
            }
            return Changes.batch(number, changes);
        }

        static StixObject state(int object, int number) {
            return object(
                    "indicator--00000000-0000-4000-8000-0000000000" + (10 + object),
                    "i" + object,
                    number + " " + String.valueOf(number).repeat(object * 100));
        }

        static Map<String, String> contents(int number) {
            return MirrorTest.contents(Stream.iterate(0, object -> object < OBJECTS, object -> object + 1)
                    .filter(object -> !isGone(object, number))
                    .map(object -> state(object, number))
                    .toArray(StixObject[]::new));
        }

        private static boolean isGone(int object, int number) {
            return object % 5 == 0 && number % 2 == 0;
        }
    }

    private Mirror mirror() {
        Mirror mirror = new Mirror(root, letters::add);
        opened.add(mirror);
        return mirror;
    }

    private static StixObject named(String number, String internalId, String name) {
        return object(id(number), internalId, name);
    }

    private static String id(String number) {
        return "indicator--" + uuid(number);
    }

    private static String uuid(String number) {
        return "00000000-0000-4000-8000-00000000000" + number;
    }

    private Path file(StixObject object) {
        return root.resolve(path(object));
    }

    private static String path(StixObject object) {
        return object.id().split("--")[0] + "/" + object.id() + ".json";
    }

    /** These objects' files, byte for byte, and nothing else. */
    private void assertHolds(StixObject... objects) throws IOException {
        assertThat(contents()).isEqualTo(contents(objects));
    }

    private static Map<String, String> contents(StixObject... objects) {
        Map<String, String> contents = new TreeMap<>();
        Arrays.stream(objects)
                .forEach(object -> contents.put(path(object), object.json().toString()));
        return contents;
    }

    private Map<String, String> contents() throws IOException {
        return contents(true);
    }

    private Map<String, String> contents(boolean all) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        for (String file : files()) {
            if (all || !file.startsWith(".next/")) {
                contents.put(file, new String(Files.readAllBytes(root.resolve(file)), UTF_8));
            }
        }
        return contents;
    }

    private List<Path> leftovers() throws IOException {
        try (Stream<Path> files = Files.list(root.resolve(".next"))) {
            return files.toList();
        }
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.exists(root) ? Files.walk(root) : Stream.empty()) {
            return files.filter(Files::isRegularFile)
                    .map(file -> root.relativize(file).toString().replace(File.separatorChar, '/'))
                    .sorted()
                    .toList();
        }
    }
}
