package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import java.util.function.Consumer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.ExchangeHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the {@code sink} route configuration does before it tries a batch again: says in one line which sink is away and
 * why, and tells whoever follows the stream, so that its health shows it.
 */
public final class Retries implements Processor {

    /** The exchange property that holds whom to tell, a {@link Consumer} of the reason. */
    static final String LISTENER = "CaravanNotDelivered";

    private static final Logger LOG = LoggerFactory.getLogger(Retries.class);

    @Override
    public void process(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        String reason = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        String sink = String.valueOf(ExchangeHelper.getAtRouteId(exchange)).replaceFirst("^sink-", "");
        Batch batch = exchange.getMessage().getBody(Batch.class);
        LOG.warn(
                "The sink {} is away: {}; {} wait, try {}",
                sink,
                reason.lines().findFirst().orElse(reason),
                batch == null ? "its events" : batch.events().size() + " events",
                exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER));
        Consumer<?> listener = exchange.getProperty(LISTENER, Consumer.class);
        if (listener != null) {
            tell(listener, sink + ": " + reason);
        }
    }

    @SuppressWarnings("unchecked")
    private static void tell(Consumer<?> listener, String reason) {
        ((Consumer<String>) listener).accept(reason);
    }
}
