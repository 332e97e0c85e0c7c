package io.caravan.sink;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeadLetterDayTest {

    private static final String LETTER =
            "{\"time\":\"2026-11-21T17:38:18.973Z\",\"sink\":\"kafka\",\"position\":\"%s\",\"event\":{}}";

    @TempDir
    Path directory;

    private Path file;
    private DeadLetterDay day;

    @BeforeEach
    void choose() {
        file = directory.resolve("2026-11-21.ndjson");
        day = new DeadLetterDay(file);
    }

    @Test
    void daysComeInOrderAndNothingElse() throws IOException {
        for (String name : List.of("2026-11-22.ndjson", "2025-12-31.ndjson", "2026-11-21.ndjson.next", "notes.txt")) {
            Files.createFile(directory.resolve(name));
        }

        assertThat(DeadLetterDay.in(directory))
                .extracting(DeadLetterDay::toString)
                .containsExactly("2025-12-31", "2026-11-22");
        assertThat(DeadLetterDay.in(directory.resolve("missing"))).isEmpty();
    }

    @Test
    void aLineMayBeLongerThanAnythingThatIsReadAtOnce() throws IOException {
        String large = "x".repeat(3_000_000);
        Files.writeString(file, "short\n" + large + "\n\n" + large + "\n");

        assertThat(lines()).containsExactly("short", large, "", large);
    }

    @Test
    void aLineThatAKillToreIsNone() throws IOException {
        Files.writeString(file, "first\n{\"time\":\"2026");
        assertThat(lines()).containsExactly("first");

        Files.writeString(file, "{\"time\":\"2026");
        assertThat(lines()).isEmpty();
    }

    @Test
    void theLastLineMayLackItsEnd() throws IOException {
        Files.writeString(file, "first\n" + LETTER.formatted("1-0"));

        assertThat(lines()).containsExactly("first", LETTER.formatted("1-0"));
    }

    @Test
    void whatIsKeptTakesThePlaceOfWhatWas() throws IOException {
        Files.writeString(file, "first\nsecond\nthird\n");
        try (DeadLetterDay.Rewriting next = day.rewrite()) {
            next.keep(Bytes.of("second"));
            next.keep(
                    new DeadLetter("kafka", "1-0", "create", "", "again", 2, Optional.of(Bytes.of("{}"))),
                    Instant.parse("2026-11-21T17:38:18.973Z"));
            next.finish();
        }

        assertThat(lines())
                .containsExactly(
                        "second",
                        "{\"time\":\"2026-11-21T17:38:18.973Z\",\"sink\":\"kafka\",\"position\":\"1-0\",\"op\":\"create\","
                                + "\"id\":null,\"error\":\"again\",\"attempts\":2,\"event\":{}}");
        assertThat(directory).isDirectoryContaining(file::equals);
        assertThat(directory.toFile().list()).hasSize(1);
    }

    @Test
    void whereNothingIsKeptThereIsNoFile() throws IOException {
        Files.writeString(file, "first\n");
        try (DeadLetterDay.Rewriting next = day.rewrite()) {
            next.finish();
        }

        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void aKillBeforeTheEndLeavesTheFileAsItWas() throws IOException {
        Files.writeString(file, "first\nsecond\n");
        DeadLetterDay.Rewriting killed = day.rewrite();
        killed.keep(Bytes.of("x".repeat(1_000_000)));

        assertThat(DeadLetterDay.in(directory)).containsExactly(day);
        assertThat(lines()).containsExactly("first", "second");

        try (DeadLetterDay.Rewriting next = day.rewrite()) { // what the killed one has left is begun anew
            next.keep(Bytes.of("second"));
            next.finish();
        }
        assertThat(lines()).containsExactly("second");
        assertThat(directory.toFile().list()).hasSize(1);
    }

    @Test
    void whatFailsBeforeTheEndLeavesTheFileAsItWas() throws IOException {
        Files.writeString(file, "first\nsecond\n");
        try (DeadLetterDay.Rewriting next = day.rewrite()) {
            next.keep(Bytes.of("second"));
        }

        assertThat(lines()).containsExactly("first", "second");
        assertThat(directory.toFile().list()).hasSize(1);
    }

    private List<String> lines() throws IOException {
        List<String> all = new ArrayList<>();
        try (DeadLetterDay.Lines lines = day.read()) {
            for (Optional<Bytes> next = lines.next(); next.isPresent(); next = lines.next()) {
                all.add(next.get().toString());
            }
        }
        return all;
    }
}
