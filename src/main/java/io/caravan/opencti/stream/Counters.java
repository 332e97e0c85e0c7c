package io.caravan.opencti.stream;

import io.caravan.event.EventId;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** What a stream has brought since the program started, for people and metrics. Written by the stream's threads, read by any. */
public final class Counters {

    /** Why a connection ended, or did not begin. */
    public enum Ending {
        /** The platform ended it in order. */
        ENDED,
        /** It broke. */
        CUT,
        /** No byte came for the heartbeat timeout. */
        SILENT,
        /** Heartbeats came and their id stood still. */
        STILL,
        /** The platform sent an error event. */
        ERROR,
        /** The platform answered something else than a stream. */
        REFUSED,
        /** To read a snapshot instead, or the log from its start. */
        GAP,
        /** The log begins later than a snapshot that shows everything could end. */
        EARLY,
        /** To read a snapshot because a reconcile was asked for. */
        RECONCILE,
        /** A window of a snapshot, or its last, had been read. */
        WINDOW;

        /** Whether it was ended here, for one that begins elsewhere. */
        boolean isIntended() {
            return this == GAP || this == RECONCILE || this == WINDOW;
        }
    }

    private final Map<String, LongAdder> events = new ConcurrentHashMap<>();
    private final Map<Ending, LongAdder> endings = new ConcurrentHashMap<>();
    private final LongAdder bytes = new LongAdder();
    private final LongAdder repetitions = new LongAdder();
    private final LongAdder deadLetters = new LongAdder();
    private final LongAdder leftOut = new LongAdder();
    private final LongAdder ignored = new LongAdder();
    private final LongAdder staleReferences = new LongAdder();
    private final LongAdder gaps = new LongAdder();
    private final LongAdder gapMillis = new LongAdder();
    private final LongAdder reconcilesBegun = new LongAdder();
    private final LongAdder reconciles = new LongAdder();
    private final LongAdder seen = new LongAdder();
    private final LongAdder upserts = new LongAdder();
    private final LongAdder removals = new LongAdder();
    private final LongAdder stillShown = new LongAdder();
    private final LongAdder unanswered = new LongAdder();
    private final LongAdder batches = new LongAdder();
    private final LongAdder delivered = new LongAdder();
    private volatile long lagMillis = -1;
    private volatile long platformClockLeadMillis;

    void event(String name, long size) {
        events.computeIfAbsent(name, n -> new LongAdder()).increment();
        bytes.add(size);
    }

    /**
     * An event of the log, or a heartbeat behind all of them, has come: so far it is read.
     *
     * @param id its time is the platform's
     */
    void readTo(EventId id) {
        lagMillis = Math.max(0, platformTime().toEpochMilli() - id.millis());
    }

    /** A snapshot's ids are as old as its objects, and say nothing of how far the log is read. */
    void readsSnapshot() {
        lagMillis = -1;
    }

    /**
     * A frame that is no event to deliver.
     *
     * @param name {@code heartbeat}, {@code consumer_metrics}, or {@code unknown} whatever the platform called it: what
     *     comes from outside is no name in here
     */
    void other(String name) {
        events.computeIfAbsent(name, n -> new LongAdder()).increment();
    }

    void repetition() {
        repetitions.increment();
    }

    void deadLetter() {
        deadLetters.increment();
    }

    void leftOut() {
        leftOut.increment();
    }

    void ignored() {
        ignored.increment();
    }

    void ending(Ending ending) {
        endings.computeIfAbsent(ending, e -> new LongAdder()).increment();
    }

    void gap(Duration length) {
        gaps.increment();
        gapMillis.add(length.toMillis());
    }

    /** That a reconcile is under way is stored. */
    void reconcileBegun() {
        reconcilesBegun.increment();
    }

    /** A reconcile is through. */
    void reconciled() {
        reconciles.increment();
    }

    void reconciling(long told, long upserted, long removed) {
        seen.add(told);
        upserts.add(upserted);
        removals.add(removed);
    }

    /**
     * Objects that a snapshot lacked, and that a reconcile does not remove.
     *
     * @param shown because the platform still shows them
     * @param withoutAnswer because it does not say whether it does
     */
    void notRemoving(long shown, long withoutAnswer) {
        stillShown.add(shown);
        unanswered.add(withoutAnswer);
    }

    void staleReferences(long count) {
        staleReferences.add(count);
    }

    void delivered(int count) {
        batches.increment();
        delivered.add(count);
    }

    void platformClock(Instant time) {
        platformClockLeadMillis = Duration.between(Instant.now(), time).toMillis();
    }

    /** The time by the platform's clock, as far as it is known. */
    public Instant platformTime() {
        return Instant.now().plusMillis(platformClockLeadMillis);
    }

    /** Frames that came, by name; repetitions are not among them. */
    public long events(String name) {
        LongAdder count = events.get(name);
        return count == null ? 0 : count.sum();
    }

    public long endings(Ending ending) {
        LongAdder count = endings.get(ending);
        return count == null ? 0 : count.sum();
    }

    /** Connections that ended or did not begin, whatever the cause. */
    public long reconnects() {
        return endings.values().stream().mapToLong(LongAdder::sum).sum();
    }

    public long bytes() {
        return bytes.sum();
    }

    public long repetitions() {
        return repetitions.sum();
    }

    public long deadLetters() {
        return deadLetters.sum();
    }

    /** Deletions that came although {@code listen-delete} is off. */
    public long leftOutDeletions() {
        return leftOut.sum();
    }

    /** Events that were not carried because of whom they are by. */
    public long ignoredEvents() {
        return ignored.sum();
    }

    /** Known objects that refer to what was renamed, merged or deleted; each as often as that happened. */
    public long staleReferences() {
        return staleReferences.sum();
    }

    /** How often the platform no longer kept what came after the position. */
    public long gaps() {
        return gaps.sum();
    }

    /** How long these gaps were together, as far as it can be told. */
    public Duration gapLength() {
        return Duration.ofMillis(gapMillis.sum());
    }

    /** Reconciles that have begun since the start; one that a restart goes on with is not among them. */
    public long reconcilesBegun() {
        return reconcilesBegun.sum();
    }

    /** Reconciles that are through. */
    public long reconciles() {
        return reconciles.sum();
    }

    /** Objects that were removed because a snapshot did not hold them. */
    public long removals() {
        return removals.sum();
    }

    /** Objects that snapshots lacked, and that reconciles did not remove because the platform still shows them. */
    public long stillShown() {
        return stillShown.sum();
    }

    /** Objects that snapshots lacked, and that reconciles did not remove because the platform does not say whether they exist. */
    public long unanswered() {
        return unanswered.sum();
    }

    /** What reconciles have found since the start, for people; an object that a cut snapshot brings again is seen again. */
    public String reconcile() {
        return seen.sum() + " objects seen, " + upserts.sum() + " upserted, " + removals.sum() + " removed"
                + (stillShown() > 0 ? ", " + stillShown() + " not removed because the platform still shows them" : "")
                + (unanswered() > 0
                        ? ", " + unanswered() + " not removed because the platform does not say whether they exist"
                        : "");
    }

    public long batches() {
        return batches.sum();
    }

    /** Events that every sink has. */
    public long delivered() {
        return delivered.sum();
    }

    /**
     * How far behind the platform's clock the log was read when something came last: an event, or a heartbeat that tells that
     * there are no more. Empty before that, and in a snapshot.
     */
    public Optional<Duration> lag() {
        long millis = lagMillis;
        return millis < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(millis));
    }
}
