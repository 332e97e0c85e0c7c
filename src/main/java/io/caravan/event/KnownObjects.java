package io.caravan.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.caravan.event.Known.FormerEnds;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Pending.Edit;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
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
 *   o &lt;key&gt;        -&gt; 2 * {@link Tlp}, from 1, 0 for none; + 1 for a dependency; + 64 where former ids follow, their
 *                      number first, each behind its length (4 bytes each), in UTF-16; + 32 where former ends follow, their
 *                      position (8 bytes a number), then the ids as before; then the object's JSON
 *   i &lt;id&gt; &lt;key&gt;   -&gt; nothing; an object by its STIX id
 *   f &lt;id&gt; &lt;key&gt;   -&gt; nothing; an object by a former STIX id
 *   e &lt;id&gt; &lt;key&gt;   -&gt; its STIX type, or nothing; a relation by what it ends at
 *   r &lt;id&gt; &lt;key&gt;   -&gt; its STIX type, or nothing; an object by what it refers to
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
    private static final int FORMER_IDS = 64;
    private static final int FORMER_ENDS = 32;
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
        int head = value.length == 0 ? -1 : value[0] & ~(FORMER_IDS | FORMER_ENDS);
        if (head < 0 || head / 2 > COLOURS.size()) {
            throw new IOException("an object in a form that this version does not know");
        }
        ByteBuffer rest = ByteBuffer.wrap(value, 1, value.length - 1);
        Set<String> formerIds = (value[0] & FORMER_IDS) == 0 ? Set.of() : texts(rest);
        Optional<FormerEnds> formerEnds = (value[0] & FORMER_ENDS) == 0
                ? Optional.empty()
                : Optional.of(new FormerEnds(new EventId(rest.getLong(), rest.getLong()), texts(rest)));
        try {
            StixObject object = StixObject.read(new Bytes(value, rest.position(), rest.remaining()));
            Optional<Tlp> strictest = head / 2 == 0 ? Optional.empty() : Optional.of(COLOURS.get(head / 2 - 1));
            return new KnownObject(object, head % 2 == DEPENDENCY, strictest, formerIds, formerEnds);
        } catch (JsonProcessingException e) {
            throw new IOException("an object that is no JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static Set<String> texts(ByteBuffer bytes) {
        Set<String> texts = new HashSet<>();
        for (int left = bytes.getInt(); left > 0; left--) {
            char[] text = new char[bytes.getInt()];
            for (int i = 0; i < text.length; i++) {
                text[i] = bytes.getChar();
            }
            texts.add(new String(text));
        }
        return texts;
    }

    private static byte[] bytes(FormerEnds ends) {
        byte[] ids = bytes(ends.ids());
        return ByteBuffer.allocate(2 * Long.BYTES + ids.length)
                .putLong(ends.position().millis())
                .putLong(ends.position().sequence())
                .put(ids)
                .array();
    }

    private static byte[] bytes(Set<String> texts) {
        int length = texts.stream()
                .mapToInt(text -> Integer.BYTES + Character.BYTES * text.length())
                .sum();
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES + length).putInt(texts.size());
        for (String text : texts) {
            bytes.putInt(text.length());
            text.chars().forEach(half -> bytes.putChar((char) half)); // not UTF-8, as in a Digest
        }
        return bytes.array();
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

    /** One of the objects that are found by any of these ids, of these types or, where there are none, of any. */
    Optional<KnownObject> first(
            Index index, Collection<Digest> ids, Set<String> types, Set<Digest> without, Known.Asked asked)
            throws RocksDBException, IOException {
        try (ReadOptions withinPrefix = new ReadOptions().setPrefixSameAsStart(true);
                RocksIterator entries = db.newIterator(withinPrefix)) {
            for (Digest id : ids) {
                for (entries.seek(key(index.mark(), id)); entries.isValid(); entries.next()) {
                    String type = new String(entries.value(), StandardCharsets.UTF_8);
                    Digest key = Digest.read(entries.key(), PREFIX);
                    if ((types.isEmpty() || type.isEmpty() || types.contains(type)) && !without.contains(key)) {
                        Optional<KnownObject> found = object(key);
                        if (found.isPresent() && isOf(types, found.get()) && asked.of(found.get())) {
                            return found;
                        }
                    }
                }
                entries.status();
            }
        }
        return Optional.empty();
    }

    private static boolean isOf(Set<String> types, KnownObject known) {
        return types.isEmpty() || types.contains(known.object().type());
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
            boolean isTypeKept = typeOf(edit.before()).equals(typeOf(edit.after()));
            for (Index.Entry entry : before) {
                if (!after.contains(entry)) {
                    batch.delete(key(entry, key));
                }
            }
            for (Index.Entry entry : after) {
                if (!before.contains(entry) || !isTypeKept) {
                    batch.put(key(entry, key), value(entry, edit.after().orElseThrow()));
                }
            }
            if (edit.after().isPresent()) {
                batch.put(key(OBJECT, key), value(edit.after().get()));
            } else if (edit.before().isPresent()) {
                batch.delete(key(OBJECT, key));
            }
        }
    }

    private static Optional<String> typeOf(Optional<KnownObject> known) {
        return known.map(present -> present.object().type());
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
        return known.map(Index::entries).orElse(Set.of());
    }

    private static byte[] value(KnownObject known) {
        Bytes json = known.object().json();
        int colour = known.strictest().map(tlp -> COLOURS.indexOf(tlp) + 1).orElse(0);
        byte[] formerIds = known.formerIds().isEmpty() ? NOTHING : bytes(known.formerIds());
        byte[] formerEnds = known.formerEnds().map(KnownObjects::bytes).orElse(NOTHING);
        int head = 2 * colour
                + (known.dependency() ? DEPENDENCY : 0)
                + (formerIds.length > 0 ? FORMER_IDS : 0)
                + (formerEnds.length > 0 ? FORMER_ENDS : 0);
        return ByteBuffer.allocate(1 + formerIds.length + formerEnds.length + json.length())
                .put((byte) head)
                .put(formerIds)
                .put(formerEnds)
                .put(json.array(), json.offset(), json.length())
                .array();
    }

    private static byte[] value(Index.Entry entry, KnownObject known) {
        boolean isTyped = entry.index() == Index.END || entry.index() == Index.REFERENCE;
        return isTyped ? known.object().type().getBytes(StandardCharsets.UTF_8) : NOTHING;
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
