package io.caravan.event;

import io.caravan.event.Known.KnownObject;
import io.caravan.event.Pending.Edit;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.rocksdb.FlushOptions;
import org.rocksdb.NativeLibraryLoader;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the program knows, in an embedded store (RocksDB) below one directory: the position and the known objects
 * ({@link KnownObjects}), which are written together. A write has reached the disk when it returns. It is opened at its
 * first use, because the directory belongs to one process, and closed once; safe for threads, but for what was begun, which is its batch's.
 *
 * <p>A directory that holds something and cannot be opened is an error, never a new beginning: {@link StoreFiles} looks for
 * the damage that RocksDB takes for an empty store, and the first position goes into a table of its own, so that no damage
 * of the log brings back the beginning. A write that failed (a full disk) leaves RocksDB refusing all others, so it is then
 * opened anew. What failed may be there all the same, and is undone: the batch comes again, and is to find what it found.
 */
public final class State implements PositionStore, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(State.class);
    private static final byte[] POSITION = "position".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] PREPARED = "prepared".getBytes(StandardCharsets.US_ASCII);

    private final Path directory;
    private final boolean isReadOnly;
    private final Optional<BatchLog> log;
    private final Pending.Stored objects = new StoredObjects();
    private Optional<RocksDB> store = Optional.empty();
    private Optional<Pending> begun = Optional.empty();
    private Optional<Attempt> failed = Optional.empty();
    private boolean hasTable;
    private boolean closed;

    /** Without a log of the batch under way. */
    public State(Path directory) {
        this(directory, false, Optional.empty());
    }

    private State(Path directory, boolean isReadOnly, Optional<BatchLog> log) {
        this.directory = directory;
        this.isReadOnly = isReadOnly;
        this.log = log;
    }

    /** With a log of the batch under way in this file, for sinks that keep what they got of a batch that was killed. */
    public static State withBatchLog(Path directory, Path log) {
        return new State(directory, false, Optional.of(new BatchLog(log)));
    }

    /** As it is at the first use, only to be read: also while another process uses it. */
    public static State readOnly(Path directory) {
        return new State(directory, true, Optional.empty());
    }

    /** Whether another process uses the state in this directory. */
    public static boolean isInUse(Path directory) throws IOException {
        Path lock = directory.resolve("LOCK"); // RocksDB's
        if (!Files.exists(lock)) {
            return false;
        }
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.WRITE)) {
            return channel.tryLock() == null;
        }
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
    public synchronized Pending begin() {
        Pending pending = new Pending(objects);
        begun = Optional.of(pending);
        return pending;
    }

    /** What is known for good, to be asked beside a batch that was begun: what is put into it is never stored. */
    public Known look() {
        return new Pending(objects);
    }

    @Override
    public synchronized void write(Position position) throws IOException {
        write(position, Map.of());
    }

    @Override
    public synchronized void write(Position position, Pending known) throws IOException {
        if (begun.filter(latest -> latest == known).isEmpty()) {
            throw new IllegalStateException("only what was begun last can be written, and once");
        }
        write(position, known.edits());
        begun = Optional.empty();
    }

    @Override
    public void log(Batch batch, Collection<String> seen) throws IOException {
        if (log.isPresent()) {
            log.get().write(batch, seen);
        }
    }

    @Override
    public Optional<UnfinishedBatch> unfinished(Position at, BatchLimits limits) throws IOException {
        return log.isPresent() ? log.get().read(at, limits) : Optional.empty();
    }

    @Override
    public synchronized void mark(long reconcile, Collection<String> keys) throws IOException {
        RocksDB db = open();
        try (WriteBatch batch = new WriteBatch();
                WriteOptions toLog = new WriteOptions()) {
            KnownObjects.mark(reconcile, keys, batch);
            db.write(toLog, batch);
        } catch (RocksDBException e) {
            throw notWritten(Attempt.OF_NOTHING, e);
        }
    }

    @Override
    public boolean hasMarks(long reconcile) throws IOException {
        return read(known -> known.hasMarks(reconcile));
    }

    @Override
    public boolean isMarked(long reconcile, String key) throws IOException {
        return read(known -> known.isMarked(reconcile, Digest.of(key)));
    }

    @Override
    public List<StixObject> unmarked(long reconcile, Optional<String> after, int most, long mostBytes)
            throws IOException {
        return read(known -> known.unmarked(reconcile, after.map(Digest::of), most, mostBytes));
    }

    /**
     * Keeps on the disk what would be written behind this position, and writes it when {@link #settle} says so. What was
     * prepared before is dropped.
     */
    public synchronized void prepare(Position position, Pending known) throws IOException {
        if (begun.filter(latest -> latest == known).isEmpty()) {
            throw new IllegalStateException("only what was begun last can be prepared");
        }
        prepare(position, known.edits());
    }

    /** As {@link #prepare(Position, Pending)}, where no batch moves the position. */
    public synchronized void prepare(Position position) throws IOException {
        prepare(position, Map.of());
    }

    /**
     * The position is the one that holds: what was prepared behind it is written, and what was prepared behind another is
     * dropped. Need not reach the disk at once: what was prepared is there until it does.
     *
     * @return whether something was prepared behind it
     */
    public synchronized boolean settle(Position position) throws IOException {
        return settle(Optional.of(position.toJson()));
    }

    /** Drops what was prepared. */
    public synchronized void drop() throws IOException {
        settle(Optional.empty());
    }

    private void prepare(Position position, Map<Digest, Edit> edits) throws IOException {
        RocksDB db = open();
        try (WriteBatch batch = new WriteBatch();
                WriteOptions toDisk = new WriteOptions().setSync(true)) {
            byte[] json = position.toJson();
            fill(batch, Optional.of(json), edits, db);
            byte[] writes = batch.data();
            db.put(
                    toDisk,
                    PREPARED,
                    ByteBuffer.allocate(Integer.BYTES + json.length + writes.length)
                            .putInt(json.length)
                            .put(json)
                            .put(writes)
                            .array());
        } catch (RocksDBException e) {
            throw notWritten(Attempt.OF_NOTHING, e);
        }
    }

    private boolean settle(Optional<byte[]> position) throws IOException {
        RocksDB db = open();
        try {
            byte[] prepared = db.get(PREPARED);
            if (prepared == null) {
                return false;
            }
            ByteBuffer rest = ByteBuffer.wrap(prepared);
            byte[] json = new byte[rest.getInt()];
            rest.get(json);
            byte[] writes = new byte[rest.remaining()];
            rest.get(writes);
            boolean isTaken = position.filter(real -> Arrays.equals(real, json)).isPresent();
            try (WriteBatch batch = isTaken ? new WriteBatch(writes) : new WriteBatch();
                    WriteOptions options = new WriteOptions()) {
                batch.delete(PREPARED);
                db.write(options, batch);
            }
            if (isTaken) {
                begun = Optional.empty();
                flushTheFirst(db);
            }
            return isTaken;
        } catch (RocksDBException e) {
            throw notWritten(Attempt.OF_NOTHING, e);
        }
    }

    private IOException notWritten(Attempt attempt, RocksDBException e) {
        failed = Optional.of(attempt);
        return new IOException("the position cannot be written to " + directory + ": " + e.getMessage(), e);
    }

    private void write(Position position, Map<Digest, Edit> edits) throws IOException {
        RocksDB db = open();
        byte[] json = position.toJson();
        Attempt attempt = Attempt.OF_NOTHING;
        try {
            attempt = new Attempt(Optional.ofNullable(db.get(POSITION)), json, edits);
            write(db, Optional.of(json), edits);
            flushTheFirst(db);
        } catch (RocksDBException e) {
            throw notWritten(attempt, e);
        }
    }

    /** From then on there is never a store without a position. */
    private void flushTheFirst(RocksDB db) throws RocksDBException {
        if (!hasTable) {
            try (FlushOptions now = new FlushOptions().setWaitForFlush(true)) {
                db.flush(now);
            }
            hasTable = true;
        }
    }

    private static void write(RocksDB db, Optional<byte[]> position, Map<Digest, Edit> edits) throws RocksDBException {
        try (WriteBatch batch = new WriteBatch();
                WriteOptions toDisk = new WriteOptions().setSync(true)) {
            fill(batch, position, edits, db);
            batch.delete(PREPARED);
            db.write(toDisk, batch);
        }
    }

    private static void fill(WriteBatch batch, Optional<byte[]> position, Map<Digest, Edit> edits, RocksDB db)
            throws RocksDBException {
        if (position.isPresent()) {
            batch.put(POSITION, position.get());
        } else {
            batch.delete(POSITION);
        }
        new KnownObjects(db).write(edits, batch);
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
        if (failed.isPresent()) {
            store.ifPresent(RocksDB::close);
            store = Optional.empty();
        }
        if (store.isEmpty()) {
            loadLibrary();
            StoreFiles files = StoreFiles.in(directory);
            try (StoreOptions options = new StoreOptions(files.areNone())) {
                Optional<String> damage = isReadOnly ? Optional.empty() : files.damage(); // not while it is written
                damage.ifPresent(what -> {
                    throw new Damaged(what);
                });
                store = Optional.of(
                        isReadOnly
                                ? RocksDB.openReadOnly(options.options(), directory.toString())
                                : RocksDB.open(options.options(), directory.toString()));
                hasTable = files.hasTable();
                undoWhatFailed();
            } catch (Damaged | RocksDBException e) {
                throw unusable(e);
            }
        }
        return store.get();
    }

    private void undoWhatFailed() throws RocksDBException {
        RocksDB db = store.orElseThrow();
        if (failed.isPresent() && Arrays.equals(db.get(POSITION), failed.get().position())) {
            Map<Digest, Edit> reversed = new HashMap<>();
            failed.get().edits().forEach((key, edit) -> reversed.put(key, edit.reversed()));
            write(db, failed.get().positionBefore(), reversed);
        }
        failed = Optional.empty();
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

    private synchronized <T> T read(Reading<T> reading) throws IOException {
        RocksDB db = open();
        try {
            return reading.of(new KnownObjects(db));
        } catch (RocksDBException e) {
            throw unusable(e);
        } catch (IOException e) {
            throw new Unusable("the state in " + directory + " holds " + e.getMessage(), e);
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

    /** A write of which it is not known whether it has reached the disk. */
    private record Attempt(Optional<byte[]> positionBefore, byte[] position, Map<Digest, Edit> edits) {
        /** Where nothing needs to be undone. */
        static final Attempt OF_NOTHING = new Attempt(Optional.empty(), new byte[0], Map.of());
    }

    /** The known objects of whichever store is open. */
    private final class StoredObjects implements Pending.Stored {
        @Override
        public Optional<KnownObject> object(Digest key) throws IOException {
            return read(known -> known.object(key));
        }

        @Override
        public Set<Digest> keys(Index index, Collection<Digest> ids) throws IOException {
            return read(known -> known.keys(index, ids));
        }

        @Override
        public long count(Index index, Collection<Digest> ids, Set<Digest> without) throws IOException {
            return read(known -> known.count(index, ids, without));
        }

        @Override
        public Optional<KnownObject> first(
                Index index, Collection<Digest> ids, Set<String> types, Set<Digest> without, Known.Asked asked)
                throws IOException {
            return read(known -> known.first(index, ids, types, without, asked));
        }
    }

    private interface Reading<T> {
        T of(KnownObjects known) throws RocksDBException, IOException;
    }

    /** What is wrong with the store's files that RocksDB itself does not mind. */
    private static final class Damaged extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Damaged(String message) {
            super(message);
        }
    }
}
