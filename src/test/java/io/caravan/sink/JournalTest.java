package io.caravan.sink;

import static io.caravan.event.Changes.position;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.Event.Kind;
import io.caravan.event.EventId;
import io.caravan.event.Events;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Folders;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Patience;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The journal and its hours' files. A line's number in a test is its event's; a batch's, the count of batches before it. */
class JournalTest {

    private static final String TEN = "2026/11/21/10.ndjson";
    private static final String ELEVEN = "2026/11/21/11.ndjson";
    private static final Instant AT_TEN = Instant.parse("2026-11-21T10:30:00Z");
    private static final Instant AT_ELEVEN = Instant.parse("2026-11-21T11:30:00Z");
    private static final Instant AT_TWELVE = Instant.parse("2026-11-21T12:30:00Z");

    @TempDir
    Path temporary;

    private Path root;
    private Path note;
    private final List<Journal> opened = new ArrayList<>();
    private final List<DeadLetter> letters = new ArrayList<>();

    @BeforeEach
    void chooseDirectoriesThatAreNotThereYet() {
        root = temporary.resolve("files/journal");
        note = temporary.resolve("data/state/journal.json");
    }

    @AfterEach
    void close() {
        opened.forEach(Journal::close);
    }

    // lines

    @Test
    void anEventIsALine() throws IOException {
        Event event = Events.event(
                EventId.parse("1795282698973-1"), "update", Kind.MAIN, "a", Bytes.of("{ \"data\" : {\"id\":\"a\"}}"));

        journal().deliver(batch(0, Instant.parse("2026-11-21T10:38:18.973Z"), event));

        assertThat(Files.readString(root.resolve(TEN)))
                .isEqualTo("{\"position\":\"1795282698973-1\",\"op\":\"update\","
                        + "\"received\":\"2026-11-21T10:38:18.973Z\",\"event\":{ \"data\" : {\"id\":\"a\"}}}\n");
    }

    @Test
    void everyRecordedEventIsThereByteForByte() throws IOException {
        ByteArrayOutputStream expected = new ByteArrayOutputStream();
        List<Event> events = new ArrayList<>();
        for (Frame frame : Capture.events("runA/runA-all.sse")) {
            byte[] data = frame.data();
            events.add(Events.event(
                    EventId.parse(frame.id()), frame.event(), Kind.MAIN, "a", new Bytes(data, data.length)));
            expected.writeBytes(("{\"position\":\"" + frame.id() + "\",\"op\":\"" + frame.event()
                            + "\",\"received\":\"2026-11-21T10:30:00Z\",\"event\":")
                    .getBytes(UTF_8));
            expected.writeBytes(data);
            expected.writeBytes("}\n".getBytes(UTF_8));
        }

        journal().deliver(batch(0, AT_TEN, events.toArray(Event[]::new)));

        assertThat(Files.readAllBytes(root.resolve(TEN))).isEqualTo(expected.toByteArray());
    }

