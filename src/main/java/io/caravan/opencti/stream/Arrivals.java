package io.caravan.opencti.stream;

import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Open;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.Position.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Follows what arrives on a stream and answers two questions: is this event new, and what is the position once
 * everything that arrived so far is delivered. It owns that state; it is not safe for threads, {@link Inbox} guards it.
 *
 * <p>The rules, each paid for by somebody's lost data:
 *
 * <ul>
 *   <li>Several events share an id, dependencies first, and {@code from} is exclusive. So {@code resume} becomes an id
 *       only when a strictly greater one has been seen after its last event, on an event or on a heartbeat.
 *   <li>A heartbeat's id is a clock and runs ahead of events still to come. On its own it moves {@code resume} to its
 *       time less a margin, never past an id that may be unfinished. The margin grows with what is measured.
 *   <li>An event below the newest id, or at it with a fingerprint that was delivered, is the platform sending again.
 *   <li>A snapshot's ids are in no order: while one is read nothing is taken for a repetition and {@code resume} stays.
 *       It ends at the first main event above its end, which is of the log, or at a heartbeat above that and everything seen
 *       in it. So does the connection: the next one reads the log, and says whether that still begins before the snapshot's
 *       end. What came of the log until then, dependencies of that event, is not taken twice.
 *   <li>A snapshot that is cut comes from its start again, so a large one would never get through: the next connection asks
 *       for a smaller window of it, then for all the rest. A window ends as a snapshot does; then the connection is done.
 *   <li>A reconcile that follows no gap leaves the log's place where it was, for what has not been delivered of the log; but
 *       what changed since the snapshot's end must be seen again: from there on the log is read again, as repetitions.
 * </ul>
 */
final class Arrivals {

    /** Data that comes this much below an earlier heartbeat's id means that clocks disagree. */
    static final Duration TOLERATED_LEAD = Duration.ofSeconds(30);

    private final InstantSource platformClock;

    private final String platform;
    private final String stream;
    private EventId resume;
    private Optional<Snapshot> snapshot;
    private Optional<Reconcile> reconcile;
    private Duration margin;

    private Optional<Instant> snapshotEnd;

    /** The newest id and the fingerprints that came under it; in a snapshot the latest id, which is not the newest. */
    private EventId open;

    private final Set<Long> delivered = new HashSet<>();

    /** Of this connection: the greatest id of the snapshot, and of the heartbeats. */
    private EventId highestOfSnapshot = EventId.ZERO;

    private EventId highestHeartbeat = EventId.ZERO;
    private boolean done;

    /** Of the window being read, on this connection; and how often in a row it has been made smaller. */
    private Spread spread = new Spread();

    private int cuts;
    private Duration heartbeatLead = Duration.ZERO;

    Arrivals(Position start, InstantSource platformClock) {
        this.platformClock = platformClock;
        platform = start.platform();
        stream = start.stream();
        resume = start.resume();
        snapshot = start.snapshot();
        margin = start.margin();
        reconcile = start.reconcile();
        snapshotEnd = start.snapshotEnd();
        open = start.open().map(Open::id).orElse(EventId.ZERO);
        start.open().ifPresent(o -> {
            for (long fingerprint : o.delivered()) {
                delivered.add(fingerprint);
            }
        });
    }

    /** A new connection is to begin: a snapshot, or a smaller window of it, comes from its start; other clocks may speak. */
    void connecting() {
        highestOfSnapshot = EventId.ZERO;
        highestHeartbeat = EventId.ZERO;
        boolean isCut = isCut();
        snapshot = snapshot().map(Snapshot::smaller);
        cuts = isCut ? cuts + 1 : cuts;
        spread = new Spread();
        done = false;
    }

    /** What this connection was made for has come, and what it brings from now on is left to the next. */
    boolean isDone() {
        return done;
    }

    /** Takes note of an event; false when it has been let through before. */
    boolean isNew(EventId id, Event.Kind kind, long fingerprint) {
        if (done) {
            return false;
        }
        if (snapshot.isPresent()) {
            if (kind == Event.Kind.MAIN && isAfterWindow(id)) {
                endWindow(id);
                return false;
            }
            highestOfSnapshot = highestOfSnapshot.max(id);
            spread.add(id);
            if (keepsLog()) {
                return !isAfterWindow(id); // it may be of the log, which is read again, or was
            }
            note(id, fingerprint);
            return true;
        }
        if (open.isAbove(id)) {
            return false;
        }
        if (id.equals(open)) {
            return delivered.add(fingerprint);
        }
        resume = open.max(id.isAbove(resume) ? resume : id.before());
        measureLead(id);
        note(id, fingerprint);
        return true;
    }

    /** As {@link #isNew}, of what cannot be read: above a snapshot's end it is of the log, and comes again with that. */
    boolean isNew(EventId id, long fingerprint) {
        return !isAfterWindow(id) && isNew(id, Event.Kind.SNAPSHOT, fingerprint);
    }

    void heartbeat(EventId id) {
        highestHeartbeat = highestHeartbeat.max(id);
        if (done) {
            return;
        }
        if (snapshot.isPresent()) {
            if (isAfterWindow(id) && id.isAbove(highestOfSnapshot)) {
                endWindow(id);
            }
            return;
        }
        if (id.isAbove(open)) {
            resume = resume.max(open).max(id.minus(margin));
        }
    }

    /** This stream has no snapshots; the log goes on from here, or from where it was. */
    void noRecover(EventId resumeFrom) {
        if (snapshot.isPresent()) {
            if (keepsLog()) {
                done = true;
            } else {
                resume = resumeFrom;
                forgetOpen();
            }
            snapshot = Optional.empty();
            reconcile = Optional.empty();
        }
    }

