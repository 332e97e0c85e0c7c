package io.caravan.opencti.push;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Meaning;
import io.caravan.event.RecordFailedException;
import io.caravan.event.StixObject;
import io.caravan.opencti.push.Item.Operation;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Cuts a batch into runs. Upserts go together, one object once, in its last state, because of two in one bundle the worker
 * applies but one; a removal, a merge, and what is renamed while it is among them close the run. Within a run references come
 * before what needs them, and what objects bear (labels, markings, kill chain phases, external references) goes in a run of
 * its own before them: the worker makes what it does not find. Members that no upsert changes are patched behind it. What vanishes or moves because something else did is the destination's own business.
 */
final class Runs {

    /** A bundle's objects together; the platform takes requests of up to 50 MB, and a bundle's text is escaped in them. */
    static final long MOST_BYTES = 16 << 20;

    /** The types of what other objects bear, by a text or an id. */
    static final Set<String> BORNE = Set.of("label", "marking-definition", "kill-chain-phase", "external-reference");

    private final Wording wording;
    private final boolean withDeletions;
    private final Failures failures;
    private final List<Run> runs = new ArrayList<>();
    private final Map<String, Item> open = new LinkedHashMap<>();
    /** By the keys of objects among the open, which of their members an upsert leaves as they are. */
    private final Map<String, Set<String>> patched = new HashMap<>();

    private long openBytes;

    private Runs(Wording wording, boolean withDeletions, Failures failures) {
        this.wording = wording;
        this.withDeletions = withDeletions;
        this.failures = failures;
    }

    /** Is told of the changes of which no object can be made for the destination; they are in no run. */
    @FunctionalInterface
    interface Failures {
        void take(Change change, RecordFailedException failure) throws IOException;
    }

    static List<Run> of(Batch batch, Wording wording, boolean withDeletions, Failures failures) throws IOException {
        Runs runs = new Runs(wording, withDeletions, failures);
        for (Meaning meaning : batch.meanings()) {
            runs.add(meaning);
        }
        runs.close();
        return runs.runs;
    }

    private void add(Meaning meaning) throws IOException {
        Optional<Change> target = meaning.changes().stream()
                .filter(change -> change.type() == Type.UPSERT
                        && change.reason() == Reason.MERGED
                        && change.object().key().equals(meaning.event().object().key()))
                .findFirst();
        List<String> sources = meaning.changes().stream()
                .filter(change -> change.reason() == Reason.MERGED_INTO)
                .map(change -> change.previousId().orElse(change.object().id()))
                .toList();
        if (target.isPresent() && !sources.isEmpty()) {
            addMerge(meaning, target.get(), sources);
            return;
        }
        for (Change change : meaning.changes()) {
            if (change.type() == Type.UPSERT) {
                addUpsert(change);
            } else if (withDeletions && change.reason() != Reason.CASCADE) {
                add(Optional.empty(), item(change, wording::removal));
            }
        }
    }

    private void addMerge(Meaning meaning, Change target, List<String> sources) throws IOException {
        close();
        item(target, merged -> wording.merge(merged, sources)).ifPresent(item -> runs.add(Run.of(item)));
        addUpsert(target);
        for (Change change : meaning.changes()) {
            boolean isOfTheMerge = change.reason() == Reason.MERGED_INTO || change.reason() == Reason.CASCADE;
            if (withDeletions && change.type() == Type.REMOVE && !isOfTheMerge) {
                add(Optional.empty(), item(change, wording::removal));
            } else if (change.reason() == Reason.ENTERED_SCOPE) { // what moved was not there
                addUpsert(change);
            }
        }
    }

    private interface Making {
        Item of(Change change) throws IOException;
    }

    private Optional<Item> item(Change change, Making making) throws IOException {
        try {
            return Optional.of(RecordFailedException.during(() -> making.of(change)));
        } catch (RecordFailedException e) {
            failures.take(change, e);
            return Optional.empty();
        }
    }