    @Test
    void linesStandInTheOrderOfDelivery() throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1), event(2)));
        journal.deliver(batch(1, AT_TEN, event(3)));
        journal.deliver(batch(2, AT_TEN, event(4), event(5)));

        assertThat(linesOf(TEN)).containsExactly(1, 2, 3, 4, 5);
    }

    /** In what is still in memory, and where a part of its line is in the file by now. */
    @ParameterizedTest
    @ValueSource(ints = {10, 600_000})
    void anEventWhoseLineCannotBeMadeLeavesNothingOfItAndIsADeadLetterOnce(int length) throws IOException {
        Event broken = new Event(
                new EventId(2, 0),
                "update",
                event(2).envelope(),
                new Bytes(new byte[length], 0, length + 1),
                Bytes.of("{}"));
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1), broken, event(3)));
        journal.deliver(batch(0, AT_TEN, event(1), broken, event(3)));

        assertThat(linesOf(TEN)).containsExactly(1, 3);
        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.sink()).isEqualTo("journal");
            assertThat(letter.position()).isEqualTo("2-0");
            assertThat(letter.error()).startsWith("its line cannot be made: an error in Caravan: ");
        });
    }

    @Test
    void anEnvelopeOfSeveralLinesIsOneLine() throws IOException {
        String envelope = "{\n\"data\":\n\n{\"id\":\"a\"}\n}";
        Event event = Events.event(EventId.parse("1-0"), "create", Kind.MAIN, "a", Bytes.of(envelope));

        journal().deliver(batch(0, AT_TEN, event));

        List<String> lines = Files.readAllLines(root.resolve(TEN));
        assertThat(lines).hasSize(1);
        assertThat(new ObjectMapper().readTree(lines.get(0)).get("event"))
                .isEqualTo(new ObjectMapper().readTree(envelope));
    }

    @ParameterizedTest
    @ValueSource(ints = {262_143, 262_144, 262_145, 524_288, 5_000_000})
    void anEventLargerThanTheBufferIsWhole(int size) throws IOException {
        byte[] raw = new byte[size];
        for (int i = 0; i < size; i++) {
            raw[i] = (byte) ('a' + i % 26);
        }
        Event large = Events.event(EventId.parse("2-0"), "create", Kind.MAIN, "a", new Bytes(raw, size));

        journal().deliver(batch(0, AT_TEN, event(1), large, event(3)));

        List<String> lines = Files.readAllLines(root.resolve(TEN));
        assertThat(lines).hasSize(3);
        assertThat(lines.get(1)).endsWith("\"event\":" + new String(raw, UTF_8) + "}");
        assertThat(linesOf(TEN)).containsExactly(1, 2, 3);
    }

    @Test
    void noMoreThanTheEventsBytesIsWritten() throws IOException {
        byte[] buffer = "{\"a\":1}{\"b\":2}".getBytes(UTF_8);

        journal()
                .deliver(batch(
                        0, AT_TEN, Events.event(EventId.parse("1-0"), "create", Kind.MAIN, "a", new Bytes(buffer, 7))));

        assertThat(Files.readString(root.resolve(TEN))).endsWith("\"event\":{\"a\":1}}\n");
    }

    @Test
    void anEmptyBatchWritesNothing() throws IOException {
        journal().deliver(batch(0, AT_TEN));

        assertThat(files()).isEmpty();
    }

    // a batch that comes again

    /** Who delivers it again. */
    enum Again {
        AFTER_A_FAILURE,
        AFTER_A_RESTART;

        Journal journal(JournalTest test, Journal before) {
            return this == AFTER_A_FAILURE ? before : test.journal();
        }
    }

    @ParameterizedTest
    @EnumSource(Again.class)
    void aBatchThatComesAgainStandsThereOnce(Again again) throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1), event(2)));
        journal.deliver(batch(1, AT_TEN, event(3), event(4)));

        again.journal(this, journal).deliver(batch(1, AT_TEN, event(3), event(4)));

        assertThat(linesOf(TEN)).containsExactly(1, 2, 3, 4);
    }

    @ParameterizedTest
    @EnumSource(Again.class)
    void theFirstBatchThatComesAgainStandsThereOnce(Again again) throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));

        again.journal(this, journal).deliver(batch(0, AT_TEN, event(1)));

        assertThat(linesOf(TEN)).containsExactly(1);
    }

    @ParameterizedTest
    @EnumSource(Again.class)
    void itMayHaveOtherEventsThen(Again again) throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        journal.deliver(batch(1, AT_TEN, event(2), event(3), event(4)));

        Journal then = again.journal(this, journal);
        then.deliver(batch(1, AT_TEN, event(2), event(3)));
        then.deliver(batch(2, AT_TEN, event(4)));

        assertThat(linesOf(TEN)).containsExactly(1, 2, 3, 4);
    }

    @ParameterizedTest
    @EnumSource(Again.class)
    void itMayComeInALaterHour(Again again) throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        journal.deliver(batch(1, AT_TEN, event(2)));

        Journal then = again.journal(this, journal);
        then.deliver(batch(1, AT_ELEVEN, event(2)));
        then.deliver(batch(1, AT_ELEVEN, event(2)));

        awaitFiles(TEN + ".gz", ELEVEN);
        assertThat(linesOf(TEN + ".gz")).containsExactly(1);
        assertThat(linesOf(ELEVEN)).containsExactly(2);
    }

    @Test
    void itMayComeManyTimes() throws IOException {
        journal().deliver(batch(0, AT_TEN, event(1)));
        for (int i = 0; i < 5; i++) {
            Journal journal = journal();
            journal.deliver(batch(1, AT_TEN, event(2)));
            journal.deliver(batch(1, AT_TEN, event(2)));
        }

        assertThat(linesOf(TEN)).containsExactly(1, 2);
    }

    @Test
    void itMayBeEmptyThen() throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        journal.deliver(batch(1, AT_TEN, event(2)));

        journal.deliver(batch(1, AT_TEN));

        assertThat(linesOf(TEN)).containsExactly(1);
    }

    @Test
    void whatAKillToreIsCut() throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        long whole = Files.size(root.resolve(TEN));
        journal.deliver(batch(1, AT_TEN, event(2), event(3)));
        byte[] content = Files.readAllBytes(root.resolve(TEN));

        for (int length = (int) whole; length <= content.length; length += 7) {
            Files.write(root.resolve(TEN), Arrays.copyOf(content, length));
            journal().deliver(batch(1, AT_TEN, event(2), event(3)));

            assertThat(Files.readAllBytes(root.resolve(TEN)))
                    .as("torn at %d", length)
                    .isEqualTo(content);
        }
    }

    @Test
    void whatElseStandsBehindTheNotedLengthIsCut() throws IOException {
        journal().deliver(batch(0, AT_TEN, event(1)));
        journal().deliver(batch(1, AT_TEN, event(2)));
        Files.write(root.resolve(TEN), new byte[4096], StandardOpenOption.APPEND);

        journal().deliver(batch(1, AT_TEN, event(2)));

        assertThat(linesOf(TEN)).containsExactly(1, 2);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 2, 3})
    void aBatchOfAnotherNumberIsNotTheSame(long number) throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        journal.deliver(batch(1, AT_TEN, event(2)));

        journal().deliver(batch(number, AT_TEN, event(3)));

        assertThat(linesOf(TEN)).containsExactly(1, 2, 3);
    }

    // the note

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "null",
                "[]",
                "no JSON",
                "\0\0\0\0\0\0\0\0",
                "{}",
                "{\"batches\":0,\"file\":\"2026/11/21/10.ndjson\"}",
                "{\"batches\":0,\"length\":5}",
                "{\"file\":\"2026/11/21/10.ndjson\",\"length\":5}",
                "{\"batches\":0,\"file\":7,\"length\":5}",
                "{\"batches\":0,\"file\":null,\"length\":5}",
                "{\"batches\":\"none\",\"file\":\"2026/11/21/10.ndjson\",\"length\":5}",
                "{\"batches\":0,\"file\":\"2026/11/21/10.ndjson\",\"length\":\"five\"}",
                "{\"batches\":0,\"file\":\"2026/11/21/10.ndjson\",\"length\":null}",
                "{\"batches\":0,\"file\":\"2026/11/21/10.ndjson\",\"length\":-1}"
            })
    void aBrokenNoteIsAnErrorThatNamesItAndTouchesNothing(String content) throws IOException {
        journal().deliver(batch(0, AT_TEN, event(1)));
        Files.writeString(note, content);

        Journal journal = journal();
        for (int attempt = 0; attempt < 2; attempt++) {
            assertThatThrownBy(() -> journal.deliver(batch(0, AT_TEN, event(2))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(note.toString())
                    .hasMessageContaining("remove it");
        }

        assertThat(linesOf(TEN)).containsExactly(1);
    }

    @Test
    void withoutTheBrokenNoteItGoesOn() throws IOException {
        journal().deliver(batch(0, AT_TEN, event(1)));
        Files.writeString(note, "{");
        Journal journal = journal();
        assertThatThrownBy(() -> journal.deliver(batch(1, AT_TEN, event(2)))).isInstanceOf(IOException.class);

        Files.delete(note);
        journal.deliver(batch(1, AT_TEN, event(2)));

        assertThat(linesOf(TEN)).containsExactly(1, 2);
    }

    // hours

    @ParameterizedTest
    @CsvSource({
        "2026-11-21T00:00:00Z,     2026/11/21/00.ndjson",
        "2026-11-21T10:59:59.999Z, 2026/11/21/10.ndjson",
        "2026-11-21T11:00:00Z,     2026/11/21/11.ndjson",
        "2026-12-31T23:59:59.999Z, 2026/12/31/23.ndjson",
        "2027-01-01T00:00:00Z,     2027/01/01/00.ndjson"
    })
    void theTimeReceivedChoosesTheFile(Instant received, String file) throws IOException {
        journal().deliver(batch(0, received, event(1)));

        assertThat(files()).containsExactly(file);
    }

    @Test
    void anHourIsOneOfUtcWhereverTheProgramRuns() throws IOException {
        TimeZone here = TimeZone.getDefault();
        TimeZone.setDefault(TimeZone.getTimeZone("Asia/Kolkata"));
        try {
            journal().deliver(batch(0, AT_TEN, event(1)));
        } finally {
            TimeZone.setDefault(here);
        }

        assertThat(files()).containsExactly(TEN);
    }

    @ParameterizedTest
    @EnumSource(Again.class)
    void whenTheClockGoesBackTheNewestFileGoesOn(Again again) throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_ELEVEN, event(1)));

        again.journal(this, journal).deliver(batch(1, AT_TEN, event(2)));

        assertThat(files()).containsExactly(ELEVEN);
        assertThat(linesOf(ELEVEN)).containsExactly(1, 2);
    }

    @Test
    void onceTheClockHasCaughtUpItsHourHasAFile() throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_ELEVEN, event(1)));
        journal.deliver(batch(1, AT_TEN, event(2)));
        journal.deliver(batch(2, AT_TWELVE, event(3)));

        awaitFiles(ELEVEN + ".gz", "2026/11/21/12.ndjson");
        assertThat(linesOf(ELEVEN + ".gz")).containsExactly(1, 2);
    }

    // compression

    @Test
    void anHourIsGzippedOnceALaterOneHasBegun() throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1), event(2)));
        byte[] plain = Files.readAllBytes(root.resolve(TEN));
        journal.deliver(batch(1, AT_TEN.plusSeconds(1)));
        assertThat(files()).as("nothing was appended behind it").containsExactly(TEN);

        journal.deliver(batch(1, AT_ELEVEN, event(3)));

        awaitFiles(TEN + ".gz", ELEVEN);
        assertThat(content(root.resolve(TEN + ".gz"))).isEqualTo(plain);
    }

    @Test
    void manyHoursAreGzippedOneAfterTheOther() throws IOException {
        Journal journal = journal();
        Map<String, byte[]> written = new TreeMap<>();
        for (int hour = 0; hour < 10; hour++) {
            journal.deliver(
                    batch(hour, Instant.parse("2026-11-21T00:00:00Z").plusSeconds(3600L * hour), event(hour + 1)));
            written.put(
                    "2026/11/21/0" + hour + ".ndjson",
                    ("{\"position\":\"" + (hour + 1) + "-0\",\"op\":\"create\",\"received\":\"2026-11-21T0" + hour
                                    + ":00:00Z\",\"event\":{}}\n")
                            .getBytes(UTF_8));
        }

        await().atMost(Patience.SOON).untilAsserted(() -> assertThat(files())
                .hasSize(10)
                .filteredOn(file -> file.endsWith(".gz"))
                .hasSize(9));
        for (Map.Entry<String, byte[]> hour : written.entrySet()) {
            Path plain = root.resolve(hour.getKey());
            Path file = Files.exists(plain) ? plain : root.resolve(hour.getKey() + ".gz");
            assertThat(content(file)).as(file.toString()).isEqualTo(hour.getValue());
        }
    }

    @Test
    void hoursLeftPlainByAnEndAreGzippedAfterTheNextStart() throws IOException {
        plain("2026/11/20/23.ndjson", "old\n");
        plain(TEN, "older\n");

        journal().deliver(batch(0, AT_ELEVEN, event(1)));

        awaitFiles("2026/11/20/23.ndjson.gz", TEN + ".gz", ELEVEN);
        assertThat(content(root.resolve("2026/11/20/23.ndjson.gz"))).isEqualTo("old\n".getBytes(UTF_8));
        assertThat(content(root.resolve(TEN + ".gz"))).isEqualTo("older\n".getBytes(UTF_8));
    }

    @Test
    void anHourThatIsGzippedAndStillPlainIsKeptOnce() throws IOException {
        plain(TEN, "whole\n");
        gzip(TEN, "whole\n");

        journal().deliver(batch(0, AT_ELEVEN, event(1)));

        awaitFiles(TEN + ".gz", ELEVEN);
        assertThat(content(root.resolve(TEN + ".gz"))).isEqualTo("whole\n".getBytes(UTF_8));
    }

    @Test
    void halfAGzippedFileIsRemovedAndMadeAnew() throws IOException {
        plain(TEN, "whole\n");
        plain("2026/11/21/.10.ndjson.gz.part", "half");

        journal().deliver(batch(0, AT_ELEVEN, event(1)));

        awaitFiles(TEN + ".gz", ELEVEN);
        assertThat(content(root.resolve(TEN + ".gz"))).isEqualTo("whole\n".getBytes(UTF_8));
    }

    @Test
    void halfAGzippedFileOfTheNewestHourIsRemovedToo() throws IOException {
        plain("2026/11/21/.10.ndjson.gz.part", "half");

        journal().deliver(batch(0, AT_TEN, event(1)));

        assertThat(files()).containsExactly(TEN);
    }

    @Test
    void otherFilesAreLeftAlone() throws IOException {
        plain("notes.ndjson", "mine");
        gzip("notes.ndjson", "mine too");
        plain("copy/2026/11/21/09.ndjson", "mine");
        plain("2026/11/21/readme.txt", "mine");
        plain("upload.gz.part", "mine");
        List<String> mine = files();

        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        journal.deliver(batch(1, AT_ELEVEN, event(2)));

        await().atMost(Patience.SOON)
                .untilAsserted(() -> assertThat(files()).contains(TEN + ".gz").doesNotContain(TEN));
        assertThat(files()).containsAll(mine);
    }

    // files that go away

    @Test
    void whenItsFilesAreGoneItGoesOnInNewOnes() throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        Folders.delete(temporary.resolve("files"));

        journal.deliver(batch(1, AT_TEN, event(2)));
        journal.deliver(batch(2, AT_ELEVEN, event(3)));

        awaitFiles(TEN + ".gz", ELEVEN);
        assertThat(linesOf(TEN + ".gz")).containsExactly(2);
        assertThat(linesOf(ELEVEN)).containsExactly(3);
    }

    @ParameterizedTest
    @EnumSource(Again.class)
    void aBatchMayComeAgainWhenItsFileIsGone(Again again) throws IOException {
        Journal journal = journal();
        journal.deliver(batch(0, AT_TEN, event(1)));
        journal.deliver(batch(1, AT_TEN, event(2)));
        Folders.delete(temporary.resolve("files"));

        again.journal(this, journal).deliver(batch(1, AT_TEN, event(2)));

        assertThat(linesOf(TEN)).containsExactly(2);
    }

    /** By somebody, or because the newest file is gone and the clock has gone back. */
    @Test
    void anHourThatIsGzippedAlreadyKeepsWhatIsInItAndWhatComes() throws IOException {
        gzip(TEN, "{\"position\":\"1-0\"}\n");
        journal().deliver(batch(0, AT_TEN, event(2)));

        journal().deliver(batch(1, AT_ELEVEN, event(3)));

        await().atMost(Duration.ofSeconds(3)).untilAsserted(() -> {
            assertThat(files()).doesNotContain(TEN);
            assertThat(allLines()).containsExactlyInAnyOrder(1, 2, 3);
        });
    }

    private Journal journal() {
        Journal journal = new Journal(root, note, letters::add);
        opened.add(journal);
        return journal;
    }

    private static Batch batch(long number, Instant received, Event... events) {
        return Batch.ofEvents(position(number), position(number + 1), received, List.of(events));
    }

    private static Event event(int number) {
        return Events.event(new EventId(number, 0), "create", Kind.MAIN, "a", Bytes.of("{}"));
    }

    /** The numbers of the events in a file, whose lines must all be whole. */
    private List<Integer> linesOf(String file) throws IOException {
        String text = new String(content(root.resolve(file)), UTF_8);
        assertThat(text).endsWith("\n");
        return text.lines()
                .map(line -> {
                    assertThat(line).startsWith("{\"position\":\"").endsWith("}");
                    return Integer.parseInt(line.substring(13, line.indexOf('-')));
                })
                .toList();
    }

    private List<Integer> allLines() throws IOException {
        List<Integer> lines = new ArrayList<>();
        for (String file : files()) {
            lines.addAll(linesOf(file));
        }
        return lines;
    }

    private static byte[] content(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file);
                InputStream plain = file.toString().endsWith(".gz") ? new GZIPInputStream(in) : in) {
            return plain.readAllBytes();
        }
    }

    private void plain(String file, String content) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }

    private void gzip(String file, String content) throws IOException {
        Path path = root.resolve(file + ".gz");
        Files.createDirectories(path.getParent());
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(path))) {
            out.write(content.getBytes(UTF_8));
        }
    }

    private void awaitFiles(String... expected) {
        await().atMost(Patience.SOON).untilAsserted(() -> assertThat(files()).containsExactly(expected));
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.exists(root) ? Files.walk(root) : Stream.empty()) {
            return files.filter(Files::isRegularFile)
                    .map(file -> root.relativize(file).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
        }
    }
}
