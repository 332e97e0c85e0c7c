package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Event.Kind;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.Position.Snapshot;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * A platform that others write to, at every instant of a snapshot: it makes objects and changes some, which the log tells, and
 * touches others without a word, so that they fall out of the window being read. Its search finds things late. A snapshot that
 * is read from it, by a program that is cut and killed, has shown in the end all objects that the log behind it does not tell of.
 */
class FollowUpProperties {

    private static final long SECOND = 1000;
    private static final long SNAPSHOT_END = 10_000 * SECOND;

    /** What it holds, by number; when each was last touched, and that as the search finds it. */
    private static final class Platform {
        private final Random random;
        private final long lag;
        private final Map<Integer, Long> touched = new HashMap<>();
        private final Map<Integer, Long> made = new HashMap<>();
        private final List<Runnable> searchable = new ArrayList<>();
        private final List<Long> searchableAt = new ArrayList<>();
        private final Map<Integer, Long> found = new HashMap<>();
        private long now = SNAPSHOT_END + 60 * SECOND;

        Platform(Random random) {
            this.random = random;
            this.lag = random.nextInt(30) * SECOND;
            for (int number = 0; number < 40; number++) {
                long time = SNAPSHOT_END - SECOND - random.nextInt(9_000 * (int) SECOND);
                made.put(number, time);
                touched.put(number, time);
                found.put(number, time);
            }
        }

        /** Time passes, and somebody may write. */
        void goOn() {
            now += random.nextInt(4) == 0 ? random.nextInt(20 * (int) SECOND) : random.nextInt((int) SECOND);
            int what = random.nextInt(6);
            if (what == 0) {
                int number = touched.size();
                made.put(number, now);
                touch(number);
            } else if (what == 1) {
                touchInSilence();
            }
            while (!searchableAt.isEmpty() && searchableAt.get(0) <= now) {
                searchableAt.remove(0);
                searchable.remove(0).run();
            }
        }

        void touchInSilence() {
            touch(random.nextInt(40));
        }

        private void touch(int number) {
            long time = now;
            touched.put(number, time);
            searchableAt.add(time + lag);
            searchable.add(() -> found.put(number, time));
        }

        /** In no order. */
        List<Integer> found() {
            List<Integer> numbers = new ArrayList<>(found.keySet());
            java.util.Collections.shuffle(numbers, random);
            return numbers;
        }

        boolean isIn(Snapshot window, int number) {
            long time = found.get(number);
            return time > window.from().millis() && time <= window.window().toEpochMilli();
        }
    }

    private final Set<Integer> shown = new HashSet<>();
    private Position stored;

    @Property(tries = 2000)
    void showsAllThatTheLogBehindASnapshotDoesNotTellOf(@ForAll long seed) {
        Random random = new Random(seed);
        Platform platform = new Platform(random);
        shown.clear();
        Instant end = Instant.ofEpochMilli(SNAPSHOT_END);
        stored = Position.startingWith("https://x", "live", new Snapshot(EventId.ZERO, end));
        if (random.nextBoolean()) {
            Reconcile reconcile = new Reconcile(7, random.nextBoolean(), end, Optional.empty());
            stored = new Position(
                    "https://x",
                    "live",
                    EventId.ZERO,
                    Optional.empty(),
                    stored.snapshot(),
                    8,
                    Position.MARGIN,
                    Optional.of(reconcile),
                    Optional.empty());
        }
        Arrivals program = new Arrivals(stored, () -> Instant.ofEpochMilli(platform.now));
        int kills = random.nextInt(4);
        for (int connections = 0; stored.snapshot().isPresent(); connections++) {
            assertThat(connections).as("connections beside busy writers").isLessThan(200);
            boolean isCut = kills > 0 && random.nextInt(3) == 0;
            connect(program, platform, isCut ? random.nextInt(20) : Integer.MAX_VALUE);
            if (isCut && random.nextBoolean()) {
                program = new Arrivals(stored, () -> Instant.ofEpochMilli(platform.now));
            }
            kills -= isCut ? 1 : 0;
        }
        long logStart = stored.resume().millis();
        long lastLook = stored.shownUntil().orElseThrow().toEpochMilli() - platform.lag;
        assertThat(platform.touched.keySet().stream()
                        .filter(number -> !shown.contains(number))
                        .filter(number -> platform.made.get(number) <= logStart)
                        .filter(number -> platform.touched.get(number) <= lastLook)) // later, nobody finds it
                .as("made before the log begins, and not shown")
                .isEmpty();
    }

    private void connect(Arrivals program, Platform platform, int most) {
        program.connecting();
        Snapshot window = program.snapshot().orElseThrow();
        int sent = 0;
        for (int number : platform.found()) {
            platform.goOn();
            if (platform.isIn(window, number)) {
                if (sent++ == most) {
                    stored = program.position(0);
                    return;
                }
                EventId id = new EventId(platform.found.get(number), 0);
                program.isNew(id, Kind.SNAPSHOT, number);
                if (program.isInFollowUp() && !shown.contains(number)) {
                    program.showsMissed(number, Optional.of(Instant.ofEpochMilli(platform.made.get(number))));
                }
                shown.add(number);
            }
        }
        platform.now += 10 * SECOND;
        program.heartbeat(new EventId(platform.now, 0));
        stored = program.position(0);
    }
}
