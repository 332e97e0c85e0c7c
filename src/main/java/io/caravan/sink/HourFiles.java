package io.caravan.sink;

import io.caravan.event.Durably;
import io.caravan.event.FailureText;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The journal's files, {@code yyyy/MM/dd/HH.ndjson} below its root, by name and so by time. It owns which are still
 * plain and which is the newest; safe for its two threads. A file that is gzipped is replaced in one step; a kill leaves
 * the plain file, perhaps both, and then the plain one has all and the other is removed.
 */
final class HourFiles implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(HourFiles.class);

    private static final String PLAIN = ".ndjson";
    private static final String ZIPPED = ".ndjson.gz";
    private static final String PART = ".part";
    private static final String HOUR = "[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}";

    private final Path root;
    private Optional<String> newest = Optional.empty();
    private final SortedSet<String> plain = new ConcurrentSkipListSet<>();
    private final ExecutorService compressor = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "journal-compress");
        thread.setDaemon(true);
        return thread;
    });

    HourFiles(Path root) {
        this.root = root;
    }

    /** Reads what is there and clears what an interrupted compression left. */
    void finishInterrupted() throws IOException {
        SortedSet<String> names = names();
        for (String name : names) {
            boolean isPart = name.endsWith(PART) && isHour(name.replaceFirst("/\\.([^/]+)" + PART + "$", "/$1"));
            boolean isZipped = isHour(name) && name.endsWith(ZIPPED) && names.contains(hourOf(name) + PLAIN);
            if (isPart || isZipped) {
                Files.delete(path(name));
            }
        }
        names = names();
        newest = names.stream().filter(HourFiles::isHour).map(HourFiles::hourOf).max(Comparator.naturalOrder());
        names.stream()
                .filter(name -> isHour(name) && name.endsWith(PLAIN))
                .map(HourFiles::hourOf)
                .forEach(plain::add);
    }

    /** The file for an hour, or for the newest hour there is, if the clock has gone back behind it. */
    Path notBefore(String hour) throws IOException {
        String name = newest.filter(n -> n.compareTo(hour) > 0).orElse(hour);
        newest = Optional.of(name);
        plain.add(name);
        return plain(name + PLAIN);
    }

    /** A plain file by its name; one that somebody gzipped although its hour is not gone by is made plain again. */
    Path plain(String name) throws IOException {
        Path file = path(name);
        Path zipped = path(hourOf(name) + ZIPPED);
        if (!Files.exists(file) && Files.exists(zipped)) {
            rewrite(zipped, file, GZIPInputStream::new, to -> to);
        }
        return file;
    }

    /** Gzips the files of all hours before this file's, on a thread of its own; what fails is tried again after the next batch. */
    void compressBefore(Path file) {
        String hour = hourOf(nameOf(file));
        for (String gone : List.copyOf(plain.headSet(hour))) {
            if (compressor.isShutdown()) {
                return;
            }
            plain.remove(gone);
            compressor.execute(() -> {
                try {
                    compress(gone);
                } catch (IOException e) {
                    LOG.warn("The journal's hour {} stays uncompressed for now: {}", gone, FailureText.of(e));
                    plain.add(gone);
                }
            });
        }
    }

    @Override
    public void close() {
        compressor.shutdownNow();
    }

    Path path(String name) {
        return root.resolve(name);
    }

    String nameOf(Path file) {
        return nameOf(root, file);
    }

    private static String nameOf(Path root, Path file) {
        return root.relativize(file).toString().replace('\\', '/');
    }

    private void compress(String hour) throws IOException {
        Path file = path(hour + PLAIN);
        if (Files.exists(file)) {
            rewrite(file, path(hour + ZIPPED), in -> in, GZIPOutputStream::new);
        }
    }

    /** Wraps a stream in another. */
    private interface Coding<S> {
        S over(S stream) throws IOException;
    }

    /** Replaces a file by another one of the same content in another coding; there is always one of them, and whole. */
    private static void rewrite(Path from, Path to, Coding<InputStream> reading, Coding<OutputStream> writing)
            throws IOException {
        Path part = to.resolveSibling("." + to.getFileName() + PART);
        try (FileChannel channel = FileChannel.open(
                        part,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.TRUNCATE_EXISTING);
                InputStream content = reading.over(Files.newInputStream(from))) {
            try (OutputStream coded = writing.over(new Uncloseable(Channels.newOutputStream(channel)))) {
                content.transferTo(coded);
            }
            channel.force(true);
        }
        Files.move(part, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Durably.syncDirectory(to.getParent());
        Files.delete(from);
    }

    /** Lets a coding write its end without closing the file, which is forced to disk after it. */
    private static final class Uncloseable extends FilterOutputStream {
        Uncloseable(OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
            out.write(bytes, from, length);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }

    private SortedSet<String> names() throws IOException {
        return names(root);
    }

    /** All files below a journal's root, whatever they are. */
    static SortedSet<String> names(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> nameOf(root, file))
                    .collect(Collectors.toCollection(TreeSet::new));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Whether this is the name of a journal file, gzipped or not. */
    static boolean isHour(String name) {
        return name.matches(HOUR + "\\.ndjson(\\.gz)?");
    }

    static String hourOf(String name) {
        return name.replaceFirst("\\.ndjson(\\.gz)?$", "");
    }
}
