package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Json;
import io.caravan.event.Known;
import io.caravan.event.StixObject;
import io.caravan.opencti.PushConfiguration;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Says in an object what the destination's worker is to do with it. An object that is upserted as it is, goes as it came,
 * byte for byte.
 */
final class Wording {

    private static final String EXTENSIONS = "extensions";
    private static final String STIX_IDS = "stix_ids";
    private static final String CREATED_BY = "created_by_ref";

    /**
     * What a removal or a patch needs; the rest of the object's state is nothing to the worker. It rejects a relation or a
     * sighting without its ends, whatever is to be done with it.
     */
    private static final Set<String> OF_AN_OPERATION = Set.of(
            "type",
            "id",
            "spec_version",
            "created",
            "modified",
            "name",
            "value",
            "relationship_type",
            "source_ref",
            "target_ref",
            "sighting_of_ref",
            "where_sighted_refs");

    /**
     * By type, the members that an upsert of what is there leaves as they are or widens by rules of the platform's own, and
     * what they are called as the platform's attributes.
     */
    private static final Map<String, Map<String, String>> PATCHED = Map.of(
            "relationship",
            Map.of("start_time", "start_time", "stop_time", "stop_time"),
            "sighting",
            Map.of("first_seen", "first_seen", "last_seen", "last_seen", "count", "attribute_count"),
            "observed-data",
            Map.of(
                    "first_observed",
                    "first_observed",
                    "last_observed",
                    "last_observed",
                    "number_observed",
                    "number_observed"));

    /** Objects that have no author of their own. */
    private static final Set<String> WITHOUT_AUTHOR = Set.of("identity", "marking-definition", "extension-definition");

    private final Optional<String> defaultAuthor;

    Wording(Optional<String> defaultAuthor) {
        this.defaultAuthor = defaultAuthor;
    }

    static Wording of(PushConfiguration options) {
        return new Wording(Optional.ofNullable(options.getDefaultAuthor()).filter(id -> !id.isBlank()));
    }

    Item upsert(Change change) throws IOException {
        StixObject object = change.object();
        boolean needsAuthor = defaultAuthor.isPresent() && !WITHOUT_AUTHOR.contains(object.type());
        if (change.previousId().isEmpty() && !needsAuthor) {
            return new Item(change, Item.Operation.UPSERT, object.json());
        }
        ObjectNode tree = tree(object.json());
        change.previousId().ifPresent(id -> rename(tree, id));
        if (needsAuthor && !hasAuthor(tree)) {
            tree.put(CREATED_BY, defaultAuthor.orElseThrow());
        }
        return new Item(change, Item.Operation.UPSERT, Json.bytes(tree));
    }

    Item removal(Change change) throws IOException {
        ObjectNode tree = tree(change.object().json());
        tree.retain(OF_AN_OPERATION);
        change.previousId().ifPresent(told -> tree.put("id", told)); // the destination knows it by no other
        extension(tree).put("opencti_operation", "delete");
        return new Item(change, Item.Operation.DELETE, Json.bytes(tree));
    }

    /** Which members of the object have changed that an upsert does not change at the destination. */
    static Set<String> patched(Change change) throws IOException {
        Map<String, String> members = PATCHED.getOrDefault(change.object().type(), Map.of());
        Optional<StixObject> last = change.told().map(Known.KnownObject::object).or(change::before);
        if (members.isEmpty() || last.isEmpty()) {
            return Set.of();
        }
        JsonNode now = Json.tree(change.object().json());
        JsonNode was = Json.tree(last.get().json());
        Set<String> changed = new TreeSet<>();
        for (String member : members.keySet()) {
            if (!now.path(member).equals(was.path(member))) {
                changed.add(member);
            }
        }
        return changed;
    }

    /** Sets members of what is there as they are in the change's object, or empties them. */
    Item patch(Change change, Set<String> members) throws IOException {
        ObjectNode tree = tree(change.object().json());
        ObjectNode patch = tree.deepCopy();
        patch.retain(OF_AN_OPERATION);
        ObjectNode extension = extension(patch); // without the source's internal id, which the worker would look for
        extension.put("opencti_operation", "patch");
        ArrayNode fields = extension.putArray("opencti_field_patch");
        Map<String, String> attributes = PATCHED.get(change.object().type());
        for (String member : new TreeSet<>(members)) {
            ObjectNode field = fields.addObject().put("key", attributes.get(member));
            ArrayNode value = field.putArray("value");
            if (tree.hasNonNull(member)) {
                value.add(tree.get(member));
            } else {
                value.addNull();
            }
            field.put("operation", "replace");
        }
        return new Item(change, Item.Operation.PATCH, Json.bytes(patch));
    }

    /** Why the worker's splitter would reject the object without reporting it, whatever is to be done with it. */
    static Optional<String> obstacle(StixObject object) {
        boolean isRelation = object.type().equals("relationship");
        long ends = object.ends().stream().filter(end -> end.contains("--")).count();
        if (ends >= 2 || !isRelation && !object.type().equals("sighting")) {
            return Optional.empty();
        }
        String needed = isRelation ? "source_ref and target_ref" : "sighting_of_ref and where_sighted_refs";
        return Optional.of("it has not both " + needed + ", without which the destination's worker rejects it and"
                + " reports nothing");
    }

    /** @param sources the STIX ids of what went into the change's object */
    Item merge(Change target, Collection<String> sources) throws IOException {
        ObjectNode tree = tree(target.object().json());
        ObjectNode extension = extension(tree);
        extension.remove("files"); // they come with the upsert that follows
        extension
                .put("opencti_operation", "merge")
                .put("merge_target_id", target.object().id());
        ArrayNode ids = extension.putArray("merge_source_ids");
        List.copyOf(sources).forEach(ids::add);
        return new Item(target, Item.Operation.MERGE, Json.bytes(tree));
    }

    /** Where the destination knows the object by this id, it is the one that is meant. */
    private static void rename(ObjectNode tree, String previousId) {
        ObjectNode extension = extension(tree);
        ArrayNode ids = extension.path(STIX_IDS) instanceof ArrayNode known ? known : extension.putArray(STIX_IDS);
        for (JsonNode id : ids) {
            if (id.asText().equals(previousId)) {
                return;
            }
        }
        ids.add(previousId);
    }

    /** Of an observable, to which STIX gives none, it stands in an extension. */
    private static boolean hasAuthor(ObjectNode tree) {
        if (tree.hasNonNull(CREATED_BY)) {
            return true;
        }
        for (JsonNode extension : tree.path(EXTENSIONS)) {
            if (extension.hasNonNull(CREATED_BY)) {
                return true;
            }
        }
        return false;
    }

    private static ObjectNode extension(ObjectNode tree) {
        ObjectNode extension = tree.withObjectProperty(EXTENSIONS).withObjectProperty(StixObject.OPENCTI);
        return extension.put("extension_type", "property-extension");
    }

    private static ObjectNode tree(Bytes json) throws IOException {
        return (ObjectNode) Json.tree(json);
    }
}
