package io.caravan.event;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.flipkart.zjsonpatch.JsonPatch;
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

    /** What changes the state and is one step, whole or not at all. */
    private static final Set<String> ONE_STEP = Set.of("add", "remove", "replace");

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
            Optional<JsonNode> next = fits(operation, state) ? applied(operation, state) : Optional.empty();
            complete &= next.isPresent();
            state = next.orElse(state);
        }
        return new Previous(state, complete);
    }

    /** Empty where it does not fit; then the object is as it was. */
    private static Optional<JsonNode> applied(JsonNode operation, JsonNode object) {
        ArrayNode alone = JsonNodeFactory.instance.arrayNode().add(operation);
        boolean isOneStep = ONE_STEP.contains(operation.path("op").asText());
        try {
            if (!isOneStep || operation.path("path").asText().isEmpty()) {
                // on a copy of all, so that a half of a move is no harm
                return Optional.ofNullable(JsonPatch.apply(alone, object)).filter(JsonNode::isObject);
            }
            JsonPatch.applyInPlace(alone, object);
            return Optional.of(object);
        } catch (RuntimeException e) { // also others than the library's own, for pointers that are none
            return Optional.empty();
        }
    }

    /** The pointers a patch touches: of what it does within a list, the list's. What is no pointer is left out. */
    static List<String> pointers(JsonNode patch) {
        Set<String> pointers = new LinkedHashSet<>();
        for (JsonNode operation : patch) {
            JsonNode path = operation.path("path");
            if (path.isTextual()
                    && (path.textValue().isEmpty() || path.textValue().startsWith("/"))) {
                pointers.add(WITHIN_A_LIST.matcher(path.textValue()).replaceFirst(""));
            }
        }
        return new ArrayList<>(pointers);
    }

    /** The library lets a removal of what is not there pass in silence, and takes names in capitals. */
    private static boolean fits(JsonNode operation, JsonNode object) {
        try {
            return switch (operation.path("op").asText()) {
                case "remove", "replace" -> exists(operation.path("path").asText(), object);
                case "move", "copy" -> exists(operation.path("from").asText(), object);
                case "add", "test" -> true;
                default -> false;
            };
        } catch (IllegalArgumentException e) { // no pointer
            return false;
        }
    }

    private static boolean exists(String pointer, JsonNode object) {
        return !object.at(JsonPointer.compile(pointer)).isMissingNode();
    }
}
