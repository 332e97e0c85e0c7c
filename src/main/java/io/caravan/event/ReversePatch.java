package io.caravan.event;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A JSON Patch (RFC 6902) from an object's present state to its previous one. It can fail to fit, because the platform
 * strips some users' objects and not their patches; so it is applied operation by operation, and what fits is kept.
 */
final class ReversePatch {

    private static final Pattern WITHIN_A_LIST = Pattern.compile("(/(\\d+|-))+(/.*)?$");

    private ReversePatch() {}

    /** @param complete false where an operation did not fit and was left out */
    record Previous(JsonNode object, boolean complete) {}

    /** Applies it to the object, which it changes. */
    static Previous apply(JsonNode patch, JsonNode object) {
        if (!patch.isArray()) {
            return new Previous(object, false);
        }
        JsonNode state = object;
        boolean complete = true;
        for (JsonNode operation : patch) {
            Optional<JsonNode> next = JsonPatch.apply(operation, state)
                    .filter(result ->
                            result.isObject() || !object.isObject()); // an object is never replaced by something else
            complete &= next.isPresent();
            state = next.orElse(state);
        }
        return new Previous(state, complete);
    }

    /** The pointers a patch touches: of what it does within a list, the list's. What is no pointer is left out. */
    static List<String> pointers(JsonNode patch) {
        Set<String> pointers = new LinkedHashSet<>();
        for (JsonNode operation : patch) {
            JsonNode path = operation.path("path");
            if (JsonPatch.pointer(path).isPresent()) {
                pointers.add(WITHIN_A_LIST.matcher(path.textValue()).replaceFirst(""));
            }
        }
        return new ArrayList<>(pointers);
    }
}
