package io.caravan.ops;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Bytes;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.Set;

/**
 * An object as it goes.
 *
 * @param missing what it refers to and the destination does not have yet
 */
record RestoredObject(StixObject object, Set<String> missing) {

    /** As it came, or without its references to what is missing. */
    Bytes json() throws IOException {
        if (missing.isEmpty()) {
            return object.json();
        }
        ObjectNode tree = (ObjectNode) Json.tree(object.json());
        References.cut(tree, missing);
        for (JsonNode extension : tree.path("extensions")) {
            if (extension instanceof ObjectNode properties) {
                References.cut(properties, missing);
            }
        }
        return Json.bytes(tree);
    }
}
