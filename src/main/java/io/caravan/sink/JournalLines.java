package io.caravan.sink;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import io.caravan.event.Bytes;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.FailureText;
import io.caravan.event.Json;
import io.caravan.event.Unreadable;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;

/**
 * A journal that is read, line by line in its order, while the program may write it: a last line without its end is one that is
 * being written. Used by one thread.
 */
public final class JournalLines implements AutoCloseable {

    private static final int BUFFER = 256 * 1024;
    private static final String PLAIN = ".ndjson";
    private static final String ZIPPED = ".ndjson.gz";

    private final Path root;
    private final Iterator<String> hours;
    private Optional<InputStream> open = Optional.empty();
    private String file = "";
    private long number;

    private JournalLines(Path root, SortedSet<String> hours) {
        this.root = root;
        this.hours = hours.iterator();
    }

    /** Of a journal with this root; without lines where there is none. */
    public static JournalLines of(Path root) throws IOException {
        SortedSet<String> hours = new TreeSet<>();
        if (Files.isDirectory(root)) {
            HourFiles.names(root).stream()
                    .filter(HourFiles::isHour)
                    .map(HourFiles::hourOf)
                    .forEach(hours::add);
        }
        return new JournalLines(root, hours);
    }

    public boolean areNone() {
        return number == 0 && !hours.hasNext();
    }

    /**
     * The next line's event; empty behind the last.
     *
     * @throws Unreadable for a line that is none of a journal or whose envelope cannot be read; the next is read all the same
     */
    public Optional<Event> next() throws IOException, Unreadable {
        while (open.isPresent() || hours.hasNext()) {
            if (open.isEmpty()) {
                open = Optional.of(open(hours.next()));
            }
            Optional<Bytes> line = line(open.get());
            if (line.isPresent()) {
                number++;
                return Optional.of(event(line.get()));
            }
            close();
        }
        return Optional.empty();
    }

    /** Where the line that was read last stands. */
    public String place() {
        return file + " line " + number;
    }

    @Override
    public void close() throws IOException {
        if (open.isPresent()) {
            open.get().close();
            open = Optional.empty();
        }
    }

    /** Where there are both, the plain one is whole; it may be gzipped just now. */
    private InputStream open(String hour) throws IOException {
        number = 0;
        try {
            file = hour + PLAIN;
            return new BufferedInputStream(Files.newInputStream(root.resolve(file)), BUFFER);
        } catch (NoSuchFileException e) {
            file = hour + ZIPPED;
            return new BufferedInputStream(
                    new GZIPInputStream(Files.newInputStream(root.resolve(file)), BUFFER), BUFFER);
        }
    }

    private static Optional<Bytes> line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = in.read(); next >= 0; next = in.read()) {
            if (next == '\n') {
                byte[] bytes = line.toByteArray();
                return Optional.of(new Bytes(bytes, bytes.length));
            }
            line.write(next);
        }
        return Optional.empty();
    }

    private Event event(Bytes line) throws Unreadable {
        String position = "";
        String op = "";
        Optional<Bytes> envelope = Optional.empty();
        try (JsonParser json = Json.parser(line)) {
            json.nextToken();
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "position" -> position = Json.textOr("", json);
                    case "op" -> op = Json.textOr("", json);
                    case "event" -> envelope = Json.object(json, line);
                    default -> json.skipChildren();
                }
            }
        } catch (JsonProcessingException e) {
            throw new Unreadable(place() + " is no JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new Unreadable(place() + " cannot be read: " + FailureText.of(e), e);
        }
        Optional<EventId> id = EventId.of(position);
        if (id.isEmpty() || envelope.isEmpty()) {
            throw new Unreadable(place() + " is no line of a journal");
        }
        return new Event(id.get(), op, Envelope.read(envelope.get()), envelope.get());
    }
}
