package io.caravan.sink;

import com.fasterxml.jackson.core.JsonGenerator;
import io.caravan.event.Change;
import io.caravan.event.Event;
import io.caravan.event.Json;
import io.caravan.event.Position;
import io.caravan.event.StixObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Optional;

/** A change as JSON; {@code docs/schemas/change.schema.json} says what its members mean. */
final class ChangeJson {

    private ChangeJson() {}

    /** @param position of its platform and stream */
    static byte[] of(Change change, Position position) throws IOException {
        StixObject object = change.object();
        Event event = change.event();
        ByteArrayOutputStream out = new ByteArrayOutputStream(1024
                + object.json().length()
                + change.before().map(before -> before.json().length()).orElse(0));
        try (JsonGenerator json = Json.mapper().getFactory().createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("op", event.op());
            json.writeStringField("change", change.type().toString());
            json.writeStringField("reason", change.reason().toString());
            json.writeStringField("id", object.id());
            writeText(json, "internal_id", object.internalId());
            writeText(json, "type", object.type());
            writeText(json, "entity_type", object.entityType());
            writeText(json, "previous_id", change.previousId().orElse(""));
            writeText(json, "merged_into", change.mergedInto().orElse(""));
            writeObject(json, "before", change.before(), out);
            json.writeBooleanField("before_complete", change.beforeComplete());
            writeObject(json, "after", change.after(), out);
            writeTexts(json, "changed", change.changed());
            writeTexts(json, "markings", object.markings());
            writeText(json, "tlp", change.tlp().map(Object::toString).orElse(""));
            json.writeBooleanField("dependency", change.dependency());
            json.writeStringField("position", event.id().toString());
            json.writeStringField("time", event.id().time().toString());
            json.writeStringField("platform", position.platform());
            json.writeStringField("stream", position.stream());
            writeText(json, "message", event.envelope().message());
            json.writeEndObject();
        }
        return out.toByteArray();
    }

    private static void writeText(JsonGenerator json, String name, String text) throws IOException {
        if (text.isEmpty()) {
            json.writeNullField(name);
        } else {
            json.writeStringField(name, text);
        }
    }

    private static void writeTexts(JsonGenerator json, String name, Iterable<String> texts) throws IOException {
        json.writeArrayFieldStart(name);
        for (String text : texts) {
            json.writeString(text);
        }
        json.writeEndArray();
    }

    /** The object's bytes as they are, past the generator, which would make a text of them first. */
    private static void writeObject(
            JsonGenerator json, String name, Optional<StixObject> object, ByteArrayOutputStream out)
            throws IOException {
        if (object.isEmpty()) {
            json.writeNullField(name);
            return;
        }
        json.writeFieldName(name);
        json.writeRawValue("");
        json.flush();
        out.write(
                object.get().json().array(),
                object.get().json().offset(),
                object.get().json().length());
    }
}
