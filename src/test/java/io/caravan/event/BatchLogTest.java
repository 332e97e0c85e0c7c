package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Position.Reconcile;
import io.caravan.testkit.Frames;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchLogTest {

    private static final Position START = Position.startingAt("https://opencti.example.org", "live", EventId.ZERO);
    private static final Instant RECEIVED = Instant.parse("2026-11-22T10:00:00.123Z");

    private static final BatchLimits LIMITS = new BatchLimits(1000, 1 << 20, 1 << 20);

    @TempDir
    Path folder;

    @Test
    void aBatchComesBackAsItWas() throws Exception {
        StixObject gone = event(3).object();
        List<Event> events = List.of(event(1), event(2), Reconciliation.event(EventId.ZERO, gone));
        log().write(batch(START, events), Set.of("\ud800 half a character", "b"));

        UnfinishedBatch found = log().read(START, LIMITS).orElseThrow();

        assertThat(found.batch().before()).isEqualTo(START);
        assertThat(found.batch().after()).isEqualTo(START.afterAnotherBatch());
        assertThat(found.batch().received()).isEqualTo(RECEIVED);
        assertThat(found.batch().events()).isEqualTo(events);
        assertThat(found.seen()).containsExactlyInAnyOrder("\ud800 half a character", "b");
    }

    @Test
    void onlyWhatBeginsAtThePositionIsUnfinished() throws Exception {
        log().write(batch(START, List.of(event(1))), Set.of());
        Position inReconcile = new Position(
                START.platform(),
                START.stream(),
                START.resume(),
                Optional.empty(),
                Optional.empty(),
                0,
                Position.MARGIN,
                Optional.of(new Reconcile(0, true, RECEIVED, Optional.empty())),
                Optional.empty());

        assertThat(log().read(START.afterAnotherBatch(), LIMITS)).isEmpty();
        assertThat(log().read(inReconcile, LIMITS)).isEmpty();
        assertThat(log().read(START, LIMITS)).isPresent();
    }

    @Test
    void aSmallerBatchTakesThePlaceOfALargerOne() throws Exception {
        log().write(batch(START, List.of(event(1), event(2), event(3))), Set.of("a", "b"));
        Position next = START.afterAnotherBatch();
        log().write(batch(next, List.of(event(4))), Set.of());

        assertThat(log().read(START, LIMITS)).isEmpty();
        assertThat(log().read(next, LIMITS).orElseThrow().batch().events()).containsExactly(event(4));
    }

    @Test
    void oneThatIsTornAnywhereIsNone() throws Exception {
        log().write(batch(START, List.of(event(1), event(2))), Set.of("a"));
        byte[] whole = Files.readAllBytes(file());
        for (int length = 0; length < whole.length; length++) {
            try (RandomAccessFile torn = new RandomAccessFile(file().toFile(), "rw")) {
                torn.setLength(length);
            }
            assertThat(log().read(START, LIMITS)).as("cut to %d bytes", length).isEmpty();
            Files.write(file(), whole);
        }
        for (int at = 0; at < whole.length; at++) {
            byte[] wrong = whole.clone();
            wrong[at] ^= 1;
            Files.write(file(), wrong);
            assertThat(log().read(START, LIMITS)).as("byte %d is another", at).isEmpty();
        }
    }

    @Test
    void oneThatIsLargerThanTheLimitsOfNowIsLeftOut() throws Exception {
        List<Event> events = List.of(event(1), event(2));
        int size = event(1).raw().length();
        log().write(batch(START, events), Set.of());

        assertThat(log().read(START, new BatchLimits(2, 2L * size, size))).isPresent();
        assertThat(log().read(START, new BatchLimits(1, 2L * size, size))).isEmpty();
        assertThat(log().read(START, new BatchLimits(2, 2L * size - 1, size))).isEmpty();
        assertThat(log().read(START, new BatchLimits(2, 2L * size, size - 1))).isEmpty();
    }

    @Test
    void oneEventMayBeLargerThanABatchButNotThanAnEvent() throws Exception {
        int size = event(1).raw().length();
        log().write(batch(START, List.of(event(1))), Set.of());

        assertThat(log().read(START, new BatchLimits(1, 1, size))).isPresent();
        assertThat(log().read(START, new BatchLimits(1, 1, size - 1))).isEmpty();
    }

    @Test
    void removalsOfAReconcileAreCountedByTheirObjects() throws Exception {
        StixObject gone = event(1).object();
        log().write(batch(START, List.of(Reconciliation.event(EventId.ZERO, gone))), Set.of());

        assertThat(log().read(START, new BatchLimits(1, 1, gone.json().length())))
                .isPresent();
    }

    @Test
    void oneWithAnEventThatThisVersionCannotReadIsNone() throws Exception {
        Event sound = event(1);
        Bytes unreadable = Bytes.of("{\"data\":");
        log().write(batch(START, List.of(new Event(sound.id(), sound.op(), sound.envelope(), unreadable))), Set.of());

        assertThat(log().read(START, LIMITS)).isEmpty();
    }

    @Test
    void aFirstStartFindsNone() throws Exception {
        assertThat(log().read(START, LIMITS)).isEmpty();
    }

    private BatchLog log() {
        return new BatchLog(file());
    }

    private Path file() {
        return folder.resolve("state").resolve("batch");
    }

    private static Batch batch(Position before, List<Event> events) {
        return Batch.ofEvents(before, before.afterAnotherBatch(), RECEIVED, events);
    }

    private static Event event(int number) throws IOException {
        return Events.event(Frames.create(
                number + "000-0", Frames.object("tool--00000000-0000-4000-8000-%012d".formatted(number))));
    }
}
