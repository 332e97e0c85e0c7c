package io.caravan.testkit;

import static io.caravan.testkit.StixFields.ENDS;
import static io.caravan.testkit.StixFields.extension;
import static io.caravan.testkit.StixFields.formerIds;
import static io.caravan.testkit.StixFields.option;
import static io.caravan.testkit.StixFields.texts;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/**
 * The knowledge of a destination, by the STIX ids that it was pushed with, and how an upsert, a deletion and a merge change
 * it. An id that an object has had, or bears among its {@code stix_ids}, leads to it. Thread-safe.
 */
final class DestinationObjects {

    private static final List<String> DATES = List.of("start_time", "stop_time", "first_seen", "last_seen");
    private static final Set<String> WITH_ALIASES =
            Set.of("attack-pattern", "campaign", "infrastructure", "intrusion-set", "malware", "threat-actor", "tool");

    private record Stored(String internalId, Set<String> creators, ObjectNode json) {}

    private final Map<String, Stored> objects = new LinkedHashMap<>();
    private final Map<String, String> otherIds = new HashMap<>();

    synchronized Map<String, JsonNode> all() {
        Map<String, JsonNode> all = new LinkedHashMap<>();
        objects.forEach((id, stored) -> all.put(id, stored.json.deepCopy()));
        return all;
    }

    /** An object as it is there: under the destination's own internal id. */
    synchronized Optional<ObjectNode> find(String id) {
        return resolve(id).map(key -> {
            ObjectNode object = objects.get(key).json.deepCopy();
            StixFields.extension(object).put("id", objects.get(key).internalId);
            return object;
        });
    }

    synchronized boolean hasLabel(String value) {
        return objects.values().stream()
                .anyMatch(stored -> stored.json.path("type").asText().equals("label")
                        && stored.json.path("value").asText().equalsIgnoreCase(value));
    }

    /**
     * Adds to what is there, or, {@code replacing}, puts it in its place.
     *
     * @param previous an id that it had before; may be empty
     */
    synchronized void upsert(ObjectNode given, String user, boolean replacing, String previous) throws Refused {
        List<String> missing = new ArrayList<>(texts(given, ENDS));
        missing.addAll(texts(given, List.of("object_refs")));
        missing.removeIf(id -> resolve(id).isPresent());
        if (!missing.isEmpty()) {
            throw new Refused("MISSING_REFERENCE_ERROR", "Element(s) not found");
        }
        String id = given.path("id").asText();
        Set<String> former = formerIds(given);
        former.add(previous);
        former.removeAll(List.of(id, ""));
        Optional<String> renamed =
                former.stream().flatMap(one -> resolve(one).stream()).findFirst();
        Optional<String> found = objects.containsKey(id) ? Optional.of(id) : renamed.or(() -> resolve(id));
        String now = found.isEmpty() || renamed.isPresent() ? id : found.get();
        Stored old = found.map(objects::get)
                .orElse(new Stored(UUID.randomUUID().toString(), new LinkedHashSet<>(), Jackson.object()));
        ObjectNode json = old.json.isEmpty() || replacing ? given.deepCopy() : StixFields.add(old.json, given);
        json.put("id", now).remove("nb_deps");
        found.filter(was -> !was.equals(now)).ifPresent(was -> lead(was, now));
        objects.put(now, new Stored(old.internalId, old.creators, json));
        old.creators.add(user);
        former.forEach(one -> otherIds.putIfAbsent(one, now));
        otherIds.put(old.internalId, now);
    }

    /** With the relations and sightings that end at it, and those that end at these. */
    synchronized void delete(String id) throws Refused {
        remove(resolve(id)
                .orElseThrow(() -> new Refused(
                        "FUNCTIONAL_ERROR", "Cannot delete the stix element, " + id + " cannot be found.")));
    }

    /**
     * The sources go, and what ended at them ends at the target. In the order of the ids, a relation goes instead where the target
     * has one like it without dates, or where another like it was moved before: one of the same type, with the same other end.
     */
    synchronized void merge(String targetId, List<String> sourceIds) throws Refused {
        String target = resolve(targetId).orElse("");
        for (String sourceId : sourceIds) {
            String source = resolve(sourceId).orElse("");
            if (!objects.containsKey(target) || !objects.containsKey(source) || source.equals(target)) {
                throw new Refused("FUNCTIONAL_ERROR", "Cannot access all entities for merging");
            }
            if (!type(source).equals(type(target))) {
                throw new Refused("FUNCTIONAL_ERROR", "Cannot merge entities of different types");
            }
        }
        Set<String> sources = new LinkedHashSet<>();
        sourceIds.forEach(id -> sources.add(resolve(id).orElseThrow()));
        Set<List<String>> taken = new HashSet<>();
        Map<String, Set<List<String>>> moving = new TreeMap<>();
        objects.forEach((id, stored) -> {
            if (DATES.stream().noneMatch(stored.json::hasNonNull)) {
                taken.addAll(links(id, Set.of(target)));
            }
            Set<List<String>> links = links(id, sources);
            if (!links.isEmpty()) {
                moving.put(id, links);
            }
        });
        sources.forEach(source -> merge(target, source));
        moving.forEach((relation, links) -> {
            if (Collections.disjoint(links, taken)) {
                taken.addAll(links);
            } else if (objects.containsKey(relation)) { // else it ended at one that went
                remove(relation);
            }
        });
    }

