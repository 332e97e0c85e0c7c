package io.caravan.event;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Known.KnownObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Puts the changes of one event together, and tells each to what is known as it is added. */
final class Telling {

    private final Event event;
    private final Known known;
    private final List<Change> changes = new ArrayList<>();
    private long staleReferences;
    private Optional<Marked> unchanged = Optional.empty();

    Telling(Event event, Known known) {
        this.event = event;
        this.known = known;
    }

    /** What was there until now, as far as it can be told. */
    record Before(Optional<StixObject> state, boolean complete, List<String> changed) {

        static final Before UNKNOWN = new Before(Optional.empty(), false, List.of());

        static Before asTold(StixObject last, List<String> changed) {
            return new Before(Optional.of(last), true, changed);
        }
    }

    /** The object's state until now is the one that was last told, if any was. */
    void upsert(Reason reason, StixObject object) throws IOException {
        Optional<KnownObject> previous = known.object(object.key());
        upsert(
                reason,
                object,
                previous.map(last -> Before.asTold(last.object(), List.of())).orElse(Before.UNKNOWN));
    }

    /** Where nothing is said of the state until now, it is the one that was last told, and may lack something. */
    void upsert(Reason reason, StixObject object, Before told) throws IOException {
        Optional<KnownObject> previous = known.object(object.key());
        Before before = told.state().isPresent()
                ? told
                : new Before(previous.map(KnownObject::object), told.complete(), told.changed());
        // one that has come as itself stays one that matches the filter, also where an event needs it
        boolean dependency = event.kind() == Event.Kind.DEPENDENCY
                && previous.map(KnownObject::dependency).orElse(true);
        upsert(reason, object, before, previous, dependency);
    }

    /** A relation whose end has moved. */
    void moved(KnownObject relation, StixObject object, List<String> changed) throws IOException {
        Before before = Before.asTold(relation.object(), changed);
        upsert(Reason.MERGED, object, before, Optional.of(relation), relation.dependency());
    }

    void gone(Reason reason, StixObject last) throws IOException {
        gone(reason, last, Optional.empty());
    }

    void mergedInto(StixObject target, StixObject source) throws IOException {
        gone(Reason.MERGED_INTO, source, Optional.of(target.id()));
    }

    /**
     * What ends at the object is gone, and what ends at that: none before what ends at it, unless they end at each other.
     *
     * @param others keys of what is told of by itself
     */
    void cascade(StixObject object, Set<String> others) throws IOException {
        Set<String> seen = new HashSet<>(others);
        seen.add(object.key());
        Deque<StixObject> open = new ArrayDeque<>(endingAt(object, seen));
        while (!open.isEmpty()) {
            StixObject relation = open.getFirst();
            if (seen.add(relation.key())) {
                endingAt(relation, seen).forEach(open::addFirst);
            } else {
                open.removeFirst();
                if (known.object(relation.key()).isPresent()) {
                    gone(Reason.CASCADE, relation);
                }
            }
        }
    }

    private List<StixObject> endingAt(StixObject object, Set<String> seen) throws IOException {
        return known.endingAt(object).stream()
                .map(KnownObject::object)
                .filter(relation -> !seen.contains(relation.key()))
                .toList();
    }

    Meaning told() throws IOException {
        return new Meaning(event, false, changes, IndicatorState.of(changes, known), staleReferences, unchanged);
    }

    private void upsert(
            Reason reason, StixObject object, Before before, Optional<KnownObject> previous, boolean dependency)
            throws IOException {
        Optional<KnownObject> namesake =
                known.withId(object.id()).filter(other -> !other.object().key().equals(object.key()));
        if (namesake.isPresent()) { // two objects never have one STIX id, so its end was missed
            gone(Reason.RECONCILED, namesake.get().object());
        }
        Marked state = Marked.of(object, known);
        KnownObject now = new KnownObject(object, dependency, state.strictest());
        if (isOnlyState() && previous.isPresent() && now.isAsTold(previous.get())) {
            unchanged = Optional.of(state);
            return;
        }
        // what was told until now goes before what the platform says: an earlier rename may have been missed
        Optional<String> previousId = Stream.of(previous.map(KnownObject::object), before.state())
                .flatMap(Optional::stream)
                .map(StixObject::id)
                .filter(id -> !id.isEmpty() && !id.equals(object.id()))
                .findFirst();
        changes.add(new Change(
                event,
                Type.UPSERT,
                reason == Reason.UPDATED && previousId.isPresent() ? Reason.RENAMED : reason,
                state,
                previousId,
                Optional.empty(),
                before.state().isPresent()
                        ? Optional.of(Marked.of(before.state().get(), known))
                        : Optional.empty(),
                before.complete(),
                before.changed(),
                dependency,
                previous));
        if (previousId.isPresent()) {
            staleReferences += known.referringTo(List.of(previousId.get()));
            if (object.internalId().isEmpty()) {
                known.remove(previousId.get());
            }
        }
        known.put(now);
    }

    /** Whether the event tells what there is, and of nothing that happened: in a snapshot also what its objects need. */
    private boolean isOnlyState() {
        return event.kind() == Event.Kind.SNAPSHOT || event.kind() == Event.Kind.DEPENDENCY && known.isReconciling();
    }

    private void gone(Reason reason, StixObject last, Optional<String> mergedInto) throws IOException {
        Optional<KnownObject> previous = known.object(last.key());
        Marked state = Marked.of(last, known);
        changes.add(new Change(
                event,
                Type.REMOVE,
                reason,
                state,
                previous.map(found -> found.object().id()).filter(id -> !id.equals(last.id())),
                mergedInto,
                Optional.of(state),
                true,
                List.of(),
                previous.map(KnownObject::dependency).orElse(event.kind() == Event.Kind.DEPENDENCY),
                previous));
        staleReferences += known.referringTo(last.ids());
        known.remove(last.key());
    }
}
