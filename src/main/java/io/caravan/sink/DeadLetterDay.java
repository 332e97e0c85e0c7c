package io.caravan.sink;

import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Durably;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The dead letters of one day, in the file that {@link DeadLetterFiles} keeps them in. They are read line by line, however many there
 * are, and may be rewritten where nobody appends any meanwhile.
 */
public record DeadLetterDay(Path file) {

    private static final Pattern NAME = Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}\\.ndjson");
    private static final int BUFFER = 256 * 1024;

    /** The days that there are, in order. */
    public static List<DeadLetterDay> in(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(
                            file -> NAME.matcher(file.getFileName().toString()).matches())
                    .sorted()
                    .map(DeadLetterDay::new)
                    .toList();
        }
    }

    /** The day itself, such as {@code 2026-11-22}. */
    @Override
    public String toString() {
        return file.getFileName().toString().replaceFirst("\\.ndjson$", "");
    }

    public Lines read() throws IOException {
        return new Lines(Files.newInputStream(file));
    }

    /** Begins the file anew beside the one that is there, which stays as it is until {@link Rewriting#finish}. */
    public Rewriting rewrite() throws IOException {
        return new Rewriting();
    }

    /** The lines of a file, without their ends. */
    public static final class Lines implements AutoCloseable {
        private final InputStream in;
        private final byte[] buffer = new byte[BUFFER];
        private int from;
        private int to;

        private Lines(InputStream in) {
            this.in = in;
        }

        /** Empty at the end, also where a line follows that a kill tore: its letter was never acknowledged as kept. */
        public Optional<Bytes> next() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            while (to >= 0) {
                for (int i = from; i < to; i++) {
                    if (buffer[i] == '\n') {
                        line.write(buffer, from, i - from);
                        from = i + 1;
                        return Optional.of(bytes(line));
                    }
                }
                line.write(buffer, from, to - from);
                from = 0;
                to = in.read(buffer);
            }
            Bytes rest = bytes(line);
            return DeadLetterLine.read(rest).map(whole -> rest); // as an editor may leave the last
        }

        private static Bytes bytes(ByteArrayOutputStream line) {
            byte[] bytes = line.toByteArray();
            return new Bytes(bytes, bytes.length);
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }

    /** What the file will hold; until it is finished, a kill leaves it as it was. */
    public final class Rewriting implements AutoCloseable {
        private final Path next = file.resolveSibling(file.getFileName() + ".next");
        private final FileChannel channel;
        private final OutputStream out;
        private final WritableByteChannel buffered;

        private Rewriting() throws IOException {
            channel = FileChannel.open(
                    next, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
            out = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER);
            buffered = Channels.newChannel(out);
        }

        /** A line as it was read. */
        public void keep(Bytes line) throws IOException {
            out.write(line.array(), line.offset(), line.length());
            out.write('\n');
        }

        public void keep(DeadLetter letter, Instant time) throws IOException {
            for (ByteBuffer part : DeadLetterFiles.line(letter, time)) {
                buffered.write(part);
            }
        }

        /** Puts what was kept in the place of the file, in one step and for good; where nothing was, there is none any more. */
        public void finish() throws IOException {
            out.flush();
            channel.force(true);
            boolean isEmpty = channel.size() == 0;
            channel.close();
            if (isEmpty) {
                Files.delete(file);
            } else {
                Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
            Durably.syncDirectory(file.toAbsolutePath().getParent());
        }

        /** Gives up what was not finished. */
        @Override
        public void close() throws IOException {
            channel.close();
            Files.deleteIfExists(next);
        }
    }
}
