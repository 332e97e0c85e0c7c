package io.caravan.event;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Known.FormerEnds;
import io.caravan.event.Known.KnownObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
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
    private final boolean isFiltered;
    private final List<Change> changes = new ArrayList<>();
    private final Set<String> types = new HashSet<>();
    private Optional<Tlp> strictest = Optional.empty();
    private boolean isContextShown;
    private long staleReferences;
    /** The ids of what was merged away by this event. */
    private final Set<String> mergedIds = new HashSet<>();

    Telling(Event event, Known known, boolean isFiltered) {
        this.event = event;
        this.known = known;
        this.isFiltered = isFiltered;
    }

    /**
     * What was there until now, as far as it can be told.
     *
     * @param named the internal ids of other objects whose names the platform says beside it
     */
    record Before(Optional<StixObject> state, boolean complete, List<String> changed, Set<String> named) {

        static final Before UNKNOWN = new Before(Optional.empty(), false, List.of(), Set.of());

        static Before asTold(StixObject last, List<String> changed) {
            return new Before(Optional.of(last), true, changed, Set.of());
        }
    }

    /** All that the envelope's context shows. */
    void showsInContext(List<StixObject> objects) throws IOException {
        isContextShown = true;
        for (StixObject object : objects) {
            shows(object);
        }
    }

    private void showsInContext(Before before) throws IOException {
        showsInContext(before.state().map(List::of).orElse(List.of()));
        if (!before.complete()) { // what was left out of the state stands in the patch
            strictest = Optional.of(Tlp.RED);
        }
        for (String named : before.named()) {
            Optional<KnownObject> object = known.object(named);
            strictest =
                    Tlp.strictest(strictest, object.isPresent() ? object.get().strictest() : Optional.of(Tlp.RED));
        }
    }

    private void shows(StixObject object) throws IOException {
        strictest = Tlp.strictest(strictest, Marked.of(object, known).strictest());
        types.add(object.type());
    }

    /** The object's state until now is the one that was last told, if any was. */
    void upsert(Reason reason, StixObject object) throws IOException {
        Optional<KnownObject> previous = known.object(object.key());
        Before before =
                previous.map(last -> Before.asTold(last.object(), List.of())).orElse(Before.UNKNOWN);
        upsert(reason, object, before, previous, isDependency(previous));
    }

    /**
     * As the event's patches say. Where they say nothing of the state until now, it is the one that was last told, and may
     * lack something.
     */
    void upsert(Reason reason, StixObject object, Before told) throws IOException {
        showsInContext(told);
        Optional<KnownObject> previous = known.object(object.key());
        Before before = told.state().isPresent()
                ? told
                : new Before(previous.map(KnownObject::object), told.complete(), told.changed(), told.named());
        upsert(reason, object, before, previous, isDependency(previous));
    }

    /** What is known already is told, to whoever may lack it. */
    void again(Reason reason, KnownObject last) throws IOException {
        boolean dependency = last.dependency() && event.kind() != Event.Kind.MAIN; // now it has come as itself
        Marked state = Marked.of(last.object(), known);
        changes.add(new Change(
                event,
                Type.UPSERT,
                reason,
                state,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                List.of(),
                dependency,
                Optional.of(last)));
        known.put(new KnownObject(last.object(), dependency, state.strictest(), last.formerIds(), last.formerEnds()));
    }

    /** One that has come as itself stays one that matches the filter, also where an event needs it. */
    private boolean isDependency(Optional<KnownObject> previous) {
        return isFiltered
                && event.kind() == Event.Kind.DEPENDENCY
                && previous.map(KnownObject::dependency).orElse(true);
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
        shows(event.object());
        boolean showsMore = !isContextShown
                && event.envelope()
                        .context()
                        .filter(context -> !context.equals(Json.EMPTY))
                        .isPresent();
        Meaning.Contents contents = new Meaning.Contents(showsMore ? Optional.of(Tlp.RED) : strictest, types);
        return new Meaning(
                event, contents, false, changes, IndicatorState.of(changes, known), staleReferences, mergedIds);
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
        KnownObject now = new KnownObject(
                object,
                dependency,
                state.strictest(),
                formerIds(object, before, previous),
                formerEnds(object, previous));
        if (isOnlyState() && previous.isPresent() && now.isAsTold(previous.get())) {
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
            staleReferences +=
                    known.referringTo(Set.of(previousId.get(), object.key())); // labels are referred to by key
            if (object.internalId().isEmpty()) {
                known.remove(previousId.get());
            }
        }
        known.put(now);
    }

    private Set<String> formerIds(StixObject object, Before before, Optional<KnownObject> previous) {
        Set<String> ids = new HashSet<>();
        previous.ifPresent(last -> {
            ids.addAll(last.formerIds());
            ids.add(last.object().id());
        });
        before.state().ifPresent(state -> ids.add(state.id()));
        if (object.key().equals(event.object().key())) {
            ids.addAll(mergedIds);
        }
        ids.removeAll(Set.of(object.id(), ""));
        return ids;
    }

    /** Empty unless this event, or another at its position, has changed the ends. */
    private Optional<FormerEnds> formerEnds(StixObject object, Optional<KnownObject> previous) {
        Set<String> ends = new HashSet<>();
        previous.ifPresent(last -> {
            ends.addAll(last.object().ends());
            last.formerEnds()
                    .filter(former -> former.position().equals(event.id()))
                    .ifPresent(former -> ends.addAll(former.ids()));
        });
        return object.ends().containsAll(ends) ? Optional.empty() : Optional.of(new FormerEnds(event.id(), ends));
    }

    /** Whether an end of the relation, now at another object, was at one of these before the event at this position. */
    boolean hasMovedFrom(Set<String> ids, KnownObject relation) {
        return relation.formerEnds()
                .filter(former -> former.position().equals(event.id()))
                .filter(former -> !Collections.disjoint(former.ids(), ids))
                .isPresent();
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
                previous.map(KnownObject::dependency).orElse(isDependency(Optional.empty())),
                previous));
        staleReferences += known.referringTo(last.ids());
        if (reason == Reason.MERGED_INTO) {
            mergedIds.add(last.id());
            previous.ifPresent(source -> mergedIds.addAll(source.ids()));
            mergedIds.remove(last.internalId());
        }
        known.remove(last.key());
    }
}
