package io.caravan.opencti.push;

import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.StixObject;

/**
 * One object of a bundle: what a change makes of it at the destination.
 *
 * @param change what it follows from
 * @param operation what the destination's worker does with it
 * @param json the object as it is sent
 */
record Item(Change change, Operation operation, Bytes json) {

    enum Operation {
        UPSERT,
        DELETE,
        MERGE
    }

    StixObject object() {
        return change.object();
    }

    /** What tells it from other objects: within a bundle one object stands once. */
    String key() {
        return object().key();
    }
}
