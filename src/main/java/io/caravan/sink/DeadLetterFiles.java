package io.caravan.sink;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Base64;

/**
 * Dead letters as files, one a day (UTC): {@code {"time", "sink", "position", "id", "error", "attempts", "event"}} a line,
 * on the disk when {@link #keep} returns. The event is the envelope as it came; where that is no JSON, a string of its
 * text; where it is not even UTF-8, an object {@code {"base64": …}}; null where it was too large to keep. Safe for
 * threads.
 */
public final class DeadLetterFiles implements DeadLetters {

    private static final JsonFactory JSON = new JsonFactory();

    private final Path directory;
    private final Clock clock;

    public DeadLetterFiles(Path directory, Clock clock) {
        this.directory = directory;
        this.clock = clock;
    }

    @Override
    public synchronized void keep(DeadLetter letter) throws IOException {
        Instant time = clock.instant();
        Path file = directory.resolve(LocalDate.ofInstant(time, ZoneOffset.UTC) + ".ndjson");
        ByteBuffer line = ByteBuffer.wrap(line(letter, time));
        Durably.createDirectories(directory);
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long end = endOfLastLine(channel);
            channel.truncate(end).position(end);
            while (line.hasRemaining()) {
                channel.write(line);
            }
            channel.force(true);
        }
        Durably.syncDirectory(directory);
    }

    /** A line that a kill tore was never acknowledged: its event comes again. */
    private static long endOfLastLine(FileChannel channel) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(64 * 1024);
        for (long end = channel.size(); end > 0; ) {
            long start = Math.max(0, end - piece.capacity());
            piece.clear().limit((int) (end - start));
            while (piece.hasRemaining() && channel.read(piece, start + piece.position()) >= 0) {
                // until the piece is full
            }
            for (int i = piece.position() - 1; i >= 0; i--) {
                if (piece.get(i) == '\n') {
                    return start + i + 1;
                }
            }
            end = start;
        }
        return 0;
    }

    private static byte[] line(DeadLetter letter, Instant time) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(line)) {
            json.writeStartObject();
            json.writeStringField("time", time.toString());
            json.writeStringField("sink", letter.sink());
            writeTextOrNull(json, "position", letter.position());
            writeTextOrNull(json, "id", letter.id());
            json.writeStringField("error", letter.error());
            json.writeNumberField("attempts", letter.attempts());
            json.writeFieldName("event");
            if (letter.event().isPresent()) {
                writeEvent(json, letter.event().get());
            } else {
                json.writeNull();
            }
            json.writeEndObject();
        }
        line.write('\n');
        return line.toByteArray();
    }

    private static void writeTextOrNull(JsonGenerator json, String field, String text) throws IOException {
        if (text.isEmpty()) {
            json.writeNullField(field);
        } else {
            json.writeStringField(field, text);
        }
    }

    private static void writeEvent(JsonGenerator json, Bytes event) throws IOException {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(event.array(), 0, event.length()))
                    .toString();
        } catch (CharacterCodingException e) {
            json.writeStartObject();
            json.writeFieldName("base64");
            json.writeString(
                    Base64.getEncoder().encodeToString(java.util.Arrays.copyOf(event.array(), event.length())));
            json.writeEndObject();
            return;
        }
        if (isJson(text)) {
            json.writeRawValue(text.replace('\n', ' '));
        } else {
            json.writeString(text);
        }
    }

    private static boolean isJson(String text) {
        try (JsonParser parser = JSON.createParser(text)) {
            if (parser.nextToken() == null) {
                return false;
            }
            parser.skipChildren();
            return parser.nextToken() == null;
        } catch (IOException e) {
            return false;
        }
    }
}
