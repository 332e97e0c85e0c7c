package io.caravan.event;

import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;

/** STIX objects as tests need them, with the JSON that they are read from. */
final class StixObjects {

    private StixObjects() {}

    static StixObject malware(String internalId, String id) {
        return object("malware", internalId, id, List.of(), List.of(), "");
    }

    /** A relation, of a kind that may end at any number of objects. */
    static StixObject sighting(String internalId, String id, String... ends) {
        return object("sighting", internalId, id, List.of(ends), List.of(), "");
    }

    static StixObject report(String internalId, String id, String... references) {
        return object("report", internalId, id, List.of(), List.of(references), "");
    }

    static JsonNode tree(StixObject object) throws IOException {
        return Json.tree(object.json());
    }

    static JsonNode tree(Map<String, Object> object) {
        return Json.mapper().valueToTree(object);
    }

    static String json(Map<String, Object> object) throws IOException {
        return Json.mapper().writeValueAsString(object);
    }

    /** Ids may be any text; those that are no UTF-8 are escaped, as JSON can. */
    static StixObject object(
            String type, String internalId, String id, List<String> ends, List<String> references, String name) {
        ObjectNode json = Json.mapper().createObjectNode();
        json.put("id", id).put("type", type).put("name", name);
        json.putObject("extensions").putObject(StixObject.OPENCTI).put("id", internalId);
        ArrayNode endRefs = json.putArray("where_sighted_refs");
        ends.forEach(endRefs::add);
        ArrayNode objectRefs = json.putArray("object_refs");
        references.forEach(objectRefs::add);
        try {
            byte[] bytes = Json.mapper()
                    .writer()
                    .with(JsonWriteFeature.ESCAPE_NON_ASCII)
                    .writeValueAsBytes(json);
            return StixObject.read(new Bytes(bytes, bytes.length));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