    private void addUpsert(Change change) throws IOException {
        Optional<Item> upsert = item(change, wording::upsert);
        if (upsert.isEmpty()) {
            return;
        }
        add(change.previousId(), upsert);
        Set<String> members = Wording.patched(change);
        if (!members.isEmpty()) {
            patched.computeIfAbsent(change.object().key(), key -> new TreeSet<>())
                    .addAll(members);
        }
    }

    private void add(Optional<String> previousId, Optional<Item> made) throws IOException {
        if (made.isPresent()) {
            add(previousId, made.get());
        }
    }

    private void add(Optional<String> previousId, Item item) throws IOException {
        Optional<Operation> operation = open.values().stream().findFirst().map(Item::operation);
        Optional<Item> known = Optional.ofNullable(open.get(item.key()));
        boolean isRenamedWithin = known.isPresent()
                && (previousId.isPresent() || known.get().change().previousId().isPresent());
        boolean isAnother = operation.isPresent() && operation.get() != item.operation();
        if (isAnother || isRenamedWithin || openBytes + item.json().length() > MOST_BYTES) {
            close();
        }
        Item before = open.remove(item.key()); // its last place counts: what it needs may have come in between
        openBytes += item.json().length() - (before == null ? 0 : before.json().length());
        open.put(item.key(), item);
    }

    private void close() throws IOException {
        if (open.isEmpty()) {
            return;
        }
        List<Item> items = List.copyOf(open.values());
        if (items.get(0).operation() == Operation.UPSERT) {
            runs.addAll(ofUpserts(items));
            List<Item> patches = new ArrayList<>();
            for (Item item : items) {
                if (patched.containsKey(item.key())) {
                    Set<String> members = patched.get(item.key());
                    item(item.change(), change -> wording.patch(change, members))
                            .ifPresent(patches::add);
                }
            }
            if (!patches.isEmpty()) {
                runs.add(new Run(patches));
            }
        } else {
            runs.add(new Run(items));
        }
        open.clear();
        patched.clear();
        openBytes = 0;
    }

    /** Upserts of different objects: first what others bear, then all others, references before what needs them. */
    static List<Run> ofUpserts(List<Item> items) {
        List<Item> borne = items.stream().filter(Runs::isBorne).toList();
        List<Item> others = items.stream().filter(item -> !isBorne(item)).toList();
        return Stream.of(borne, others)
                .filter(some -> !some.isEmpty())
                .map(some -> new Run(inOrder(some)))
                .toList();
    }

    private static boolean isBorne(Item item) {
        return BORNE.contains(item.object().type());
    }

    /** References before what needs them, and otherwise as they came; a circle is broken somewhere. */
    private static List<Item> inOrder(List<Item> items) {
        Map<String, Item> byId = new HashMap<>();
        for (Item item : items) {
            item.object().ids().forEach(id -> byId.put(id, item));
        }
        List<Item> ordered = new ArrayList<>();
        Set<Item> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Item item : items) {
            if (seen.add(item)) {
                place(item, byId, seen, ordered);
            }
        }
        return ordered;
    }

    /** An object, and those of its references that have not been looked at. */
    private record Visit(Item item, Iterator<String> references) {
        static Visit of(Item item) {
            StixObject object = item.object();
            Stream<String> ids = Stream.of(object.markings(), object.references(), object.ends())
                    .flatMap(List::stream);
            return new Visit(item, ids.iterator());
        }
    }

    private static void place(Item item, Map<String, Item> byId, Set<Item> seen, List<Item> ordered) {
        Deque<Visit> path = new ArrayDeque<>(); // no recursion: a chain of references may be long
        path.push(Visit.of(item));
        while (!path.isEmpty()) {
            Visit last = path.peek();
            if (last.references().hasNext()) {
                Item needed = byId.get(last.references().next());
                if (needed != null && seen.add(needed)) {
                    path.push(Visit.of(needed));
                }
            } else {
                ordered.add(path.pop().item());
            }
        }
    }
}
