package io.caravan.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Change.Reason;
import io.caravan.event.Known.KnownObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An event named merge: the sources are gone, the target has taken over what they had, and the relations that are known to end
 * at a source are removed or end at the target now. The platform sends the target alone.
 *
 * <p>Its rule: the sources' relations are taken in the order of their STIX ids. One is removed, with what ends at it, where the
 * target has a relation of the same type in the same direction with the same other end that has no dates, or where another such
 * relation of a source was taken over before. All others are taken over, also where the target has one with the same dates.
 * Ends are compared by internal ids. A relation that came with its end already moved, as a dependency at the merge's position,
 * was taken over.
 */
public final class Merge implements Meaning.Reading {

    /** Where the context lists them. */
    static final String SOURCES = "sources";

    private static final List<String> DATES = List.of("start_time", "stop_time", "first_seen", "last_seen");

    @Override
    public Meaning of(Event event, Known known, boolean isFiltered) throws Unreadable, IOException {
        List<StixObject> sources = Deletion.listed(SOURCES, event);
        Telling.Before before = Update.before(event)
                .orElseThrow(() -> new Unreadable("it has no context.reverse_patch, as a merge must have"));
        Telling telling = new Telling(event, known, isFiltered);
        telling.showsInContext(sources);
        tell(sources, event.object(), before, telling, known);
        return telling.told();
    }

    /** What the merge means for the sources, the target and the relations. */
    static void tell(List<StixObject> sources, StixObject target, Telling.Before before, Telling telling, Known known)
            throws IOException {
        Map<String, String> moved = new HashMap<>();
        for (StixObject source : sources) {
            moved.put(source.id(), target.id());
            if (!source.internalId().isEmpty() && !target.internalId().isEmpty()) {
                moved.put(source.internalId(), target.internalId());
            }
            telling.mergedInto(target, source);
        }
        telling.upsert(Reason.MERGED, target, before);
        List<KnownObject> moving = known.endingAt(moved.keySet()).stream()
                .filter(relation -> sources.stream().anyMatch(relation.object()::endsAt))
                .sorted(Comparator.comparing(relation -> relation.object().id()))
                .toList();
        if (moving.isEmpty()) {
            return;
        }
        Ends ends = Ends.of(sources, target, known);
        Set<Link> taken = ends.takenBefore(telling);
        Target end = Target.of(target, known);
        for (KnownObject relation : moving) {
            if (known.object(relation.object().key())
                    .isPresent()) { // it may have gone with one that ended where it does
                ObjectNode tree = (ObjectNode) Json.tree(relation.object().json());
                Set<Link> links = ends.ofSources(relation.object(), tree);
                if (Collections.disjoint(links, taken)) {
                    taken.addAll(links);
                    move(relation, tree, moved, end, telling);
                } else {
                    telling.cascade(relation.object(), Set.of());
                    telling.gone(Reason.CASCADE, relation.object());
                }
            }
        }
    }

    private static void move(
            KnownObject relation, ObjectNode tree, Map<String, String> moved, Target target, Telling telling)
            throws IOException {
        List<String> changed = new ArrayList<>();
        repoint(tree, "", moved, target, changed);
        if (tree.path("extensions").path(StixObject.OPENCTI) instanceof ObjectNode extension) {
            repoint(extension, "/extensions/" + StixObject.OPENCTI, moved, target, changed);
        }
        telling.moved(relation, StixObject.read(Json.bytes(tree)), changed);
    }

    /** A relation as seen from one of its ends: its type, whether that end is its source, and the key of the other end. */
    private record Link(String type, boolean isSource, String other) {}

    /**
     * The objects of one merge, and the links that relations give to them.
     *
     * @param sources their keys
     * @param keys by the STIX ids of the sources and the target, their keys
     */
    private record Ends(Set<String> sources, StixObject target, Map<String, String> keys, Known known) {

        static Ends of(List<StixObject> sources, StixObject target, Known known) {
            Map<String, String> keys = new HashMap<>();
            sources.forEach(source -> keys.put(source.id(), source.key()));
            Set<String> sourceKeys = Set.copyOf(keys.values());
            keys.put(target.id(), target.key());
            return new Ends(sourceKeys, target, keys, known);
        }

        /** The links that no other relation of a source can have: of the target's relations without dates, and of those taken over before. */
        Set<Link> takenBefore(Telling telling) throws IOException {
            Set<String> ids = new HashSet<>(sources);
            ids.addAll(keys.keySet());
            ids.removeAll(target.ids());
            Set<Link> taken = new HashSet<>();
            known.firstEndingAt(
                    target.ids(),
                    relation -> { // no more than one of them is in memory
                        if (relation.object().endsAt(target)) {
                            JsonNode tree = Json.tree(relation.object().json());
                            if (telling.hasMovedFrom(ids, relation) || hasNoDates(tree)) {
                                taken.addAll(links(relation.object(), tree, Set.of(target.key())));
                            }
                        }
                        return false;
                    });
            return taken;
        }

