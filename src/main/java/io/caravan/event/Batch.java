package io.caravan.event;

import java.time.Instant;
import java.util.List;

/**
 * The unit of delivery: events in the order they came, handed over as one exchange, and the positions before and after
 * them. A sink that has failed, or a program that was killed, meets the same position before again, perhaps with more or
 * fewer events behind it.
 *
 * @param received when the batch was closed; every sink takes its times from it
 */
public record Batch(Position before, Position after, Instant received, List<Event> events) {

    public Batch {
        events = List.copyOf(events);
    }

    public Batch with(List<Event> others) {
        return new Batch(before, after, received, others);
    }

    @Override
    public String toString() {
        return events.size() + " events after " + before;
    }
}
