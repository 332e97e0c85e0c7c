package io.caravan.event;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * An event with what it means.
 *
 * @param event where {@code isWithheld}, only its place in the stream
 * @param isWithheld whether the envelope itself is kept from the sink, because of what stands in it
 * @param changes in the order in which they are to be applied; a removal of what ends at an object comes before the object's
 * @param indicators the indicators whose state, or what is known to be indicated by them, is another now
 * @param staleReferences how many known objects refer to what was renamed, merged or deleted, by ids that hold no longer:
 *     the platform sends nothing for them, and they are left as last told
 * @param unchanged the event's object, where it is as it was last told, so that nothing changes
 */
public record Meaning(
        Event event,
        boolean isWithheld,
        List<Change> changes,
        List<IndicatorState> indicators,
        long staleReferences,
        Optional<Marked> unchanged) {

    public Meaning {
        changes = List.copyOf(changes);
        indicators = List.copyOf(indicators);
    }

    public static Meaning ofEvent(Event event) {
        return new Meaning(event, false, List.of(), List.of(), 0, Optional.empty());
    }

    /** What becomes of the event's own object. */
    public Optional<Change> ofItself() {
        return changes.stream()
                .filter(change -> change.object().key().equals(event.object().key()))
                .reduce((one, later) -> later);
    }

    /** How the events of one name are understood. */
    @FunctionalInterface
    public interface Reading {

        /**
         * @param known what the events before have left; it is told of the changes
         * @throws Unreadable when the envelope lacks what its name promises; then nothing was told
         */
        Meaning of(Event event, Known known) throws Unreadable, IOException;
    }

    /** For logs. */
    @Override
    public String toString() {
        return event + " (" + changes.size() + " changes)";
    }
}
