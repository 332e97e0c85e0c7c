package io.caravan.bench;

import java.nio.file.Path;
import java.util.List;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteBufferManager;
import org.rocksdb.WriteOptions;

/**
 * RocksDB, held to little memory: index and filter blocks live in the block cache, and what is not yet in a table is
 * charged to it too, so that {@link #CACHE} bounds nearly all of its native memory however large the store grows.
 *
 * <p>The cache has few shards: by default it would have 64 of half a megabyte, in which the filter block of a large
 * table has no room, and every scan would read it anew. Half of it is for index and filter blocks first; the Java API's
 * default is nothing.
 */
final class RocksStore implements StateStore {

    static {
        RocksDB.loadLibrary();
    }

    private static final long MB = 1 << 20;
    private static final long CACHE = 32 * MB;
    private static final int CACHE_SHARD_BITS = 2;
    private static final double CACHE_FOR_INDEX_AND_FILTERS = 0.5;
    private static final long WRITE_BUFFER = 16 * MB;

    private final Cache cache;
    private final WriteBufferManager writeBuffers;
    private final BloomFilter bloom;
    private final Options options;
    private final WriteOptions synced = new WriteOptions().setSync(true);
    private final ReadOptions withinPrefix = new ReadOptions().setPrefixSameAsStart(true);
    private final RocksDB db;

    RocksStore(Path directory) throws RocksDBException {
        cache = new LRUCache(CACHE, CACHE_SHARD_BITS, false, CACHE_FOR_INDEX_AND_FILTERS);
        writeBuffers = new WriteBufferManager(2 * WRITE_BUFFER, cache);
        bloom = new BloomFilter(10);
        options = new Options()
                .setCreateIfMissing(true)
                .setWalRecoveryMode(WALRecoveryMode.PointInTimeRecovery)
                .setWriteBufferSize(WRITE_BUFFER)
                .setWriteBufferManager(writeBuffers)
                .setMaxBackgroundJobs(3)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .useFixedLengthPrefixExtractor(Sample.KEY_LENGTH)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(cache)
                        .setBlockSize(16 * 1024)
                        .setCacheIndexAndFilterBlocks(true)
                        .setPinL0FilterAndIndexBlocksInCache(true)
                        .setFilterPolicy(bloom))
                .setBytesPerSync(MB)
                .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                .setKeepLogFileNum(2)
                .setStatsDumpPeriodSec(0);
        db = RocksDB.open(options, directory.toString());
    }

    @Override
    public void write(List<Entry> entries) throws RocksDBException {
        try (var batch = new WriteBatch()) {
            for (Entry entry : entries) {
                batch.put(entry.key(), entry.value());
            }
            db.write(synced, batch);
        }
    }

    @Override
    public byte[] get(byte[] key) throws RocksDBException {
        return db.get(key);
    }

    @Override
    public int scan(byte[] prefix) throws RocksDBException {
        int keys = 0;
        try (var iterator = db.newIterator(withinPrefix)) {
            for (iterator.seek(prefix); iterator.isValid(); iterator.next()) {
                iterator.key();
                iterator.value();
                keys++;
            }
            iterator.status();
        }
        return keys;
    }

    @Override
    public void settle() throws RocksDBException, InterruptedException {
        long end = System.nanoTime() + SETTLING.toNanos();
        while (System.nanoTime() < end && compacting()) {
            Thread.sleep(20);
        }
    }

    private boolean compacting() throws RocksDBException {
        return db.getLongProperty("rocksdb.num-running-compactions") > 0
                || db.getLongProperty("rocksdb.compaction-pending") > 0;
    }

    @Override
    public void close() {
        db.close();
        withinPrefix.close();
        synced.close();
        options.close();
        bloom.close();
        writeBuffers.close();
        cache.close();
    }
}
