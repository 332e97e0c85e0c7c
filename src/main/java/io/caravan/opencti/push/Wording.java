package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.opencti.PushConfiguration;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Says in an object what the destination's worker is to do with it. An object that is upserted as it is, goes as it came,
 * byte for byte.
 */
final class Wording {

    private static final String EXTENSIONS = "extensions";
    private static final String STIX_IDS = "stix_ids";
    private static final String CREATED_BY = "created_by_ref";

    /** What a removal needs: the rest of the object's state is nothing to the worker. */
    private static final Set<String> OF_A_REMOVAL =
            Set.of("type", "id", "spec_version", "created", "modified", "name", "value", "relationship_type");

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
        tree.retain(OF_A_REMOVAL);
        change.previousId().ifPresent(told -> tree.put("id", told)); // the destination knows it by no other
        extension(tree).put("opencti_operation", "delete");
        return new Item(change, Item.Operation.DELETE, Json.bytes(tree));
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
