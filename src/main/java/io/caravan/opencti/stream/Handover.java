package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Event;
import io.caravan.event.Meaning;
import io.caravan.event.Overtaken;
import io.caravan.event.Pending;
import io.caravan.event.Reconciliation;
import io.caravan.event.Unreadable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;

/**
 * A batch on its way through the routes, once: what it finds and makes known, what the by-type routes leave of it and
 * refuse, and how long the sinks may be tried. It travels as a property of the exchange and of all its parts; a batch that is handed over again gets a new
 * one, so that nothing of a failed try remains. Used by the thread that carries the batch.
 */
final class Handover {

    private static final String PROPERTY = "CaravanHandover";
    /** The exchange property that says which event an exchange is about. */
    static final String EVENT = "CaravanEvent";

    private static final Set<String> REMOVALS = Set.of("delete", Reconciliation.OP);

    private final Batch batch;
    private final Pending known;
    private final Set<DeadLetter> kept;
    private final Stopping stopping;
    private final Health health;
    private final List<Meaning> left = new ArrayList<>();
    private final List<DeadLetter> letters = new ArrayList<>();
    private Optional<Event> readLast = Optional.empty();
    private int partsBack;
    private Backoff backoff = Backoff.FIRST;

    /** @param kept the dead letters that earlier tries of this batch have kept */
    Handover(Batch batch, Pending known, Set<DeadLetter> kept, Stopping stopping, Health health) {
        this.batch = batch;
        this.known = known;
        this.kept = kept;
        this.stopping = stopping;
        this.health = health;
    }

    void travelWith(Exchange exchange) {
        exchange.setProperty(PROPERTY, this);
    }

    static Handover of(Exchange exchange) {
        Handover handover = exchange.getProperty(PROPERTY, Handover.class);
        if (handover == null) {
            throw new IllegalStateException("this exchange does not come from an opencti: consumer");
        }
        return handover;
    }

    /** The event that a part of a split batch is about, whatever its route has made of the body and the headers. */
    static Event eventOf(Exchange part) {
        Event event = part.getProperty(EVENT, Event.class);
        if (event == null) {
            throw new IllegalStateException(
                    "the exchange property " + EVENT + " is not set: routes/stream.camel.yaml sets it to the"
                            + " event before it sends it to the route of its type");
        }
        return event;
    }

    /** Counts a part of the split batch that has come back. */
    void partIsBack() {
        partsBack++;
    }

    /** True when the batch was split and not all of its parts have come back. */
    boolean isSplitInPart() {
        return partsBack > 0 && partsBack < batch.meanings().size();
    }

    /** How many known objects refer to what is gone, by the batch's events. */
    long staleReferences() {
        return left.stream().mapToLong(Meaning::staleReferences).sum();
    }

    /** How many events only tell what there is. */
    long tellsState() {
        return batch.events().stream()
                .filter(event -> event.kind() != Event.Kind.MAIN)
                .count();
    }

    /** How many objects differ from what was told, by the events that only tell what there is. */
    long upsertsOfState() {
        return left.stream()
                .filter(meaning -> meaning.event().kind() != Event.Kind.MAIN)
                .flatMap(meaning -> meaning.changes().stream())
                .filter(change -> change.type() == Change.Type.UPSERT)
                .count();
    }

    /** How many objects are gone by a reconcile. */
    long removalsOfReconcile() {
        return left.stream()
                .filter(meaning -> meaning.event().op().equals(Reconciliation.OP))
                .mapToLong(meaning -> meaning.changes().size())
                .sum();
    }

    void leave(Meaning meaning) {
        left.add(meaning);
    }

    /** Of what is told to nobody, nothing is known. */
    void refuse(Event event, DeadLetter letter) {
        dropped(event);
        letters.add(letter);
    }

    /** Its route has left nothing of the event. */
    void dropped(Event event) {
        if (readLast.filter(last -> last == event).isPresent()) {
            known.takeBack();
        }
    }

    /** A sink refuses the event, others may have it. */
    void refuse(DeadLetter letter) {
        letters.add(letter);
    }

    /** What the event means by what the events before it have left; one that cannot be read leaves nothing. */
    Meaning read(Event event, Meaning.Reading reading) throws Unreadable, IOException {
        known.mark();
        readLast = Optional.of(event);
        boolean isRead = false;
        try {
            Meaning meaning =
                    inTime(event, reading).of(event, known, batch.before().isFiltered());
            isRead = true;
            return meaning;
        } finally {
            if (!isRead) {
                known.takeBack();
            }
        }
    }

    /**
     * The log behind a snapshot begins before the snapshot's last window, so its first events may be older than what is known:
     * they put no old state back. A deletion means what it does: what has made the object anew comes later.
     */
    private Meaning.Reading inTime(Event event, Meaning.Reading reading) {
        boolean mayBeLate = event.kind() == Event.Kind.MAIN
                && !REMOVALS.contains(event.op())
                && batch.after().isOlderThanShown(event.id());
        return mayBeLate && !(reading instanceof Overtaken) ? new Overtaken(reading, () -> false) : reading;
    }

    /** What is known, as the events of the batch find and leave it; stored with the batch's position, after every sink. */
    Pending known() {
        return known;
    }

    /** What came, to be split. */
    List<Event> events() {
        return batch.events();
    }

    /** The batch as the sinks are to have it. */
    Batch forSinks() {
        return batch.with(left);
    }

    /** Keeps what the by-type routes refused; what an earlier try of the same batch has kept is not kept again. */
    void keepLetters(DeadLetters deadLetters, Counters counters) throws IOException {
        for (DeadLetter letter : letters) {
            if (!kept.contains(letter)) {
                deadLetters.keep(letter);
                kept.add(letter);
                counters.deadLetter();
            }
        }
    }

    /** Waits before a sink is tried again; false, at once, when that is to be the last time. */
    boolean awaitNextTry(String reason, int tries) throws InterruptedException {
        health.notDelivered(reason);
        backoff = tries == 1 ? Backoff.FIRST : backoff.next();
        Duration wait = backoff.withJitter();
        stopping.pause(wait);
        return !stopping.isAsked();
    }
}
