package io.caravan.sink;

import io.caravan.event.Position;
import java.util.UUID;

/**
 * A position as it was committed.
 *
 * @param id of the commit: in a snapshot, two instances can come to the same position with different events behind them
 */
record Committed(Position position, String id) {

    static Committed of(Position position) {
        return new Committed(position, UUID.randomUUID().toString());
    }

    /** For logs. */
    @Override
    public String toString() {
        return position + ", batch " + position.batches();
    }
}
