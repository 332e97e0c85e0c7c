package io.caravan;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code caravan tail}, as a process of its own that looks at a real topic. */
class TailIT {

    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    /** It would clear a terminal's screen, ring its bell and paint it; the last two in one byte and in C1. */
    private static final String HARMFUL = "a\u001b[2Jb\u0007c\rd\u007fe\u009b31mf";

    @TempDir
    Path home;

    private final KafkaBroker broker = KafkaBroker.ofThisRun();
    private final Topics topics = Topics.of(broker);
    private final String prefix = "tail-" + UUID.randomUUID() + ".";
    private Installation caravan;
    private Process process;

    @BeforeEach
    void install() throws IOException {
        try (FakePlatform nobodyAsksIt = FakePlatform.start()) {
            caravan = new Installation(home, nobodyAsksIt);
        }
        caravan.set("kafka.brokers", broker.brokers()).set("kafka.topic-prefix", prefix);
    }

    @AfterEach
    void stop() {
        if (process != null) {
            process.destroyForcibly();
        }
    }

    @Test
    void showsTheFirstRecordsALineEach() throws Exception {
        topics.make(prefix + "events", 1);
        for (int n = 1; n <= 5; n++) {
            write("{\"message\":\"creates number " + n + "\"}");
        }
        assertThat(said(0, "tail events --from-start -n 3"))
                .hasSize(3)
                .allMatch(line -> line.matches("20[0-9T:.-]+Z  .*"))
                .satisfiesExactly(
                        one -> assertThat(one).contains("creates number 1"),
                        two -> assertThat(two).contains("creates number 2"),
                        three -> assertThat(three).contains("creates number 3"));
    }

    @Test
    void nothingInARecordControlsATerminal() throws Exception {
        topics.make(prefix + "events", 1);
        write(HARMFUL);
        write("{\"message\":\"\\u001b[2J\",\"name\":\"" + "\u009b31m\u007f" + "\"}");

        for (String manner : List.of("", " --json")) {
            List<String> lines = said(0, "tail " + prefix + "events --from-start -n 2" + manner);
            assertThat(lines).hasSize(2).noneMatch(line -> line.chars().anyMatch(Character::isISOControl));
        }
    }

    @Test
    void asJsonARecordIsOneObjectWithItsWholeValue() throws Exception {
        topics.make(prefix + "events", 1);
        List<String> values = List.of(
                "{\"message\":\"" + "x".repeat(100_000) + "\"}",
                "{\n  \"name\": \"ž\",\r\n\t\"n\": [1, 2]\n}",
                "{\"name\":\"\u009b\u007f\"}",
                "17",
                "no JSON\n{",
                "{} {}",
                "",
                HARMFUL);
        for (String value : values) {
            write(value);
        }
        topics.write(prefix + "events", null, null);

        List<JsonNode> records = new ArrayList<>();
        for (String line : said(0, "tail events --json --from-start -n 9")) {
            records.add(JSON.readTree(line));
        }
        assertThat(records).hasSize(9);
        for (int n : new int[] {0, 1, 2, 3}) {
            assertThat(records.get(n).get("value")).isEqualTo(JSON.readTree(values.get(n)));
        }
        for (int n : new int[] {4, 5, 6, 7}) {
            assertThat(records.get(n).get("value").asText()).isEqualTo(values.get(n));
        }
        assertThat(records.get(8).get("value").isNull()).isTrue();
        assertThat(records.get(8).get("key").isNull()).isTrue();
        assertThat(records.get(7).get("key").asText()).isEqualTo("k\u001b");
        assertThat(records.get(7).get("offset").asInt()).isEqualTo(7);
    }

    @Test
    void saysWhichTopicsThereAre() throws Exception {
        topics.make(prefix + "changes", 1).make(prefix + "events", 1);
        assertThat(said(1, "tail evnets"))
                .containsExactly("there is no topic evnets at " + broker.brokers() + "; there are: " + prefix
                        + "changes, " + prefix + "events");
    }

    @Test
    void saysThatNoBrokersAreSet() throws Exception {
        caravan.set("kafka.brokers", "");
        assertThat(said(2, "tail events"))
                .containsExactly("kafka.brokers: not set, and no demo runs here: say host:port of a broker");
    }

    @Test
    void saysWhatKeepsItFromTheBrokers() throws Exception {
        caravan.set("kafka.client.default.api.timeout.ms", "1000").set("kafka.client.request.timeout.ms", "1000");
        caravan.set("kafka.brokers", "localhost:1");
        assertThat(said(1, "tail events"))
                .singleElement()
                .asString()
                .startsWith("Kafka at localhost:1 does not answer");
        caravan.set("kafka.brokers", "no-such-host.invalid:9092");
        assertThat(said(1, "tail events"))
                .singleElement()
                .asString()
                .isEqualTo("Kafka at no-such-host.invalid:9092 is not found: No resolvable bootstrap urls given in"
                        + " bootstrap.servers");
    }

    private void write(String value) throws Exception {
        topics.write(prefix + "events", "k\u001b".getBytes(UTF_8), value.getBytes(UTF_8));
    }

    /** What the command says until it ends, with this exit code. */
    private List<String> said(int exitCode, String command) throws Exception {
        int before = caravan.log().length();
        process = caravan.run(command);
        assertThat(Patience.ends(process, Patience.SOON)).isTrue();
        String said = caravan.log().substring(before);
        assertThat(process.exitValue()).as(said).isEqualTo(exitCode);
        return said.isEmpty() ? List.of() : List.of(said.split("\n"));
    }
}
