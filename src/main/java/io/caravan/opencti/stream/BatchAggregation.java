package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.Event;
import io.caravan.event.Meaning;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Exchange;

/**
 * Puts a split batch together again: what the by-type routes leave as their bodies, in order, becomes the {@link Batch}
 * that goes to the sinks. A route may leave the event, with its meaning or without, a list of such, or nothing (an empty body or list); an event of
 * which it leaves anything else becomes a dead letter.
 */
public final class BatchAggregation implements AggregationStrategy {

    @Override
    public Exchange aggregate(Exchange oldExchange, Exchange newExchange) {
        throw new UnsupportedOperationException("only within a split, whose own exchange is passed on");
    }

    @Override
    public Exchange aggregate(Exchange oldExchange, Exchange newExchange, Exchange batchExchange) {
        if (newExchange.getException() == null) {
            Handover.of(batchExchange).partIsBack();
            Object body = newExchange.getMessage().getBody();
            List<Meaning> left = new ArrayList<>();
            if (collect(body, left)) {
                if (left.isEmpty()) {
                    Handover.of(batchExchange).dropped(Handover.eventOf(newExchange));
                }
                left.forEach(Handover.of(batchExchange)::leave);
            } else {
                DeadLetterStep.refuse(
                        newExchange,
                        "its route left a " + body.getClass().getSimpleName()
                                + " as its body; it is to leave the event, a list of events, or nothing");
            }
        }
        return batchExchange;
    }

    @Override
    public void onCompletion(Exchange exchange, Exchange batchExchange) {
        batchExchange.getMessage().setBody(Handover.of(batchExchange).forSinks());
    }

    /** False where the body is, or holds, something else than events. */
    private static boolean collect(Object body, List<Meaning> left) {
        if (body instanceof Meaning meaning) {
            return left.add(meaning);
        }
        if (body instanceof Event event) {
            return left.add(Meaning.ofEvent(event));
        }
        if (body instanceof Iterable<?> several) {
            for (Object one : several) {
                if (!collect(one, left)) {
                    return false;
                }
            }
            return true;
        }
        return body == null;
    }
}
