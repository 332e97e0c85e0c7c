package io.caravan.sink;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Event;
import io.caravan.event.IndicatorState;
import io.caravan.event.Json;
import io.caravan.event.Known;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Marked;
import io.caravan.event.Meaning;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What {@link Contents} leaves of one batch. An object is in it while it is a container of the types asked for, or something
 * that is in it refers to it, or ends at it. A merge, and a removal that takes relations with it, is in it as soon as one of
 * its objects is.
 */
final class Selection {

    /** Of an object that more objects lead up from, it is not looked which: it does not come because of them, and stays. */
    private static final int MOST_LOOKED_AT = 1000;

    private final Known known;
    private final Set<String> types;
    private final Door door;
    /** The keys of what is known to be there in its last state: it has come in this batch, or was found to be in it. */
    private final Set<String> there = new HashSet<>();

    /** @param known what is known before the batch; it is told of the batch's changes */
    Selection(Known known, Set<String> types, Door door) {
        this.known = known;
        this.types = types;
        this.door = door;
    }

    /** What an event means for the sink, in order: what comes along, the event's own, what none contains any longer. */
    List<Meaning> of(Meaning meaning) throws IOException {
        Telling telling = new Telling(meaning);
        telling.tell();
        return telling.told();
    }

    private boolean isIn(StixObject object) throws IOException {
        Optional<KnownObject> last = known.object(object.key());
        return isIn(last.orElse(new KnownObject(object, false, Optional.empty())), false);
    }

    /** @param whenTooMany what is to be taken for true where too many lead up from the object */
    private boolean isIn(KnownObject object, boolean whenTooMany) throws IOException {
        return isIn(object, whenTooMany, new Way(object.object().key()));
    }

    private boolean isIn(KnownObject object, boolean whenTooMany, Way up) throws IOException {
        if (up.isContained(object)) {
            return true;
        }
        for (Optional<Set<String>> ids = Optional.of(object.ids()); ids.isPresent(); ids = up.next()) {
            if (known.firstReferringTo(ids.get(), Set.of(), up).isPresent()
                    || known.firstEndingAt(ids.get(), up).isPresent()) {
                return whenTooMany || !up.isTooLong();
            }
        }
        return false;
    }

    /** Up to what a container refers to, over all that something refers to it or ends at it. */
    private final class Way implements Known.Asked {
        private final String without;
        private final Deque<Set<String>> open = new ArrayDeque<>();
        private final Set<String> seen = new HashSet<>();
        private int looks;

        /** @param without the key of what it does not lead over */
        Way(String without) {
            this.without = without;
            seen.add(without);
        }

        @Override
        public boolean of(KnownObject object) throws IOException {
            looks++;
            if (isTooLong()) {
                return true;
            }
            if (!door.mayPass(object) || !seen.add(object.object().key())) {
                return false;
            }
            open.add(object.ids());
            return isContained(object);
        }

        /** Or a container itself. */
        boolean isContained(KnownObject object) throws IOException {
            return types.contains(object.object().type())
                    || known.firstReferringTo(object.ids(), types, this::isContainer)
                            .isPresent();
        }

        private boolean isContainer(KnownObject object) {
            return door.mayPass(object) && !object.object().key().equals(without);
        }

        boolean isTooLong() {
            return looks > MOST_LOOKED_AT;
        }

        /** The ids of what has not been gone on from. */
        Optional<Set<String>> next() {
            return Optional.ofNullable(open.poll());
        }
    }

    /** By the ids that it has, or had when it was referred to. */
    private Optional<KnownObject> resolve(String id) throws IOException {
        Optional<KnownObject> object = (id.contains("--") ? known.withId(id) : known.object(id)).filter(door::mayPass);
        return object.isPresent() ? object : known.withFormerId(id).filter(door::mayPass);
    }

    /** What it contains, or ends at: what it refers to otherwise, as its author, stays when it goes. */
    private static Set<String> held(StixObject object) throws IOException {
        Set<String> ids = new HashSet<>(object.ends());
        if (!object.references().isEmpty()) {
            for (JsonNode id : Json.tree(object.json()).path("object_refs")) {
                ids.add(id.asText());
            }
        }
        return ids;
    }

    /** The keys of what it ends at by now. */
    private Set<String> ends(StixObject relation) throws IOException {
        Set<String> keys = new HashSet<>();
        for (String id : relation.ends()) {
            resolve(id).ifPresent(end -> keys.add(end.object().key()));
        }
        return keys;
    }

