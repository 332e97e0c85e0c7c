package io.caravan.sink;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Durably;
import io.caravan.event.Event;
import io.caravan.event.RecordFailedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The journal sink: every event once and in order, one line an event, in a file an hour:
 * {@code {"position", "op", "received", "event": <the envelope as it came>}}.
 *
 * <p>Exactly once rests on a note. Before a batch is appended, the number of batches delivered before it, the file and
 * the file's length are written to disk; a batch that comes with the same number, after a failure or a kill, first cuts
 * the file back to that length. So nothing stands there twice, and nothing torn. Order across files rests on never going
 * back to an hour before the newest file's, whatever the clock does.
 *
 * <p>An event whose line cannot be made becomes a dead letter, once a batch, and leaves nothing in the file.
 *
 * <p>Files of hours gone by are gzipped once a batch has been appended behind them, because until then one may still have
 * to be cut back. Called by one thread at a time; compression has a thread of its own.
 */
public final class Journal implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);
    private static final String NAME = "journal";
    private static final DateTimeFormatter HOUR =
            DateTimeFormatter.ofPattern("yyyy/MM/dd/HH").withZone(ZoneOffset.UTC);
    private static final int BUFFER = 256 * 1024;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path root;
    private final Path noteFile;
    private final DeadLetters deadLetters;
    private final HourFiles hours;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
    private Optional<Note> note = Optional.empty();
    private boolean ready;
    /** The batch that is being tried, by its number, and what of it is a dead letter by now. */
    private long tried = -1;

    private final Set<DeadLetter> kept = new HashSet<>();

    /**
     * @param root where the hours' files are
     * @param noteFile where the note is kept; it belongs to the position, not to the files
     */
    public Journal(Path root, Path noteFile, DeadLetters deadLetters) {
        this.root = root;
        this.noteFile = noteFile;
        this.deadLetters = deadLetters;
        this.hours = new HourFiles(root);
    }

    /** Appends the batch; it is on the disk when this returns. */
    public void deliver(Batch batch) throws IOException {
        if (!ready) {
            note = readNote();
            Durably.createDirectories(root);
            hours.finishInterrupted();
            ready = true;
        }
        long number = batch.before().batches();
        if (tried != number) {
            tried = number;
            kept.clear();
        }
        if (note.isPresent() && note.get().batches() == number) {
            cutBack(note.get());
        }
        if (batch.meanings().isEmpty()) {
            return;
        }
        Path file = hours.notBefore(HOUR.format(batch.received()));
        boolean isNew = Durably.createDirectories(file.getParent());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            Note next = new Note(number, hours.nameOf(file), channel.size());
            writeNote(next);
            channel.position(next.length());
            append(batch, channel);
            channel.force(false);
        }
        if (isNew || note.get().length() == 0) {
            Durably.syncDirectory(file.getParent());
        }
        hours.compressBefore(file);
    }

    /** Ends the compression under way, if any; the next start begins it again. */
    @Override
    public void close() {
        hours.close();
    }

    private void append(Batch batch, FileChannel channel) throws IOException {
        String received = ",\"received\":\"" + DateTimeFormatter.ISO_INSTANT.format(batch.received()) + "\",\"event\":";
        buffer.clear();
        for (Event event : batch.events()) {
            long begin = channel.position() + buffer.position();
            try {
                RecordFailedException.during(() -> putLine(event, received, channel));
            } catch (RecordFailedException e) {
                LOG.debug("No line of {}", event, e);
                takeBack(begin, channel);
                refuse(event, "its line cannot be made: " + e.getMessage());
            }
        }
        flush(channel);
    }

    private Event putLine(Event event, String received, FileChannel channel) throws IOException {
        put("{\"position\":\"" + event.id() + "\",\"op\":\"" + event.op() + '"' + received, channel);
        putOnOneLine(event.raw(), channel);
        put("}\n", channel);
        return event;
    }

    /** Removes what was put since the journal had this length. */
    private void takeBack(long begin, FileChannel channel) throws IOException {
        if (begin >= channel.position()) {
            buffer.position((int) (begin - channel.position()));
        } else {
            channel.truncate(begin);
            buffer.clear();
        }
    }

    private void refuse(Event event, String error) throws IOException {
        DeadLetter letter = DeadLetter.of(event, NAME, error, 1);
        if (!kept.contains(letter.subject())) {
            deadLetters.keep(letter);
            kept.add(letter.subject());
            LOG.warn("Dead letter, position {}: {}: {}", event.id(), event, error);
        }
    }

    private void put(String text, FileChannel channel) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        put(bytes, 0, bytes.length, channel);
    }

    /** An envelope that came in several data lines holds line feeds; within JSON they can only be white space. */
    private void putOnOneLine(Bytes raw, FileChannel channel) throws IOException {
        int from = raw.offset();
        int end = raw.offset() + raw.length();
        for (int i = from; i < end; i++) {
            if (raw.array()[i] == '\n') {
                put(raw.array(), from, i - from, channel);
                put(" ", channel);
                from = i + 1;
            }
        }
        put(raw.array(), from, end - from, channel);
    }

    private void put(byte[] bytes, int from, int length, FileChannel channel) throws IOException {
        int end = from + length;
        for (int i = from; i < end; ) {
            if (!buffer.hasRemaining()) {
                flush(channel);
            }
            int count = Math.min(end - i, buffer.remaining());
            buffer.put(bytes, i, count);
            i += count;
        }
    }

    private void flush(FileChannel channel) throws IOException {
        buffer.flip();
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        buffer.clear();
    }

    private void cutBack(Note to) throws IOException {
        Path file = hours.plain(to.file());
        if (!Files.exists(file)) {
            return;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            if (channel.size() > to.length()) {
                channel.truncate(to.length());
                channel.force(true);
            }
        }
    }

    /** Up to where the file was whole before the batch with this number. */
    private record Note(long batches, String file, long length) {}

    private Optional<Note> readNote() throws IOException {
        if (!Files.exists(noteFile)) {
            return Optional.empty();
        }
        try {
            JsonNode json = JSON.readTree(Files.readAllBytes(noteFile));
            if (json.path("batches").isIntegralNumber()
                    && json.path("length").isIntegralNumber()
                    && json.path("length").longValue() >= 0
                    && HourFiles.isHour(json.path("file").asText())) {
                return Optional.of(new Note(
                        json.path("batches").longValue(),
                        json.path("file").textValue(),
                        json.path("length").longValue()));
            }
            throw unreadableNote(null);
        } catch (JsonProcessingException e) {
            throw unreadableNote(e);
        }
    }

    private IOException unreadableNote(Exception cause) {
        return new IOException(
                "the journal's note " + noteFile
                        + " cannot be read; remove it to go on, then the last batch may stand in"
                        + " the journal twice",
                cause);
    }

    private void writeNote(Note next) throws IOException {
        byte[] json = JSON.writeValueAsBytes(JSON.createObjectNode()
                .put("batches", next.batches())
                .put("file", next.file())
                .put("length", next.length()));
        Durably.replace(noteFile, json);
        note = Optional.of(next);
    }
}