    /** Begins to reconcile, with a snapshot of everything up to then. */
    void begin(Reconcile next) {
        reconcile = Optional.of(next);
        snapshot = Optional.of(new Snapshot(EventId.ZERO, next.until()));
        cuts = 0;
        if (!keepsLog()) {
            beginLogAgain();
        }
    }

    /** The snapshot, of which nothing has come yet, is to end only here. */
    void endSnapshotAt(Instant until) {
        snapshot = snapshot.map(whole -> new Snapshot(whole.from(), until));
        done = true;
    }

    /** All removals are delivered, or there are to be none. */
    void endReconcile() {
        reconcile = Optional.empty();
    }

    /** The log was begun anew: ids up to {@code resume}'s may come again and are no repetitions. */
    void beginLogAgain() {
        resume = EventId.ZERO;
        snapshotEnd = Optional.empty();
        forgetOpen();
    }

    /** How far, at most, data came below an earlier heartbeat's id. */
    Duration heartbeatLead() {
        return heartbeatLead;
    }

    /** The one being read, with what is known by now of where a smaller window would end. */
    Optional<Snapshot> snapshot() {
        return snapshot.map(
                whole -> isCut() ? new Snapshot(whole.from(), whole.window(), whole.until(), half()) : whole);
    }

    /** Whether an event with this id shows a reconcile that its object is there: it is of the snapshot, or of the log since its end. */
    boolean showsObject(EventId id) {
        return reconcile.isPresent()
                && (snapshot.isPresent()
                        || id.isAbove(EventId.at(reconcile.get().until()).minus(margin)));
    }

    Optional<Reconcile> reconcile() {
        return reconcile;
    }

    EventId resume() {
        return resume;
    }

    /** All of the log up to here is delivered, or shown by a snapshot: one that begins later has a gap. */
    EventId delivered() {
        if (snapshot.isPresent() && !keepsLog()) {
            return joining(snapshot.get().until());
        }
        EventId known = newest().map(resume::max).orElse(resume);
        return snapshotEnd.map(Arrivals::joining).map(known::max).orElse(known);
    }

    /** What a reconcile that keeps the log's place has yet to see of it, though it may be delivered, begins here. */
    Optional<EventId> unseen() {
        return reconcile.filter(under -> !under.ofGap()).map(under -> joining(under.until())
                .max(snapshot.isPresent() ? EventId.ZERO : resume));
    }

    /** The newest id seen in the log; in a snapshot there is none, unless the log is left as it was. */
    Optional<EventId> newest() {
        return snapshot.isPresent() && !keepsLog() || open.equals(EventId.ZERO) ? Optional.empty() : Optional.of(open);
    }

    /** The position once everything let through so far is delivered. */
    Position position(long batches) {
        return new Position(
                platform,
                stream,
                resume,
                newest().map(id -> new Open(
                        id,
                        delivered.stream().mapToLong(Long::longValue).sorted().toArray())),
                snapshot(),
                batches,
                margin,
                reconcile,
                snapshotEnd.filter(end -> EventId.at(end).isAbove(resume)));
    }

    private boolean keepsLog() {
        return snapshot.isPresent() && reconcile.filter(under -> !under.ofGap()).isPresent();
    }

    /** Whether the connection, should it end now, was cut in a window that can be made smaller. */
    private boolean isCut() {
        return snapshot.isPresent() && !done && !spread.isEmpty();
    }

    /** Above the window's start and below its end. */
    private Optional<Instant> half() {
        Snapshot whole = snapshot.orElseThrow();
        long least = whole.from().millis() + 1;
        long most = whole.window().toEpochMilli() - 1;
        long half = Math.max(least, Math.min(most, spread.halved(cuts + 1)));
        return half <= most ? Optional.of(Instant.ofEpochMilli(half)) : Optional.empty();
    }

    private boolean isAfterWindow(EventId id) {
        return snapshot.isPresent() && id.millis() > snapshot.get().window().toEpochMilli();
    }

    /** @param end the id that proves it, of which dependencies may have come already */
    private void endWindow(EventId end) {
        Snapshot over = snapshot.orElseThrow();
        cuts = 0;
        done = true;
        if (!keepsLog() && !(over.isLastWindow() && open.equals(end))) {
            forgetOpen();
        }
        if (!over.isLastWindow()) {
            snapshot = Optional.of(over.rest());
            return;
        }
        EventId proven = EventId.at(over.until()).minus(margin);
        if (!keepsLog()) {
            resume = proven.max(resume);
            snapshotEnd = Optional.of(over.until());
        } else if (resume.isAbove(proven)) {
            resume = proven;
        }
        snapshot = Optional.empty();
        reconcile =
                reconcile.map(under -> under.judgedAt(platformClock.instant().plus(TOLERATED_LEAD)));
    }

    /** A log that begins in the millisecond after a snapshot's end joins on to it. */
    private static EventId joining(Instant until) {
        return EventId.at(until.plusMillis(2));
    }

    private void forgetOpen() {
        open = EventId.ZERO;
        delivered.clear();
    }

    private void note(EventId id, long fingerprint) {
        if (!id.equals(open)) {
            open = id;
            delivered.clear();
        }
        delivered.add(fingerprint);
    }

    private void measureLead(EventId id) {
        Duration lead = Duration.ofMillis(highestHeartbeat.millis() - id.millis());
        if (lead.compareTo(heartbeatLead) > 0) {
            heartbeatLead = lead;
        }
        if (lead.compareTo(TOLERATED_LEAD) > 0 && margin.compareTo(Position.MARGIN.plus(lead)) < 0) {
            margin = Position.MARGIN.plus(lead);
        }
    }
}
