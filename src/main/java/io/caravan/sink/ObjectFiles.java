package io.caravan.sink;

import io.caravan.event.Bytes;
import io.caravan.event.Durably;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The mirror's files, {@code <type>/<STIX id>.json} below its root. Each is replaced in one step: whoever reads it meets the
 * old or the new, whenever the program is killed or the power goes.
 *
 * <p>To wait for the disk once a file would take seconds a batch. So new files are written into the hidden folder
 * {@code .next}, some hundred without a wait, and then forced to disk by many threads at once, which the file system answers
 * together (what it does for one would hold up the making of the next); then all are moved to their places, and each folder
 * is forced once. What a kill leaves in {@code .next} is no object, and is removed before the
 * next files are written; having a folder of its own, it is found without a look through millions.
 *
 * <p>Called by one thread at a time.
 */
final class ObjectFiles implements AutoCloseable {

    /** The ids that can be names, for a person. */
    static final String NAMES = "<type>--<36 of 0-9, a-f, A-F and ->, the type of a-z, 0-9 and -, at most 212 long";

    private static final String SUFFIX = ".json";
    /** What the file systems in use take for a name. */
    private static final int NAME_MAX = 255;

    private static final String DASHES = "--";
    private static final int UUID = 36;
    /** So much is handed to the system at once: it is copied out of the heap, and each thread keeps room for such a copy. */
    private static final int PIECE = 64 * 1024;

    /** Beyond about as many the disk is no faster. */
    private static final int THREADS = 16;

    /** So many files are open at once, of the thousand or so that a process may have. */
    private static final int OPEN = 256;

    private final Path root;
    private final Path next;
    private final ExecutorService forcers = Executors.newFixedThreadPool(THREADS, task -> {
        Thread thread = new Thread(task, "mirror-force");
        thread.setDaemon(true);
        return thread;
    });
    private boolean clean;

    ObjectFiles(Path root) {
        this.root = root;
        this.next = root.resolve(".next");
    }

    /** What is to be in an object's file: its JSON, of the object with this internal id. */
    record Content(String internalId, ByteBuffer json) {

        static Content of(StixObject object) {
            Bytes json = object.json();
            return new Content(object.internalId(), ByteBuffer.wrap(json.array(), json.offset(), json.length()));
        }
    }

    /** Whether an object with this STIX id can have a file: nothing else of it comes near a path. */
    static boolean isName(String id) {
        int type = id.length() - UUID - DASHES.length();
        if (type < 1 || id.length() + SUFFIX.length() > NAME_MAX || !id.startsWith(DASHES, type)) {
            return false;
        }
        for (int i = 0; i < id.length(); i++) {
            char c = id.charAt(i);
            boolean isTaken = c == '-'
                    || c >= '0' && c <= '9'
                    || c >= 'a' && c <= (i < type ? 'z' : 'f')
                    || i > type && c >= 'A' && c <= 'F';
            if (!isTaken) {
                return false;
            }
        }
        return true;
    }

    /** The name of an object's file: its STIX id in small letters, because some file systems take capitals for the same. */
    static String name(String id) {
        return id.toLowerCase(Locale.ROOT);
    }

    /** OpenCTI's own id of the object in the file with this name; empty where it bears none or there is no such file. */
    String internalId(String id) throws IOException {
        try (InputStream json = Files.newInputStream(file(id))) {
            return StixObject.internalIdOf(json);
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    /**
     * Replaces files, by their {@linkplain #name names}, and removes those without an object. All of it is on the disk when this
     * returns; when it fails, a part may be.
     */
    void replace(Map<String, Optional<Content>> states) throws IOException, InterruptedException {
        if (!clean) {
            removeLeftovers();
        }
        clean = false;
        Set<Path> folders = new HashSet<>();
        Set<Path> made = new HashSet<>();
        for (String id : states.keySet()) {
            folders.add(file(id).getParent());
        }
        write(states);
        for (Map.Entry<String, Optional<Content>> state : states.entrySet()) {
            Path file = file(state.getKey());
            if (state.getValue().isPresent()) {
                if (made.add(file.getParent())) {
                    Durably.createDirectories(file.getParent());
                }
                Files.move(
                        next.resolve(state.getKey()),
                        file,
                        StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        for (Map.Entry<String, Optional<Content>> state : states.entrySet()) {
            if (state.getValue().isEmpty()) {
                Files.deleteIfExists(file(state.getKey()));
            }
        }
        each(folders, folder -> {
            if (Files.exists(folder)) { // also where nothing was removed: an earlier try may have
                Durably.syncDirectory(folder);
            }
        });
        clean = true;
    }

    /** Lets what is being forced end: a delivery waits for it. */
    @Override
    public void close() {
        forcers.shutdown();
    }

    private void removeLeftovers() throws IOException {
        Durably.createDirectories(next);
        try (DirectoryStream<Path> leftovers = Files.newDirectoryStream(next)) {
            for (Path leftover : leftovers) {
                Files.delete(leftover);
            }
        }
    }

    private void write(Map<String, Optional<Content>> states) throws IOException, InterruptedException {
        List<FileChannel> open = new ArrayList<>();
        try {
            for (Map.Entry<String, Optional<Content>> state : states.entrySet()) {
                if (state.getValue().isPresent()) {
                    // a new file, whatever a try that was interrupted still forces of the old one
                    open.add(FileChannel.open(
                            next.resolve(state.getKey()), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
                    write(open.get(open.size() - 1), state.getValue().get().json());
                }
                if (open.size() == OPEN) {
                    force(open);
                }
            }
            force(open);
        } finally {
            for (FileChannel left : open) {
                left.close();
            }
        }
    }

    private static void write(FileChannel channel, ByteBuffer json) throws IOException {
        ByteBuffer bytes = json.duplicate();
        int end = bytes.limit();
        while (bytes.position() < end) {
            bytes.limit(Math.min(end, bytes.position() + PIECE));
            channel.write(bytes);
        }
    }

    /** Forces to disk what was written, and closes it. */
    private void force(List<FileChannel> written) throws IOException, InterruptedException {
        each(written, channel -> {
            channel.force(false);
            channel.close();
        });
        written.clear();
    }

    @FunctionalInterface
    private interface Step<T> {
        void with(T one) throws IOException;
    }

    /** Takes the step with each, with many at once. */
    private <T> void each(Collection<T> things, Step<T> step) throws IOException, InterruptedException {
        List<Callable<Void>> steps = new ArrayList<>();
        for (T thing : things) {
            steps.add(() -> {
                step.with(thing);
                return null;
            });
        }
        for (Future<Void> done : forcers.invokeAll(steps)) {
            try {
                done.get();
            } catch (ExecutionException e) {
                throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
            }
        }
    }

    private Path file(String id) {
        return file(root, id);
    }

    /** Where an object is below a root; its id {@link #isName}. */
    static Path file(Path root, String id) {
        String type = id.substring(0, id.length() - UUID - DASHES.length());
        return root.resolve(type).resolve(name(id) + SUFFIX);
    }

    /** The id of the object in a file, in small letters; empty for a file that is none of an object. */
    static Optional<String> idOf(Path file) {
        String name = file.getFileName().toString();
        return Optional.of(name)
                .filter(one -> one.endsWith(SUFFIX))
                .map(one -> one.substring(0, one.length() - SUFFIX.length()))
                .filter(one -> isName(one) && one.equals(name(one)));
    }
}
