package io.caravan.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Pending.Edit;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * The known objects in an open store. Its keys, ids as {@link Digest}s:
 *
 * <pre>
 *   o &lt;key&gt;        -&gt; 2 * {@link Tlp}, from 1, 0 for none; + 1 for a dependency; then the object's JSON
 *   i &lt;id&gt; &lt;key&gt;   -&gt; nothing; an object by its STIX id
 *   e &lt;id&gt; &lt;key&gt;   -&gt; nothing; a relation by what it ends at
 *   r &lt;id&gt; &lt;key&gt;   -&gt; nothing; an object by what it refers to
 *   s &lt;key&gt;        -&gt; the number of the reconcile in which the object was seen last, 8 bytes; it need not be known
 * </pre>
 *
 * What is before the last part of an index's key is as long as an object's key: {@link #PREFIX}. Whatever else an object
 * is found by or has is read from its JSON. Not safe for threads.
 */
final class KnownObjects {

    /** What the store's keys are told apart by; its filters know this much of each. */
    static final int PREFIX = 1 + Digest.LENGTH;

    private static final byte OBJECT = 'o';
    private static final byte SEEN = 's';
    private static final byte[] NOTHING = {};
    private static final int DEPENDENCY = 1;
    private static final List<Tlp> COLOURS = List.of(Tlp.values());

    private final RocksDB db;

    KnownObjects(RocksDB db) {
        this.db = db;
    }

    /** @throws IOException when what is stored is no object; says what it is */
    Optional<KnownObject> object(Digest key) throws RocksDBException, IOException {
        byte[] value = db.get(key(OBJECT, key));
        return value == null ? Optional.empty() : Optional.of(known(value));
    }

    private static KnownObject known(byte[] value) throws IOException {
        if (value.length == 0 || value[0] < 0 || value[0] / 2 > COLOURS.size()) {
            throw new IOException("an object in a form that this version does not know");
        }
        try {
            StixObject object = StixObject.read(new Bytes(value, 1, value.length - 1));
            Optional<Tlp> strictest = value[0] / 2 == 0 ? Optional.empty() : Optional.of(COLOURS.get(value[0] / 2 - 1));
            return new KnownObject(object, value[0] % 2 == DEPENDENCY, strictest);
        } catch (JsonProcessingException e) {
            throw new IOException("an object that is no JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** The keys of the objects that are found by any of these ids. */
    Set<Digest> keys(Index index, Collection<Digest> ids) throws RocksDBException {
        Set<Digest> keys = new HashSet<>();
        try (ReadOptions withinPrefix = new ReadOptions().setPrefixSameAsStart(true);
                RocksIterator entries = db.newIterator(withinPrefix)) {
            for (Digest id : ids) {
                for (entries.seek(key(index.mark(), id)); entries.isValid(); entries.next()) {
                    keys.add(Digest.read(entries.key(), PREFIX));
                }
                entries.status();
            }
        }
        return keys;
    }

    /** How many objects are found by any of these ids, without these. Millions take no memory; each id takes an iterator. */
    long count(Index index, Collection<Digest> ids, Set<Digest> without) throws RocksDBException {
        List<Cursor> cursors = new ArrayList<>();
        try (ReadOptions withinPrefix = new ReadOptions().setPrefixSameAsStart(true)) {
            PriorityQueue<Cursor> ahead = new PriorityQueue<>();
            for (Digest id : ids) {
                Cursor cursor = new Cursor(db.newIterator(withinPrefix), key(index.mark(), id));
                cursors.add(cursor);
                if (cursor.hasKey()) {
                    ahead.add(cursor);
                }
            }
            long count = 0;
            Optional<Digest> last = Optional.empty();
            while (!ahead.isEmpty()) {
                Cursor next = ahead.remove();
                Optional<Digest> key = Optional.of(next.key);
                if (!key.equals(last) && !without.contains(next.key)) {
                    count++;
                }
                last = key;
                next.entries.next();
                if (next.hasKey()) {
                    ahead.add(next);
                }
            }
            return count;
        } finally {
            cursors.forEach(cursor -> cursor.entries.close());
        }
    }

    /** Of the indexes, only what differs between an object's states before and after is written. */
    void write(Map<Digest, Edit> edits, WriteBatch batch) throws RocksDBException {
        for (Map.Entry<Digest, Edit> each : edits.entrySet()) {
            Digest key = each.getKey();
            Edit edit = each.getValue();
            Set<Index.Entry> before = entries(edit.before());
            Set<Index.Entry> after = entries(edit.after());
            for (Index.Entry entry : before) {
                if (!after.contains(entry)) {
                    batch.delete(key(entry, key));
                }
            }
            for (Index.Entry entry : after) {
                if (!before.contains(entry)) {
                    batch.put(key(entry, key), NOTHING);
                }
            }
            if (edit.after().isPresent()) {
                batch.put(key(OBJECT, key), value(edit.after().get()));
            } else if (edit.before().isPresent()) {
                batch.delete(key(OBJECT, key));
            }
        }
    }

    /** Marks objects as seen in a reconcile. */
    static void mark(long reconcile, Collection<String> keys, WriteBatch batch) throws RocksDBException {
        byte[] number = number(reconcile);
        for (String key : keys) {
            batch.put(key(SEEN, Digest.of(key)), number);
        }
    }

    boolean isMarked(long reconcile, Digest key) throws RocksDBException {
        return Arrays.equals(db.get(key(SEEN, key)), number(reconcile));
    }

    boolean hasMarks(long reconcile) throws RocksDBException {
        byte[] number = number(reconcile);
        try (Walk marks = new Walk(db, SEEN, Optional.empty())) {
            while (marks.isInside() && !Arrays.equals(marks.value(), number)) {
                marks.next();
            }
            return marks.isInside();
        }
    }

    /** Objects without the reconcile's mark, in the order of their keys. */
    List<StixObject> unmarked(long reconcile, Optional<Digest> after, int most, long mostBytes)
            throws RocksDBException, IOException {
        List<StixObject> unmarked = new ArrayList<>();
        byte[] number = number(reconcile);
        long bytes = 0;
        try (Walk objects = new Walk(db, OBJECT, after);
                Walk marks = new Walk(db, SEEN, after)) {
            for (; objects.isInside() && unmarked.size() < most; objects.next()) {
                Digest key = objects.key();
                while (marks.isInside() && marks.key().compareTo(key) < 0) {
                    marks.next();
                }
                boolean isMarked = marks.isInside() && marks.key().equals(key) && Arrays.equals(marks.value(), number);
                if (isMarked) {
                    continue;
                }
                StixObject object = known(objects.value()).object();
                bytes += object.json().length();
                if (bytes > mostBytes && !unmarked.isEmpty()) {
                    break;
                }
                unmarked.add(object);
            }
        }
        return unmarked;
    }

    private static byte[] number(long reconcile) {
        return ByteBuffer.allocate(Long.BYTES).putLong(reconcile).array();
    }

    private static Set<Index.Entry> entries(Optional<KnownObject> known) {
        return known.map(present -> Index.entries(present.object())).orElse(Set.of());
    }

    private static byte[] value(KnownObject known) {
        Bytes json = known.object().json();
        int colour = known.strictest().map(tlp -> COLOURS.indexOf(tlp) + 1).orElse(0);
        return ByteBuffer.allocate(1 + json.length())
                .put((byte) (2 * colour + (known.dependency() ? DEPENDENCY : 0)))
                .put(json.array(), json.offset(), json.length())
                .array();
    }

    private static byte[] key(byte mark, Digest id) {
        ByteBuffer key = ByteBuffer.allocate(PREFIX).put(mark);
        id.write(key);
        return key.array();
    }

    private static byte[] key(Index.Entry entry, Digest object) {
        ByteBuffer key =
                ByteBuffer.allocate(PREFIX + Digest.LENGTH).put(entry.index().mark());
        entry.id().write(key);
        object.write(key);
        return key.array();
    }

    /** Goes through all keys of one kind, in order, from the first or from behind one. */
    private static final class Walk implements AutoCloseable {
        private final byte kind;
        private final ReadOptions acrossPrefixes =
                new ReadOptions().setTotalOrderSeek(true).setFillCache(false);
        private final RocksIterator entries;

        Walk(RocksDB db, byte kind, Optional<Digest> after) throws RocksDBException {
            this.kind = kind;
            entries = db.newIterator(acrossPrefixes);
            entries.seek(after.isPresent() ? KnownObjects.key(kind, after.get()) : new byte[] {kind});
            if (after.isPresent() && isInside() && key().equals(after.get())) {
                next();
            }
        }

        boolean isInside() throws RocksDBException {
            if (!entries.isValid()) {
                entries.status();
                return false;
            }
            return entries.key()[0] == kind;
        }

        void next() {
            entries.next();
        }

        Digest key() {
            return Digest.read(entries.key(), 1);
        }

        byte[] value() {
            return entries.value();
        }

        @Override
        public void close() {
            entries.close();
            acrossPrefixes.close();
        }
    }

    /** Goes through the keys found by one id, in order. */
    private static final class Cursor implements Comparable<Cursor> {
        private final RocksIterator entries;
        private Digest key = new Digest(0, 0);

        Cursor(RocksIterator entries, byte[] prefix) {
            this.entries = entries;
            entries.seek(prefix);
        }

        boolean hasKey() throws RocksDBException {
            if (!entries.isValid()) {
                entries.status();
                return false;
            }
            key = Digest.read(entries.key(), PREFIX);
            return true;
        }

        @Override
        public int compareTo(Cursor other) {
            return key.compareTo(other.key);
        }
    }
}
