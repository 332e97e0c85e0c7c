package io.caravan.opencti.stream;

import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
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

    public List<Event> event(Exchange exchange) throws Exception {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof IOException) {
                throw failure;
            }
        }
        refuse(exchange, Reason.of(failure));
        return List.of();
    }

    /** For the routes of sinks: puts aside the event that the sink refuses. It is on the disk before the position goes past it. */
    public void refused(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        String route = String.valueOf(ExchangeHelper.getAtRouteId(exchange));
        refuse(exchange, route.replaceFirst("^sink-", ""), Reason.of(failure));
    }

    /** Whether it is known which event an exchange is about. */
    public static boolean hasEvent(Exchange exchange) {
        return exchange.getProperty(Handover.EVENT) instanceof Event;
    }

    static void refuse(Exchange part, String error) {
        refuse(part, Handover.eventOf(part).op(), error);
    }

    private static void refuse(Exchange part, String by, String error) {
        Event event = Handover.eventOf(part);
        Handover.of(part)
                .refuse(new DeadLetter(
                        by, event.id().toString(), event.objectId(), error, 1, Optional.of(event.raw())));
        LOG.warn("Dead letter, position {}: the route {} failed on {}: {}", event.id(), by, event, error);
    }
}
