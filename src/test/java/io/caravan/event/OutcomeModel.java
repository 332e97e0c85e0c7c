package io.caravan.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.testkit.Frame;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The objects that exist after events, by STIX id, as simply as it can be said: trees in a map that is gone through. */
final class OutcomeModel {

    private static final ObjectMapper JSON = Json.mapper();
    private static final List<String> ENDS = List.of("source_ref", "target_ref", "sighting_of_ref");
    private static final String PLACES = "where_sighted_refs";

    private static final List<String> DATES = List.of("start_time", "stop_time", "first_seen", "last_seen");

    private final Map<String, ObjectNode> objects = new LinkedHashMap<>();
    /** By the relations that came again at the newest position, what they ended at before. */
    private final Map<String, Set<String>> endsBefore = new HashMap<>();

    private String position = "";

    void take(Frame frame) throws IOException {
        JsonNode envelope = JSON.readTree(frame.data());
        ObjectNode object = (ObjectNode) envelope.path("data");
        JsonNode context = envelope.path("context");
        if (!frame.id().equals(position)) {
            position = frame.id();
            endsBefore.clear();
        }
        if (objects.containsKey(id(object))) {
            endsBefore.computeIfAbsent(id(object), id -> new HashSet<>()).addAll(ends(objects.get(id(object))));
        }
        for (JsonNode operation : context.path("reverse_patch")) {
            if (operation.path("path").asText().equals("/id")) {
                objects.remove(operation.path("value").asText());
            }
        }
        // a renamed object can come without a word of it, where another event needs it
        objects.values()
                .removeIf(other -> internalId(other).equals(internalId(object))
                        && !internalId(object).isEmpty());
        if (frame.event().equals("delete")) {
            objects.remove(id(object));
            if (!envelope.path("type").asText().equals("update")) {
                removeEndingAt(Set.of(id(object), internalId(object)));
            }
        } else {
            objects.put(id(object), object);
        }
        if (frame.event().equals("merge")) {
            merge(context.path("sources"), object);
        }
    }

    /** Without the names and markings of a relation's ends, which a merge changes, too. */
    Map<String, JsonNode> outcome() {
        Map<String, JsonNode> outcome = new TreeMap<>();
        objects.forEach((id, object) -> outcome.put(id, bare(object)));
        return outcome;
    }

    static JsonNode bare(ObjectNode object) {
        ObjectNode bare = object.deepCopy();
        if (isRelation(bare) && extension(bare) instanceof ObjectNode extension) {
            List<String> names = new ArrayList<>();
            extension.fieldNames().forEachRemaining(names::add);
            names.removeIf(name -> !name.matches(".*(_value|_values|_object_marking_refs)"));
            extension.remove(names);
        }
        return bare;
    }

    private void removeEndingAt(Set<String> ids) {
        Set<String> gone = ids;
        while (!gone.isEmpty()) {
            Set<String> next = new HashSet<>();
            for (ObjectNode object : List.copyOf(objects.values())) {
                if (!Collections.disjoint(ends(object), gone)) {
                    objects.remove(id(object));
                    next.addAll(Set.of(id(object), internalId(object)));
                }
            }
            gone = next;
        }
    }

    private void merge(JsonNode sources, ObjectNode target) {
        Map<String, String> moved = new HashMap<>();
        for (JsonNode source : sources) {
            objects.remove(id(source));
            moved.put(id(source), id(target));
            moved.put(internalId(source), internalId(target));
        }
        Set<List<String>> taken = new HashSet<>();
        objects.forEach((id, relation) -> {
            boolean cameMoved = !Collections.disjoint(endsBefore.getOrDefault(id, Set.of()), moved.keySet());
            if (cameMoved || DATES.stream().allMatch(date -> relation.path(date).isMissingNode())) {
                taken.addAll(linksAt(Set.of(internalId(target)), relation));
            }
        });
        List<String> moving = objects.keySet().stream()
                .filter(id -> !Collections.disjoint(ends(objects.get(id)), moved.keySet()))
                .sorted()
                .toList();
        for (String id : moving) {
            ObjectNode relation = objects.get(id);
            Set<List<String>> links = linksAt(moved.keySet(), relation);
            if (Collections.disjoint(links, taken)) {
                taken.addAll(links);
                move(relation, moved);
                move(extension(relation), moved);
            } else {
                objects.remove(id);
            }
        }
    }

    /** Of each end at one of these: the relation's type, the direction, and the other end; by internal ids. */
    private static Set<List<String>> linksAt(Set<String> internalIds, JsonNode relation) {
        Set<List<String>> links = new HashSet<>();
        JsonNode ends = extension(relation);
        boolean isSighting = relation.path("type").asText().equals("sighting");
        String type = relation.path(isSighting ? "type" : "relationship_type").asText();
        String from = ends.path(isSighting ? "sighting_of_ref" : "source_ref").asText();
        for (JsonNode to : isSighting ? ends.path(PLACES) : List.of(ends.path("target_ref"))) {
            if (internalIds.contains(from)) {
                links.add(List.of(type, "from", to.asText()));
            }
            if (internalIds.contains(to.asText())) {
                links.add(List.of(type, "to", from));
            }
        }
        return links;
    }

    private static void move(JsonNode ends, Map<String, String> moved) {
        for (String end : ENDS) {
            if (moved.containsKey(ends.path(end).asText())) {
                ((ObjectNode) ends).put(end, moved.get(ends.path(end).asText()));
            }
        }
        if (ends.path(PLACES) instanceof ArrayNode places) {
            List<String> ids = new ArrayList<>();
            places.forEach(place -> ids.add(moved.getOrDefault(place.asText(), place.asText())));
            places.removeAll();
            ids.forEach(places::add);
        }
    }

    /** STIX ids, and internal ids, which outlive a rename. */
    private static Set<String> ends(JsonNode object) {
        Set<String> ends = new HashSet<>();
        if (isRelation(object)) {
            for (JsonNode at : List.of(object, extension(object))) {
                ENDS.forEach(end -> ends.add(at.path(end).asText()));
                at.path(PLACES).forEach(place -> ends.add(place.asText()));
            }
            ends.remove("");
        }
        return ends;
    }

    private static boolean isRelation(JsonNode object) {
        return Set.of("relationship", "sighting").contains(object.path("type").asText());
    }

    private static String id(JsonNode object) {
        return object.path("id").asText();
    }

    private static String internalId(JsonNode object) {
        return extension(object).path("id").asText();
    }

    private static JsonNode extension(JsonNode object) {
        return object.path("extensions").path("extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba");
    }
}
