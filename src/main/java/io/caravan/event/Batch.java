package io.caravan.event;

import java.time.Instant;
import java.util.List;

/**
 * The unit of delivery: events in the order they came, handed over as one exchange, and the positions before and after
 * them. After a sink has failed or the program was killed, the same batch is delivered again. Only where no batch log is kept, or
 * it does not hold the batch, may a killed program deliver from the same position with more or fewer events.
 *
 * @param meanings the events with what they mean; nothing where a user's route made another use of them
 * @param received when the batch was closed; every sink takes its times from it
 */
public record Batch(Position before, Position after, Instant received, List<Meaning> meanings) {

    /** The exchange property with what may go to a sink, a predicate of known objects; without it, all may. */
    public static final String FILTER = "CaravanDoor";

    public Batch {
        meanings = List.copyOf(meanings);
    }

    /** Of events that nothing is known about but that they came. */
    public static Batch ofEvents(Position before, Position after, Instant received, List<Event> events) {
        return new Batch(
                before, after, received, events.stream().map(Meaning::ofEvent).toList());
    }

    /** In the order they came; those that are withheld left out. */
    public List<Event> events() {
        return meanings.stream()
                .filter(meaning -> !meaning.isWithheld())
                .map(Meaning::event)
                .toList();
    }

    /** In the order in which they are to be applied. */
    public List<Change> changes() {
        return meanings.stream().flatMap(meaning -> meaning.changes().stream()).toList();
    }

    public Batch with(List<Meaning> others) {
        return new Batch(before, after, received, others);
    }

    @Override
    public String toString() {
        return meanings.size() + " events after " + before;
    }
}
