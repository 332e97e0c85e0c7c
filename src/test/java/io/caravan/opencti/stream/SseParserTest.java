package io.caravan.opencti.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Bytes;
import io.caravan.testkit.Capture;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules of WHATWG HTML, 9.2.6. Whatever is read by {@link #read} is read at once, byte by byte and cut in two at every byte. */
class SseParserTest {

    private static final int NO_LIMIT = Integer.MAX_VALUE;

    // lines

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r", "\r\n"})
    void aLineEndsInLineFeedCarriageReturnOrBoth(String end) {
        String stream = String.join(end, "event: create", "id: 1-0", "data: a", "", "data: b", "", "");

        assertThat(read(stream)).containsExactly(frame("create", "1-0", "a"), message("b"));
    }

    @Test
    void lineEndsMayBeMixed() {
        assertThat(read("data: a\rdata: b\r\ndata: c\n\rdata: d\r\r\ndata: e\n\r\n"))
                .containsExactly(message("a\nb\nc"), message("d"), message("e"));
    }

    @Test
    void lineFeedThenCarriageReturnAreTwoEnds() {
        assertThat(read("data: a\n\r")).containsExactly(message("a"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\u2028", "\u2029", "\u0085", "\u000b", "\f"})
    void otherSeparatorsAreText(String separator) {
        assertThat(read("data: a" + separator + separator + "b\n\n"))
                .containsExactly(message("a" + separator + separator + "b"));
    }

    @Test
    void emptyLinesWithoutAnEventAreNothing() {
        assertThat(read("\n\n\r\n\r\rdata: a\n\n\n\n")).containsExactly(message("a"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"data: b", "data: b\n", "data: b\r\n", "data", "event: x\n", "id: 2-0\n", ":"})
    void anUnfinishedLastEventIsDropped(String unfinished) {
        assertThat(read("data: a\n\n" + unfinished)).containsExactly(message("a"));
    }

    // the byte order mark

    @Test
    void aByteOrderMarkAtTheStartIsDropped() {
        assertThat(read("\uFEFFdata: a\n\n")).containsExactly(message("a"));
    }

    @Test
    void onlyOneByteOrderMarkIsDropped() {
        assertThat(read("\uFEFF\uFEFFdata: a\n\n")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n\uFEFFdata: a\n\n", ":\n\uFEFFdata: a\n\n"})
    void aByteOrderMarkElsewhereIsText(String stream) {
        assertThat(read(stream)).isEmpty();
        assertThat(read("data: \uFEFFa\n\n")).containsExactly(message("\uFEFFa"));
    }

    @Test
    void aByteOrderMarkAloneIsNoLine() {
        assertThat(read("\uFEFF")).isEmpty();
        assertThat(read("\uFEFF\n\ndata: a\n\n")).containsExactly(message("a"));
    }

    static Stream<byte[]> halfMarks() {
        return Stream.of(
                bytes(0xef), bytes(0xef, 0xbb), bytes(0xef, 0xef, 0xbb, 0xbf), bytes(0xbb, 0xbf), bytes(0xef, 0xbf));
    }

    @ParameterizedTest
    @MethodSource("halfMarks")
    void halfAByteOrderMarkBelongsToTheFirstLine(byte[] half) {
        assertThat(read(join(half, "data: a\ndata: b\n\n".getBytes(UTF_8)))).containsExactly(message("b"));
        assertThat(read(join(half, "\ndata: b\n\n".getBytes(UTF_8)))).containsExactly(message("b"));
        assertThat(read(join(half, ":data: a\ndata: b\n\n".getBytes(UTF_8)))).containsExactly(message("b"));
    }

    // fields

    @Test
    void aCommentIsNothing() {
        assertThat(read(":\n: data: x\n:data: y\ndata: a\n: between\ndata: b\n:\n\n: end\n\n"))
                .containsExactly(message("a\nb"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "data:a|a",
                "data: a|a",
                "data:  a| a",
                "data: a |a ",
                "data:\ta|\ta",
                "data: a: b|a: b",
                "data::a|:a"
            })
    void oneSpaceBehindTheColonIsDropped(String line, String data) {
        assertThat(read(line + "\n\n")).containsExactly(message(data));
    }

    @Test
    void theSpaceIsDroppedFromNameAndIdToo() {
        assertThat(read("event:create\nid:1-0\ndata:a\n\nevent:  create\nid:  2-0\ndata:b\n\n"))
                .containsExactly(frame("create", "1-0", "a"), frame(" create", " 2-0", "b"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "datax: b",
                "dat: b",
                "Data: b",
                "DATA: b",
                " data: b",
                "data : b",
                "\0data: b",
                "database",
                "d",
                "da:ta",
                "identity: 2-0",
                "events: b",
                "field",
                "\u00e9v\u00e9nement: b"
            })
    void unknownFieldsAreNothing(String line) {
        assertThat(read(line + "\ndata: a\n" + line + "\n\n")).containsExactly(message("a"));
    }

    // data

    @Test
    void dataLinesAreJoinedByLineFeeds() {
        assertThat(read("data: a\ndata: b\nevent: create\ndata: c\n\n")).containsExactly(frame("create", "a\nb\nc"));
    }

    @Test
    void emptyDataLinesCount() {
        assertThat(read("data\ndata: a\ndata:\ndata\n\n")).containsExactly(message("\na\n\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"data", "data:", "data: "})
    void emptyDataIsDispatched(String line) {
        assertThat(read(line + "\n\n")).containsExactly(message(""));
    }

    @Test
    void aBlockWithoutDataIsNotDispatchedAndItsNameEndsWithIt() {
        assertThat(read("event: create\n\ndata: a\n\n")).containsExactly(message("a"));
    }

    @Test
    void utf8ComesThroughWhereverItIsCut() {
        String text = "\u00e9 \u20ac \ud83d\ude00 \u65e5\u672c\u8a9e \ud800\udc00";

        assertThat(read("data: " + text + "\nevent: " + text + "\nid: " + text + "\n\n"))
                .containsExactly(frame(text, text, text));
    }

    @Test
    void bytesThatAreNoUtf8StayAsTheyAre() {
        byte[] invalid = bytes(0xc3, 0x28, 0xff, 0x00, 0xe2, 0x82);

        assertThat(read(join("data: ".getBytes(UTF_8), invalid, "\n\n".getBytes(UTF_8))))
                .containsExactly(
                        new Frame("message", Optional.empty(), new Bytes(invalid, invalid.length), invalid.length));
    }

    @ParameterizedTest
    @ValueSource(ints = {16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 131_072, 5_000_000})
    void largeDataIsWhole(int size) {
        byte[] data =
                "0123456789abcdef-".repeat(size / 17 + 1).substring(0, size).getBytes(UTF_8);
        byte[] stream = join("data: ".getBytes(UTF_8), data, "\n\ndata: next\n\n".getBytes(UTF_8));

        for (int piece : new int[] {stream.length, 1, 4093, 65_536}) {
            assertThat(inPieces(stream, piece).frames)
                    .containsExactly(
                            new Frame("message", Optional.empty(), new Bytes(data, size), size), message("next"));
        }
    }

    @Test
    void anIdIsCarriedOverToTheBlocksBehindIt() {
        List<String> ids = new ArrayList<>();
        SseParser[] parser = new SseParser[1];
        parser[0] = new SseParser(
                100,
                frame ->
                        ids.add(frame.id().orElse("") + "/" + parser[0].lastId().orElse("")));
        byte[] stream = "data: a\n\nid: 1\n\ndata: b\n\nid: 2\ndata: c\n\ndata: d\n\nid\ndata: e\n\n".getBytes(UTF_8);
        parser[0].parse(stream, 0, stream.length);
        assertThat(ids).containsExactly("/", "/1", "2/2", "/2", "/");
    }

    @Test
    void aFrameKeepsItsDataWhileTheNextOnesAreRead() {
        String large = "x".repeat(100_000);

        assertThat(read(NO_LIMIT, 8192, "data: " + large + "\n\ndata: " + large.replace('x', 'y') + "\n\ndata: z\n\n"))
                .containsExactly(message(large), message(large.replace('x', 'y')), message("z"));
    }

    // the limit

    @Test
    void dataUpToTheLimitIsKept() {
        assertThat(read(5, 1, "data: 12345\n\n")).containsExactly(message("12345"));
    }

    @Test
    void dataBeyondTheLimitIsCountedAndNotKept() {
        List<Frame> frames = read(5, 1, "event: create\nid: 1-0\ndata: 123456\n\n");

        assertThat(frames).containsExactly(tooLarge("create", Optional.of("1-0"), 6));
        assertThat(frames.get(0).isTooLarge()).isTrue();
    }

    @Test
    void theLineFeedsBetweenDataLinesCountToo() {
        assertThat(read(5, 1, "data: 12\ndata: 34\n\ndata: 12\ndata: 345\n\n"))
                .containsExactly(message("12\n34"), tooLarge("message", Optional.empty(), 6));
    }

    @Test
    void theEventAfterOneThatIsTooLargeIsFine() {
        for (int piece : new int[] {1, 3, 100_000}) {
            assertThat(read(70_000, piece, "data: " + "x".repeat(70_001) + "\ndata: y\n\nevent: create\ndata: a\n\n"))
                    .containsExactly(tooLarge("message", Optional.empty(), 70_003), frame("create", "a"));
        }
    }

    @Test
    void anEndlessLineCostsNoMemory() {
        byte[] piece = new byte[8 << 20];
        Arrays.fill(piece, (byte) 'x');
        Reading reading = new Reading();
        SseParser parser = new SseParser(64 << 20, reading);

        parser.parse("data:".getBytes(UTF_8), 0, 5);
        for (int i = 0; i < 260; i++) {
            parser.parse(piece, 0, piece.length);
        }
        parser.parse("\n\n".getBytes(UTF_8), 0, 2);

        long size = 260L * piece.length;
        assertThat(size).isGreaterThan(Integer.MAX_VALUE);
        assertThat(reading.frames).containsExactly(tooLarge("message", Optional.empty(), size));
    }

    @Test
    void anEndlessNameCostsNoMemory() {
        byte[] piece = new byte[8 << 20];
        Arrays.fill(piece, (byte) 'x');
        Reading reading = new Reading();
        SseParser parser = new SseParser(NO_LIMIT, reading);

        for (String field : List.of("event:", "id:", "retry:", ":", "")) {
            parser.parse(field.getBytes(UTF_8), 0, field.length());
            for (int i = 0; i < 4; i++) {
                parser.parse(piece, 0, piece.length);
            }
            parser.parse("\n".getBytes(UTF_8), 0, 1);
        }
        parser.parse("data: a\n\n".getBytes(UTF_8), 0, 9);

        assertThat(reading.frames).containsExactly(message("a"));
    }

    // event and id

    @Test
    void withoutANameItIsAMessage() {
        assertThat(read("data: a\n\nevent\ndata: b\n\nevent:\ndata: c\n\nevent: create\nevent\ndata: d\n\n"))
                .containsExactly(message("a"), message("b"), message("c"), message("d"));
    }

    @Test
    void theLastNameAndIdOfABlockCount() {
        assertThat(read("event: create\nid: 1-0\nevent: update\nid: 2-0\ndata: a\n\n"))
                .containsExactly(frame("update", "2-0", "a"));
    }

    @Test
    void nameAndIdMayComeBehindTheData() {
        assertThat(read("data: a\nid: 1-0\nevent: create\n\n")).containsExactly(frame("create", "1-0", "a"));
    }

    /** Unlike the standard's, which carries it over: it may be a heartbeat's. */
    @Test
    void theIdIsThisBlocksOnly() {
        assertThat(read("id: 1-0\ndata: a\n\ndata: b\n\nid: 3-0\n\ndata: c\n\n"))
                .containsExactly(frame("message", "1-0", "a"), message("b"), message("c"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"id", "id:", "id: "})
    void anEmptyIdIsAnId(String line) {
        assertThat(read("id: 1-0\n" + line + "\ndata: a\n\n")).containsExactly(frame("message", "", "a"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"id: \0", "id: 2\0-0", "id:\0 2-0", "id: 2-0\0"})
    void anIdWithANulIsIgnored(String line) {
        assertThat(read("id: 1-0\n" + line + "\ndata: a\n\n")).containsExactly(frame("message", "1-0", "a"));
    }

    @Test
    void aNulIsTextInDataAndName() {
        assertThat(read("event: a\0b\ndata: c\0d\n\n")).containsExactly(frame("a\0b", "c\0d"));
    }

    // retry

    @ParameterizedTest
    @CsvSource({"retry: 3000, 3000", "retry:0, 0", "retry: 007, 7", "retry: 999999999, 999999999"})
    void retryIsAWaitInMilliseconds(String line, long millis) {
        assertThat(retries(line + "\n")).containsExactly(millis);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", " ", "-1", "+1", "1.5", "1 ", "  1", "1s", "0x10", "\u0661", "1\0", "99999999999999999999999"
            })
    void retryTakesNothingButDigits(String value) {
        assertThat(retries("retry:" + value + "\n")).isEmpty();
        assertThat(read("retry:" + value + "\ndata: a\n\n")).containsExactly(message("a"));
    }

    @Test
    void retryCountsWithoutAnEvent() {
        assertThat(retries("retry: 1\n\nretry: 2\ndata: a\n")).containsExactly(1L, 2L);
    }

    // whole captures

    @Test
    void aCaptureIsTheSameWhereverItIsCutInTwo() throws IOException {
        byte[] stream = body("reconnect/from-before-retention.sse");
        List<Frame> expected = framesOf("reconnect/from-before-retention.sse");

        for (int cut = 0; cut <= stream.length; cut++) {
            assertSame(inTwo(stream, cut).frames, expected, "cut at byte " + cut);
        }
    }

    static Stream<String> captures() {
        return Stream.of(
                "runA/runA-all.sse",
                "runA/runA-green.sse",
                "runA/runA-indicator.sse",
                "reconnect/from-before-retention.sse",
                "reconnect/recover-all-from-0.sse",
                "reconnect/recover-indicator-from-0.sse",
                "reconnect/recover-on-origin-filtered-stream.sse",
                "volume/vol-all.sse",
                "big/big-all.sse");
    }

    @ParameterizedTest
    @MethodSource("captures")
    void aCaptureIsTheSameInPiecesOfAnySizeAndWithAnyLineEnd(String capture) throws IOException {
        List<Frame> expected = framesOf(capture);
        assertThat(expected).isNotEmpty();

        for (String end : List.of("\n", "\r", "\r\n")) {
            byte[] stream = withLineEnds(body(capture), end);
            for (int piece : new int[] {1, 2, 3, 7, 64, stream.length}) {
                assertSame(inPieces(stream, piece).frames, expected, "pieces of " + piece);
            }
        }
    }

    // anything

    @Property(tries = 3000)
    void readsAnyBytesAsTheStandardSays(
            @ForAll("streams") byte[] stream,
            @ForAll @Size(max = 60) List<@IntRange(min = 1, max = 9) Integer> pieces) {
        Reading reading = new Reading();
        SseParser parser = new SseParser(NO_LIMIT, reading);
        int from = 0;
        for (int piece : pieces) {
            int to = Math.min(from + piece, stream.length);
            parser.parse(Arrays.copyOfRange(stream, from, to), 0, to - from);
            from = to;
        }
        parser.parse(Arrays.copyOfRange(stream, from, stream.length), 0, stream.length - from);

        Standard standard = new Standard();
        standard.interpret(stream);
        assertThat(reading.frames.stream().map(SseParserTest::inWords)).containsExactlyElementsOf(standard.events);
        assertThat(reading.retries).isEqualTo(standard.retries);
    }

    @Provide
    Arbitrary<byte[]> streams() {
        Arbitrary<byte[]> one =
                Arbitraries.of("\r\n: dataevniry7x\0".chars().boxed().toList()).map(character -> bytes(character));
        Arbitrary<byte[]> ofAMark = Arbitraries.of(0xef, 0xbb, 0xbf).map(value -> bytes(value));
        Arbitrary<byte[]> word = Arbitraries.of(
                        "data", "event", "id", "retry", "data:", "event: ", "id:", "retry: ", "\n\n", "\r\n", "\uFEFF",
                        "17")
                .map(text -> text.getBytes(UTF_8));
        return Arbitraries.frequencyOf(Tuple.of(5, one), Tuple.of(1, ofAMark), Tuple.of(4, word))
                .list()
                .ofMaxSize(70)
                .map(parts -> join(parts.toArray(byte[][]::new)));
    }

    /** The standard's words in its order, slow and plain: decode, take the lines, interpret each. */
    private static final class Standard {
        private final List<String> events = new ArrayList<>();
        private final List<Long> retries = new ArrayList<>();
        private String data = "";
        private String event = "";
        private Optional<String> id = Optional.empty();

        void interpret(byte[] stream) {
            String text = new String(stream, UTF_8);
            if (text.startsWith("\uFEFF")) {
                text = text.substring(1);
            }
            String[] lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n", -1);
            for (String line : Arrays.copyOf(lines, lines.length - 1)) {
                int colon = line.indexOf(':');
                if (line.isEmpty()) {
                    dispatch();
                } else if (colon > 0) {
                    String value = line.substring(colon + 1);
                    field(line.substring(0, colon), value.startsWith(" ") ? value.substring(1) : value);
                } else if (colon < 0) {
                    field(line, "");
                }
            }
        }

        private void field(String name, String value) {
            if (name.equals("event")) {
                event = value;
            } else if (name.equals("data")) {
                data += value + "\n";
            } else if (name.equals("id") && !value.contains("\0")) {
                id = Optional.of(value);
            } else if (name.equals("retry") && value.matches("[0-9]{1,9}")) {
                retries.add(Long.parseLong(value));
            }
        }

        private void dispatch() {
            if (!data.isEmpty()) {
                String name = event.isEmpty() ? "message" : event;
                events.add(inWords(name, id, data.substring(0, data.length() - 1)));
            }
            data = "";
            event = "";
            id = Optional.empty(); // of this block only: the one departure
        }
    }

    private static String inWords(Frame frame) {
        assertThat(frame.size()).isEqualTo(frame.data().length());
        return inWords(frame.name(), frame.id(), frame.data().toString());
    }

    private static String inWords(String name, Optional<String> id, String data) {
        return "<" + name + "> " + id + " <" + data + ">";
    }

    /** What a parser told. */
    private static final class Reading implements SseParser.Listener {
        private final List<Frame> frames = new ArrayList<>();
        private final List<Long> retries = new ArrayList<>();

        @Override
        public void event(Frame frame) {
            frames.add(frame);
        }

        @Override
        public void retry(long millis) {
            retries.add(millis);
        }
    }

    private static List<Frame> read(String stream) {
        return read(stream.getBytes(UTF_8));
    }

    private static List<Frame> read(byte[] stream) {
        Reading whole = inPieces(stream, stream.length);
        assertSame(inPieces(stream, 1).frames, whole.frames, "byte by byte");
        for (int cut = 0; cut <= stream.length; cut++) {
            assertSame(inTwo(stream, cut).frames, whole.frames, "cut at byte " + cut);
        }
        return whole.frames;
    }

    private static List<Frame> read(int limit, int piece, String stream) {
        return inPieces(limit, stream.getBytes(UTF_8), piece).frames;
    }

    private static List<Long> retries(String stream) {
        Reading whole = inPieces(stream.getBytes(UTF_8), stream.length());
        assertThat(inPieces(stream.getBytes(UTF_8), 1).retries).isEqualTo(whole.retries);
        return whole.retries;
    }

    private static Reading inTwo(byte[] stream, int cut) {
        Reading reading = new Reading();
        SseParser parser = new SseParser(NO_LIMIT, reading);
        parser.parse(stream, 0, cut);
        parser.parse(Arrays.copyOfRange(stream, cut, stream.length), 0, stream.length - cut);
        return reading;
    }

    private static Reading inPieces(byte[] stream, int size) {
        return inPieces(NO_LIMIT, stream, size);
    }

    private static Reading inPieces(int limit, byte[] stream, int size) {
        Reading reading = new Reading();
        SseParser parser = new SseParser(limit, reading);
        byte[] buffer = new byte[Math.max(1, size)]; // one for all pieces, as a socket is read
        for (int from = 0; from < stream.length; from += buffer.length) {
            int length = Math.min(buffer.length, stream.length - from);
            System.arraycopy(stream, from, buffer, 0, length);
            parser.parse(buffer, 0, length);
        }
        return reading;
    }

    /** Says where two differ; AssertJ would print both, whole captures. */
    private static void assertSame(List<Frame> actual, List<Frame> expected, String how) {
        if (!actual.equals(expected)) {
            for (int i = 0; i < Math.min(actual.size(), expected.size()); i++) {
                assertThat(actual.get(i)).as("frame %d, %s", i, how).isEqualTo(expected.get(i));
            }
            assertThat(actual).as(how).hasSameSizeAs(expected);
        }
    }

    private static byte[] body(String capture) throws IOException {
        try (GZIPInputStream in =
                new GZIPInputStream(SseParserTest.class.getResourceAsStream("/captures/" + capture + ".gz"))) {
            return in.readAllBytes();
        }
    }

    private static List<Frame> framesOf(String capture) {
        return Capture.read(capture).stream()
                .map(frame -> {
                    Optional<String> id = frame.id().isEmpty() ? Optional.empty() : Optional.of(frame.id());
                    byte[] data = frame.data();
                    return new Frame(frame.event(), id, new Bytes(data, data.length), data.length);
                })
                .toList();
    }

    private static byte[] withLineEnds(byte[] stream, String end) {
        ByteArrayOutputStream rewritten = new ByteArrayOutputStream(stream.length);
        for (byte b : stream) {
            if (b == '\n') {
                rewritten.writeBytes(end.getBytes(UTF_8));
            } else {
                rewritten.write(b);
            }
        }
        return rewritten.toByteArray();
    }

    private static Frame message(String data) {
        return frame("message", data);
    }

    private static Frame frame(String name, String data) {
        return frame(name, Optional.empty(), data);
    }

    private static Frame frame(String name, String id, String data) {
        return frame(name, Optional.of(id), data);
    }

    private static Frame frame(String name, Optional<String> id, String data) {
        Bytes bytes = Bytes.of(data);
        return new Frame(name, id, bytes, bytes.length());
    }

    private static Frame tooLarge(String name, Optional<String> id, long size) {
        return new Frame(name, id, new Bytes(new byte[0], 0), size);
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    private static byte[] join(byte[]... parts) {
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            whole.writeBytes(part);
        }
        return whole.toByteArray();
    }
}
