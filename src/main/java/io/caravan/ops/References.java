package io.caravan.ops;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Puts an object's references right before it goes. What a relation ends at is told by internal ids, which outlive renames; other
 * references by the ids that objects had before. What is not held is left out, or the destination would refuse the whole
 * object; but never a marking, without which it would be seen by more, nor a relation's end.
 */
final class References {

    static final Set<String> ENDS = Set.of("source_ref", "target_ref", "sighting_of_ref", "where_sighted_refs");
    static final String MARKINGS = "object_marking_refs";

    private References() {}

    /** Which object an id means. */
    @FunctionalInterface
    interface Meant {
        Optional<String> now(String id) throws IOException;
    }

    /** The object as it is, where nothing has to be put right. */
    static StixObject putRight(StixObject object, Meant meant) throws IOException {
        Map<String, Optional<String>> stale = new HashMap<>();
        Set<String> all = new LinkedHashSet<>(object.references());
        all.addAll(object.markings());
        all.addAll(object.ends());
        boolean isEndStale = false;
        for (String id : all) {
            Optional<String> now = meant.now(id);
            if (!id.contains("--")) {
                isEndStale |= object.ends().contains(id)
                        && now.filter(end -> !object.ends().contains(end)).isPresent();
            } else if (!now.equals(Optional.of(id))) {
                stale.put(id, now);
            }
        }
        if (stale.isEmpty() && !isEndStale) {
            return object;
        }
        ObjectNode tree = (ObjectNode) Json.tree(object.json());
        JsonNode extensions = tree.path("extensions");
        for (String end : ENDS) {
            putEndRight(tree, end, extensions.path(StixObject.OPENCTI).path(end), meant);
        }
        putRight(tree, stale);
        for (JsonNode extension : extensions) {
            if (extension instanceof ObjectNode properties) {
                putRight(properties, stale);
            }
        }
        return StixObject.read(Json.bytes(tree));
    }

    private static void putEndRight(ObjectNode tree, String name, JsonNode internal, Meant meant) throws IOException {
        JsonNode end = tree.path(name);
        if (end.isTextual() && internal.isTextual()) {
            Optional<String> now = meant.now(internal.asText());
            now.ifPresent(id -> tree.put(name, id));
        } else if (end instanceof ArrayNode ends && internal.size() == ends.size()) {
            for (int i = 0; i < ends.size(); i++) {
                Optional<String> now = meant.now(internal.get(i).asText());
                if (now.isPresent()) {
                    ends.set(i, now.get());
                }
            }
        }
    }

    private static void putRight(ObjectNode properties, Map<String, Optional<String>> stale) {
        for (String name : names(properties)) {
            boolean mayBeCut = !ENDS.contains(name) && !name.equals(MARKINGS);
            JsonNode value = properties.get(name);
            if (value.isTextual() && stale.containsKey(value.asText())) {
                Optional<String> now = stale.get(value.asText());
                now.ifPresent(id -> properties.put(name, id));
                if (now.isEmpty() && mayBeCut) {
                    properties.remove(name);
                }
            } else if (value instanceof ArrayNode list) {
                int before = list.size();
                Set<String> seen = new HashSet<>();
                for (int i = 0; i < list.size(); i++) {
                    String id = list.get(i).asText();
                    Optional<String> now = stale.getOrDefault(id, Optional.of(id));
                    boolean isCut = now.isEmpty() && mayBeCut;
                    String next = now.orElse(id);
                    if (isCut || !seen.add(next)) {
                        list.remove(i--);
                    } else if (!next.equals(id)) {
                        list.set(i, next);
                    }
                }
                if (before > 0 && list.isEmpty()) {
                    properties.remove(name);
                }
            }
        }
    }

    /** Takes out references to these. */
    static void cut(ObjectNode properties, Set<String> ids) {
        Map<String, Optional<String>> gone = new HashMap<>();
        ids.forEach(id -> gone.put(id, Optional.empty()));
        putRight(properties, gone);
    }

    private static List<String> names(ObjectNode properties) {
        return properties.properties().stream()
                .map(Map.Entry::getKey)
                .filter(name -> name.endsWith("_ref") || name.endsWith("_refs"))
                .toList();
    }
}
