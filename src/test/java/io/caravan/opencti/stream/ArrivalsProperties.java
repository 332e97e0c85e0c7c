package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Event.Kind;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.Position.Snapshot;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Streams as a platform sends them (groups of one id, heartbeats that run ahead, events sent again, snapshots), a program
 * that is killed at every instant of them, and a restart from what it had stored: nothing may be missing.
 */
class ArrivalsProperties {

    private static final InstantSource CLOCK = InstantSource.fixed(Instant.EPOCH);

    /** An event of the log, told from all others by its fingerprint. */
    private record Entry(EventId id, Kind kind, long fingerprint) {}

    /** What comes over the wire: an event, or a heartbeat. */
    private record Arrival(EventId id, Optional<Entry> event) {
        static Arrival of(Entry entry) {
            return new Arrival(entry.id(), Optional.of(entry));
        }

        static Arrival heartbeat(EventId id) {
            return new Arrival(id, Optional.empty());
        }
    }

    /** Delivered, in order, and the position that was stored behind it. */
    private static final class Program {
        final List<Entry> delivered = new ArrayList<>();
        Position stored;
        private Optional<Arrivals> running = Optional.empty();

        Program(Position start) {
            stored = start;
        }

        /** What came after the last stored position is delivered nowhere. */
        void kill() {
            running = Optional.empty();
        }

        private Arrivals running() {
            if (running.isEmpty()) {
                running = Optional.of(new Arrivals(stored, CLOCK));
            }
            return running.get();
        }

        /** Told of while a reconcile was under way, as far as stored. */
        final Set<Entry> seen = new HashSet<>();

        /** Asks for what it lacks, and reads until the connection is cut. */
        void connect(List<Entry> snapshot, List<Entry> log, int arrivals, Random chance) {
            running().connecting();
            List<Arrival> stream = running()
                    .snapshot()
                    .map(asked -> recovery(asked, snapshot, log, chance))
                    .orElseGet(() -> stream(log, stored.resume(), chance));
            read(running(), withoutClocksAheadOf(stored.newest(), stream), arrivals, chance);
        }

        /** Connects until the log is read to its end, each time for so many arrivals at most. */
        void connectUntilAllIsRead(List<Entry> snapshot, List<Entry> log, int arrivals, Random chance) {
            EventId last = log.get(log.size() - 1).id();
            for (int connections = 0;
                    last.isAbove(stored.newest()) || stored.snapshot().isPresent();
                    connections++) {
                assertThat(connections).as("connections").isLessThan(1000);
                connect(snapshot, log, stored.snapshot().isPresent() ? arrivals : Integer.MAX_VALUE, chance);
            }
            connect(snapshot, log, Integer.MAX_VALUE, chance);
        }

        void reconcile(Instant until) {
            running().begin(new Reconcile(stored.batches(), false, until, Optional.empty()));
            stored = running().position(stored.batches());
        }

        /** Reads after a start, until killed. */
        void run(List<Arrival> stream, int arrivals, Random chance) {
            kill();
            running().connecting();
            read(running(), stream, arrivals, chance);
        }

        private void read(Arrivals log, List<Arrival> stream, int arrivals, Random chance) {
            List<Entry> batch = new ArrayList<>();
            List<Entry> told = new ArrayList<>();
            List<Arrival> read = stream.subList(0, Math.min(arrivals, stream.size()));
            for (Arrival arrival : read) {
                if (arrival.event().isEmpty()) {
                    log.heartbeat(arrival.id());
                } else {
                    Entry entry = arrival.event().get();
                    if (log.isNew(entry.id(), entry.kind(), entry.fingerprint())) {
                        batch.add(entry);
                    }
                    if (log.showsObject(entry.id()) && !log.isDone()) {
                        told.add(entry);
                    }
                }
                if (chance.nextInt(3) == 0 || log.isDone() || arrival == read.get(read.size() - 1)) {
                    delivered.addAll(batch);
                    seen.addAll(told);
                    batch.clear();
                    told.clear();
                    stored = log.position(stored.batches() + 1);
                }
                if (log.isDone()) {
                    return;
                }
            }
        }
    }

    @Property(tries = 150)
    void losesAndRepeatsNothingOfALogWhereverItIsKilled(@ForAll long seed) {
        List<Entry> log = log(new Random(seed), 0);
        int length = stream(log, EventId.ZERO, new Random(seed)).size();
        for (int instant = 0; instant <= length; instant++) {
            Random chance = new Random(seed + instant);
            Program program = new Program(Position.startingAt("https://x", "live", EventId.ZERO));
            program.run(stream(log, EventId.ZERO, new Random(seed)), instant, chance);
            while (chance.nextInt(3) == 0) {
                List<Arrival> again = stream(log, program.stored.resume(), chance);
                program.run(again, chance.nextInt(again.size() + 1), chance);
            }
            List<Arrival> last = stream(log, program.stored.resume(), chance);
            program.run(last, last.size(), chance);

            assertThat(program.delivered)
                    .as("killed after %d arrivals", instant)
                    .containsExactlyElementsOf(log);
        }
    }

