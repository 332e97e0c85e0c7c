package io.caravan.sink;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Durably;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * Dead letters as files, one a day (UTC): {@code {"time", "sink", "position", "op", "id", "error", "attempts", "event"}} a
 * line, on the disk when {@link #keep} returns. The event is the envelope as it came; where that is no JSON, a string of its
 * text; where it is not even UTF-8, an object {@code {"base64": …}}; null where it was too large to keep. Safe for
 * threads.
 */
public final class DeadLetterFiles implements DeadLetters {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final JsonFactory JSON = MAPPER.getFactory();
    private static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);
    private static final byte[] END = "}\n".getBytes(StandardCharsets.UTF_8);
    /** What is written and looked at in one go: the JDK keeps a copy of it outside the heap. */
    private static final int PIECE = 256 * 1024;

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
        List<ByteBuffer> line = line(letter, time);
        Durably.createDirectories(directory);
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel.lock(); // until it is closed: a restore may keep letters beside a program that runs
            long end = endOfLastLine(channel);
            channel.truncate(end).position(end);
            for (ByteBuffer part : line) {
                while (part.hasRemaining()) {
                    channel.write(part.slice(part.position(), Math.min(PIECE, part.remaining())));
                    part.position(part.position() + Math.min(PIECE, part.remaining()));
                }
            }
            channel.force(true);
        }
        Durably.syncDirectory(directory);
    }

    /** A letter's line, in parts. */
    static List<ByteBuffer> line(DeadLetter letter, Instant time) throws IOException {
        ByteBuffer event = letter.event().map(DeadLetterFiles::eventJson).orElse(ByteBuffer.wrap(NULL));
        return List.of(ByteBuffer.wrap(head(letter, time)), event, ByteBuffer.wrap(END));
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

    /** The line up to where the event stands. */
    private static byte[] head(DeadLetter letter, Instant time) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(head).disable(JsonGenerator.Feature.AUTO_CLOSE_JSON_CONTENT)) {
            json.writeStartObject();
            json.writeStringField("time", time.toString());
            json.writeStringField("sink", letter.sink());
            writeTextOrNull(json, "position", letter.position());
            writeTextOrNull(json, "op", letter.op());
            writeTextOrNull(json, "id", letter.id());
            json.writeStringField("error", letter.error());
            json.writeNumberField("attempts", letter.attempts());
        }
        head.writeBytes(",\"event\":".getBytes(StandardCharsets.UTF_8));
        return head.toByteArray();
    }

    private static void writeTextOrNull(JsonGenerator json, String field, String text) throws IOException {
        if (text.isEmpty()) {
            json.writeNullField(field);
        } else {
            json.writeStringField(field, text);
        }
    }

    private static ByteBuffer eventJson(Bytes event) {
        byte[] bytes = event.exactly();
        try {
            if (!isUtf8(bytes)) {
                return ByteBuffer.wrap(MAPPER.writeValueAsBytes(
                        Map.of("base64", Base64.getEncoder().encodeToString(bytes))));
            }
            if (!isJson(bytes)) {
                return ByteBuffer.wrap(MAPPER.writeValueAsBytes(new String(bytes, StandardCharsets.UTF_8)));
            }
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a text is always writable", e);
        }
        return ByteBuffer.wrap(onOneLine(bytes));
    }

    /** Within JSON line feeds can only be white space. */
    private static byte[] onOneLine(byte[] json) {
        byte[] line = json;
        for (int i = 0; i < json.length; i++) {
            if (json[i] == '\n') {
                line = line == json ? json.clone() : line;
                line[i] = ' ';
            }
        }
        return line;
    }

    /** Piece by piece: a text of it all would take twice the memory or more. */
    private static boolean isUtf8(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(PIECE);
        CoderResult result;
        do {
            result = decoder.decode(in, out.clear(), true);
        } while (result.isOverflow());
        return !result.isError();
    }

    private static boolean isJson(byte[] text) {
        if (text.length == 0 || text[0] <= 0 || text.length > 1 && text[1] == 0) {
            return false; // another encoding, which the parser would guess, or a byte order mark
        }
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
