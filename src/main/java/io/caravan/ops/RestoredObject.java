package io.caravan.ops;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Bytes;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An object as it goes.
 *
 * @param missing what it refers to and the destination does not have yet
 */
record RestoredObject(StixObject object, Set<String> missing) {

    private static final Set<String> ENDS = Set.of("source_ref", "target_ref", "sighting_of_ref", "where_sighted_refs");

    /** As it came, or without its references to what is missing; a relation is none without its ends. */
    Bytes json() throws IOException {
        if (missing.isEmpty()) {
            return object.json();
        }
        ObjectNode tree = (ObjectNode) Json.tree(object.json());
        cut(tree);
        tree.path("extensions").forEach(extension -> {
            if (extension instanceof ObjectNode properties) {
                cut(properties);
            }
        });
        return Json.bytes(tree);
    }

    private void cut(ObjectNode properties) {
        List<String> names = properties.properties().stream()
                .map(Map.Entry::getKey)
                .filter(name -> (name.endsWith("_ref") || name.endsWith("_refs")) && !ENDS.contains(name))
                .toList();
        for (String name : names) {
            JsonNode references = properties.get(name);
            for (Iterator<JsonNode> each = references.elements(); each.hasNext(); ) {
                if (missing.contains(each.next().asText())) {
                    each.remove();
                }
            }
            boolean isEmpty = references.isArray() && references.isEmpty();
            if (isEmpty || missing.contains(references.asText())) {
                properties.remove(name);
            }
        }
    }
}