    private static Set<String> references(KnownObject object) {
        StixObject stix = object.object();
        Set<String> ids = new HashSet<>(stix.markings());
        ids.addAll(stix.references());
        ids.addAll(stix.ends());
        return ids;
    }

    /** What is made of one event. */
    private final class Telling {
        private final Meaning meaning;
        private final Event event;
        private final List<Change> along = new ArrayList<>();
        private final List<Change> own = new ArrayList<>();
        private final List<Change> left = new ArrayList<>();
        /** The ids of what something that is in it no longer contains, or ends at. */
        private final Set<String> dropped = new LinkedHashSet<>();

        private boolean isEventIn;

        Telling(Meaning meaning) {
            this.meaning = meaning;
            event = meaning.event();
        }

        void tell() throws IOException {
            boolean isWhole = isWhole();
            if (isWhole && meaning.changes().stream().anyMatch(Telling::isMergedAway)) {
                bringMerged();
            }
            for (Change change : meaning.changes()) {
                boolean isIn = change.type() == Type.UPSERT ? isInAfter(change) : isInBefore(change);
                if (isIn || isWhole && isOfTheWhole(change)) {
                    own.add(change);
                }
            }
            leaveAlone();
            leave();
            isEventIn = meaning.ofItself().isPresent()
                    ? own.stream().anyMatch(change -> isEvents(change.object()))
                    : isIn(event.object());
        }

        /** Whether objects go or move together, one of which is in it. */
        private boolean isWhole() throws IOException {
            boolean goTogether = meaning.changes().stream()
                    .anyMatch(change -> change.reason() == Reason.CASCADE || change.reason() == Reason.MERGED_INTO);
            if (goTogether) {
                for (Change change : meaning.changes()) {
                    if (isIn(change.object())) {
                        return true;
                    }
                }
            }
            return false;
        }

        /** What the others go or move with. */
        private boolean isOfTheWhole(Change change) {
            return isMergedAway(change) || isEvents(change.object());
        }

        private static boolean isMergedAway(Change change) {
            return change.reason() == Reason.MERGED_INTO;
        }

        private boolean isEvents(StixObject object) {
            return object.key().equals(event.object().key());
        }

        /** What merges is there before it does. */
        private void bringMerged() throws IOException {
            for (Change change : meaning.changes()) {
                Optional<KnownObject> last = known.object(change.object().key());
                if (isOfTheWhole(change) && last.isPresent() && door.mayPass(last.get()) && !isIn(last.get(), false)) {
                    bring(last.get());
                }
            }
        }

        private boolean isInBefore(Change removal) throws IOException {
            Optional<KnownObject> last = known.object(removal.object().key());
            boolean wasIn = isIn(removal.object())
                    || !Collections.disjoint(dropped, removal.object().ids());
            known.remove(removal.object().key());
            there.remove(removal.object().key());
            if (wasIn && last.isPresent()) {
                dropped.addAll(held(last.get().object()));
            }
            return wasIn;
        }

        private boolean isInAfter(Change upsert) throws IOException {
            Optional<KnownObject> last = known.object(upsert.object().key());
            KnownObject now = now(upsert);
            known.put(now);
            if (!isIn(now, false)) {
                there.remove(now.object().key());
                return false;
            }
            boolean wasThere = !there.add(now.object().key())
                    || last.isPresent() && upsert.reason() != Reason.ENTERED_SCOPE && isIn(last.get(), false);
            bringAdded(now, last, wasThere);
            if (wasThere && last.isPresent()) {
                Set<String> no = held(last.get().object());
                no.removeAll(held(now.object()));
                dropped.addAll(no);
            }
            return true;
        }

        /** What it refers to that is not there for sure; of what is told again, as of a dead letter, all. */
        private void bringAdded(KnownObject now, Optional<KnownObject> last, boolean wasThere) throws IOException {
            boolean isAgain = last.isPresent()
                    && last.get().object().json().equals(now.object().json());
            Set<String> ids = references(now);
            if (wasThere && last.isPresent() && !isAgain) {
                ids.removeAll(references(last.get()));
            }
            for (String id : ids) {
                Optional<KnownObject> object = resolve(id);
                if (object.isPresent() && !there.contains(object.get().object().key())) {
                    Way around = new Way(now.object().key());
                    if (isAgain || !isIn(object.get(), false, around)) {
                        bring(object.get());
                    } else {
                        there.add(object.get().object().key());
                    }
                }
            }
        }

