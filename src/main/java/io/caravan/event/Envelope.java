package io.caravan.event;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/**
 * What of an event's envelope is read in one pass over its bytes; no tree is built. The pass goes to the last byte, so that
 * whatever has an {@code Envelope} is known to be one whole JSON object.
 *
 * @param kind why the platform sent it, by {@code origin.referer}
 * @param type the envelope's own {@code type}, which can differ from the event's name; empty for dependencies and snapshots
 * @param message what the platform says of it in a sentence; or empty
 * @param object {@code data}
 * @param context the patches of an update, the sources of a merge; not read yet
 */
public record Envelope(Event.Kind kind, String type, String message, StixObject object, Optional<Bytes> context) {

    /** @throws Unreadable when the bytes are no JSON object with an object {@code data} that has an {@code id} */
    public static Envelope read(Bytes raw) throws Unreadable {
        requireUtf8(raw);
        try (JsonParser json = Json.parser(raw)) {
            return read(json, raw);
        } catch (IOException e) {
            throw new UncheckedIOException("reading from memory failed", e);
        }
    }

    private static Envelope read(JsonParser json, Bytes raw) throws Unreadable, IOException {
        try {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new Unreadable("not a JSON object");
            }
            Optional<StixObject> object = Optional.empty();
            Optional<Bytes> context = Optional.empty();
            String referer = "";
            String type = "";
            String message = "";
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "data" -> object = Optional.of(StixObject.read(json, raw));
                    case "origin" -> referer = referer(json);
                    case "type" -> type = Json.textOr(type, json);
                    case "message" -> message = Json.textOr(message, json);
                    case "context" -> context = Json.object(json, raw).or(() -> Optional.of(Json.EMPTY));
                    default -> json.skipChildren();
                }
            }
            if (json.nextToken() != null) {
                throw new Unreadable("something follows after the JSON object");
            }
            if (object.isEmpty() || object.get().id().isEmpty()) {
                throw new Unreadable("it has no data.id");
            }
            return new Envelope(kindOf(referer), type, message, object.get(), context);
        } catch (StreamConstraintsException e) { // which does not know its place
            long at = json.currentLocation().getByteOffset();
            throw new Unreadable("beyond a limit at byte %d: %s".formatted(at, Json.reason(e)), e);
        } catch (JsonProcessingException e) {
            long at = e.getLocation() == null ? 0 : e.getLocation().getByteOffset();
            throw new Unreadable("not JSON at byte %d: %s".formatted(at, Json.reason(e)), e);
        }
    }

    private static Event.Kind kindOf(String referer) {
        return switch (referer) {
            case "init-dependencies" -> Event.Kind.DEPENDENCY;
            case "init-create" -> Event.Kind.SNAPSHOT;
            default -> Event.Kind.MAIN;
        };
    }

    /** Jackson would guess other encodings, which no sink could write on as they are. */
    private static void requireUtf8(Bytes raw) throws Unreadable {
        for (int i = 0; i < Math.min(4, raw.length()); i++) {
            if (raw.array()[raw.offset() + i] <= 0) {
                throw new Unreadable("it begins with a byte that begins no JSON in UTF-8");
            }
        }
    }

    private static String referer(JsonParser json) throws IOException {
        String referer = "";
        if (!json.isExpectedStartObjectToken()) {
            json.skipChildren();
            return referer;
        }
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            if (field.equals("referer")) {
                referer = Json.textOr(referer, json);
            } else {
                json.skipChildren();
            }
        }
        return referer;
    }
}
