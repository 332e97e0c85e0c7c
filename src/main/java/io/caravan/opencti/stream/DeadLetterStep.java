package io.caravan.opencti.stream;

import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.RecordFailedException;
import java.util.List;
import java.util.function.Predicate;
import org.apache.camel.Exchange;
import org.apache.camel.support.ExchangeHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The step that by-type routes catch with: {@code bean: {ref: deadLetter, method: event}} in a {@code doCatch} puts aside
 * the event that the route failed on, and leaves nothing of it for the sinks. It is on the disk before the position goes
 * past it. A fault of input or output is no fault of the event: it is thrown on, and the batch is tried again.
 */
public final class DeadLetterStep {

    private static final Logger LOG = LoggerFactory.getLogger(DeadLetterStep.class);

    private final Predicate<Throwable> isOutage;

    /** @param isOutage whether a failure is one of input or output, which waiting may mend */
    public DeadLetterStep(Predicate<Throwable> isOutage) {
        this.isOutage = isOutage;
    }

    public List<Event> event(Exchange exchange) throws Exception {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        if (isOutage.test(failure)) {
            throw failure;
        }
        refuse(exchange, Reason.of(failure));
        return List.of();
    }

    /** For the routes of sinks: puts aside the event that the sink refuses. It is on the disk before the position goes past it. */
    public void refused(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        String route = String.valueOf(ExchangeHelper.getAtRouteId(exchange));
        int tries = exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 0, Integer.class) + 1;
        Handover.of(exchange).refuse(letter(exchange, route.replaceFirst("^sink-", ""), Reason.of(failure), tries));
    }

    /**
     * Puts aside an event that cannot be made ready for a sink. It is on the disk before the position goes past it.
     *
     * @param exchange the batch, or a part of it
     */
    public static void refuse(Exchange exchange, String sink, Event event, RecordFailedException failure) {
        String error = "it cannot be made ready for this sink: " + failure.getMessage();
        LOG.warn("Dead letter, position {}: {}: {}: {}", event.id(), sink, event, error);
        LOG.debug("Not made ready", failure);
        Handover.of(exchange).refuse(DeadLetter.of(event, sink, error, 1));
    }

    /** Whether it is known which event an exchange is about. */
    public static boolean hasEvent(Exchange exchange) {
        return exchange.getProperty(Handover.EVENT) instanceof Event;
    }

    static void refuse(Exchange part, String error) {
        Event event = Handover.eventOf(part);
        Handover.of(part).refuse(event, letter(part, event.op(), error, 1));
    }

    private static DeadLetter letter(Exchange part, String by, String error, int tries) {
        Event event = Handover.eventOf(part);
        LOG.warn("Dead letter, position {}: the route {} failed on {}: {}", event.id(), by, event, error);
        return DeadLetter.of(event, by, error, tries);
    }
}
