package io.caravan.ops;

import io.caravan.opencti.stream.DeadLetterStep;
import io.caravan.sink.Refusals;
import org.apache.camel.Exchange;
import org.apache.camel.Predicate;

/**
 * Whether a sink's route failed because one event is refused for good: then the route configuration {@code sink} makes a
 * dead letter of it and goes on. Only where it is known which event it was: a route that has split the batch says so.
 */
final class RefusedEvent implements Predicate {

    @Override
    public boolean matches(Exchange exchange) {
        Exception failure = exchange.getException() != null
                ? exchange.getException()
                : exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        return Refusals.of(failure) != Refusals.Verdict.AWAY && DeadLetterStep.hasEvent(exchange);
    }
}
