package io.caravan.event;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteOptions;

/**
 * What the program knows, in an embedded store (RocksDB) below one directory: the position now, the known objects with a
 * later version. A write has reached the disk when it returns. It is opened at its first use, because the directory
 * belongs to one process, and closed once; safe for threads.
 *
 * <p>A directory that holds something and cannot be opened is an error, never a new beginning. A write that failed (a full
 * disk) leaves RocksDB refusing all others, so the next one opens it anew.
 */
public final class State implements PositionStore, AutoCloseable {

    private static final byte[] POSITION = "position".getBytes(StandardCharsets.US_ASCII);

    static {
        RocksDB.loadLibrary();
    }

    private final Path directory;
    private final WriteOptions toDisk = new WriteOptions().setSync(true);
    private Optional<RocksDB> store = Optional.empty();
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
            throw broken(e);
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
            open().put(toDisk, POSITION, position.toJson());
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
        toDisk.close();
    }

    /** The state is there and cannot be used; its message says what a person can do. */
    public static final class Unusable extends IOException {
        private static final long serialVersionUID = 1L;

        Unusable(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private RocksDB open() throws IOException {
        if (closed) {
            throw new IOException("the state in " + directory + " is closed");
        }
        if (store.isEmpty()) {
            boolean isNew = isEmpty();
            if (isNew) {
                try {
                    Files.createDirectories(directory);
                } catch (IOException e) {
                    throw new Unusable("the directory " + directory + " cannot be made: " + reason(e), e);
                }
            }
            try (Options options = new Options()
                    .setCreateIfMissing(isNew)
                    .setParanoidChecks(true)
                    // a torn end of the log is what a kill leaves; damage before it is an error
                    .setWalRecoveryMode(WALRecoveryMode.TolerateCorruptedTailRecords)
                    .setWriteBufferSize(8 << 20)
                    .setMaxOpenFiles(256)
                    .setKeepLogFileNum(2)
                    .setMaxLogFileSize(1 << 20)) {
                store = Optional.of(RocksDB.open(options, directory.toString()));
            } catch (RocksDBException e) {
                throw broken(e);
            }
        }
        return store.get();
    }

    private boolean isEmpty() throws IOException {
        if (!Files.exists(directory)) {
            return true;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            return !entries.iterator().hasNext();
        } catch (IOException e) {
            throw new Unusable("the state in " + directory + " cannot be read: " + reason(e), e);
        }
    }

    private Unusable broken(RocksDBException e) {
        if (String.valueOf(e.getMessage()).contains("lock")) {
            return new Unusable(
                    "the state in " + directory
                            + " is in use by another Caravan: stop it, or give this one another data directory",
                    e);
        }
        return new Unusable(
                "the state in " + directory + " cannot be opened (" + e.getMessage()
                        + "): bring it back from a backup, or move it away to begin anew as on a first run",
                e);
    }

    private static String reason(IOException e) {
        return e instanceof java.nio.file.AccessDeniedException ? "permission denied" : e.toString();
    }
}
