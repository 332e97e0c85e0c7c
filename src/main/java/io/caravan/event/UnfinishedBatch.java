package io.caravan.event;

import java.util.Set;

/**
 * A batch that some sinks may have got and whose position is not stored.
 *
 * @param seen the keys of the objects that a snapshot being read, or a reconcile under way, has shown with it
 */
public record UnfinishedBatch(Batch batch, Set<String> seen) {

    public UnfinishedBatch {
        seen = Set.copyOf(seen);
    }
}
