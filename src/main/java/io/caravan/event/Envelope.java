package io.caravan.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * The few fields of an event's envelope that routing needs, read in one pass over its bytes; no tree is built. The pass
 * goes to the last byte, so that whatever has an {@code Envelope} is known to be one whole JSON object.
 *
 * @param objectId {@code data.id}, the STIX id
 * @param referer {@code origin.referer}, or empty
 */
public record Envelope(String objectId, String referer) {

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE) // an event's size is bounded before it comes here
                    .maxNumberLength(10_000)
                    .build())
            .build();

    /** @throws Unreadable when the bytes are no JSON object with an object {@code data} that has an {@code id} */
    public static Envelope read(Bytes raw) throws Unreadable {
        requireUtf8(raw);
        try (JsonParser json = JSON.createParser(raw.array(), 0, raw.length())) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new Unreadable("not a JSON object");
            }
            String objectId = "";
            String referer = "";
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "data" -> objectId = textOf("id", json);
                    case "origin" -> referer = textOf("referer", json);
                    default -> json.skipChildren();
                }
            }
            if (json.nextToken() != null) {
                throw new Unreadable("something follows after the JSON object");
            }
            if (objectId.isEmpty()) {
                throw new Unreadable("it has no data.id");
            }
            return new Envelope(objectId, referer);
        } catch (JsonProcessingException e) {
            throw new Unreadable(
                    "not JSON at byte %d: %s"
                            .formatted(
                                    e.getLocation() == null
                                            ? 0
                                            : e.getLocation().getByteOffset(),
                                    e.getOriginalMessage().replaceFirst(" \\(start marker at .*", "")),
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException("reading from memory failed", e);
        }
    }

    public Event.Kind kind() {
        return switch (referer) {
            case "init-dependencies" -> Event.Kind.DEPENDENCY;
            case "init-create" -> Event.Kind.SNAPSHOT;
            default -> Event.Kind.MAIN;
        };
    }

    /** Jackson would guess other encodings, which no sink could write on as they are. */
    private static void requireUtf8(Bytes raw) throws Unreadable {
        for (int i = 0; i < Math.min(4, raw.length()); i++) {
            if (raw.array()[i] <= 0) {
                throw new Unreadable("it begins with a byte that begins no JSON in UTF-8");
            }
        }
    }

    /** The text of one field of the object the parser stands at, which it leaves behind whole; empty if there is none. */
    private static String textOf(String name, JsonParser json) throws IOException {
        String text = "";
        if (!json.isExpectedStartObjectToken()) {
            json.skipChildren();
            return text;
        }
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            JsonToken value = json.nextToken();
            if (value == JsonToken.VALUE_STRING && field.equals(name)) {
                text = json.getText();
            } else {
                json.skipChildren();
            }
        }
        return text;
    }
}
