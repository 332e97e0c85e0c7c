package io.caravan.opencti.stream;

import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Open;
import io.caravan.event.Position.Snapshot;
import java.time.Duration;
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
 *       It ends at the first main event, or heartbeat, above its end and not below anything seen in it.
 * </ul>
 */
final class Arrivals {

    /** Data that comes this much below an earlier heartbeat's id means that clocks disagree. */
    static final Duration TOLERATED_LEAD = Duration.ofSeconds(30);

    private final String platform;
    private final String stream;
    private EventId resume;
    private Optional<Snapshot> snapshot;
    private Duration margin;

    /** The newest id and the fingerprints that came under it; in a snapshot the latest id, which is not the newest. */
    private EventId open;

    private final Set<Long> delivered = new HashSet<>();

    /** Of this connection: the greatest id of the snapshot, and of the heartbeats. */
    private EventId highestOfSnapshot = EventId.ZERO;

    private EventId highestHeartbeat = EventId.ZERO;
    private Duration heartbeatLead = Duration.ZERO;

    Arrivals(Position start) {
        platform = start.platform();
        stream = start.stream();
        resume = start.resume();
        snapshot = start.snapshot();
        margin = start.margin();
        open = start.open().map(Open::id).orElse(EventId.ZERO);
        start.open().ifPresent(o -> {
            for (long fingerprint : o.delivered()) {
                delivered.add(fingerprint);
            }
        });
    }

    /** A new connection begins: a snapshot comes from its start again, and other clocks may speak. */
    void connected() {
        highestOfSnapshot = EventId.ZERO;
        highestHeartbeat = EventId.ZERO;
    }

    /** Takes note of an event; false when it has been let through before. */
    boolean isNew(EventId id, Event.Kind kind, long fingerprint) {
        if (snapshot.isPresent()) {
            if (kind == Event.Kind.MAIN && isAfterSnapshot(id) && !highestOfSnapshot.isAbove(id)) {
                endSnapshot();
            } else {
                highestOfSnapshot = highestOfSnapshot.max(id);
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

    void heartbeat(EventId id) {
        highestHeartbeat = highestHeartbeat.max(id);
        if (snapshot.isPresent()) {
            if (!isAfterSnapshot(id) || !id.isAbove(highestOfSnapshot)) {
                return;
            }
            boolean logHasBegun = isAfterSnapshot(open);
            endSnapshot();
            if (!logHasBegun) {
                forgetOpen();
            }
            return;
        }
        if (id.isAbove(open)) {
            resume = resume.max(open).max(id.minus(margin));
        }
    }

    /** This stream has no snapshots; the log goes on from here. */
    void noRecover(EventId resumeFrom) {
        if (snapshot.isPresent()) {
            snapshot = Optional.empty();
            resume = resumeFrom;
            forgetOpen();
        }
    }

    /** Begins a snapshot instead of going on in the log. */
    void begin(Snapshot next) {
        snapshot = Optional.of(next);
        resume = next.from();
        forgetOpen();
    }

    /** The log was begun anew: ids up to {@code resume}'s may come again and are no repetitions. */
    void beginLogAgain() {
        resume = EventId.ZERO;
        forgetOpen();
    }

    /** How far, at most, data came below an earlier heartbeat's id. */
    Duration heartbeatLead() {
        return heartbeatLead;
    }

    Optional<Snapshot> snapshot() {
        return snapshot;
    }

    EventId resume() {
        return resume;
    }

    /** The newest id seen in the log; in a snapshot there is none. */
    Optional<EventId> newest() {
        return snapshot.isPresent() || open.equals(EventId.ZERO) ? Optional.empty() : Optional.of(open);
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
                snapshot,
                batches,
                margin);
    }

    private boolean isAfterSnapshot(EventId id) {
        return snapshot.isPresent() && id.millis() > snapshot.get().until().toEpochMilli();
    }

    private void endSnapshot() {
        Snapshot over = snapshot.orElseThrow();
        snapshot = Optional.empty();
        resume = EventId.at(over.until()).minus(margin).max(over.from());
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
