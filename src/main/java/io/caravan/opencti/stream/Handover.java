package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.Exchange;

/**
 * A batch on its way through the routes, once: what the by-type routes leave of it and refuse, and how long the sinks may
 * be tried. It travels as a property of the exchange and of all its parts; a batch that is handed over again gets a new
 * one, so that nothing of a failed try remains. Used by the thread that carries the batch.
 */
final class Handover {

    private static final String PROPERTY = "CaravanHandover";

    private final Batch batch;
    private final Stopping stopping;
    private final Health health;
    private final List<Event> left = new ArrayList<>();
    private final List<DeadLetter> letters = new ArrayList<>();

    Handover(Batch batch, Stopping stopping, Health health) {
        this.batch = batch;
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
    Event eventOf(Exchange part) {
        return batch.events().get(part.getProperty(Exchange.SPLIT_INDEX, Integer.class));
    }

    void leave(Event event) {
        left.add(event);
    }

    void refuse(DeadLetter letter) {
        letters.add(letter);
    }

    /** What came, to be split. */
    List<Event> events() {
        return batch.events();
    }

    /** The batch as the sinks are to have it. */
    Batch forSinks() {
        return batch.with(left);
    }

    List<DeadLetter> letters() {
        return letters;
    }

    /** Waits before a sink is tried again; false, at once, when that is to be the last time. */
    boolean awaitNextTry(String reason, int tries) throws InterruptedException {
        health.notDelivered(reason);
        Backoff backoff = Backoff.FIRST;
        for (int i = 1; i < tries && backoff.delay().compareTo(Backoff.LONGEST) < 0; i++) {
            backoff = backoff.next();
        }
        Duration wait = backoff.withJitter();
        stopping.pause(wait);
        return !stopping.isAsked();
    }
}
