package io.caravan.event;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The write-ahead log of the batch under way, one file. A batch is written before the first sink gets it. When the program is
 * killed between a sink and the position, the next start finds the batch here and delivers it again exactly as it was. The
 * platform could not send it again: its log may have been trimmed, and a snapshot shows only what exists by then. The sinks
 * would keep what that batch told them and nobody else knows.
 *
 * <p>The file is overwritten in place and forced to disk once a batch. A checksum tells a whole batch from a torn one, and a
 * torn one has reached no sink. What is found counts only where it begins at the stored position. Called by one thread at a
 * time.
 *
 * <pre>
 *   CRC-32C of what follows (8 bytes), its length (8), the form's version (4); the position before and after, the time received;
 *   the number of events, of each its id, its name, its envelope; the number of seen keys, each key
 * </pre>
 */
final class BatchLog {

    private static final Logger LOG = LoggerFactory.getLogger(BatchLog.class);
    private static final int HEAD = 2 * Long.BYTES;
    private static final int VERSION = 1;
    private static final int BUFFER = 64 * 1024;

    private final Path file;

    /** Whether the name of the file has reached the disk, too, as far as this process knows. */
    private boolean isFolderSynced;

    BatchLog(Path file) {
        this.file = file;
    }

    /** Has reached the disk when it returns. */
    void write(Batch batch, Collection<String> seen) throws IOException {
        Durably.createDirectories(file.toAbsolutePath().getParent());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.position(HEAD);
            CRC32C checksum = new CRC32C();
            DataOutputStream out = new DataOutputStream(new BufferedOutputStream(
                    new CheckedOutputStream(Channels.newOutputStream(channel), checksum), BUFFER));
            write(batch, seen, out);
            out.flush();
            ByteBuffer head = ByteBuffer.allocate(HEAD)
                    .putLong(checksum.getValue())
                    .putLong(channel.position() - HEAD)
                    .flip();
            channel.write(head, 0);
            channel.force(false);
        }
        if (!isFolderSynced) {
            Durably.syncDirectory(file.toAbsolutePath().getParent());
            isFolderSynced = true;
        }
    }

    /**
     * The batch that begins at this position and was not finished; empty where there is none, or none within the limits. No more than
     * these is held in memory: a batch for which the memory was too small is to be left out where a person has lowered the
     * limits.
     *
     * @throws IOException when the file cannot be read
     */
    Optional<UnfinishedBatch> read(Position at, BatchLimits limits) throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (!isWhole(channel)) {
                return Optional.empty();
            }
            channel.position(HEAD);
            return content(
                    at, limits, new DataInputStream(new BufferedInputStream(Channels.newInputStream(channel), BUFFER)));
        } catch (Unreadable e) {
            LOG.warn(
                    "{} cannot be read by this version of Caravan, and its batch comes again from the platform: {}",
                    file,
                    e.getMessage());
            return Optional.empty();
        }
    }

    private Optional<UnfinishedBatch> content(Position at, BatchLimits limits, DataInputStream in)
            throws Unreadable, IOException {
        int version = in.readInt();
        if (version != VERSION) {
            LOG.warn(
                    "{} is of another version of Caravan and is not read: its batch comes again from the platform",
                    file);
            return Optional.empty();
        }
        Position before = position(in);
        if (!before.equals(at)) {
            return Optional.empty();
        }
        Position after = position(in);
        Instant received = Instant.ofEpochMilli(in.readLong());
        List<Event> events = new ArrayList<>();
        int count = in.readInt();
        if (count > 1 && count > limits.events()) {
            return leftOut(count + " events are more than caravan.batch-max-events, " + limits.events());
        }
        long size = 0;
        while (events.size() < count) {
            EventId id = id(in);
            String op = new String(bytes(in), StandardCharsets.UTF_8);
            int length = in.readInt();
            int counted = length - Reconciliation.addedTo(op); // as when the batch was closed
            size += counted;
            if (counted > limits.eventBytes()) {
                return leftOut(
                        counted + " bytes of an event are more than caravan.event-max-bytes, " + limits.eventBytes());
            }
            if (count > 1 && size > limits.bytes()) {
                return leftOut("its events are larger than caravan.batch-max-bytes, " + limits.bytes());
            }
            byte[] raw = new byte[length];
            in.readFully(raw);
            Bytes envelope = new Bytes(raw, raw.length);
            events.add(new Event(id, op, Envelope.read(envelope), envelope));
        }
        Set<String> seen = new HashSet<>();
        for (int left = in.readInt(); left > 0; left--) {
            seen.add(text(in));
        }
        return Optional.of(new UnfinishedBatch(Batch.ofEvents(before, after, received, events), seen));
    }

    private Optional<UnfinishedBatch> leftOut(String why) {
        LOG.warn(
                "The batch in {} is not delivered again as it was, because {}: it comes again from the platform, in smaller"
                        + " parts",
                file,
                why);
        return Optional.empty();
    }

    private static void write(Batch batch, Collection<String> seen, DataOutputStream out) throws IOException {
        out.writeInt(VERSION);
        write(batch.before().toJson(), out);
        write(batch.after().toJson(), out);
        out.writeLong(batch.received().toEpochMilli());
        List<Event> events = batch.events();
        out.writeInt(events.size());
        for (Event event : events) {
            write(event.id().toString().getBytes(StandardCharsets.UTF_8), out);
            write(event.op().getBytes(StandardCharsets.UTF_8), out);
            out.writeInt(event.raw().length());
            out.write(event.raw().array(), event.raw().offset(), event.raw().length());
        }
        out.writeInt(seen.size());
        for (String key : seen) {
            out.writeInt(key.length());
            out.writeChars(key); // not UTF-8, as in a Digest
        }
    }

    private static void write(byte[] bytes, DataOutputStream out) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    /** Whether all of what was written last is there. */
    private static boolean isWhole(FileChannel channel) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(HEAD);
        if (!isRead(channel, head)) {
            return false;
        }
        long checksum = head.getLong();
        long length = head.getLong();
        if (length < 0 || length > channel.size() - HEAD) {
            return false;
        }
        CRC32C found = new CRC32C();
        ByteBuffer piece = ByteBuffer.allocate(BUFFER);
        for (long left = length; left > 0; left -= piece.limit()) {
            piece.clear().limit((int) Math.min(left, BUFFER));
            if (!isRead(channel, piece)) {
                return false;
            }
            found.update(piece.array(), 0, piece.limit());
        }
        return found.getValue() == checksum;
    }

    private static boolean isRead(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                return false;
            }
        }
        buffer.flip();
        return true;
    }

    private static EventId id(DataInputStream in) throws Unreadable, IOException {
        String text = new String(bytes(in), StandardCharsets.UTF_8);
        return EventId.of(text).orElseThrow(() -> new Unreadable("\"" + text + "\" is no event id"));
    }

    private static Position position(DataInputStream in) throws Unreadable, IOException {
        byte[] json = bytes(in);
        try {
            return Position.parse(json);
        } catch (IOException e) { // of the content, which is in memory
            throw new Unreadable("it holds " + e.getMessage());
        }
    }

    private static byte[] bytes(DataInputStream in) throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return bytes;
    }

    private static String text(DataInputStream in) throws IOException {
        char[] text = new char[in.readInt()];
        for (int i = 0; i < text.length; i++) {
            text[i] = in.readChar();
        }
        return new String(text);
    }
}