    @Property(tries = 150)
    void losesNothingOfASnapshotAndTheLogBehindItWhereverItIsKilled(@ForAll long seed) {
        Random random = new Random(seed);
        EventId until = new EventId(1_000_000 + random.nextInt(1_000_000), 0);
        List<Entry> snapshot = snapshot(random, until);
        List<Entry> log = log(random, until.millis() + 1);
        Set<Entry> all = new HashSet<>(snapshot);
        all.addAll(log);
        Position start = Position.startingWith("https://x", "live", new Snapshot(EventId.ZERO, until.time()));
        int length = recovery(start.snapshot().orElseThrow(), snapshot, log, new Random(seed))
                .size();
        for (int instant = 0; instant <= length; instant++) {
            Random chance = new Random(seed + instant);
            Program program = new Program(start);
            program.connect(snapshot, log, instant, chance);
            program.kill();
            int kills = chance.nextInt(3);
            for (int kill = 0; kill < kills; kill++) {
                program.kill();
                program.connect(snapshot, log, chance.nextInt(length + 1), chance);
            }
            program.connectUntilAllIsRead(snapshot, log, Integer.MAX_VALUE, chance);
            assertThat(new HashSet<>(program.delivered))
                    .as("killed after %d arrivals", instant)
                    .isEqualTo(all);
        }
    }

    @Property(tries = 150)
    void getsThroughASnapshotOfWhichNoConnectionBringsTheWhole(@ForAll long seed) {
        Random random = new Random(seed);
        EventId until = new EventId(1_000_000 + random.nextInt(1_000_000), 0);
        List<Entry> snapshot = new ArrayList<>();
        for (int object = 0; object < 60; object++) {
            long millis = 1 + random.nextInt((int) until.millis());
            snapshot.add(new Entry(new EventId(millis, 0), Kind.SNAPSHOT, random.nextLong()));
        }
        if (random.nextInt(3) == 0) {
            snapshot.sort(Comparator.comparing(Entry::id));
        } else if (random.nextInt(3) == 0) {
            snapshot.sort(Comparator.comparing(Entry::id).reversed());
        }
        List<Entry> log = log(random, until.millis() + 1);
        Position start = Position.startingWith("https://x", "live", new Snapshot(EventId.ZERO, until.time()));
        Program program = new Program(start);

        program.connectUntilAllIsRead(snapshot, log, 12, random);

        Set<Entry> all = new HashSet<>(snapshot);
        all.addAll(log);
        assertThat(new HashSet<>(program.delivered)).isEqualTo(all);
    }

    @Property(tries = 150)
    void aReconcileSeesAllThatWasThereAndRepeatsNothingOfTheLog(@ForAll long seed) {
        Random random = new Random(seed);
        EventId until = new EventId(1_000_000 + random.nextInt(1_000_000), 0);
        List<Entry> snapshot = snapshot(random, until);
        List<Entry> log = log(random, until.millis() - 200_000 + random.nextInt(400_000));
        Program program = new Program(Position.startingAt("https://x", "live", EventId.ZERO));
        program.connect(List.of(), log, random.nextInt(2 * log.size()), random);
        program.kill();
        program.reconcile(until.time());
        int kills = random.nextInt(4);
        for (int kill = 0; kill < kills; kill++) {
            program.kill();
            program.connect(snapshot, log, random.nextInt(40), random);
        }
        program.connectUntilAllIsRead(snapshot, log, Integer.MAX_VALUE, random);

        assertThat(program.stored.reconcile()).isPresent();
        assertThat(program.seen).containsAll(snapshot);
        assertThat(program.seen)
                .containsAll(log.stream()
                        .filter(entry -> entry.id().millis() > until.millis())
                        .toList());
        assertThat(program.delivered.stream().filter(log::contains).filter(entry -> entry.kind() == Kind.MAIN))
                .containsExactlyElementsOf(
                        log.stream().filter(entry -> entry.kind() == Kind.MAIN).toList());
    }