        private KnownObject now(Change upsert) {
            Set<String> formerIds = new HashSet<>();
            upsert.told().ifPresent(last -> {
                formerIds.addAll(last.formerIds());
                formerIds.add(last.object().id());
            });
            upsert.previousId().ifPresent(formerIds::add);
            if (isEvents(upsert.object())) {
                formerIds.addAll(meaning.mergedIds());
            }
            return new KnownObject(
                    upsert.object(), upsert.dependency(), upsert.state().strictest(), formerIds);
        }

        /** Behind what it refers to; each once a batch. */
        private void bring(KnownObject object) throws IOException {
            Deque<Visit> path = new ArrayDeque<>(); // no recursion: a chain of references may be long
            visit(object, path);
            while (!path.isEmpty()) {
                Visit last = path.peek();
                if (last.references.hasNext()) {
                    Optional<KnownObject> needed = resolve(last.references.next());
                    if (needed.isPresent()) {
                        visit(needed.get(), path);
                    }
                } else {
                    along.add(enters(path.pop().object));
                }
            }
        }

        private void visit(KnownObject object, Deque<Visit> path) {
            if (there.add(object.object().key())) {
                path.push(new Visit(object, references(object).iterator()));
            }
        }

        /** What merges elsewhere makes one of two relations; of one that is there alone, nobody would know that it is gone. */
        private void leaveAlone() throws IOException {
            if (meaning.changes().stream().noneMatch(Telling::isMergedAway)) {
                return;
            }
            for (Change change : own) {
                if (change.reason() == Reason.CASCADE && change.told().isPresent() && isAlone(change.object())) {
                    left.add(leaves(change.told().get()));
                }
            }
        }

        private boolean isAlone(StixObject relation) throws IOException {
            Set<String> ends = ends(relation);
            return known.firstEndingAt(
                            event.object().ids(),
                            other -> other.object().relationshipType().equals(relation.relationshipType())
                                    && ends(other.object()).equals(ends)
                                    && door.mayPass(other)
                                    && isIn(other, true))
                    .isEmpty();
        }

        /** What was dropped and is not in it otherwise, with what that alone held. */
        private void leave() throws IOException {
            Deque<String> ids = new ArrayDeque<>(dropped);
            Set<String> gone = new HashSet<>();
            while (!ids.isEmpty()) {
                Optional<KnownObject> object = resolve(ids.remove());
                if (object.isPresent()
                        && !isIn(object.get(), true)
                        && gone.add(object.get().object().key())) {
                    there.remove(object.get().object().key());
                    left.add(leaves(object.get()));
                    ids.addAll(held(object.get().object()));
                }
            }
        }

        private Change enters(KnownObject object) throws IOException {
            Optional<String> previousId = Optional.empty();
            for (String id : object.formerIds()) {
                if (door.equals(Door.OPEN) && known.withId(id).isEmpty()) { // of what else, nothing may be said
                    previousId = Optional.of(id);
                }
            }
            return change(object, Type.UPSERT, Reason.ENTERED_SCOPE, previousId, Optional.empty());
        }

        private Change leaves(KnownObject object) {
            Marked state = state(object);
            return change(object, Type.REMOVE, Reason.LEFT_SCOPE, Optional.empty(), Optional.of(state));
        }

        private Change change(
                KnownObject object, Type type, Reason reason, Optional<String> previousId, Optional<Marked> before) {
            return new Change(
                    event,
                    type,
                    reason,
                    state(object),
                    previousId,
                    Optional.empty(),
                    before,
                    before.isPresent(),
                    List.of(),
                    object.dependency(),
                    Optional.of(object));
        }

        List<Meaning> told() throws IOException {
            List<IndicatorState> indicators = new ArrayList<>();
            for (IndicatorState state : meaning.indicators()) {
                if (isIn(state.indicator())) {
                    indicators.add(state);
                }
            }
            boolean isWithheld = meaning.isWithheld() || !isEventIn;
            return Stream.of(
                            meaning.with(event, true, along, List.of()),
                            meaning.with(event, isWithheld, own, indicators),
                            meaning.with(event, true, left, List.of()))
                    .filter(told -> !told.isWithheld()
                            || !told.changes().isEmpty()
                            || !told.indicators().isEmpty())
                    .toList();
        }
    }

    private static Marked state(KnownObject object) {
        return new Marked(object.object(), object.object().tlp(), object.strictest());
    }

    /** An object on its way along, and those of its references that have not been looked at. */
    private record Visit(KnownObject object, Iterator<String> references) {}
}
