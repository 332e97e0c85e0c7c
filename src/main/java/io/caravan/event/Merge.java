package io.caravan.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Change.Reason;
import io.caravan.event.Known.KnownObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An event named merge: the sources are gone, the target is there with what it took over, and the relations that are known
 * to end at a source end at the target now; the platform tells of the target alone. A relation that then equals another is
 * gone, with what ends at it. One whose two ends became one stays.
 */
public final class Merge implements Meaning.Reading {

    /** Where the context lists them. */
    static final String SOURCES = "sources";

    /** What makes two relations the same to the platform. */
    private static final List<String> SHAPE = List.of(
            "type",
            "relationship_type",
            "source_ref",
            "target_ref",
            "start_time",
            "stop_time",
            "sighting_of_ref",
            "where_sighted_refs",
            "first_seen",
            "last_seen");

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
                .toList();
        Set<List<JsonNode>> shapes = shapesAt(target, moving, known);
        Target end = Target.of(target, known);
        for (KnownObject relation : moving) {
            if (known.object(relation.object().key())
                    .isPresent()) { // it may have gone with one that ended where it does
                move(relation, moved, end, shapes, telling);
            }
        }
    }

    /** The shapes of the relations that end at the target as it is. */
    private static Set<List<JsonNode>> shapesAt(StixObject target, List<KnownObject> moving, Known known)
            throws IOException {
        Set<List<JsonNode>> shapes = new HashSet<>();
        if (moving.isEmpty()) {
            return shapes;
        }
        Set<String> keys = new HashSet<>();
        moving.forEach(relation -> keys.add(relation.object().key()));
        for (KnownObject other : known.endingAt(target)) {
            if (!keys.contains(other.object().key())) {
                shapes.add(shape(Json.tree(other.object().json())));
            }
        }
        return shapes;
    }

    private static void move(
            KnownObject relation, Map<String, String> moved, Target target, Set<List<JsonNode>> shapes, Telling telling)
            throws IOException {
        ObjectNode tree = (ObjectNode) Json.tree(relation.object().json());
        List<String> changed = new ArrayList<>();
        repoint(tree, "", moved, target, changed);
        if (tree.path("extensions").path(StixObject.OPENCTI) instanceof ObjectNode extension) {
            repoint(extension, "/extensions/" + StixObject.OPENCTI, moved, target, changed);
        }
        if (shapes.add(shape(tree))) {
            telling.moved(relation, StixObject.read(Json.bytes(tree)), changed);
        } else {
            telling.cascade(relation.object(), Set.of());
            telling.gone(Reason.CASCADE, relation.object());
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
                }
                if (hasMoved) {
                    Set<String> markings = new LinkedHashSet<>(target.markings);
                    object.path(end + StixObject.MARKINGS_OF_END).forEach(old -> markings.add(old.asText()));
                    remark(object, end, at, markings, changed); // of all its ends: whose the old ones are is not said
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

    private static List<JsonNode> shape(JsonNode relation) {
        return SHAPE.stream().map(relation::path).toList();
    }

    private static void addOnce(List<String> list, String text) {
        if (!list.contains(text)) {
            list.add(text);
        }
    }
}
