package io.caravan.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/**
 * The few fields of an event's envelope that routing, keys and headers need, read in one pass over its bytes; no tree is
 * built. The pass goes to the last byte, so that whatever has an {@code Envelope} is known to be one whole JSON object.
 *
 * @param kind why the platform sent it, by {@code origin.referer}
 * @param objectId {@code data.id}, the STIX id
 * @param objectType {@code data.type}, the STIX type, such as {@code indicator}; or empty
 * @param internalId the {@code id} in OpenCTI's own extension of the object, which stays when the STIX id changes; or empty
 * @param tlp the strictest of the object's TLP markings
 */
public record Envelope(Event.Kind kind, String objectId, String objectType, String internalId, Optional<Tlp> tlp) {

    /** OpenCTI's extension of STIX objects; every object on a stream has it. */
    private static final String OPENCTI = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";

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
            ObjectFields object = new ObjectFields();
            String referer = "";
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "data" -> object.read(json);
                    case "origin" -> referer = textOf("referer", json);
                    default -> json.skipChildren();
                }
            }
            if (json.nextToken() != null) {
                throw new Unreadable("something follows after the JSON object");
            }
            if (object.id.isEmpty()) {
                throw new Unreadable("it has no data.id");
            }
            return new Envelope(kindOf(referer), object.id, object.type, object.internalId, object.tlp);
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

    private static Event.Kind kindOf(String referer) {
        return switch (referer) {
            case "init-dependencies" -> Event.Kind.DEPENDENCY;
            case "init-create" -> Event.Kind.SNAPSHOT;
            default -> Event.Kind.MAIN;
        };
    }

    /** What the object itself, {@code data}, tells. Every method leaves the parser at the end of the value it stood at. */
    private static final class ObjectFields {
        private String id = "";
        private String type = "";
        private String internalId = "";
        private Optional<Tlp> tlp = Optional.empty();

        void read(JsonParser json) throws IOException {
            if (!json.isExpectedStartObjectToken()) {
                json.skipChildren();
                return;
            }
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "id" -> id = textOr(id, json);
                    case "type" -> type = textOr(type, json);
                    case "extensions" -> readExtensions(json);
                    case "object_marking_refs" -> readMarkings(json);
                    default -> json.skipChildren();
                }
            }
        }

        private void readExtensions(JsonParser json) throws IOException {
            if (!json.isExpectedStartObjectToken()) {
                json.skipChildren();
                return;
            }
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                if (field.equals(OPENCTI)) {
                    internalId = textOf("id", json);
                } else {
                    json.skipChildren();
                }
            }
        }

        private void readMarkings(JsonParser json) throws IOException {
            if (!json.isExpectedStartArrayToken()) {
                json.skipChildren();
                return;
            }
            while (json.nextToken() != JsonToken.END_ARRAY) {
                tlp = Tlp.strictest(tlp, Tlp.ofMarking(textOr("", json)));
            }
        }
    }

    /** Jackson would guess other encodings, which no sink could write on as they are. */
    private static void requireUtf8(Bytes raw) throws Unreadable {
        for (int i = 0; i < Math.min(4, raw.length()); i++) {
            if (raw.array()[i] <= 0) {
                throw new Unreadable("it begins with a byte that begins no JSON in UTF-8");
            }
        }
    }

    /** The text of one field of the object the parser stands at; empty if there is none. */
    private static String textOf(String name, JsonParser json) throws IOException {
        String text = "";
        if (!json.isExpectedStartObjectToken()) {
            json.skipChildren();
            return text;
        }
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            if (field.equals(name)) {
                text = textOr(text, json);
            } else {
                json.skipChildren();
            }
        }
        return text;
    }

    /** The text the parser stands at; something else is passed over. */
    private static String textOr(String otherwise, JsonParser json) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_STRING) {
            return json.getText();
        }
        json.skipChildren();
        return otherwise;
    }
}
