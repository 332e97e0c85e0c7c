package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.testkit.Frames;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeadLetterFilesTest {

    private static final Instant NOW = Instant.parse("2026-11-21T17:38:18.973Z");
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    @TempDir
    Path temporary;

    private Path directory;
    private Path file;

    @BeforeEach
    void chooseADirectoryThatIsNotThereYet() {
        directory = temporary.resolve("data/dead-letters");
        file = directory.resolve("2026-11-21.ndjson");
    }

    @Test
    void aLetterIsALineOfJson() throws IOException {
        files(NOW)
                .keep(new DeadLetter(
                        "journal",
                        "1795282698973-0",
                        "update",
                        "indicator--6f2f1c1e-7d1a-5b1e-9d1c-0d6c0e1f2a3b",
                        "it says \"no\"\nand why",
                        3,
                        Optional.of(Bytes.of("{\"data\":{\"id\":\"a\"}}"))));

        assertThat(file)
                .hasContent("{\"time\":\"2026-11-21T17:38:18.973Z\",\"sink\":\"journal\","
                        + "\"position\":\"1795282698973-0\",\"op\":\"update\","
                        + "\"id\":\"indicator--6f2f1c1e-7d1a-5b1e-9d1c-0d6c0e1f2a3b\","
                        + "\"error\":\"it says \\\"no\\\"\\nand why\",\"attempts\":3,"
                        + "\"event\":{\"data\":{\"id\":\"a\"}}}\n");
    }

    @Test
    void whatIsNotKnownIsNull() throws IOException {
        files(NOW).keep(new DeadLetter("stream", "", "", "", "too large", 1, Optional.empty()));

        JsonNode letter = onlyLetter();
        assertThat(letter.get("position").isNull()).isTrue();
        assertThat(letter.get("op").isNull()).isTrue();
        assertThat(letter.get("id").isNull()).isTrue();
        assertThat(letter.get("event").isNull()).isTrue();
    }

    @Test
    void lettersFollowOneAnother() throws IOException {
        DeadLetterFiles files = files(NOW);
        files.keep(letter("first"));
        files.keep(letter("second"));
        files(NOW).keep(letter("after a restart"));

        assertThat(errors(file)).containsExactly("first", "second", "after a restart");
    }

    @ParameterizedTest
    @CsvSource({
        "2026-11-21T00:00:00Z,     2026-11-21.ndjson",
        "2026-11-21T23:59:59.999Z, 2026-11-21.ndjson",
        "2026-11-22T00:00:00Z,     2026-11-22.ndjson",
        "2027-01-01T00:00:00Z,     2027-01-01.ndjson"
    })
    void everyDayInUtcHasItsFile(Instant time, String name) throws IOException {
        files(time).keep(letter("x"));

        assertThat(directory).isDirectoryContaining("glob:**/" + name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"time\":\"2026", "{\"time\":\"2026-11-21T17:38:18.973Z\"}", "\0\0\0\0", "\u00e9"})
    void aLineThatAKillToreIsCut(String torn) throws IOException {
        files(NOW).keep(letter("first"));
        Files.writeString(file, torn, StandardOpenOption.APPEND);

        files(NOW).keep(letter("second"));

        assertThat(errors(file)).containsExactly("first", "second");
    }

    @Test
    void aFileThatIsOneTornLineIsBegunAnew() throws IOException {
        Files.createDirectories(directory);
        Files.writeString(file, "{\"time\":");

        files(NOW).keep(letter("first"));

        assertThat(errors(file)).containsExactly("first");
    }

    @Test
    void aDirectoryThatIsGoneMeanwhileIsMadeAgain() throws IOException {
        DeadLetterFiles files = files(NOW);
        files.keep(letter("first"));
        Files.delete(file);
        Files.delete(directory);

        files.keep(letter("second"));

        assertThat(errors(file)).containsExactly("second");
    }

    // the event

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{ \"b\" : 1.0,\t\"a\":\"\\u00e9 \u00e9 \u2028\" }",
                "[1,2]",
                "\"text\"",
                "7",
                "null",
                "{\"n\":123456789012345678901234567890.12345678901234567890e-5}"
            })
    void jsonIsKeptAsItCame(String event) throws IOException {
        files(NOW).keep(letter(Bytes.of(event)));

        assertThat(Files.readString(file)).endsWith("\"event\":" + event + "}\n");
        onlyLetter();
    }

    @Test
    void jsonOfSeveralLinesIsKeptOnOne() throws IOException {
        files(NOW).keep(letter(Bytes.of("{\n\"a\":\n1}\n")));

        assertThat(Files.readString(file)).endsWith("\"event\":{ \"a\": 1} }\n");
        assertThat(onlyLetter().get("event").get("a").asInt()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "no JSON",
                "{",
                "{\"a\":1}}",
                "{\"a\":1} {\"b\":2}",
                "1 2",
                "{'a':1}",
                "{\"a\":1,}",
                "NaN",
                "line\nline\r\n",
                "\0",
                "\u2028 \ud83d\ude00"
            })
    void whatIsNoJsonIsKeptAsText(String event) throws IOException {
        files(NOW).keep(letter(Bytes.of(event)));

        assertThat(onlyLetter().get("event").textValue()).isEqualTo(event);
    }

    @Test
    void whatIsNotEvenTextIsKeptAsBase64() throws IOException {
        byte[] event = {'{', '}', (byte) 0xff, (byte) 0xc3, 0x28, 0};

        files(NOW).keep(letter(new Bytes(event, event.length)));

        assertThat(Base64.getDecoder()
                        .decode(onlyLetter().get("event").get("base64").textValue()))
                .isEqualTo(event);
    }

    @Test
    void noMoreThanTheEventsBytesIsKept() throws IOException {
        byte[] buffer = Arrays.copyOf("{\"a\":1}".getBytes(UTF_8), 100);
        Arrays.fill(buffer, 7, 100, (byte) 0xff);

        files(NOW).keep(letter(new Bytes(buffer, 7)));

        assertThat(Files.readString(file)).endsWith("\"event\":{\"a\":1}}\n");
    }

    /** Bytes that a reader of JSON may take, but that make no JSON of the line they stand in. */
    @ParameterizedTest
    @ValueSource(strings = {"UTF-16BE", "UTF-16LE", "UTF-32BE", "UTF-32LE"})
    void theLineStaysJsonWhenTheEventIsInAnotherEncoding(String encoding) throws IOException {
        byte[] event = "{\"a\":1}".getBytes(Charset.forName(encoding));

        files(NOW).keep(letter(new Bytes(event, event.length)));

        assertThat(onlyLetter().get("error").textValue()).isEqualTo("unreadable");
    }

    @Test
    void theLineStaysJsonWhenTheEventBeginsWithAByteOrderMark() throws IOException {
        files(NOW).keep(letter(Bytes.of("\uFEFF{\"a\":1}")));

        assertThat(onlyLetter().get("error").textValue()).isEqualTo("unreadable");
    }

    @Test
    void aTextOfManyMegabytesIsNoObstacle() throws IOException {
        byte[] event = Frames.large("1-0", "indicator--6f2f1c1e-7d1a-5b1e-9d1c-0d6c0e1f2a3b", 21)
                .data();

        files(NOW).keep(letter(new Bytes(event, event.length)));

        assertThat(onlyLetter().get("event").isObject()).isTrue();
    }

    @Test
    void manyThreadsMayKeepLettersAtOnce() throws Exception {
        DeadLetterFiles files = files(NOW);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        CountDownLatch together = new CountDownLatch(4);
        List<Future<?>> done = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            String name = "thread-" + thread;
            done.add(threads.submit(() -> {
                together.countDown();
                together.await();
                for (int i = 0; i < 25; i++) {
                    files.keep(letter(name + "-" + i));
                }
                return null;
            }));
        }
        for (Future<?> one : done) {
            one.get();
        }
        threads.shutdown();

        assertThat(errors(file)).hasSize(100).doesNotHaveDuplicates();
    }

    private DeadLetterFiles files(Instant time) {
        return new DeadLetterFiles(directory, Clock.fixed(time, ZoneOffset.UTC));
    }

    private static DeadLetter letter(String error) {
        return new DeadLetter("stream", "1-0", "create", "", error, 1, Optional.of(Bytes.of("{}")));
    }

    private static DeadLetter letter(Bytes event) {
        return new DeadLetter("stream", "1-0", "create", "", "unreadable", 1, Optional.of(event));
    }

    private JsonNode onlyLetter() throws IOException {
        String content = Files.readString(file);
        assertThat(content).endsWith("\n");
        assertThat(content.indexOf('\n')).as("one line").isEqualTo(content.length() - 1);
        return JSON.readTree(content);
    }

    private static List<String> errors(Path file) throws IOException {
        List<String> errors = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            errors.add(JSON.readTree(line).get("error").textValue());
        }
        return errors;
    }
}
