package io.caravan.bench;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.type.ByteArrayDataType;

/**
 * H2's MVStore: one commit a batch, then a sync. Its own commits would tear a batch in two and are off, those by time
 * and, which {@code autoCommitDisabled()} leaves on whatever its documentation says, those by size. With them goes its
 * background compaction, which is therefore called here, every {@link #COMPACT_EVERY} batches.
 *
 * <p>Every changed page is written anew, so objects under random keys would rewrite the whole store again and again:
 * they stand in a map of their own, in order of arrival, and their keys lead to that place. That halves the time of a
 * batch.
 */
final class MvStore implements StateStore {

    /** With 32 a heap of 128 MB could not always hold a batch's pages as well. */
    private static final int CACHE_MB = 16;

    private static final int PAGE = 4 * 1024;
    private static final int COMPACT_EVERY = 8;
    private static final int COMPACT_BELOW_PERCENT = 50;
    private static final int COMPACT_BYTES = 16 << 20;

    private final MVStore store;
    private final MVMap<byte[], byte[]> keys;
    private final MVMap<byte[], byte[]> objects;
    private long nextObject;
    private int batches;

    MvStore(Path directory) {
        store = new MVStore.Builder()
                .fileName(directory.resolve("state.mv").toString())
                .autoCommitDisabled()
                .autoCommitBufferSize(0)
                .compress()
                .cacheSize(CACHE_MB)
                .pageSplitSize(PAGE)
                .open();
        // Space of chunks without live pages is taken again at once; safe, since every commit is synced.
        store.setRetentionTime(0);
        var bytes = new MVMap.Builder<byte[], byte[]>()
                .keyType(ByteArrayDataType.INSTANCE)
                .valueType(ByteArrayDataType.INSTANCE);
        keys = store.openMap("keys", bytes);
        objects = store.openMap("objects", bytes);
        nextObject = objects.sizeAsLong();
    }

    @Override
    public void write(List<Entry> batch) {
        for (Entry entry : batch) {
            if (isObject(entry.key())) {
                byte[] place = keys.get(entry.key());
                if (place == null) {
                    place = Sample.longBytes(nextObject++);
                    keys.put(entry.key(), place);
                }
                objects.put(place, entry.value());
            } else {
                keys.put(entry.key(), entry.value());
            }
        }
        store.commit();
        store.sync();
        if (++batches % COMPACT_EVERY == 0) {
            store.compact(COMPACT_BELOW_PERCENT, COMPACT_BYTES);
        }
    }

    @Override
    public byte[] get(byte[] key) {
        byte[] value = keys.get(key);
        return value != null && isObject(key) ? objects.get(value) : value;
    }

    @Override
    public int scan(byte[] prefix) {
        int found = 0;
        var cursor = keys.cursor(prefix);
        while (cursor.hasNext() && startsWith(cursor.next(), prefix)) {
            cursor.getValue();
            found++;
        }
        return found;
    }

    private static boolean isObject(byte[] key) {
        return key[0] == Sample.OBJECT;
    }

    private static boolean startsWith(byte[] key, byte[] prefix) {
        return key.length >= prefix.length && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
    }

    @Override
    public void settle() {
        store.compactFile((int) SETTLING.toMillis());
    }

    @Override
    public void close() {
        store.close();
    }
}
