package io.caravan.event;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.rocksdb.FlushOptions;
import org.rocksdb.NativeLibraryLoader;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the program knows, in an embedded store (RocksDB) below one directory: the position now, the known objects with a
 * later version. A write has reached the disk when it returns. It is opened at its first use, because the directory
 * belongs to one process, and closed once; safe for threads.
 *
 * <p>A directory that holds something and cannot be opened is an error, never a new beginning: {@link StoreFiles} looks for
 * the damage that RocksDB takes for an empty store, and the first position goes into a table of its own, so that no damage
 * of the log brings back the beginning. A write that failed (a full disk) leaves RocksDB refusing all others, so the next
 * one opens it anew.
 */
public final class State implements PositionStore, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(State.class);
    private static final byte[] POSITION = "position".getBytes(StandardCharsets.US_ASCII);

    private final Path directory;
    private Optional<RocksDB> store = Optional.empty();
    private boolean hasTable;
    private boolean failed;
    private boolean closed;

    public State(Path directory) {
        this.directory = directory;
    }

    @Override
    public synchronized Optional<Position> read() throws IOException {
        byte[] json;
        try {
            json = open().get(POSITION);
        } catch (RocksDBException e) {
            throw unusable(e);
        }
        if (json == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(Position.parse(json));
        } catch (IOException e) {
            throw new Unusable("the state in " + directory + " holds " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void write(Position position) throws IOException {
        if (failed) {
            store.ifPresent(RocksDB::close);
            store = Optional.empty();
        }
        try {
            RocksDB db = open();
            try (WriteOptions toDisk = new WriteOptions().setSync(true)) {
                db.put(toDisk, POSITION, position.toJson());
            }
            if (!hasTable) { // from now on there is never a store without a position
                try (FlushOptions now = new FlushOptions().setWaitForFlush(true)) {
                    db.flush(now);
                }
                hasTable = true;
            }
            failed = false;
        } catch (RocksDBException e) {
            failed = true;
            throw new IOException("the position cannot be written to " + directory + ": " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        store.ifPresent(RocksDB::close);
        store = Optional.empty();
    }

    private RocksDB open() throws IOException {
        if (closed) {
            throw new IOException("the state in " + directory + " is closed");
        }
        if (store.isEmpty()) {
            loadLibrary();
            StoreFiles files = StoreFiles.in(directory);
            try (Options options = new Options()
                    .setCreateIfMissing(files.areNone())
                    .setParanoidChecks(true)
                    // a torn end of the log is what a kill leaves; damage before it was looked for
                    .setWalRecoveryMode(WALRecoveryMode.PointInTimeRecovery)
                    .setWriteBufferSize(8 << 20)
                    .setMaxOpenFiles(256)
                    .setKeepLogFileNum(2)
                    .setMaxLogFileSize(1 << 20)) {
                files.damage().ifPresent(damage -> {
                    throw new Damaged(damage);
                });
                store = Optional.of(RocksDB.open(options, directory.toString()));
                hasTable = files.hasTable();
            } catch (Damaged | RocksDBException e) {
                throw unusable(e);
            }
        }
        return store.get();
    }

    /** Into a folder of its own: in the temporary folder each kill would leave a copy of 15 MB behind. */
    private void loadLibrary() throws IOException {
        Path folder = directory.resolveSibling("lib");
        try {
            Files.createDirectories(folder);
            NativeLibraryLoader.getInstance().loadLibrary(folder.toString());
        } catch (IOException | RuntimeException | LinkageError e) {
            LOG.debug("RocksDB's library cannot be used from {}", folder, e);
            removeHalfOf(folder);
        }
        try {
            RocksDB.loadLibrary(); // unpacks it into the temporary folder, unless it is loaded by now
        } catch (RuntimeException | LinkageError e) {
            throw new Unusable(
                    "RocksDB's library cannot be loaded (" + e.getMessage()
                            + "): it is unpacked into the temporary folder, which must"
                            + " allow to write and to execute; JAVA_OPTS=-Djava.io.tmpdir=<folder> names another",
                    e);
        }
    }

    /** Half a library on a disk without room for it would leave none for the state. */
    private static void removeHalfOf(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    Files.delete(file);
                }
            }
        }
    }

    private IOException unusable(Exception e) {
        String message = String.valueOf(e.getMessage());
        if (message.contains("No space left")) {
            return new IOException("the state in " + directory + " cannot be opened: No space left on device", e);
        }
        if (message.startsWith("While lock file") || message.startsWith("lock hold by current process")) {
            return new Unusable(
                    "the state in " + directory
                            + " is in use by another Caravan: stop it, or give this one another data directory",
                    e);
        }
        return new Unusable(
                "the state in " + directory + " cannot be opened (" + message
                        + "): bring it back from a backup, or move the folder state away to begin anew as on a first run",
                e);
    }

    /** What is wrong with the store's files that RocksDB itself does not mind. */
    private static final class Damaged extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Damaged(String message) {
            super(message);
        }
    }
}
