package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Snapshot;
import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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
     */
    record Delivery(Batch batch, List<DeadLetter> letters) {}

    /** An event taken into the position: new and waiting for delivery, or a repetition; and whether there was no room at once. */
    record Receipt(boolean isNew, boolean waited) {}

    private final Arrivals arrivals;
    private final int maxEvents;
    private final long maxBytes;
    private final Clock clock;

    private List<Event> events = new ArrayList<>();
    private List<DeadLetter> letters = new ArrayList<>();
    private long bytes;
    private Position taken;
    private long takenAt;
    private boolean positionIsDue;
    private boolean closed;

    Inbox(Position start, int maxEvents, long maxBytes, Clock clock) {
        this.arrivals = new Arrivals(start);
        this.taken = start;
        this.takenAt = System.nanoTime();
        this.maxEvents = maxEvents;
        this.maxBytes = maxBytes;
        this.clock = clock;
    }

    /** Blocks while there is no room for the event. After {@link #close()} it takes nothing. */
    synchronized Receipt add(Event event) {
        boolean waited = awaitRoomFor(event.raw().length());
        if (closed || !arrivals.isNew(event.id(), event.kind(), event.fingerprint())) {
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
        if (closed || !arrivals.isNew(id, Event.Kind.SNAPSHOT, fingerprint)) {
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

    /** An event that is left out by a setting: the position goes past it. */
    synchronized void skip(Event event) {
        if (closed) {
            return;
        }
        arrivals.isNew(event.id(), event.kind(), event.fingerprint());
    }

    synchronized void connected() {
        arrivals.connected();
    }

    synchronized void heartbeat(EventId id) {
        if (closed) {
            return; // it may come after an event that was not taken
        }
        arrivals.heartbeat(id);
    }

    synchronized void noRecover(EventId resumeFrom) {
        if (closed) {
            return;
        }
        arrivals.noRecover(resumeFrom);
        positionIsDue = true;
        notifyAll();
    }

    /** Reads a snapshot from now on; known to the disk as soon as what was taken before is delivered. */
    synchronized void begin(Snapshot snapshot) {
        arrivals.begin(snapshot);
        positionIsDue = true;
        notifyAll();
    }

    synchronized void beginLogAgain() {
        arrivals.beginLogAgain();
        positionIsDue = true;
        notifyAll();
    }

    synchronized EventId resume() {
        return arrivals.resume();
    }

    synchronized Optional<EventId> newest() {
        return arrivals.newest();
    }

    synchronized Optional<Snapshot> snapshot() {
        return arrivals.snapshot();
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
        while (!closed && events.isEmpty() && letters.isEmpty() && !positionIsDue) {
            long quiet = QUIET_WRITE.toMillis() - (System.nanoTime() - takenAt) / 1_000_000;
            if (quiet <= 0) {
                positionIsDue = !arrivals.position(taken.batches()).equals(taken);
                takenAt = System.nanoTime();
            } else {
                wait(quiet);
            }
        }
        boolean atRest = events.isEmpty() && letters.isEmpty();
        if (closed && (!atRest || arrivals.position(taken.batches()).equals(taken))) {
            return Optional.empty();
        }
        Position before = taken;
        taken = arrivals.position(before.batches() + (events.isEmpty() ? 0 : 1));
        takenAt = System.nanoTime();
        Delivery delivery = new Delivery(
                Batch.ofEvents(before, taken, clock.instant().truncatedTo(ChronoUnit.MILLIS), events), letters);
        events = new ArrayList<>();
        letters = new ArrayList<>();
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
