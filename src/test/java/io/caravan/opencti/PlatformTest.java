package io.caravan.opencti;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.opencti.Platform.StreamRequest;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.LiveStream;
import io.caravan.testkit.Script;
import io.caravan.testkit.TestCertificates;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a person is told where the answer is none, or says no. */
class PlatformTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static TestCertificates certificates;

    private final FakePlatform fake = FakePlatform.start();
    private String token = FakePlatform.TOKEN;

    @BeforeAll
    static void makeCertificates(@TempDir Path folder) {
        certificates = TestCertificates.in(folder);
    }

    @AfterEach
    void stop() {
        fake.close();
    }

    @Test
    void tellsAnUnknownTokenFromAStreamThatThisUserMayNotRead() {
        fake.streams(LiveStream.of("0f9f6ed4-5b1c-4a5e-9d0a-3f3f5f5f5f5f", "Another"));
        assertThat(refusal("3089c815-2cc4-467b-9e94-8468b6dd060e"))
                .startsWith("answers 401: the token is admin's, and this user lacks the right to read streams");
        token = "wr0ng-t0ken";
        assertThat(refusal("3089c815-2cc4-467b-9e94-8468b6dd060e"))
                .startsWith("answers 401: the platform does not know this token")
                .doesNotContain("wr0ng-t0ken");
        token = "";
        assertThat(refusal("3089c815-2cc4-467b-9e94-8468b6dd060e")).startsWith("answers 401: no token is set");
    }

    /** Whose token that is, no platform answers; with which streams it may read, it answers as if it knew it. */
    @Test
    void anUnknownTokenHasNoStreamsAndIsSaidToBeUnknown() {
        token = "wr0ng-t0ken";
        assertThatThrownBy(() -> platform(fake.url()).liveStreams(PATIENCE))
                .isInstanceOfSatisfying(Platform.Refused.class, refused -> assertThat(refused.status())
                        .isEqualTo(401))
                .hasMessageContaining("does not know this token");
    }

    @Test
    void showsTheReasonOfARefusal() {
        fake.always(Answer.status(500).body("application/json", "{\"error\":\"Stream must have filters\"}"));
        assertThat(refusal("live"))
                .isEqualTo("answers 500: the platform could not begin the stream, and says: Stream must have filters");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"error\":{\"message\":\"WHY\"}}",
                "{\"errors\":[{\"message\":\"WHY\"}]}",
                "{\"message\":\"WHY\"}",
                "{\"error\":\"\\n\\tWHY\\u0007\"}"
            })
    void readsTheReasonWhereverItIs(String body) {
        fake.always(Answer.status(500).body("application/json", body));
        assertThat(refusal("live")).endsWith(", and says: WHY");
    }

    @Test
    void aReasonIsShortAndNoSecret() {
        String body = "{\"error\":\"token " + FakePlatform.TOKEN + " " + "x".repeat(3000) + "\"}";
        fake.always(Answer.status(500).body("application/json", body));
        assertThat(refusal("live"))
                .contains("says: token *** xxx")
                .doesNotContain(FakePlatform.TOKEN)
                .hasSizeLessThan(400);
    }

    @Test
    void namesWhatAnswersInstead() {
        fake.always(Answer.html("<!doctype html><html><head><title>Sign in</title></head></html>"));
        assertThat(refusal("live"))
                .startsWith("answers 200: the answer is not an event stream but an HTML page (\"Sign in\"): is url");
        fake.always(Answer.json("{\"name\":\"grafana\"}"));
        assertThat(refusal("live")).contains("but JSON, which begins {\"name\":\"grafana\"}: is url");
        fake.always(Answer.status(204));
        assertThat(refusal("live")).startsWith("answers 204: ");
        fake.always(
                Answer.status(400).body("text/html", "<title>The plain HTTP request was sent to HTTPS port</title>"));
        assertThat(refusal("live")).contains("is url to begin with https://?", "sent to HTTPS port");
    }

    @Test
    void theListOfStreamsIsNoneWhereAPageAnswers() {
        for (Answer answer : new Answer[] {
            Answer.html("<title>Sign in</title>"), Answer.json("{}"), Answer.json("{\"data\":null}"), Answer.json("[1]")
        }) {
            fake.route("/graphql", request -> answer);
            assertThatThrownBy(() -> platform(fake.url()).liveStreams(PATIENCE))
                    .isInstanceOf(Platform.Refused.class)
                    .hasMessageContaining("does not answer /graphql as a platform does");
        }
        fake.route("/graphql", request -> Answer.json("{\"data\":{}}"));
        assertThatThrownBy(() -> platform(fake.url()).liveStreams(PATIENCE))
                .hasMessageContaining("without the streams");
    }

    /** The address of a stream has no end: what was asked of it hung until the time was over. */
    @Test
    void theClockIsReadFromAnAnswerThatDoesNotEnd() throws Exception {
        String head =
                "HTTP/1.1 200 OK\r\nDate: Mon, 30 Nov 2026 21:00:00 GMT\r\nContent-Type: text/event-stream\r\n\r\n";
        try (ServerSocket server = answering(head)) {
            assertThat(platform("http://127.0.0.1:" + server.getLocalPort()).time(PATIENCE))
                    .contains(Instant.parse("2026-11-30T21:00:00Z"));
        }
    }

    @Test
    void httpsWhereThereIsNoTls() throws Exception {
        try (ServerSocket server = answering("HTTP/1.1 400 Bad Request\r\n\r\n")) {
            assertThat(failure("https://127.0.0.1:" + server.getLocalPort()))
                    .isEqualTo("TLS: there is none at this port: is url to begin with http://, or is it another port?");
        }
        assertThat(failure(fake.url().replace("http:", "https:")))
                .contains("if there is no TLS at this port, url is to begin with http://");
    }

    @Test
    void httpWhereThereIsTls() {
        try (FakePlatform tls = FakePlatform.startTls(certificates)) {
            assertThat(failure(tls.url().replace("https:", "http:"))).contains("url is to begin with https://");
        }
    }

    @Test
    void aCertificateThatNobodyVouchesFor() {
        try (FakePlatform tls = FakePlatform.startTls(certificates)) {
            assertThat(failure(tls.url()))
                    .isEqualTo(
                            "TLS: the certificate is not trusted: a private certificate authority is named by ca-file");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"SSH-2.0-OpenSSH_9.6\r\n", "-ERR wrong number of arguments\r\n", "\u0015\u0003\u0003\0\2\2P"})
    void anotherProtocol(String bytes) {
        fake.always(Script.bytes(bytes.getBytes(US_ASCII)));
        String said = failure(fake.url());
        assertThat(said).contains(bytes.startsWith("\u0015") ? "speaks TLS at this port" : "does not speak HTTP");
    }

    @Test
    void aConnectionThatIsClosedWithoutAWord() {
        fake.always(Script.bytes(new byte[0]));
        assertThat(failure(fake.url())).startsWith("has closed the connection without an answer");
    }

    @Test
    void nobodyThere() {
        int port = fake.port();
        fake.close();
        assertThat(failure("http://127.0.0.1:" + port)).isEqualTo("cannot be reached: Connection refused");
        assertThat(failure("http://no.such.host.invalid")).isEqualTo("cannot be found: its host name is unknown");
    }

    private String refusal(String stream) {
        StreamRequest request = new StreamRequest(StreamRequest.pathOf(stream), Map.of("from", "0-0"));
        try {
            platform(fake.url()).open(request, PATIENCE).body().close();
            throw new AssertionError("it opens");
        } catch (Platform.Refused e) {
            return e.getMessage();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private String failure(String url) {
        StreamRequest request = new StreamRequest(StreamRequest.pathOf("live"), Map.of("from", "0-0"));
        try {
            platform(url).open(request, PATIENCE).body().close();
            throw new AssertionError("it opens");
        } catch (IOException e) {
            assertThat(e.getMessage()).doesNotContain("Exception").doesNotContain("\n");
            return e.getMessage();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Writes this to whoever connects, and keeps the connection. */
    private static ServerSocket answering(String bytes) throws IOException {
        ServerSocket server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        List<Socket> open = new ArrayList<>();
        Thread thread = new Thread(() -> {
            try {
                while (true) {
                    Socket accepted = server.accept();
                    open.add(accepted);
                    accepted.getOutputStream().write(bytes.getBytes(US_ASCII));
                }
            } catch (IOException closed) {
                open.forEach(PlatformTest::close);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return server;
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Platform platform(String url) {
        OpenctiConfiguration options = new OpenctiConfiguration();
        options.setUrl(url);
        options.setToken(token);
        return new Platform(options);
    }
}
