package io.caravan.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The operations of JSON Patch (RFC 6902) on a tree, one at a time, with the pointers of RFC 6901. An operation fits as the
 * RFCs say, to the letter, or it does not fit and changes nothing: an index has no leading zeros, a {@code ~} in a pointer
 * is followed by 0 or 1, and nothing is read into a member's name. Stateless.
 */
final class JsonPatch {

    /** An index of more digits is beyond every list. */
    private static final int INDEX_DIGITS = 9;

    private static final int NONE = -1;

    /** {@code test} compares numbers by value, and everything else strictly. */
    private static final Comparator<JsonNode> BY_VALUE = (one, other) -> {
        if (one.isNumber() && other.isNumber()) {
            return one.decimalValue().compareTo(other.decimalValue());
        }
        return one.equals(other) ? 0 : 1;
    };

    private JsonPatch() {}

    /**
     * Applies one operation, in place where the root stays.
     *
     * @return the document as it is then; empty where the operation does not fit, and then the document is as it was
     */
    static Optional<JsonNode> apply(JsonNode operation, JsonNode document) {
        Optional<List<String>> path = pointer(operation.path("path"));
        if (path.isEmpty()) {
            return Optional.empty();
        }
        boolean hasValue = operation.has("value");
        JsonNode value = operation.path("value");
        return switch (operation.path("op").asText()) {
            case "add" -> hasValue ? add(path.get(), value.deepCopy(), document) : Optional.empty();
            case "replace" -> hasValue ? replace(path.get(), value.deepCopy(), document) : Optional.empty();
            case "remove" -> remove(path.get(), document);
            case "move" -> pointer(operation.path("from")).flatMap(from -> move(from, path.get(), document));
            case "copy" ->
                pointer(operation.path("from"))
                        .flatMap(from -> find(from, document))
                        .flatMap(found -> add(path.get(), found.deepCopy(), document));
            case "test" ->
                find(path.get(), document)
                        .filter(found -> hasValue && found.equals(BY_VALUE, value))
                        .map(found -> document);
            default -> Optional.empty();
        };
    }

    /** The names in a JSON pointer, unescaped; empty where the value is none. */
    static Optional<List<String>> pointer(JsonNode value) {
        if (!value.isTextual()) {
            return Optional.empty();
        }
        String text = value.textValue();
        List<String> names = new ArrayList<>();
        for (int slash = 0; slash < text.length(); ) {
            int next = text.indexOf('/', slash + 1);
            int end = next < 0 ? text.length() : next;
            Optional<String> name = text.startsWith("/") ? unescaped(text.substring(slash + 1, end)) : Optional.empty();
            if (name.isEmpty()) {
                return Optional.empty();
            }
            names.add(name.get());
            slash = end;
        }
        return Optional.of(names);
    }

    /** In one pass: what comes of {@code ~0} is no beginning of another. */
    private static Optional<String> unescaped(String name) {
        if (name.indexOf('~') < 0) {
            return Optional.of(name);
        }
        StringBuilder unescaped = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c == '~') {
                i++;
                char escaped = i < name.length() ? name.charAt(i) : ' ';
                if (escaped != '0' && escaped != '1') {
                    return Optional.empty();
                }
                c = escaped == '0' ? '~' : '/';
            }
            unescaped.append(c);
        }
        return Optional.of(unescaped.toString());
    }

    private static Optional<JsonNode> find(List<String> path, JsonNode document) {
        JsonNode found = document;
        for (String name : path) {
            found = found.isArray() ? found.path(index(name, found.size())) : found.path(name);
        }
        return found.isMissingNode() ? Optional.empty() : Optional.of(found);
    }

    private static Optional<JsonNode> add(List<String> path, JsonNode value, JsonNode document) {
        if (path.isEmpty()) {
            return Optional.of(value);
        }
        Optional<JsonNode> parent = find(parent(path), document);
        String name = last(path);
        if (parent.orElse(null) instanceof ObjectNode object) {
            object.set(name, value);
            return Optional.of(document);
        }
        if (parent.orElse(null) instanceof ArrayNode list) {
            int index = name.equals("-") ? list.size() : index(name, list.size() + 1);
            if (index != NONE) {
                list.insert(index, value);
                return Optional.of(document);
            }
        }
        return Optional.empty();
    }

    private static Optional<JsonNode> replace(List<String> path, JsonNode value, JsonNode document) {
        if (path.isEmpty()) {
            return Optional.of(value);
        }
        if (find(path, document).isEmpty()) {
            return Optional.empty();
        }
        if (find(parent(path), document).orElseThrow() instanceof ArrayNode list) {
            list.set(index(last(path), list.size()), value);
            return Optional.of(document);
        }
        return add(path, value, document);
    }

    /** The whole document cannot be removed: nothing would be left. */
    private static Optional<JsonNode> remove(List<String> path, JsonNode document) {
        if (path.isEmpty() || find(path, document).isEmpty()) {
            return Optional.empty();
        }
        JsonNode parent = find(parent(path), document).orElseThrow();
        if (parent instanceof ArrayNode list) {
            list.remove(index(last(path), list.size()));
        } else {
            ((ObjectNode) parent).remove(last(path));
        }
        return Optional.of(document);
    }

    /** On a copy, so that half a move does no harm. Into itself nothing moves. */
    private static Optional<JsonNode> move(List<String> from, List<String> path, JsonNode document) {
        Optional<JsonNode> moved = find(from, document);
        if (moved.isEmpty() || from.equals(path)) {
            return moved.map(found -> document);
        }
        boolean isIntoItself =
                path.size() > from.size() && path.subList(0, from.size()).equals(from);
        return isIntoItself
                ? Optional.empty()
                : remove(from, document.deepCopy()).flatMap(rest -> add(path, moved.get(), rest));
    }

    /** {@link #NONE} for what is no index below the bound. */
    private static int index(String name, int bound) {
        boolean isNumber = !name.isEmpty()
                && name.length() <= INDEX_DIGITS
                && name.chars().allMatch(c -> c >= '0' && c <= '9')
                && (name.length() == 1 || name.charAt(0) != '0');
        int index = isNumber ? Integer.parseInt(name) : NONE;
        return index < bound ? index : NONE;
    }

    private static List<String> parent(List<String> path) {
        return path.subList(0, path.size() - 1);
    }

    private static String last(List<String> path) {
        return path.get(path.size() - 1);
    }
}
