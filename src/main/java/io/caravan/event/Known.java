package io.caravan.event;

import java.io.IOException;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The objects that exist as far as the stream has told, as the events of one batch find and leave them. What a batch puts
 * or removes is seen by its later events at once, and becomes known for good with the batch's position, or not at all.
 * Used by one thread.
 */
public interface Known {

    /**
     * An object as it was last told.
     *
     * @param dependency whether only as a dependency
     * @param strictest how strictly it was marked when it was told ({@link Marked#strictest}): marking definitions may come later
     * @param formerIds the STIX ids it had before it was renamed, and those of what was merged into it: others may refer to it by them
     * @param formerEnds of a relation or sighting, what it ended at before the event that was applied to it last
     */
    record KnownObject(
            StixObject object,
            boolean dependency,
            Optional<Tlp> strictest,
            Set<String> formerIds,
            Optional<FormerEnds> formerEnds) {

        public KnownObject {
            formerIds = Set.copyOf(formerIds);
        }

        public KnownObject(StixObject object, boolean dependency, Optional<Tlp> strictest, Set<String> formerIds) {
            this(object, dependency, strictest, formerIds, Optional.empty());
        }

        public KnownObject(StixObject object, boolean dependency, Optional<Tlp> strictest) {
            this(object, dependency, strictest, Set.of());
        }

        /** What others may refer to it by. */
        public Set<String> ids() {
            Set<String> ids = new HashSet<>(formerIds);
            ids.addAll(object.ids());
            return ids;
        }

        /** Whether telling this after that would say nothing new; in what order an object's members stand says nothing. */
        boolean isAsTold(KnownObject last) throws IOException {
            return dependency == last.dependency
                    && strictest.equals(last.strictest)
                    && (object.json().equals(last.object.json())
                            || Json.tree(object.json()).equals(Json.tree(last.object.json())));
        }
    }

    /**
     * The ends of a relation before the events at one position changed them. The platform may send a relation with its ends
     * already moved, as a dependency, before the merge that moved it: both have the same position.
     *
     * @param ids STIX ids and internal ids
     */
    record FormerEnds(EventId position, Set<String> ids) {

        public FormerEnds {
            ids = Set.copyOf(ids);
        }
    }

    /** By {@link StixObject#key}. */
    Optional<KnownObject> object(String key) throws IOException;

    /** By the STIX id it has now. */
    Optional<KnownObject> withId(String stixId) throws IOException;

    /** The relations and sightings that end at any of these ids (STIX or internal), each once, ordered by key. */
    List<KnownObject> endingAt(Collection<String> ids) throws IOException;

    /**
     * Those that end at this object, told by {@link StixObject#endsAt}: of those that name one of its ids, some may mean
     * another object, which had the STIX id before.
     */
    default List<KnownObject> endingAt(StixObject object) throws IOException {
        return endingAt(object.ids()).stream()
                .filter(relation -> relation.object().endsAt(object))
                .toList();
    }

    /** How many objects refer to any of these ids otherwise: as author, label, content. */
    long referringTo(Collection<String> ids) throws IOException;

    /**
     * One of those that refer to any of these ids in this way and are as asked; millions take no memory.
     *
     * @param types the STIX types of which it may be, of others nothing is read; none: any
     */
    Optional<KnownObject> firstReferringTo(Collection<String> ids, Set<String> types, Asked asked) throws IOException;

    /** One of the relations and sightings that end at any of these ids and are as asked. */
    Optional<KnownObject> firstEndingAt(Collection<String> ids, Asked asked) throws IOException;

    /** The object that was known by this STIX id before a rename or a merge; where several were, one of them. */
    Optional<KnownObject> withFormerId(String stixId) throws IOException;

    /** What is asked of an object. */
    @FunctionalInterface
    interface Asked {
        boolean of(KnownObject object) throws IOException;
    }

    /** Whether a reconcile is under way. */
    default boolean isReconciling() {
        return false;
    }

    void put(KnownObject object) throws IOException;

    /** Nothing happens where it is not known. */
    void remove(String key) throws IOException;
}