    /** What a relation says of those of its ends that are among these: its type, which end it is, what the other end is. */
    private Set<List<String>> links(String relation, Set<String> at) {
        JsonNode json = objects.get(relation).json;
        String type = json.path("relationship_type").asText(type(relation));
        Set<List<String>> links = new HashSet<>();
        for (String from : resolved(texts(json, List.of("source_ref", "sighting_of_ref")))) {
            for (String to : resolved(texts(json, List.of("target_ref", "where_sighted_refs")))) {
                if (at.contains(from)) {
                    links.add(List.of(type, "from", to));
                }
                if (at.contains(to)) {
                    links.add(List.of(type, "to", from));
                }
            }
        }
        return links;
    }

    /** As a query about one object answers it, with so many of its containers; empty for an unknown one. */
    synchronized Optional<ObjectNode> node(String id, int most) {
        return resolve(id).map(key -> {
            List<JsonNode> containers = new ArrayList<>();
            objects.forEach((other, stored) -> {
                if (texts(stored.json, List.of("object_refs")).stream().anyMatch(ref -> leadsTo(ref, key))) {
                    containers.add(Jackson.object("node", bare(other)));
                }
            });
            ObjectNode node = bare(key);
            boolean hasMore = containers.size() > most;
            node.set(
                    "containers",
                    Jackson.object(
                            "pageInfo",
                            Map.of("hasNextPage", hasMore),
                            "edges",
                            hasMore ? containers.subList(0, most) : containers));
            return node;
        });
    }

    private ObjectNode bare(String key) {
        Stored stored = objects.get(key);
        ObjectNode node = stored.json.deepCopy();
        node.put("id", stored.internalId).put("standard_id", key);
        node.set("entity_type", option(stored.json, "type"));
        node.setAll(Jackson.object("x_opencti_stix_ids", formerIds(stored.json)));
        ArrayNode creators = node.putArray("creators");
        stored.creators.forEach(user -> creators.add(Jackson.object("id", user, "name", FakeDestination.nameOf(user))));
        return node;
    }

    private Optional<String> resolve(String id) {
        return objects.containsKey(id) ? Optional.of(id) : Optional.ofNullable(otherIds.get(id));
    }

    private boolean leadsTo(String id, String key) {
        return id.equals(key) || !objects.containsKey(id) && key.equals(otherIds.get(id));
    }

    /** From here on, what led to the one leads to the other. */
    private void lead(String was, String now) {
        objects.remove(was);
        otherIds.replaceAll((id, key) -> key.equals(was) ? now : key);
        otherIds.put(was, now);
    }

    private void remove(String key) {
        List<String> ending =
                objects.keySet().stream().filter(other -> endsAt(other, key)).toList();
        objects.remove(key);
        otherIds.values().removeIf(key::equals);
        ending.stream().filter(objects::containsKey).forEach(this::remove);
    }

    private boolean endsAt(String relation, String key) {
        return texts(objects.get(relation).json, ENDS).stream().anyMatch(end -> leadsTo(end, key));
    }

    private void merge(String target, String source) {
        List<String> moving =
                objects.keySet().stream().filter(other -> endsAt(other, source)).toList();
        Stored from = objects.get(source);
        Stored into = objects.get(target);
        Map<String, String> moved = Map.of(source, target, internalId(from), internalId(into));
        lead(source, target);
        for (String relation : moving) {
            StixFields.replaceEnds(objects.get(relation).json, id -> moved.getOrDefault(id, id));
        }
        StixFields.fill(into.json, from.json);
        StixFields.add(extension(into.json), Jackson.object("stix_ids", List.of(source)));
        if (WITH_ALIASES.contains(type(target)) && from.json.has("name")) {
            StixFields.add(into.json, Jackson.object("aliases", List.of(from.json.get("name"))));
        }
        into.creators.addAll(from.creators);
    }

    /** By whichever ids they are named. */
    private List<String> resolved(List<String> ids) {
        return ids.stream().map(id -> resolve(id).orElse(id)).toList();
    }

    private String type(String key) {
        return objects.get(key).json.path("type").asText();
    }

    /** The one it came with, its source's. */
    private static String internalId(Stored stored) {
        JsonNode id = stored.json.path("extensions").path(StixFields.OPENCTI).path("id");
        return id.asText(stored.internalId);
    }
}
