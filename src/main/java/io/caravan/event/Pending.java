package io.caravan.event;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * What one batch makes known, in memory, over what is stored: it is stored with the batch's position, or thrown away with
 * the batch. It holds the objects that the batch puts and removes, with what was stored of them before, and nothing else
 * of the store for longer than a call, except what was asked for by key. Used by one thread.
 */
public final class Pending implements Known {

    /** What is stored. */
    interface Stored {
        Optional<KnownObject> object(Digest key) throws IOException;

        /** The keys of the objects that are found by any of these ids. */
        Set<Digest> keys(Index index, Collection<Digest> ids) throws IOException;

        /** How many objects are found by any of these ids, without these. */
        long count(Index index, Collection<Digest> ids, Set<Digest> without) throws IOException;

        /** One of the objects that are found by any of these ids, of these types or, where there are none, of any. */
        Optional<KnownObject> first(
                Index index, Collection<Digest> ids, Set<String> types, Set<Digest> without, Asked asked)
                throws IOException;
    }

    /** What becomes of one object; what is not there is empty. */
    record Edit(Optional<KnownObject> before, Optional<KnownObject> after) {

        Edit reversed() {
            return new Edit(after, before);
        }
    }

    private final Stored stored;
    private final Map<Digest, Edit> edits = new LinkedHashMap<>();
    private final Map<Index.Entry, Set<Digest>> indexes = new HashMap<>();
    /** What is stored of objects that were asked for and are not edited: each event asks for the same one several times. */
    private final Map<Digest, Optional<KnownObject>> found = new HashMap<>();

    /** What there was before each edit since the mark, the latest first. */
    private final Deque<Undo> sinceMark = new ArrayDeque<>();

    private boolean reconciling;

    Pending(Stored stored) {
        this.stored = stored;
    }

    /** Over nothing, for a store that keeps no objects. */
    public static Pending overNothing() {
        return new Pending(new Nothing());
    }

    /** A reconcile is under way. */
    public void reconciling() {
        reconciling = true;
    }

    @Override
    public boolean isReconciling() {
        return reconciling;
    }

    /** By the objects' keys, in the order in which they were first edited. */
    Map<Digest, Edit> edits() {
        return Collections.unmodifiableMap(edits);
    }

    @Override
    public Optional<KnownObject> object(String key) throws IOException {
        return object(Digest.of(key));
    }

    @Override
    public Optional<KnownObject> withId(String stixId) throws IOException {
        return foundBy(Index.STIX_ID, List.of(stixId)).stream().findFirst();
    }

    @Override
    public List<KnownObject> endingAt(Collection<String> ids) throws IOException {
        return foundBy(Index.END, ids);
    }

    @Override
    public long referringTo(Collection<String> ids) throws IOException {
        Set<Digest> digests = digests(ids);
        return stored.count(Index.REFERENCE, digests, edits.keySet())
                + editedKeys(Index.REFERENCE, digests).size();
    }

    @Override
    public Optional<KnownObject> firstReferringTo(Collection<String> ids, Set<String> types, Asked asked)
            throws IOException {
        return first(Index.REFERENCE, ids, types, asked);
    }

    @Override
    public Optional<KnownObject> firstEndingAt(Collection<String> ids, Asked asked) throws IOException {
        return first(Index.END, ids, Set.of(), asked);
    }

    @Override
    public Optional<KnownObject> withFormerId(String stixId) throws IOException {
        return foundBy(Index.FORMER_ID, List.of(stixId)).stream().findFirst();
    }

    @Override
    public void put(KnownObject object) throws IOException {
        edit(Digest.of(object.object().key()), Optional.of(object));
    }

    @Override
    public void remove(String key) throws IOException {
        Digest digest = Digest.of(key);
        if (object(digest).isPresent()) {
            edit(digest, Optional.empty());
        }
    }

    private Optional<KnownObject> object(Digest key) throws IOException {
        Edit edit = edits.get(key);
        if (edit != null) {
            return edit.after();
        }
        Optional<KnownObject> object = found.get(key);
        if (object == null) {
            object = stored.object(key);
            found.put(key, object);
        }
        return object;
    }

