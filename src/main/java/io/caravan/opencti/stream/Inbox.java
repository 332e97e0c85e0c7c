package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.Position.Snapshot;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the thread that reads the stream leaves what arrived and the thread that delivers takes it, all of it, as one
 * batch. It is bounded: while a batch's worth waits, {@link #add} blocks, the socket is not read, and TCP holds the
 * platform back. It owns the {@link Arrivals}, so an event enters the position and the batch in one step.
 */
final class Inbox {

    /** What a heartbeat alone moves is worth a write once in this time. */
    private static final Duration QUIET_WRITE = Duration.ofMinutes(1);

    /**
     * What is to be delivered next: dead letters, a batch that may be without events, and behind them its position.
     *
     * @param seen while a snapshot is read or a reconcile is under way, the keys of objects that the platform has told of
     */
    record Delivery(Batch batch, List<DeadLetter> letters, Set<String> seen) {}

    /** An event taken into the position: new and waiting for delivery, or a repetition; and whether there was no room at once. */
    record Receipt(boolean isNew, boolean waited) {}

    /** What a snapshot has shown so far, as it is stored. */
    @FunctionalInterface
    interface Shown {
        /** Whether the object is marked as seen in the snapshot of this number. */
        boolean isMarked(long snapshot, String key) throws IOException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(Inbox.class);

    private final Arrivals arrivals;
    private final Shown shown;
    private final int maxEvents;
    private final long maxBytes;
    private final Clock clock;

    private List<Event> events = new ArrayList<>();
    private List<DeadLetter> letters = new ArrayList<>();
    private Set<String> seen = new HashSet<>();
    private long bytes;
    private Position taken;
    private long takenAt;
    private boolean positionIsDue;
    private boolean beginsReconcile;
    private boolean closed;

    /**
     * @param platformClock tells the platform's time
     * @param shown asked by the thread that adds events
     */
    Inbox(Position start, int maxEvents, long maxBytes, Clock clock, InstantSource platformClock, Shown shown) {
        this.arrivals = new Arrivals(start, platformClock);
        this.shown = shown;
        this.taken = start;
        this.takenAt = System.nanoTime();
        this.maxEvents = maxEvents;
        this.maxBytes = maxBytes;
        this.clock = clock;
    }

    /** Blocks while there is no room for the event. After {@link #close()} it takes nothing. */
    synchronized Receipt add(Event event) {
        boolean waited = awaitRoomFor(event.raw().length());
        if (closed) {
            return new Receipt(false, waited);
        }
        boolean isNew = arrivals.isNew(event.id(), event.kind(), event.fingerprint());
        noteDone();
        if (arrivals.isDone()) {
            return new Receipt(false, waited);
        }
        noteMissed(event);
        noteSeen(event);
        if (!isNew) {
            return new Receipt(false, waited);
        }
        events.add(event);
        bytes += event.raw().length();
        notifyAll();
        return new Receipt(true, waited);
    }

    /** As {@link #add(Event)}, for an event that cannot go further; nothing is known of its kind. */
    synchronized Receipt add(EventId id, long fingerprint, DeadLetter letter) {
        boolean waited = awaitRoomFor(sizeOf(letter));
        if (closed || !arrivals.isNew(id, fingerprint)) {
            return new Receipt(false, waited);
        }
        addLetter(letter);
        return new Receipt(true, waited);
    }

    /** A dead letter that has no place in the stream. */
    synchronized Receipt add(DeadLetter letter) {
        boolean waited = awaitRoomFor(sizeOf(letter));
        if (closed) {
            return new Receipt(false, waited);
        }
        addLetter(letter);
        return new Receipt(true, waited);
    }

    /** An event that is left out by a setting: the position goes past it, and the object that it shows has been seen. */
    synchronized Receipt skip(Event event) {
        if (closed) {
            return new Receipt(false, false);
        }
        boolean isNew = arrivals.isNew(event.id(), event.kind(), event.fingerprint());
        noteDone();
        if (arrivals.isDone()) {
            return new Receipt(false, false);
        }
        noteSeen(event);
        return new Receipt(isNew, false);
    }

    synchronized void connecting() {
        arrivals.connecting();
    }

    /** Whether this connection brings nothing more that is wanted: the next one is to begin elsewhere. */
    synchronized boolean isConnectionDone() {
        return arrivals.isDone();
    }

    synchronized void heartbeat(EventId id) {
        if (closed) {
            return; // it may come after an event that was not taken
        }
        arrivals.heartbeat(id);
        noteDone();
        if (arrivals.position(0).dueReconcile().isPresent()) {
            positionIsDue = true;
            notifyAll();
        }
    }

    synchronized void noRecover(EventId resumeFrom) {
        if (closed) {
            return;
        }
        arrivals.noRecover(resumeFrom);
        positionIsDue = true;
        notifyAll();
    }

    /**
     * Reads a snapshot of everything from now on, to reconcile. What came before says nothing of what exists by then, so this
     * blocks until it is taken, and then until the position alone is.
     *
     * @param until the end of the snapshot, by the platform's clock
     */
    synchronized void beginReconcile(boolean ofGap, Instant until) throws InterruptedException {
        while (!closed && !isAtRest()) {
            positionIsDue = true; // repetitions alone would not be taken for a while
            notifyAll();
            wait();
        }
        if (closed) {
            return;
        }
        // counts as a batch, so that nothing seen in another reconcile, also one that was killed, bears its number
        arrivals.begin(new Reconcile(taken.batches() + 1, ofGap, until, Optional.empty()));
        beginsReconcile = true;
        positionIsDue = true;
        notifyAll();
        while (!closed && positionIsDue) {
            wait();
        }
    }

