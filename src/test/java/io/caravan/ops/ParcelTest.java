package io.caravan.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.sink.DeadLetterDay;
import io.caravan.sink.DeadLetterLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParcelTest {

    @TempDir
    Path directory;

    private final Parcel parcel = new Parcel();

    @Test
    void whatIsNotRefusedGoesAndTheRestStaysInItsOrder() throws IOException {
        add(line("kafka", 1, 1));
        stays("in between");
        add(line("kafka", 2, 1));
        add(line("kafka", 3, 4));

        assertThat(kept(refused("kafka", 3, 2), refused("kafka", 1, 1)))
                .containsExactly(line("kafka", 1, 2), "in between", line("kafka", 3, 6));
    }

    @Test
    void anEventOfWhichSeveralLinesTellIsSentOnce() throws IOException {
        add(line("kafka", 1, 1));
        add(line("kafka", 1, 1));
        add(line("kafka", 2, 1));

        assertThat(parcel.events()).extracting(event -> event.id().toString()).containsExactly("1-0", "2-0");
        assertThat(kept(refused("kafka", 1, 1)))
                .containsExactly(line("kafka", 1, 2)); // one of its two records is taken now
    }

    @Test
    void whatAnotherRefusesOnTheWayIsANewLine() throws IOException {
        add(line("update", 1, 1));

        assertThat(kept(refused("kafka", 1, 1))).singleElement().satisfies(line -> assertThat(line)
                .contains("\"sink\":\"kafka\",\"position\":\"1-0\"")
                .contains("\"attempts\":1"));
    }

    @Test
    void whatCannotBeReadIsRefusedAgainWithoutBeingSent() throws IOException {
        String line = line("stream", 1, 1).replaceFirst("\"event\":.*", "\"event\":{\"data\":{}}}");
        add(line);

        assertThat(parcel.events()).isEmpty();
        assertThat(kept()).singleElement().satisfies(again -> assertThat(again)
                .contains("\"error\":\"create: unreadable: it has no data.id\",\"attempts\":2"));
    }

    @Test
    void holdsLettersForOneSinkOrForAll() throws IOException {
        assertThat(parcel.goesTo(Optional.of("kafka"))).isTrue();
        stays("in between");
        assertThat(parcel.goesTo(Optional.of("kafka"))).isTrue();
        add(line("kafka", 1, 1));

        assertThat(parcel.goesTo(Optional.of("kafka"))).isTrue();
        assertThat(parcel.goesTo(Optional.of("hook"))).isFalse();
        assertThat(parcel.goesTo(Optional.empty())).isFalse();
        assertThat(parcel.sink()).hasValue("kafka");
    }

    @Test
    void holdsABatchAndOneThatIsLargerThanABatch() throws IOException {
        Bytes line = Bytes.of(line("kafka", 1, 1));
        assertThat(parcel.hasRoomFor(line, 1, 1)).isTrue();
        add(line.toString());

        assertThat(parcel.hasRoomFor(line, 1, 1_000_000)).isFalse();
        assertThat(parcel.hasRoomFor(line, 2, 2L * line.length())).isTrue();
        assertThat(parcel.hasRoomFor(line, 2, 2L * line.length() - 1)).isFalse();
    }

    @Test
    void whatWasNotSentStaysAsItIs() throws IOException {
        add(line("kafka", 1, 1));
        stays("in between");
        add(line("kafka", 2, 1));

        assertThat(written(parcel::keep)).containsExactly(line("kafka", 1, 1), "in between", line("kafka", 2, 1));
    }

    private void add(String line) throws IOException {
        parcel.add(Bytes.of(line), DeadLetterLine.read(Bytes.of(line)));
    }

    private void stays(String line) {
        parcel.add(Bytes.of(line), Optional.empty());
    }

    private List<String> kept(DeadLetter... refused) throws IOException {
        return written(file -> parcel.keep(file, List.of(refused)));
    }

    private interface Keeping {
        void in(DeadLetterDay.Rewriting file) throws IOException;
    }

    private List<String> written(Keeping keeping) throws IOException {
        Path file = directory.resolve("2026-11-21.ndjson");
        try (DeadLetterDay.Rewriting next = new DeadLetterDay(Files.createFile(file)).rewrite()) {
            keeping.in(next);
            next.finish();
        }
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    private static String line(String sink, int object, int attempts) {
        return "{\"time\":\"2026-11-21T17:38:18.973Z\",\"sink\":\"%s\",\"position\":\"%d-0\",\"op\":\"create\",\"id\":\"%s\",\"error\":\"bad\",\"attempts\":%d,\"event\":{\"data\":{\"id\":\"%s\"}}}"
                .formatted(sink, object, id(object), attempts, id(object));
    }

    private static DeadLetter refused(String sink, int object, int attempts) {
        return new DeadLetter(sink, object + "-0", "create", id(object), "bad", attempts, Optional.empty());
    }

    private static String id(int object) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(object);
    }
}
