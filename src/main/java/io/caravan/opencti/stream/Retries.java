package io.caravan.opencti.stream;

import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.ExchangeHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the {@code sink} route configuration tries a batch again: for ever, after 1 s, doubling to a minute, until the
 * stream is to be followed no more. Each try is one line in the log and shows in the stream's health. The wait is here and
 * not Camel's, because Camel's cannot be cut short: a stop would leave the batch under way behind it.
 */
public final class Retries implements Processor {

    private static final Logger LOG = LoggerFactory.getLogger(Retries.class);

    /** Before a try. */
    @Override
    public void process(Exchange exchange) throws InterruptedException {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        String message = Reason.of(failure);
        String reason = message.lines().findFirst().orElse(message);
        String route =
                Optional.ofNullable(ExchangeHelper.getAtRouteId(exchange)).orElse("of a sink");
        int tries = exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 1, Integer.class);
        Handover handover = Handover.of(exchange);
        if (!handover.isStopping()) {
            LOG.warn("The route {} cannot deliver: {}; its batch waits, try {} follows", route, reason, tries + 1);
        }
        boolean isLast = !handover.awaitNextTry(route + ": " + reason, tries);
        exchange.getExchangeExtension().setRedeliveryExhausted(isLast);
    }
}
