package io.caravan.opencti.push;

import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.StixObject;
import java.util.List;

/**
 * One object of a bundle: what a change makes of it at the destination.
 *
 * @param change what it follows from
 * @param operation what the destination's worker does with it
 * @param json the object as it is sent
 * @param files the paths of the files whose content is in it
 * @param bare the object without their content
 */
record Item(Change change, Operation operation, Bytes json, List<String> files, Bytes bare) {

    Item {
        files = List.copyOf(files);
    }

    Item(Change change, Operation operation, Bytes json) {
        this(change, operation, json, List.of(), json);
    }

    enum Operation {
        UPSERT,
        DELETE,
        MERGE,
        /** Sets single fields, which an upsert of what is there leaves as they are. */
        PATCH
    }

    Item with(Bytes other) {
        return new Item(change, operation, other);
    }

    Item withoutFiles() {
        return with(bare);
    }

    StixObject object() {
        return change.object();
    }

    /** The STIX id that the destination knows it by: of what goes, the one that was told last. */
    String sentId() {
        return operation == Operation.DELETE ? change.previousId().orElse(object().id()) : object().id();
    }

    /** What tells it from other objects: within a bundle one object stands once. */
    String key() {
        return object().key();
    }
}
