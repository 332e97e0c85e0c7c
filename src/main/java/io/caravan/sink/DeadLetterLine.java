package io.caravan.sink;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.Reconciliation;
import io.caravan.event.Unreadable;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * A dead letter as {@link DeadLetterFiles} keeps it.
 *
 * @param time when it was kept
 * @param letter without its event where that can be no envelope
 */
public record DeadLetterLine(Instant time, DeadLetter letter) {

    /** The events that there are; the by-type routes have their names. */
    private static final Set<String> OPS = Set.of("create", "update", "delete", "merge", Reconciliation.OP);

    /** Who refuses what cannot even be read. */
    private static final String STREAM = "stream";

    private static final String NO_TEXT = "{\"base64\":";

    /** Reads a line without its end; empty where it is no dead letter. */
    public static Optional<DeadLetterLine> read(Bytes line) throws IOException {
        Optional<Instant> time = Optional.empty();
        String sink = "";
        String position = "";
        String op = "";
        String id = "";
        String error = "";
        int attempts = 0;
        Optional<Bytes> event = Optional.empty();
        try (JsonParser json = Json.parser(line)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return Optional.empty();
            }
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "time" -> time = Optional.of(Instant.parse(json.getText()));
                    case "sink" -> sink = Json.textOr("", json);
                    case "position" -> position = Json.textOr("", json);
                    case "op" -> op = Json.textOr("", json);
                    case "id" -> id = Json.textOr("", json);
                    case "error" -> error = Json.textOr("", json);
                    case "attempts" -> attempts = json.getIntValue();
                    case "event" -> event = Json.object(json, line).filter(DeadLetterLine::isText);
                    default -> json.skipChildren();
                }
            }
            if (json.nextToken() != null) {
                return Optional.empty();
            }
        } catch (JsonProcessingException | DateTimeException e) {
            return Optional.empty();
        }
        String name = op.isEmpty() ? opOfOld(sink, error, event) : op;
        DeadLetter letter = new DeadLetter(sink, position, name, id, error, attempts, event);
        return time.filter(any -> !letter.sink().isEmpty()).map(kept -> new DeadLetterLine(kept, letter));
    }

    /** The sink that it is to be sent to again; empty where no sink has it, because a by-type route or nobody could read it. */
    public Optional<String> sink() {
        boolean isOfNone = letter.sink().equals(STREAM) || OPS.contains(letter.sink());
        return isOfNone ? Optional.empty() : Optional.of(letter.sink());
    }

    /** Whether it holds what an event needs: its place, a name that there is, and what may be its envelope. */
    public boolean isEvent() {
        return letter.event().isPresent() && EventId.of(letter.position()).isPresent() && OPS.contains(letter.op());
    }

    /** The event as it came; only where it {@link #isEvent}. */
    public Event event() throws Unreadable {
        Bytes raw = letter.event().orElseThrow();
        return new Event(EventId.parse(letter.position()), letter.op(), Envelope.read(raw), raw);
    }

    /** After it was refused again. */
    public DeadLetterLine again(DeadLetter refused) {
        int attempts = letter.attempts() + refused.attempts();
        return new DeadLetterLine(
                time,
                new DeadLetter(
                        letter.sink(),
                        letter.position(),
                        letter.op(),
                        letter.id(),
                        refused.error(),
                        attempts,
                        letter.event()));
    }

    /**
     * Lines did not always say the name. Where nothing else does, the envelope's own type stands in, which is nearly always the
     * same; what has none is part of a state that was told.
     */
    private static String opOfOld(String sink, String error, Optional<Bytes> event) {
        if (sink.equals(STREAM)) {
            return error.replaceFirst("(?s): .*$", "");
        }
        if (OPS.contains(sink)) {
            return sink;
        }
        try {
            String type = event.isEmpty() ? "" : Envelope.read(event.get()).type();
            return OPS.contains(type) ? type : "create";
        } catch (Unreadable e) {
            return "";
        }
    }

    /** Whether the object is what came, and does not stand for bytes that are no text. */
    private static boolean isText(Bytes object) {
        return !object.startsWith(NO_TEXT);
    }
}
