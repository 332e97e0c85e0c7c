package io.caravan.event;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * An event with what it means.
 *
 * @param event where {@code isWithheld}, only its place in the stream
 * @param contents what stands in the envelope
 * @param isWithheld whether the envelope itself is kept from the sink, because of what stands in it
 * @param changes in the order in which they are to be applied; a removal of what ends at an object comes before the object's
 * @param indicators the indicators whose state, or what is known to be indicated by them, is another now
 * @param staleReferences how many known objects refer to what was renamed, merged or deleted, by ids that hold no longer:
 *     the platform sends nothing for them, and they are left as last told
 * @param mergedIds the ids of what went into the event's object, also of what a sink is told nothing of
 */
public record Meaning(
        Event event,
        Contents contents,
        boolean isWithheld,
        List<Change> changes,
        List<IndicatorState> indicators,
        long staleReferences,
        Set<String> mergedIds) {

    public Meaning {
        mergedIds = Set.copyOf(mergedIds);
        changes = List.copyOf(changes);
        indicators = List.copyOf(indicators);
    }

    /** What is left of it for a sink; what it says of the envelope and of what is known stays. */
    public Meaning with(Event other, boolean withheld, List<Change> left, List<IndicatorState> leftOfIndicators) {
        return new Meaning(other, contents, withheld, left, leftOfIndicators, staleReferences, mergedIds);
    }

    public static Meaning ofEvent(Event event) {
        return new Meaning(event, Contents.of(event), false, List.of(), List.of(), 0, Set.of());
    }

    /**
     * What an envelope shows, in whatever part of it: the object, its state before, sources of a merge, names of others.
     *
     * @param strictest the strictest TLP marking of all that, RED where it cannot be told
     * @param types the STIX types of the objects in it
     */
    public record Contents(Optional<Tlp> strictest, Set<String> types) {

        public Contents {
            types = Set.copyOf(types);
        }

        /** As far as it can be told where nothing is known. */
        static Contents of(Event event) {
            StixObject object = event.object();
            boolean isAll = event.envelope().context().isEmpty()
                    && object.innerMarkings().isEmpty();
            return new Contents(isAll ? object.tlp() : Optional.of(Tlp.RED), Set.of(object.type()));
        }
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
         * @param isFiltered whether the stream shows only what matches a filter
         * @throws Unreadable when the envelope lacks what its name promises; then nothing was told
         */
        Meaning of(Event event, Known known, boolean isFiltered) throws Unreadable, IOException;
    }

    /** For logs. */
    @Override
    public String toString() {
        return event + " (" + changes.size() + " changes)";
    }
}
