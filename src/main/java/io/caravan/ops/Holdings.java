package io.caravan.ops;

import io.caravan.event.Bytes;
import io.caravan.sink.MirroredObjects.Visit;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The objects that are to be restored, on a disk: more than memory holds. */
interface Holdings {

    /**
     * How objects refer to one another, roughly: each kind mostly to those before it. Only what is met first depends on it; the
     * references themselves are followed.
     */
    enum Kind {
        /** What everything refers to: authors, markings, labels. */
        GROUND,
        /** Entities and observables. */
        THING,
        RELATION,
        /** What contains others: reports, groupings, notes, cases. */
        CONTAINER;

        private static final Set<String> GROUNDS = Set.of(
                "identity",
                "marking-definition",
                "label",
                "extension-definition",
                "external-reference",
                "kill-chain-phase",
                "vocabulary");
        private static final Set<String> CONTAINERS = Set.of(
                "report", "grouping", "note", "opinion", "observed-data", "task", "feedback", "language-content");

        static Kind of(String type) {
            String name = type.replaceFirst("^x-opencti-", "");
            if (GROUNDS.contains(name)) {
                return GROUND;
            }
            if (type.equals("relationship") || type.equals("sighting")) {
                return RELATION;
            }
            return CONTAINERS.contains(name) || name.startsWith("case-") ? CONTAINER : THING;
        }
    }

    /** Learns which ids there are, and how many objects by STIX type; before anything else is asked, once. */
    Map<String, Long> learn() throws IOException, InterruptedException;

    /** Goes through the STIX ids of a kind's objects, each once. */
    void each(Kind kind, Visit visit) throws IOException, InterruptedException;

    /** The STIX id of the object that an id, STIX or internal, perhaps a former one, means; empty where it is not held. */
    Optional<String> now(String reference) throws IOException;

    /** An object's JSON by its STIX id; empty where it is not held. */
    Optional<Bytes> object(String id) throws IOException;
}
