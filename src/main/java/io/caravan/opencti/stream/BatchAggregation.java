package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.Event;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Exchange;

/**
 * Puts a split batch together again: what the by-type routes leave as their bodies, in order, becomes the {@link Batch}
 * that goes to the sinks. A route may leave the event, a list of events, or nothing (an empty body or list).
 */
public final class BatchAggregation implements AggregationStrategy {

    /** The exchange property that holds the batch from the consumer to its aggregation. */
    public static final String BATCH = "CaravanBatch";

    private static final String EVENTS = "CaravanEvents";

    @Override
    public Exchange aggregate(Exchange oldExchange, Exchange newExchange) {
        throw new UnsupportedOperationException("only within a split, whose own exchange is passed on");
    }

    @Override
    public Exchange aggregate(Exchange oldExchange, Exchange newExchange, Exchange batchExchange) {
        if (newExchange.getException() == null) {
            collect(newExchange.getMessage().getBody(), events(batchExchange));
        }
        return batchExchange;
    }

    @Override
    public void onCompletion(Exchange exchange, Exchange batchExchange) {
        Batch batch = batchExchange.getProperty(BATCH, Batch.class);
        batchExchange.getMessage().setBody(batch.with(events(batchExchange)));
        batchExchange.removeProperty(EVENTS);
    }

    private static void collect(Object body, List<Event> events) {
        if (body instanceof Event event) {
            events.add(event);
        } else if (body instanceof Iterable<?> several) {
            several.forEach(one -> collect(one, events));
        } else if (body != null) {
            throw new IllegalArgumentException(
                    "A by-type route left a " + body.getClass().getSimpleName()
                            + " as its body; it is to leave the event, a list of events, or nothing");
        }
    }

    @SuppressWarnings("unchecked")
    private static List<Event> events(Exchange batchExchange) {
        List<Event> events = batchExchange.getProperty(EVENTS, List.class);
        if (events == null) {
            events = new ArrayList<>();
            batchExchange.setProperty(EVENTS, events);
        }
        return events;
    }
}