    /** From here on, what is put and removed can be taken back; what was put and removed before stays. */
    public void mark() {
        sinceMark.clear();
    }

    /** Takes back what was put and removed since the mark. */
    public void takeBack() {
        while (!sinceMark.isEmpty()) {
            Undo undo = sinceMark.pop();
            set(undo.key, undo.edit);
        }
    }

    private void edit(Digest key, Optional<KnownObject> after) throws IOException {
        Optional<KnownObject> now = object(key);
        Optional<Edit> edit = Optional.ofNullable(edits.get(key));
        sinceMark.push(new Undo(key, edit));
        set(key, Optional.of(new Edit(edit.map(Edit::before).orElse(now), after)));
        found.remove(key);
    }

    /** @param edit empty: as if there had been none */
    private void set(Digest key, Optional<Edit> edit) {
        Edit old = edits.get(key);
        if (old != null && old.after().isPresent()) {
            for (Index.Entry entry : Index.entries(old.after().get())) {
                indexes.get(entry).remove(key);
            }
        }
        if (edit.isEmpty()) {
            edits.remove(key);
            return;
        }
        if (edit.get().after().isPresent()) {
            for (Index.Entry entry : Index.entries(edit.get().after().get())) {
                indexes.computeIfAbsent(entry, any -> new HashSet<>()).add(key);
            }
        }
        edits.put(key, edit.get());
    }

    /** Ordered by key. */
    private List<KnownObject> foundBy(Index index, Collection<String> ids) throws IOException {
        Set<Digest> digests = digests(ids);
        Set<Digest> keys = stored.keys(index, digests);
        keys.removeAll(edits.keySet());
        Map<String, KnownObject> byKey = new TreeMap<>();
        for (Digest key : keys) {
            Optional<KnownObject> asked = found.get(key);
            KnownObject object = (asked == null ? stored.object(key) : asked)
                    .orElseThrow(() -> new IOException("the state has an index entry without its object"));
            byKey.put(object.object().key(), object);
        }
        for (Digest key : editedKeys(index, digests)) {
            KnownObject object = edits.get(key).after().orElseThrow();
            byKey.put(object.object().key(), object);
        }
        return new ArrayList<>(byKey.values());
    }

    private Optional<KnownObject> first(Index index, Collection<String> ids, Set<String> types, Asked asked)
            throws IOException {
        Set<Digest> digests = digests(ids);
        for (Digest key : editedKeys(index, digests)) {
            KnownObject object = edits.get(key).after().orElseThrow();
            if ((types.isEmpty() || types.contains(object.object().type())) && asked.of(object)) {
                return Optional.of(object);
            }
        }
        return stored.first(index, digests, types, edits.keySet(), asked);
    }

    private Set<Digest> editedKeys(Index index, Collection<Digest> ids) {
        Set<Digest> keys = new HashSet<>();
        for (Digest id : ids) {
            keys.addAll(indexes.getOrDefault(new Index.Entry(index, id), Set.of()));
        }
        return keys;
    }

    private static Set<Digest> digests(Collection<String> ids) {
        Set<Digest> digests = new HashSet<>();
        for (String id : ids) {
            digests.add(Digest.of(id));
        }
        return digests;
    }

    private record Undo(Digest key, Optional<Edit> edit) {}

    private static final class Nothing implements Stored {
        @Override
        public Optional<KnownObject> object(Digest key) {
            return Optional.empty();
        }

        @Override
        public Set<Digest> keys(Index index, Collection<Digest> ids) {
            return new HashSet<>();
        }

        @Override
        public long count(Index index, Collection<Digest> ids, Set<Digest> without) {
            return 0;
        }

        @Override
        public Optional<KnownObject> first(
                Index index, Collection<Digest> ids, Set<String> types, Set<Digest> without, Asked asked) {
            return Optional.empty();
        }
    }
}
