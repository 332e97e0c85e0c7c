package io.caravan.opencti;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Play.play;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.opencti.Platform.StreamRequest;
import io.caravan.testkit.Answer;
import io.caravan.testkit.Coding;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.Play;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes compressed, though it was asked for as it is: gzip and deflate are read as they arrive, the rest is named. */
class CompressedAnswerTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String TOOL = "tool--00000000-0000-4000-8000-000000000001";

    private final FakePlatform fake = FakePlatform.start().heartbeats(Heartbeats.none());

    @AfterEach
    void stop() {
        fake.close();
        assertThat(fake.failures()).isEmpty();
    }

    @Test
    void everyRequestAsksForWhatIsNotCompressed() throws Exception {
        platform().time(PATIENCE);
        platform().liveStreams(PATIENCE);
        platform().get("/a", Map.of(), PATIENCE);
        platform().getAtMost("/storage/get/a", 10, PATIENCE);
        open(play()).close();
        assertThat(fake.requests()).hasSize(5).allSatisfy(request -> assertThat(request.header("Accept-Encoding"))
                .contains("identity"));
    }

    /** Nothing follows behind the event, not even a heartbeat: what was flushed must come out for that alone. */
    @ParameterizedTest
    @EnumSource(names = {"GZIP", "DEFLATE", "RAW_DEFLATE"})
    void whatIsFlushedComesOutAtOnce(Coding coding) throws Exception {
        fake.append(create("1000-0", TOOL));
        try (ArrivingBytes body = open(play().coding(coding))) {
            assertThat(readUntil(body, "\n\n", 2))
                    .startsWith("event: connected")
                    .contains(TOOL);
            fake.append(create("2000-0", TOOL));
            assertThat(readUntil(body, "\n\n", 1)).startsWith("id: 2000-0");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "DEFLATE", "RAW_DEFLATE"})
    void inPiecesOfOneByte(Coding coding) throws Exception {
        fake.append(create("1000-0", TOOL));
        try (ArrivingBytes body = open(play().coding(coding).chunk(1).cutAfter(1))) {
            assertThat(all(body)).contains("id: 1000-0", TOOL).endsWith("\n\n");
        }
    }

    /** A reader that waits holds back the sender, as without compression; a small answer becomes no large one in memory. */
    @Test
    void comesOutPieceByPiece() throws Exception {
        byte[] zeros = new byte[50_000_000];
        fake.always(stream(Coding.GZIP.of(zeros)));
        try (ArrivingBytes body = open(null)) {
            long length = 0;
            for (List<ByteBuffer> next = body.take(PATIENCE); !next.isEmpty(); next = body.take(PATIENCE)) {
                long taken = next.stream().mapToLong(ByteBuffer::remaining).sum();
                assertThat(taken).isLessThanOrEqualTo(16 * 1024);
                length += taken;
            }
            assertThat(length).isEqualTo(zeros.length);
        }
    }

    @Test
    void aGzipBodyMayHaveSeveralMembers() throws Exception {
        ByteArrayOutputStream members = new ByteArrayOutputStream();
        members.writeBytes(Coding.GZIP.of("one "));
        members.writeBytes(Coding.GZIP.of(""));
        members.writeBytes(Coding.GZIP.of("two"));
        fake.always(stream(members.toByteArray()));
        try (ArrivingBytes body = open(null)) {
            assertThat(all(body)).isEqualTo("one two");
        }
    }

    @Test
    void aGzipHeaderMayHoldMore() throws Exception {
        byte[] plain = Coding.GZIP.of("x");
        ByteArrayOutputStream named = new ByteArrayOutputStream();
        named.write(new byte[] {0x1f, (byte) 0x8b, 8, 2 + 4 + 8 + 16, 0, 0, 0, 0, 0, 3});
        named.write(new byte[] {3, 0, 'a', 'b', 'c'});
        named.writeBytes("name\0comment\0".getBytes(UTF_8));
        named.write(new byte[] {1, 2});
        named.write(plain, 10, plain.length - 10);
        fake.always(stream(named.toByteArray()));
        try (ArrivingBytes body = open(null)) {
            assertThat(all(body)).isEqualTo("x");
        }
    }

    @Test
    void anEmptyBodyIsEmptyWhateverItIsSaidToBe() throws Exception {
        fake.always(stream(new byte[0]));
        try (ArrivingBytes body = open(null)) {
            assertThat(all(body)).isEmpty();
        }
    }

    @Test
    void whatIsDamagedIsNoEnd() {
        byte[] whole = Coding.GZIP.of("some text that goes on");
        byte[] cut = Arrays.copyOf(whole, whole.length - 3);
        byte[] wrong = whole.clone();
        wrong[whole.length - 6] ^= 1;
        byte[] more = Arrays.copyOf(whole, whole.length + 3);
        for (byte[] damaged : List.of(cut, wrong, more, "event: connected\n".getBytes(UTF_8), new byte[] {0x1f})) {
            fake.always(stream(damaged));
            assertThatThrownBy(() -> all(open(null)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("compressed");
        }
    }

    @Test
    void whateverIsSentComesOutTheSame() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (Coding coding : List.of(Coding.GZIP, Coding.DEFLATE, Coding.RAW_DEFLATE)) {
            byte[] plain = new byte[random.nextInt(200_000)];
            for (int i = 0; i < plain.length; i++) {
                plain[i] = (byte) (random.nextInt(10) == 0 ? random.nextInt() : i / 300);
            }
            fake.route("/a", request -> new Answer(200, "OK", Map.of(), plain).coding(coding));
            assertThat(platform().get("/a", Map.of(), PATIENCE).body())
                    .as("%s, seed %d", coding, seed)
                    .isEqualTo(plain);
            assertThat(platform().getAtMost("/a", plain.length, PATIENCE).body())
                    .isEqualTo(plain);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"BROTLI", "ZSTD"})
    void whatCannotBeReadIsNamed(Coding coding) {
        String named = "answers 200: the answer is compressed (Content-Encoding: " + coding.header() + ")";
        assertThatThrownBy(() -> open(play().coding(coding))).hasMessageStartingWith(named);
        fake.route("/graphql", request -> Answer.json("{}").coding(coding));
        assertThatThrownBy(() -> platform().liveStreams(PATIENCE)).hasMessageStartingWith(named);
        assertThatThrownBy(() -> platform().post("/graphql", Map.of(), new byte[0], PATIENCE))
                .hasMessageStartingWith(fake.url() + " " + named);
        fake.route("/storage/get/a", request -> Answer.json("{}").coding(coding));
        assertThatThrownBy(() -> platform().getAtMost("/storage/get/a", 10, PATIENCE))
                .hasMessageStartingWith(fake.url() + " " + named);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip, br", "gzip, gzip", "br, gzip", "compress", "aws-chunked"})
    void severalAreNamedToo(String codings) {
        fake.always(
                Answer.status(200).header("Content-Type", "text/event-stream").header("Content-Encoding", codings));
        assertThatThrownBy(() -> open(null)).hasMessageContaining("(Content-Encoding: " + codings + ")");
    }

    @ParameterizedTest
    @ValueSource(strings = {"identity", "Identity", ""})
    void whatIsNotCompressedIsReadAsItIs(String coding) throws Exception {
        fake.always(Answer.status(200).header("Content-Encoding", coding).body("text/event-stream", "data: x\n\n"));
        try (ArrivingBytes body = open(null)) {
            assertThat(all(body)).isEqualTo("data: x\n\n");
        }
    }

    @Test
    void theReasonOfARefusalMayBeCompressed() {
        fake.always(Answer.status(500)
                .body("application/json", "{\"error\":\"no filters\"}")
                .coding(Coding.GZIP));
        assertThatThrownBy(() -> open(null)).hasMessageEndingWith("and says: no filters");
        fake.always(Answer.status(503).body("text/plain", "away").coding(Coding.BROTLI));
        assertThatThrownBy(() -> open(null)).hasMessageStartingWith("answers 503: the platform is away");
    }

    private static Answer stream(byte[] gzip) {
        return new Answer(200, "OK", Map.of("Content-Type", "text/event-stream", "Content-Encoding", "X-GZip"), gzip);
    }

    /** @param script null where one is set for all */
    private ArrivingBytes open(Play script) throws IOException, InterruptedException {
        if (script != null) {
            fake.next(script);
        }
        StreamRequest request = new StreamRequest(StreamRequest.pathOf("live"), Map.of("from", "0-0"));
        return platform().open(request, PATIENCE).body();
    }

    private static String all(ArrivingBytes body) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (List<ByteBuffer> next = body.take(PATIENCE); !next.isEmpty(); next = body.take(PATIENCE)) {
            next.forEach(piece -> write(piece, text));
        }
        return text.toString(UTF_8);
    }

    private static String readUntil(ArrivingBytes body, String end, int times) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        while (count(text.toString(UTF_8), end) < times) {
            body.take(PATIENCE).forEach(piece -> write(piece, text));
        }
        return text.toString(UTF_8);
    }

    private static int count(String text, String part) {
        List<Integer> places = new ArrayList<>();
        for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
            places.add(at);
        }
        return places.size();
    }

    private static void write(ByteBuffer piece, ByteArrayOutputStream to) {
        byte[] copy = new byte[piece.remaining()];
        piece.get(copy);
        to.writeBytes(copy);
    }

    private Platform platform() {
        OpenctiConfiguration options = new OpenctiConfiguration();
        options.setUrl(fake.url());
        options.setToken(FakePlatform.TOKEN);
        return new Platform(options);
    }
}
