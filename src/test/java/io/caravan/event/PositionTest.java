package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Position.Open;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.Position.Snapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PositionTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static final EventId RESUME = EventId.parse("1795282698973-0");
    private static final Open OPEN =
            new Open(EventId.parse("1795282698991-3"), new long[] {Long.MIN_VALUE, -1, 0, 1, Long.MAX_VALUE});
    private static final Snapshot SNAPSHOT = new Snapshot(EventId.ZERO, Instant.parse("2026-11-21T17:38:18.973Z"));
    private static final Position WHOLE = new Position(
            "https://opencti.example.org",
            "live",
            RESUME,
            Optional.of(OPEN),
            Optional.of(SNAPSHOT),
            41,
            Duration.ofSeconds(95));

    private static final Instant UNTIL = Instant.parse("2026-11-21T17:38:18Z");

    private static Position reconciling(Snapshot snapshot) {
        return new Position(
                "p",
                "s",
                RESUME,
                Optional.of(OPEN),
                Optional.of(snapshot),
                8,
                Position.MARGIN,
                Optional.of(new Reconcile(7, true, UNTIL, Optional.empty())),
                Optional.of(UNTIL));
    }

    static Stream<Position> positions() {
        return Stream.of(
                Position.startingAt("https://opencti.example.org", "live", RESUME),
                Position.startingWith("https://opencti.example.org/base", "raw", SNAPSHOT),
                new Position("p", "s", RESUME, Optional.of(OPEN), Optional.empty(), Long.MAX_VALUE, Duration.ZERO),
                new Position(
                        "p",
                        "s",
                        RESUME,
                        Optional.of(new Open(RESUME, new long[0])),
                        Optional.empty(),
                        0,
                        Position.MARGIN),
                new Position(
                        "https://\u00fc\"\\\n",
                        "\u2028",
                        EventId.ZERO,
                        Optional.empty(),
                        Optional.empty(),
                        1,
                        Position.MARGIN),
                WHOLE,
                reconciling(new Snapshot(RESUME, UNTIL.minusSeconds(9), UNTIL, Optional.of(UNTIL.minusSeconds(10)))),
                reconciling(SNAPSHOT).afterAnotherBatch(),
                reconciling(SNAPSHOT.followUp(Position.MARGIN, EventId.ZERO, UNTIL.plusSeconds(70))),
                new Position(
                        "p",
                        "s",
                        RESUME,
                        Optional.empty(),
                        Optional.empty(),
                        8,
                        Position.MARGIN,
                        Optional.empty(),
                        Optional.of(UNTIL),
                        Optional.of(UNTIL.plusSeconds(70))));
    }

    @Test
    void readsASnapshotThatWasStoredBeforeThereWereFollowUps() throws IOException {
        Position stored = Position.parse(WHOLE.toJson());
        assertThat(stored.snapshot().orElseThrow().isFollowUp()).isFalse();
        assertThat(stored.snapshot().orElseThrow().logStart()).isEqualTo(SNAPSHOT.until());
        assertThat(stored.isOlderThanShown(EventId.ZERO)).isFalse();
    }

    @ParameterizedTest
    @MethodSource("positions")
    void isTheSameAfterItWasWrittenAndRead(Position position) throws IOException {
        assertThat(Position.parse(position.toJson())).isEqualTo(position);
    }

    @Test
    void isWrittenAsJsonThatPeopleCanRead() {
        assertThat(new String(WHOLE.toJson(), StandardCharsets.UTF_8))
                .isEqualTo("{\"platform\":\"https://opencti.example.org\",\"stream\":\"live\","
                        + "\"resume\":\"1795282698973-0\","
                        + "\"open\":{\"id\":\"1795282698991-3\",\"delivered\":"
                        + "[\"8000000000000000\",\"ffffffffffffffff\",\"0\",\"1\",\"7fffffffffffffff\"]},"
                        + "\"snapshot\":{\"from\":\"0-0\",\"until\":\"2026-11-21T17:38:18.973Z\"},"
                        + "\"batches\":41,\"margin\":\"PT1M35S\"}");
    }

    @Test
    void whatIsNotThereIsWrittenAsNull() {
        assertThat(new String(Position.startingAt("p", "s", RESUME).toJson(), StandardCharsets.UTF_8))
                .contains("\"open\":null", "\"snapshot\":null");
    }

    @Test
    void fingerprintsAreSortedWhateverTheOrderInTheFile() throws IOException {
        byte[] json = with("open", "{\"id\":\"5-0\",\"delivered\":[\"2\",\"ffffffffffffffff\",\"1\"]}");

        assertThat(Position.parse(json).open().orElseThrow().delivered()).containsExactly(-1, 1, 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"platform", "stream", "resume", "batches", "margin"})
    void saysWhichPartIsMissing(String part) throws IOException {
        assertIsBroken(without(part), part);
        assertIsBroken(with(part, "null"), part);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "platform | {}",
                "stream   | []",
                "resume   | 5",
                "resume   | \"five\"",
                "resume   | {\"id\":\"1-0\"}",
                "open     | \"1795282698991-3\"",
                "open     | {\"delivered\":[]}",
                "open     | {\"id\":\"x\",\"delivered\":[]}",
                "open     | {\"id\":\"1-0\"}",
                "open     | {\"id\":\"1-0\",\"delivered\":\"ff\"}",
                "open     | {\"id\":\"1-0\",\"delivered\":[\"xyz\"]}",
                "open     | {\"id\":\"1-0\",\"delivered\":[\"10000000000000000\"]}",
                "open     | {\"id\":\"1-0\",\"delivered\":[null]}",
                "snapshot | \"2026-11-21T17:38:18.973Z\"",
                "snapshot | {\"until\":\"2026-11-21T17:38:18.973Z\"}",
                "snapshot | {\"from\":\"0-0\"}",
                "snapshot | {\"from\":\"0\",\"until\":\"2026-11-21T17:38:18.973Z\"}",
                "snapshot | {\"from\":\"0-0\",\"until\":\"yesterday\"}",
                "snapshot | {\"from\":\"0-0\",\"until\":\"2026-11-21T17:38:18.973Z\",\"window\":7}",
                "reconcile | {\"number\":\"x\",\"until\":\"2026-11-21T17:38:18.973Z\"}",
                "reconcile | {\"number\":7}",
                "batches  | \"many\"",
                "batches  | 1.5",
                "margin   | \"a minute\"",
                "margin   | 60",
            })
    void saysWhichPartCannotBeRead(String part, String value) throws IOException {
        assertIsBroken(with(part, value), part);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "null", "7", "\"text\"", "hello", "{\"platform\":", "\u0000\u0000\u0000\u0000"})
    void whatIsNoJsonObjectIsNoPosition(String bytes) {
        assertThatThrownBy(() -> Position.parse(bytes.getBytes(StandardCharsets.UTF_8)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("a position");
    }

    @Test
    void theNewestIdIsTheOpenOneWhereThereIsOne() {
        assertThat(WHOLE.newest()).isEqualTo(OPEN.id());
        assertThat(Position.startingAt("p", "s", RESUME).newest()).isEqualTo(RESUME);
    }

    @Test
    void aHeartbeatMayHaveMovedItBeyondTheOpenId() {
        Position position = new Position(
                "p",
                "s",
                EventId.parse("9-0"),
                Optional.of(new Open(EventId.parse("5-0"), new long[] {1})),
                Optional.empty(),
                1,
                Position.MARGIN);

        assertThat(position.newest()).hasToString("9-0");
    }

    @ParameterizedTest
    @CsvSource({"1794999999999, false", "1795000000000, true"})
    void aReconcilesRemovalsAreDueWhenTheLogIsDeliveredUpToThen(long resume, boolean isDue) {
        Instant at = Instant.ofEpochMilli(1_795_000_000_000L);
        Position position = new Position(
                "p",
                "s",
                new EventId(resume, 0),
                Optional.empty(),
                Optional.empty(),
                8,
                Position.MARGIN,
                Optional.of(new Reconcile(7, false, UNTIL, Optional.of(at))),
                Optional.empty());

        assertThat(position.dueReconcile().isPresent()).isEqualTo(isDue);
        assertThat(reconciling(SNAPSHOT).dueReconcile()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void withoutItsReconcileTheSnapshotOfAGapIsReadOn(boolean ofGap) {
        Position reconciling = new Position(
                "p",
                "s",
                RESUME,
                Optional.empty(),
                Optional.of(SNAPSHOT),
                8,
                Position.MARGIN,
                Optional.of(new Reconcile(7, ofGap, UNTIL, Optional.empty())),
                Optional.empty());

        assertThat(reconciling.withoutReconcile().reconcile()).isEmpty();
        assertThat(reconciling.withoutReconcile().snapshot().isPresent()).isEqualTo(ofGap);
    }

    @Test
    void aMillisecondOfAWindowComesAgainWithTheRest() {
        Snapshot window = new Snapshot(EventId.ZERO, UNTIL.minusSeconds(60), UNTIL, Optional.empty());

        assertThat(window.rest())
                .isEqualTo(new Snapshot(EventId.at(UNTIL.minusSeconds(60).minusMillis(1)), UNTIL));
    }

    private static void assertIsBroken(byte[] json, String part) {
        assertThatThrownBy(() -> Position.parse(json))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("a position whose \"" + part + "\"");
    }

    private static byte[] with(String part, String value) throws IOException {
        ObjectNode json = (ObjectNode) JSON.readTree(WHOLE.toJson());
        return JSON.writeValueAsBytes(json.set(part, JSON.readTree(value)));
    }

    private static byte[] without(String part) throws IOException {
        ObjectNode json = (ObjectNode) JSON.readTree(WHOLE.toJson());
        json.remove(part);
        return JSON.writeValueAsBytes(json);
    }
}
