package io.caravan.event;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Known.KnownObject;
import java.io.IOException;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * How an event is read that comes late, as a dead letter does, or the log behind a snapshot: it may not put an old state over
 * a newer one. Where its object is known in a newer state, it means that state; where the object is gone since, it means nothing but the end of the
 * sources of a merge, and so does a reconcile where it is there again. Else it means what it always did.
 */
public final class Overtaken implements Meaning.Reading {

    private static final Set<String> REMOVALS = Set.of("delete", Reconciliation.OP);

    private final Meaning.Reading reading;
    private final BooleanSupplier isKnown;

    /**
     * @param reading of events that come in time
     * @param isKnown whether the event was read before, so that what is known has it in it: then whatever differs came later.
     *     Else the times of the platform's updates are compared
     */
    public Overtaken(Meaning.Reading reading, BooleanSupplier isKnown) {
        this.reading = reading;
        this.isKnown = isKnown;
    }

    @Override
    public Meaning of(Event event, Known known, boolean isFiltered) throws Unreadable, IOException {
        Optional<KnownObject> now = known.object(event.object().key());
        boolean isOvertaken = now.isPresent() ? isNewer(now.get(), event) || isTold(event) : isGone(event, known);
        if (!isOvertaken) {
            return reading.of(event, known, isFiltered);
        }
        Meaning inTime = reading.of(event, new Unchanged(known), isFiltered);
        Telling telling = new Telling(event, known, isFiltered);
        if (now.isPresent() && !event.op().equals(Reconciliation.OP)) {
            tell(now.get(), inTime, telling, known);
        } else if (now.isEmpty()) {
            tellOfSources(event, telling);
        }
        Meaning late = telling.told();
        return new Meaning(
                event,
                inTime.contents(),
                false,
                late.changes(),
                late.indicators(),
                late.staleReferences(),
                late.mergedIds());
    }

    private static void tell(KnownObject now, Meaning inTime, Telling telling, Known known)
            throws Unreadable, IOException {
        List<StixObject> sources = Deletion.listed(Merge.SOURCES, inTime.event());
        if (sources.isEmpty()) {
            telling.again(reason(inTime), now);
        } else {
            Merge.tell(sources, now.object(), Telling.Before.UNKNOWN, telling, known);
        }
    }

    /** The target of a merge is gone since, with all that it took over; its sources are gone all the same. */
    private static void tellOfSources(Event event, Telling telling) throws Unreadable, IOException {
        for (StixObject source : Deletion.listed(Merge.SOURCES, event)) {
            telling.cascade(source, Set.of());
            telling.mergedInto(event.object(), source);
        }
    }

    /** The event's own; but what is there was not deleted, and has the STIX id that it had. */
    private static Reason reason(Meaning inTime) {
        return switch (inTime.event().kind()) {
            case SNAPSHOT -> Reason.SNAPSHOT;
            case DEPENDENCY -> Reason.DEPENDENCY;
            case MAIN ->
                inTime.ofItself()
                        .filter(change -> change.type() == Type.UPSERT)
                        .map(Change::reason)
                        .filter(reason -> reason != Reason.RENAMED)
                        .orElse(Reason.UPDATED);
        };
    }

    private boolean isNewer(KnownObject now, Event event) throws IOException {
        return isKnown.getAsBoolean()
                ? !now.object().json().equals(event.object().json())
                : isUpdatedAfter(now.object(), event.object());
    }

    /** Whether the event only tells what there is, and has: in time it would mean nothing any more. */
    private boolean isTold(Event event) {
        return isKnown.getAsBoolean() && event.kind() != Event.Kind.MAIN;
    }

    /** Whether the object, which is not known, has been; a deletion means what it does all the same. */
    private boolean isGone(Event event, Known known) throws IOException {
        if (REMOVALS.contains(event.op())) {
            return false;
        }
        Optional<KnownObject> namesake = known.withId(event.objectId());
        return isKnown.getAsBoolean()
                || namesake.isPresent() && isUpdatedAfter(namesake.get().object(), event.object());
    }

    private static boolean isUpdatedAfter(StixObject one, StixObject other) {
        Optional<Instant> time = one.updatedAt();
        Optional<Instant> otherTime = other.updatedAt();
        return time.isPresent() && otherTime.isPresent() && time.get().isAfter(otherTime.get());
    }

    /** What is known, and stays so whatever it is told. */
    private record Unchanged(Known known) implements Known {
        @Override
        public Optional<KnownObject> object(String key) throws IOException {
            return known.object(key);
        }

        @Override
        public Optional<KnownObject> withId(String stixId) throws IOException {
            return known.withId(stixId);
        }

        @Override
        public List<KnownObject> endingAt(Collection<String> ids) throws IOException {
            return known.endingAt(ids);
        }

        @Override
        public long referringTo(Collection<String> ids) throws IOException {
            return known.referringTo(ids);
        }

        @Override
        public Optional<KnownObject> firstReferringTo(Collection<String> ids, Set<String> types, Asked asked)
                throws IOException {
            return known.firstReferringTo(ids, types, asked);
        }

        @Override
        public Optional<KnownObject> firstEndingAt(Collection<String> ids, Asked asked) throws IOException {
            return known.firstEndingAt(ids, asked);
        }

        @Override
        public Optional<KnownObject> withFormerId(String stixId) throws IOException {
            return known.withFormerId(stixId);
        }

        @Override
        public boolean isReconciling() {
            return known.isReconciling();
        }

        @Override
        public void put(KnownObject object) {}

        @Override
        public void remove(String key) {}
    }
}