        Set<Link> ofSources(StixObject relation, JsonNode tree) throws IOException {
            return links(relation, tree, sources);
        }

        private Set<Link> links(StixObject relation, JsonNode tree, Set<String> at) throws IOException {
            String type = relation.relationshipType().isEmpty() ? relation.type() : relation.relationshipType();
            Set<Link> links = new HashSet<>();
            for (String from : keysOf(tree, "source_ref", "sighting_of_ref")) {
                for (String to : keysOf(tree, "target_ref", "where_sighted_refs")) {
                    if (at.contains(from)) {
                        links.add(new Link(type, true, to));
                    }
                    if (at.contains(to)) {
                        links.add(new Link(type, false, from));
                    }
                }
            }
            return links;
        }

        /** By the internal ids in the extension where it has them: STIX ids stay as they were when an end is renamed. */
        private Set<String> keysOf(JsonNode relation, String... properties) throws IOException {
            Set<String> found = new HashSet<>();
            JsonNode extension = relation.path("extensions").path(StixObject.OPENCTI);
            for (String property : properties) {
                JsonNode ends = extension.has(property) ? extension.path(property) : relation.path(property);
                for (JsonNode end : ends.isArray() ? ends : List.of(ends)) {
                    if (end.isTextual()) {
                        found.add(key(end.textValue()));
                    }
                }
            }
            return found;
        }

        private String key(String id) throws IOException {
            if (keys.containsKey(id) || !id.contains("--")) {
                return keys.getOrDefault(id, id);
            }
            return known.withId(id).map(end -> end.object().key()).orElse(id);
        }

        private static boolean hasNoDates(JsonNode relation) {
            return DATES.stream()
                    .allMatch(date -> relation.path(date).asText().isEmpty()
                            || relation.path(date).isNull());
        }
    }

    /** Puts the ends that were merged away at the target, with its name and markings. */
    private static void repoint(
            ObjectNode object, String at, Map<String, String> moved, Target target, List<String> changed) {
        for (String end : StixObject.END_PROPERTIES) {
            JsonNode ends = object.path(end);
            if (ends.isTextual() && moved.containsKey(ends.textValue())) {
                object.put(end, moved.get(ends.textValue()));
                changed.add(at + "/" + end);
                rename(object, end, at, target, changed);
            } else if (ends instanceof ArrayNode list) {
                boolean hasMoved = false;
                boolean isAtOthers = false;
                JsonNode names = object.path(end.replaceFirst("_refs$", "_values"));
                for (int i = 0; i < list.size(); i++) {
                    if (moved.containsKey(list.get(i).asText())) {
                        list.set(i, list.textNode(moved.get(list.get(i).asText())));
                        addOnce(changed, at + "/" + end);
                        hasMoved = true;
                        if (names instanceof ArrayNode values && i < values.size() && !target.name.isEmpty()) {
                            values.set(i, values.textNode(target.name));
                            addOnce(changed, at + "/" + end.replaceFirst("_refs$", "_values"));
                        }
                    }
                    isAtOthers |= !moved.containsValue(list.get(i).asText());
                }
                if (hasMoved) {
                    Set<String> markings = new LinkedHashSet<>(target.markings);
                    if (isAtOthers) { // which of the old markings are theirs is not said
                        object.path(end + StixObject.MARKINGS_OF_END).forEach(old -> markings.add(old.asText()));
                    }
                    remark(object, end, at, markings, changed);
                }
            }
        }
    }

    /** The extension says the end's name and markings, too. */
    private static void rename(ObjectNode object, String end, String at, Target target, List<String> changed) {
        String value = end.replaceFirst("_ref$", "_value");
        if (object.has(value) && !target.name.isEmpty()) {
            object.put(value, target.name);
            changed.add(at + "/" + value);
        }
        remark(object, end, at, target.markings, changed);
    }

    /** Only the extension says the markings of an end. */
    private static void remark(
            ObjectNode object, String end, String at, Collection<String> markings, List<String> changed) {
        String property = end + StixObject.MARKINGS_OF_END;
        boolean isExtension = !at.isEmpty();
        if (isExtension && (object.has(property) || !markings.isEmpty())) {
            object.remove(property);
            if (!markings.isEmpty()) {
                markings.forEach(object.putArray(property)::add);
            }
            changed.add(at + "/" + property);
        }
    }

    /**
     * What relations say of the end they move to.
     *
     * @param markings the internal ids of its marking definitions, as far as these are known; else their STIX ids
     */
    private record Target(String name, List<String> markings) {

        static Target of(StixObject target, Known known) throws IOException {
            List<String> markings = new ArrayList<>();
            for (String marking : target.markings()) {
                markings.add(
                        known.withId(marking).map(found -> found.object().key()).orElse(marking));
            }
            return new Target(target.name(), markings);
        }
    }

    private static void addOnce(List<String> list, String text) {
        if (!list.contains(text)) {
            list.add(text);
        }
    }
}
