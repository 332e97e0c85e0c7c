package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** How a destination reads and unites the fields of STIX objects. Stateless; what is given first is changed. */
final class StixFields {

    /** Where relations and sightings end. */
    static final List<String> ENDS = List.of("source_ref", "target_ref", "sighting_of_ref", "where_sighted_refs");

    static final String OPENCTI = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";
    private static final List<String> FORMER = List.of("stix_ids", "x_opencti_stix_ids");

    private StixFields() {}

    static ObjectNode extension(ObjectNode object) {
        return object.withObject("/extensions").withObject("/" + OPENCTI);
    }

    /** A field of the OpenCTI extension or, in second place, of the object. */
    static JsonNode option(JsonNode object, String name) {
        JsonNode inExtension = object.path("extensions").path(OPENCTI).path(name);
        return inExtension.isMissingNode() ? object.path(name) : inExtension;
    }

    /** The texts of these fields, single or listed. */
    static List<String> texts(JsonNode object, Collection<String> names) {
        List<String> texts = new ArrayList<>();
        for (String name : names) {
            if (object.path(name).isTextual()) {
                texts.add(object.get(name).asText());
            }
            object.path(name).forEach(text -> texts.add(text.asText()));
        }
        return texts;
    }

    static Set<String> formerIds(JsonNode object) {
        Set<String> ids = new LinkedHashSet<>(texts(object, FORMER));
        ids.addAll(texts(object.path("extensions").path(OPENCTI), FORMER));
        return ids;
    }

    /** In the object and in its OpenCTI extension, where they are internal ids. */
    static void replaceEnds(ObjectNode relation, UnaryOperator<String> change) {
        for (String end : ENDS) {
            if (relation.path(end).isTextual()) {
                relation.put(end, change.apply(relation.get(end).asText()));
            } else if (relation.has(end)) {
                List<String> ids = texts(relation, List.of(end));
                ids.replaceAll(change);
                relation.setAll(Jackson.object(end, ids));
            }
        }
        if (relation.path("extensions").path(OPENCTI) instanceof ObjectNode extension) {
            replaceEnds(extension, change);
        }
    }

    /** The names of its labels, wherever it has them. */
    static Set<String> labels(JsonNode object) {
        Set<String> names = new LinkedHashSet<>();
        object.findValues("labels").forEach(labels -> labels.forEach(label -> names.add(label.asText())));
        return names;
    }

    /** Has another label in place of one, wherever the object has it. */
    static void replaceLabel(JsonNode object, String was, String now) {
        for (JsonNode labels : object.findValues("labels")) {
            ArrayNode list = (ArrayNode) labels;
            Set<String> names = new LinkedHashSet<>();
            list.forEach(label -> names.add(label.asText().equals(was) ? now : label.asText()));
            list.removeAll();
            names.forEach(list::add);
        }
    }

    /** Takes markings out, the object's own and those of its files. */
    static void dropMarkings(ObjectNode object, Predicate<String> dropped) {
        for (JsonNode markings : object.findValues("object_marking_refs")) {
            for (Iterator<JsonNode> marking = markings.iterator(); marking.hasNext(); ) {
                if (dropped.test(marking.next().asText())) {
                    marking.remove();
                }
            }
        }
    }

    /** Takes the names of labels out, wherever an object has them. */
    static void dropLabels(JsonNode object, Predicate<String> dropped) {
        for (JsonNode labels : object.findValues("labels")) {
            for (Iterator<JsonNode> label = labels.iterator(); label.hasNext(); ) {
                if (dropped.test(label.next().asText())) {
                    label.remove();
                }
            }
        }
    }

    /** The given fields over these: lists grow, and what is empty overwrites nothing. */
    static ObjectNode add(ObjectNode to, ObjectNode given) {
        given.properties().forEach(field -> {
            JsonNode old = to.path(field.getKey());
            if (old instanceof ObjectNode into && field.getValue() instanceof ObjectNode from) {
                add(into, from);
            } else if (isGrowing(field.getKey(), old) && field.getValue().isArray()) {
                field.getValue().forEach(element -> addTo((ArrayNode) old, element));
            } else if (!isEmpty(field.getValue())) {
                to.set(field.getKey(), field.getValue().deepCopy());
            }
        });
        return to;
    }

    /** What the other has and this lacks. */
    static void fill(ObjectNode to, ObjectNode other) {
        other.properties().forEach(field -> {
            JsonNode old = to.path(field.getKey());
            if (old instanceof ObjectNode into && field.getValue() instanceof ObjectNode from) {
                fill(into, from);
            } else if (isEmpty(old) || isGrowing(field.getKey(), old)) {
                add(to, Jackson.object(field.getKey(), field.getValue()));
            }
        });
    }

    static void addTo(ArrayNode list, JsonNode element) {
        for (int i = 0; i < list.size(); i++) {
            if (identity(list.get(i)).equals(identity(element))) {
                list.set(i, element.deepCopy());
                return;
            }
        }
        list.add(element.deepCopy());
    }

    /** By it a file is known again, with its content or without. */
    private static JsonNode identity(JsonNode element) {
        return element.has("id") ? element.get("id") : element.has("name") ? element.get("name") : element;
    }

    private static boolean isGrowing(String name, JsonNode value) {
        return value.isArray() && !name.equals("observable_values"); // computed from the pattern
    }

    private static boolean isEmpty(JsonNode value) {
        return value.isMissingNode()
                || value.isNull()
                || value.isContainerNode() && value.isEmpty()
                || value.isTextual() && value.asText().isEmpty();
    }
}
