package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.push.Storage.Fetched;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakePlatform;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StorageTest {

    private static final String FILE = "/storage/get/import/Malware/1/a.bin";

    private FakePlatform platform;
    private Storage storage;

    @BeforeEach
    void start() {
        platform = FakePlatform.start().basePath("/opencti");
        OpenctiConfiguration source = new OpenctiConfiguration();
        source.setUrl(platform.url());
        source.setToken(FakePlatform.TOKEN);
        storage = new Storage(new Platform(source), Duration.ofSeconds(10));
    }

    @AfterEach
    void stop() {
        platform.close();
        assertThat(platform.failures()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "/storage/get/import/Malware/1/échantillon é.bin,/storage/get/import/Malware/1/%C3%A9chantillon%20%C3%A9.bin",
        "/storage/get/100% ?a=b#c&d+e.txt,/storage/get/100%25%20%3Fa%3Db%23c%26d%2Be.txt",
        "/storage/get/%2e%2e/graphql,/storage/get/%252e%252e/graphql",
        "/storage/get/a\\..\\b@c:d,/storage/get/a%5C..%5Cb%40c%3Ad"
    })
    void encodesWhatEventsDoNot(String uri, String path) {
        assertThat(Storage.path(uri)).contains(path);
    }

    @Test
    void encodesLineBreaks() {
        assertThat(Storage.path("/storage/get/a\r\nHost: evil")).contains("/storage/get/a%0D%0AHost%3A%20evil");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "/storage",
                "/storage/",
                "storage/get/a",
                "/graphql",
                "//evil.example/storage/get/a",
                "https://evil.example/storage/get/a",
                "@evil.example/storage/get/a",
                "/storage/../graphql",
                "/storage/get/../../graphql",
                "/storage/get/./a",
                "/storage//evil.example/a",
                "/storage/get/.."
            })
    void asksForNothingElse(String uri) throws Exception {
        assertThat(Storage.path(uri)).isEmpty();
        assertThat(storage.fetch(uri, "application/octet-stream", 1000)).isInstanceOf(Fetched.Failed.class);
        assertThat(platform.requests()).isEmpty();
    }

    @Test
    void fetchesBelowTheBasePathWithTheSourcesToken() throws Exception {
        platform.route(FILE, request -> file(new byte[] {1, 0, -1}));
        assertThat(storage.fetch(FILE, "application/octet-stream", 3))
                .isInstanceOfSatisfying(Fetched.Content.class, content -> assertThat(content.bytes())
                        .containsExactly(1, 0, -1));
        assertThat(platform.requests()).singleElement().satisfies(request -> {
            assertThat(request.path()).isEqualTo("/opencti" + FILE);
            assertThat(request.header("Authorization")).contains("Bearer " + FakePlatform.TOKEN);
        });
    }

    @Test
    void readsNoMoreThanItMay() throws Exception {
        platform.route(FILE, request -> file(new byte[4]));
        assertThat(storage.fetch(FILE, "application/octet-stream", 3)).isInstanceOf(Fetched.TooLarge.class);
        assertThat(platform.requests()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {302, 401, 403, 404})
    void doesNotAskAgainForWhatIsRefused(int status) throws Exception {
        platform.route(FILE, request -> Answer.status(status).header("Location", "https://evil.example/a"));
        assertThat(storage.fetch(FILE, "application/octet-stream", 1000))
                .isInstanceOfSatisfying(Fetched.Failed.class, failed -> assertThat(failed.reason())
                        .contains(platform.url() + " answers " + status));
        assertThat(platform.requests()).hasSize(1);
    }

    /** As what stands in front of a platform answers while nobody has logged in: with status 200. */
    @ParameterizedTest
    @ValueSource(strings = {"text/html; charset=utf-8", "Text/HTML", "application/xhtml+xml", "application/json"})
    void aPageInTheFilesPlaceIsNoFile(String type) throws Exception {
        AtomicInteger left = new AtomicInteger(2);
        platform.route(
                FILE,
                request -> left.getAndDecrement() > 0
                        ? Answer.status(200).body(type, "<title>Sign in</title>")
                        : file(new byte[1]));
        assertThat(storage.fetch(FILE, "application/pdf", 1000)).isInstanceOf(Fetched.Content.class);
        assertThat(platform.requests()).hasSize(3);

        left.set(Integer.MAX_VALUE);
        assertThat(storage.fetch(FILE, "application/pdf", 1000))
                .isInstanceOfSatisfying(Fetched.Failed.class, failed -> assertThat(failed.reason())
                        .startsWith(platform.url() + " answers 200, and not with the file: "));
    }

    /** Which a platform sends as an attachment, whatever it is said to be. */
    @Test
    void aFileMayBeAPage() throws Exception {
        platform.route(FILE, request -> Answer.html("<p>").header("Content-Disposition", "attachment; filename=\"a\""));
        assertThat(storage.fetch(FILE, "text/plain", 1000)).isInstanceOf(Fetched.Content.class);
        platform.route(FILE, request -> Answer.html("<p>"));
        assertThat(storage.fetch(FILE, "text/html", 1000)).isInstanceOf(Fetched.Content.class);
    }

    @Test
    void knowsTheRefusalThatLooksLikeAnOutage() throws Exception {
        platform.route(FILE, request -> Answer.status(503)
                .body("application/json", "{\"status\":\"error\",\"error\":\"File not found or restricted\"}"));
        assertThat(storage.fetch(FILE, "application/octet-stream", 1000)).isInstanceOf(Fetched.Failed.class);
        assertThat(platform.requests()).hasSize(1);
    }

    @Test
    void asksAgainDuringAnOutageAndOnceMoreForTheNextFile() throws Exception {
        AtomicInteger left = new AtomicInteger(2);
        platform.route(FILE, request -> left.getAndDecrement() > 0 ? Answer.status(502) : file(new byte[1]));
        assertThat(storage.fetch(FILE, "application/octet-stream", 1000)).isInstanceOf(Fetched.Content.class);
        assertThat(platform.requests()).hasSize(3);

        left.set(Integer.MAX_VALUE);
        assertThat(storage.fetch(FILE, "application/octet-stream", 1000)).isInstanceOf(Fetched.Failed.class);
        assertThat(platform.requests()).hasSize(3 + 4);
        assertThat(storage.fetch(FILE, "application/octet-stream", 1000)).isInstanceOf(Fetched.Failed.class);
        assertThat(platform.requests()).hasSize(3 + 4 + 1);
    }

    static Answer file(byte[] content) {
        return new Answer(200, "OK", Map.of("Content-Type", "application/octet-stream"), content);
    }
}