    /** Before anything was delivered: a snapshot that ends before the log begins would leave a gap between the two. */
    synchronized void endSnapshotAt(Instant until) {
        arrivals.endSnapshotAt(until);
        noteDone();
    }

    /** Its removals are delivered. */
    synchronized void endReconcile() {
        arrivals.endReconcile();
        positionIsDue = true;
        notifyAll();
    }

    /** A batch from within, which moves nothing on the stream; to be delivered as if it had been taken. */
    synchronized Delivery ofWithin(List<Event> made) {
        Position before = taken;
        taken = before.afterAnotherBatch();
        return new Delivery(Batch.ofEvents(before, taken, now(), made), List.of(), Set.of());
    }

    synchronized void beginLogAgain() {
        arrivals.beginLogAgain();
        positionIsDue = true;
        notifyAll();
    }

    synchronized EventId resume() {
        return arrivals.resume();
    }

    synchronized EventId delivered() {
        return arrivals.delivered();
    }

    synchronized Optional<EventId> unseen() {
        return arrivals.unseen();
    }

    synchronized Optional<EventId> newest() {
        return arrivals.newest();
    }

    synchronized Optional<Snapshot> snapshot() {
        return arrivals.snapshot();
    }

    /** The position behind what was taken last. */
    synchronized Position taken() {
        return taken;
    }

    synchronized Optional<Reconcile> reconcile() {
        return arrivals.reconcile();
    }

    /** The newest id known to be delivered or to wait for it. */
    synchronized EventId newestArrived() {
        return arrivals.position(0).newest();
    }

    synchronized Duration heartbeatLead() {
        return arrivals.heartbeatLead();
    }

    /**
     * Waits for something to deliver and takes all that is there. Called by one thread, after it has delivered what it
     * took before. Empty once the inbox is closed; what was not taken by then is not delivered, only where nothing waits
     * the position is taken a last time.
     */
    synchronized Optional<Delivery> take() throws InterruptedException {
        while (!closed && events.isEmpty() && letters.isEmpty() && seen.size() < maxEvents && !positionIsDue) {
            long quiet = QUIET_WRITE.toMillis() - (System.nanoTime() - takenAt) / 1_000_000;
            if (quiet <= 0) {
                positionIsDue = !arrivals.position(taken.batches()).equals(taken);
                takenAt = System.nanoTime();
            } else {
                wait(quiet);
            }
        }
        if (closed && (!isAtRest() || arrivals.position(taken.batches()).equals(taken))) {
            return Optional.empty();
        }
        Position before = taken;
        taken = arrivals.position(before.batches() + (events.isEmpty() && !beginsReconcile ? 0 : 1));
        beginsReconcile = false;
        takenAt = System.nanoTime();
        Delivery delivery = new Delivery(Batch.ofEvents(before, taken, now(), events), letters, seen);
        events = new ArrayList<>();
        letters = new ArrayList<>();
        seen = new HashSet<>();
        bytes = 0;
        positionIsDue = false;
        notifyAll();
        return Optional.of(delivery);
    }

    /** Lets nothing in or out any more and wakes whoever waits. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    private boolean isAtRest() {
        return events.isEmpty() && letters.isEmpty() && seen.isEmpty();
    }

    /** What a snapshot shows is there, whether it goes on to the routes or not. */
    private void noteSeen(Event event) {
        if (arrivals.showsObject(event.id()) && !event.op().equals("delete")) {
            seen.add(event.object().key());
            if (seen.size() >= maxEvents) {
                notifyAll();
            }
        }
    }

    /** What a snapshot has missed so far, and shows only now. */
    private void noteMissed(Event event) {
        String key = event.object().key();
        if (event.kind() != Event.Kind.MAIN && arrivals.isInFollowUp() && !isShown(key)) {
            arrivals.showsMissed(Event.hash(key), event.object().madeAt());
        }
    }

    private boolean isShown(String key) {
        if (seen.contains(key)) {
            return true;
        }
        try {
            return shown.isMarked(taken.snapshotNumber(), key);
        } catch (IOException e) { // the batch that it is in meets the same, and says so; another window does no harm
            LOG.debug("Whether {} was shown cannot be read", key, e);
            return false;
        }
    }

    /** A window that has been read is worth a write. */
    private void noteDone() {
        if (arrivals.isDone()) {
            positionIsDue = true;
            notifyAll();
        }
    }

    private void addLetter(DeadLetter letter) {
        letters.add(letter);
        bytes += sizeOf(letter);
        notifyAll();
    }

    /** True when it had to wait. */
    private boolean awaitRoomFor(int size) {
        boolean waited = false;
        while (!closed && isFullFor(size)) {
            waited = true;
            try {
                wait();
            } catch (InterruptedException e) { // nobody interrupts this thread but whoever wants it to end
                Thread.currentThread().interrupt();
                closed = true;
            }
        }
        return waited;
    }

    private boolean isFullFor(int size) {
        int count = events.size() + letters.size();
        return count > 0 && (count >= maxEvents || bytes + size > maxBytes);
    }

    private static int sizeOf(DeadLetter letter) {
        return letter.event().map(event -> event.length()).orElse(0);
    }
}
