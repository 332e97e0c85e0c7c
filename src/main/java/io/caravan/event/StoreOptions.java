package io.caravan.event;

import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteBufferManager;

/**
 * How RocksDB is opened: held to little memory, however large the store grows. Blocks, indexes, filters and what is not yet
 * in a table share {@link #CACHE}; to it come the table being written by each of {@link #BACKGROUND_JOBS}, the batch being
 * written and RocksDB's own, in all 100 to 150 MB outside the heap (bench/README.md). To be closed once the store is open.
 */
final class StoreOptions implements AutoCloseable {

    private static final long MB = 1 << 20;
    private static final long CACHE = 32 * MB;

    /** By default there would be 64 shards of half a megabyte, in which the filter of a large table has no room. */
    private static final int CACHE_SHARD_BITS = 2;

    private static final double CACHE_FOR_INDEX_AND_FILTERS = 0.5;
    private static final long WRITE_BUFFER = 16 * MB;
    private static final int BACKGROUND_JOBS = 3;
    private static final int BLOCK = 16 * 1024;
    private static final int FILTER_BITS_PER_KEY = 10;

    private final Cache cache = new LRUCache(CACHE, CACHE_SHARD_BITS, false, CACHE_FOR_INDEX_AND_FILTERS);
    private final WriteBufferManager writeBuffers = new WriteBufferManager(2 * WRITE_BUFFER, cache);
    private final BloomFilter filter = new BloomFilter(FILTER_BITS_PER_KEY);
    private final Options options = new Options();

    StoreOptions(boolean createIfMissing) {
        options.setCreateIfMissing(createIfMissing)
                .setParanoidChecks(true)
                // a torn end of the log is what a kill leaves; damage before it was looked for
                .setWalRecoveryMode(WALRecoveryMode.PointInTimeRecovery)
                .setWriteBufferSize(WRITE_BUFFER)
                .setWriteBufferManager(writeBuffers)
                .setMaxBackgroundJobs(BACKGROUND_JOBS)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .useFixedLengthPrefixExtractor(KnownObjects.PREFIX)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(cache)
                        .setBlockSize(BLOCK)
                        .setCacheIndexAndFilterBlocks(true)
                        .setPinL0FilterAndIndexBlocksInCache(true)
                        .setFilterPolicy(filter)
                        .setWholeKeyFiltering(
                                false)) // objects' keys are prefixes, the indexes' are never asked for whole
                .setMaxOpenFiles(256)
                .setBytesPerSync(MB)
                .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                .setStatsDumpPeriodSec(0)
                .setKeepLogFileNum(2)
                .setMaxLogFileSize(MB);
    }

    Options options() {
        return options;
    }

    @Override
    public void close() {
        options.close();
        filter.close();
        writeBuffers.close();
        cache.close();
    }
}