    /** Groups of one id: dependencies first, then mostly the main event. */
    private static List<Entry> log(Random random, long firstMillis) {
        List<Entry> log = new ArrayList<>();
        EventId id = new EventId(firstMillis, 0);
        int groups = 1 + random.nextInt(12);
        for (int group = 0; group < groups; group++) {
            id = random.nextInt(4) == 0
                    ? new EventId(id.millis(), id.sequence() + 1)
                    : new EventId(id.millis() + 1 + random.nextInt(random.nextBoolean() ? 500 : 100_000), 0);
            int dependencies = random.nextInt(3) == 0 ? 1 + random.nextInt(4) : 0;
            for (int d = 0; d < dependencies; d++) {
                log.add(new Entry(id, Kind.DEPENDENCY, random.nextLong()));
            }
            if (dependencies == 0 || random.nextInt(4) > 0) {
                log.add(new Entry(id, Kind.MAIN, random.nextLong()));
            }
        }
        return log;
    }

    private static List<Entry> snapshot(Random random, EventId until) {
        List<Entry> snapshot = new ArrayList<>();
        int objects = random.nextInt(10);
        for (int object = 0; object < objects; object++) {
            EventId id = new EventId(1 + random.nextInt((int) until.millis()), 0);
            if (random.nextInt(3) == 0) {
                snapshot.add(new Entry(id, Kind.DEPENDENCY, random.nextLong()));
            }
            snapshot.add(new Entry(id, Kind.SNAPSHOT, random.nextLong()));
        }
        return snapshot;
    }

    /** What a connection from there brings, until all was sent and a heartbeat has closed the last id. */
    private static List<Arrival> stream(List<Entry> log, EventId from, Random random) {
        List<Arrival> stream = new ArrayList<>();
        play(log.stream().filter(entry -> entry.id().isAbove(from)).toList(), stream, random);
        return stream;
    }

    /** The asked window of a snapshot with heartbeats of the last id sent, then the log, with nothing in between. */
    private static List<Arrival> recovery(Snapshot asked, List<Entry> snapshot, List<Entry> log, Random random) {
        List<Arrival> stream = new ArrayList<>();
        EventId end = EventId.at(asked.window());
        for (Entry entry : snapshot) {
            if (entry.id().isAbove(asked.from()) && !entry.id().isAbove(end)) {
                stream.add(Arrival.of(entry));
                if (random.nextInt(4) == 0) {
                    stream.add(Arrival.heartbeat(entry.id()));
                }
            }
        }
        play(log.stream().filter(entry -> entry.id().isAbove(end)).toList(), stream, random);
        return stream;
    }

    /** What was read up to an id lies in the log, and no clock runs ahead of that; only of events still to be written. */
    private static List<Arrival> withoutClocksAheadOf(EventId newest, List<Arrival> stream) {
        List<Arrival> honest = new ArrayList<>();
        for (int i = 0; i < stream.size(); i++) {
            Arrival arrival = stream.get(i);
            boolean runsAhead = arrival.event().isEmpty()
                    && stream.subList(i, stream.size()).stream()
                            .filter(later -> later.event().isPresent())
                            .anyMatch(later -> arrival.id().isAbove(later.id())
                                    && !later.id().isAbove(newest));
            if (!runsAhead) {
                honest.add(arrival);
            }
        }
        return honest;
    }

    private static void play(List<Entry> log, List<Arrival> stream, Random random) {
        for (int i = 0; i < log.size(); i++) {
            Entry entry = log.get(i);
            boolean isLast = i == log.size() - 1;
            boolean endsGroup = isLast || !log.get(i + 1).id().equals(entry.id());
            stream.add(Arrival.of(entry));
            if (random.nextInt(5) == 0) {
                stream.add(Arrival.heartbeat(entry.id())); // it carries the id that is being sent
            }
            if (endsGroup && random.nextInt(4) == 0) { // the platform reads a batch again after an error of its own
                int from = random.nextInt(i + 1);
                log.subList(from, i + 1).stream()
                        .filter(again -> stream.stream().anyMatch(a -> a.event().equals(Optional.of(again))))
                        .forEach(again -> stream.add(Arrival.of(again)));
            }
            if (endsGroup && random.nextInt(3) == 0) { // idle: a clock, up to 2 s ahead of the event to come
                long next = isLast
                        ? entry.id().millis() + 200_000
                        : log.get(i + 1).id().millis() + 2_000;
                long clock = entry.id().millis()
                        + 1
                        + (long) (random.nextDouble() * (next - entry.id().millis() - 1));
                stream.add(Arrival.heartbeat(new EventId(clock, 0)));
            }
        }
        Collections.addAll(
                stream,
                Arrival.heartbeat(new EventId(
                        log.isEmpty()
                                ? 10_000_000
                                : log.get(log.size() - 1).id().millis() + 300_000,
                        0)));
    }
}
