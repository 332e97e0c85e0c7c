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
 *       in it. So does the connection.
 *   <li>What the platform touches without an event while a snapshot is read is in neither it nor the log: whatever bore a
 *       label that was deleted, for one. So a follow-up window asks for all that was touched since the snapshot's end, less
 *       the margin, and another for what was touched since that, until one shows nothing that makes the next necessary. That
 *       is an object that this snapshot has not shown before and whose making the log will not tell either: it is older than
 *       the log that is read behind the snapshot. There are fewer of these after each window, whatever is written meanwhile,
 *       so this ends beside busy writers, too. Only then is the log read, from the snapshot's first end less the margin, because
 *       deletions and merges are told there alone; the first connection says whether it still begins before that end.
 *   <li>After a restart in a follow-up window, one that was begun before may have shown such an object: another follows.
 *   <li>A snapshot that is cut comes from its start again, so a large one would never get through: the next connection asks
 *       for a smaller window of it, then for all the rest. A window ends as a snapshot does; then the connection is done.
 *   <li>A reconcile that follows no gap leaves the log's place where it was, for what has not been delivered of the log; but
 *       what changed since the snapshot's end must be seen again: from there on the log is read again, as repetitions.
 * </ul>
 */
final class Arrivals {

    /** Data that comes this much below an earlier heartbeat's id means that clocks disagree. */
    static final Duration TOLERATED_LEAD = Duration.ofSeconds(30);

    /** Of this many objects it is remembered that they made another window necessary; one that is forgotten does so again. */
    private static final int MOST_MISSED = 100_000;

    private final InstantSource platformClock;

    private final String platform;
    private final String stream;
    private EventId resume;
    private Optional<Snapshot> snapshot;
    private Optional<Reconcile> reconcile;
    private Duration margin;

    private Optional<Instant> snapshotEnd;
    private Optional<Instant> shownUntil;

    /** Whether the follow-up window being read makes another necessary, and objects that did, by hashes of their keys. */
    private boolean foundMissed;

    private final Set<Long> missed = new HashSet<>();

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
        shownUntil = start.shownUntil();
        foundMissed = snapshot.filter(Snapshot::isFollowUp).isPresent();
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
                endWindow();
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

    /** Whether an object that comes now makes another window necessary if the snapshot has missed it so far. */
    boolean isInFollowUp() {
        return !done && snapshot.filter(Snapshot::isFollowUp).isPresent();
    }

    /**
     * Takes note of an object in a follow-up window that this snapshot has missed so far.
     *
     * @param hash tells it from others
     * @param made when the platform made it; the log tells of what was made since it begins
     */
    void showsMissed(long hash, Optional<Instant> made) {
        Instant logStart = snapshot.orElseThrow().logStart().minus(margin);
        if (made.filter(logStart::isBefore).isPresent()) {
            return;
        }
        if (missed.size() >= MOST_MISSED) {
            missed.clear();
        }
        foundMissed |= missed.add(hash);
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
                endWindow();
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
            if (snapshot.get().isFollowUp()) { // where it would go on, nobody has read the log
                endSnapshot(snapshot.get());
                done = true;
            } else if (keepsLog()) {
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
        missed.clear();
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
        shownUntil = Optional.empty();
        forgetOpen();
    }

    /** How far, at most, data came below an earlier heartbeat's id. */
    Duration heartbeatLead() {
        return heartbeatLead;
    }

    /** The one being read, with what is known by now of where a smaller window would end. */
    Optional<Snapshot> snapshot() {
        return snapshot.map(whole ->
                isCut() ? new Snapshot(whole.from(), whole.window(), whole.until(), half(), whole.firstEnd()) : whole);
    }

    /** Whether an event with this id shows that its object is there: it is of a snapshot, or of the log since a reconcile's. */
    boolean showsObject(EventId id) {
        return snapshot.isPresent()
                || reconcile
                        .filter(under -> id.isAbove(EventId.at(under.until()).minus(margin)))
                        .isPresent();
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
            return joining(snapshot.get().logStart());
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
                snapshotEnd.filter(end -> EventId.at(end).isAbove(resume)),
                shownUntil);
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

    private void endWindow() {
        Snapshot over = snapshot.orElseThrow();
        cuts = 0;
        done = true;
        if (!keepsLog()) {
            forgetOpen();
        }
        if (!over.isLastWindow()) {
            snapshot = Optional.of(over.rest());
        } else if (!over.isFollowUp() || foundMissed) {
            EventId least = keepsLog() ? EventId.ZERO : resume;
            snapshot = Optional.of(over.followUp(margin, least, platformClock.instant()));
            foundMissed = false;
        } else {
            endSnapshot(over);
            reconcile = reconcile.map(
                    under -> under.judgedAt(platformClock.instant().plus(TOLERATED_LEAD)));
        }
    }

    /** From here on the log counts again; what it still tells of the time before the snapshot's last window is late. */
    private void endSnapshot(Snapshot over) {
        EventId proven = EventId.at(over.logStart()).minus(margin);
        if (!keepsLog()) {
            resume = proven.max(resume);
            snapshotEnd = Optional.of(over.logStart());
        } else if (resume.isAbove(proven)) {
            resume = proven;
        }
        shownUntil = Optional.of(over.until());
        snapshot = Optional.empty();
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
