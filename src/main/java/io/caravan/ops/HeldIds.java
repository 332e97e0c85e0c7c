package io.caravan.ops;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.Known;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.RecordFailedException;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which object an id means that is to be restored: what refers to an object is not told when that is renamed or merged, and
 * keeps the id of then. Kept in the restore's store, a few hundred bytes an object, and beside what a journal told.
 */
final class HeldIds {

    /** The type of what leads from a former id, which stands behind this in its id, to a later one, its name. */
    static final String FORMER = "former";

    private static final Position ANY = Position.startingAt("restore", "live", EventId.ZERO);
    private static final int BATCH = 500;
    /** A chain of merges is shorter. */
    private static final int LONGEST_CHAIN = 1000;

    private final State store;
    private final List<StixObject> waiting = new ArrayList<>();

    HeldIds(State store) {
        this.store = store;
    }

    /** Learns an object's ids, those that it had before included; to be followed by {@link #write}. */
    void learn(StixObject object, boolean isStored) throws IOException {
        if (!isStored) {
            ObjectNode alone = Json.mapper().createObjectNode();
            alone.put("id", object.id()).put("type", object.type());
            alone.putObject("extensions").putObject(StixObject.OPENCTI).put("id", object.internalId());
            waiting.add(StixObject.read(Json.bytes(alone)));
        }
        for (JsonNode id : formerIds(object)) {
            waiting.add(former(id.asText(), object.key()));
        }
        if (waiting.size() >= BATCH) {
            write();
        }
    }

    /** None where the object cannot be read; that is said when its turn comes. */
    private static JsonNode formerIds(StixObject object) throws IOException {
        try {
            JsonNode tree = RecordFailedException.during(() -> Json.tree(object.json()));
            return tree.at("/extensions/" + StixObject.OPENCTI + "/stix_ids");
        } catch (RecordFailedException e) {
            return MissingNode.getInstance();
        }
    }

    void write() throws IOException {
        Pending known = store.begin();
        for (StixObject one : waiting) {
            known.put(new KnownObject(one, false, Optional.empty()));
        }
        store.write(ANY, known);
        waiting.clear();
    }

    /** Learns which ids a change makes former ones. */
    static void learn(Change change, Known known) throws IOException {
        StixObject object = change.object();
        if (change.type() == Type.UPSERT && change.previousId().isPresent()) {
            put(change.previousId().get(), object.key(), known);
        }
        if (change.reason() == Reason.MERGED_INTO && change.mergedInto().isPresent()) {
            put(object.id(), change.mergedInto().get(), known);
            put(object.key(), change.mergedInto().get(), known);
        }
    }

    private static void put(String id, String later, Known known) throws IOException {
        known.put(new KnownObject(former(id, later), false, Optional.empty()));
    }

    private static StixObject former(String id, String later) throws IOException {
        return StixObject.read(Json.bytes(Json.mapper()
                .createObjectNode()
                .put("id", FORMER + " " + id)
                .put("type", FORMER)
                .put("name", later)));
    }

    /** The STIX id that the object has which an id, STIX or internal, means; empty where none is held. */
    Optional<String> now(String reference) throws IOException {
        Pending known = store.begin();
        String id = reference;
        for (int i = 0; i < LONGEST_CHAIN; i++) {
            Optional<KnownObject> held = id.contains("--") ? known.withId(id) : known.object(id);
            if (held.isPresent()) {
                return held.map(found -> found.object().id());
            }
            Optional<KnownObject> former = known.withId(FORMER + " " + id);
            if (former.isEmpty()) {
                return Optional.empty();
            }
            id = former.get().object().name();
        }
        return Optional.empty();
    }
}
