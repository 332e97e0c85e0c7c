package io.caravan.sink;

import io.caravan.event.Event;
import io.caravan.event.RecordFailedException;

/** For tests in which everything can be made. */
final class NoneFails {

    private NoneFails() {}

    static void take(Event event, RecordFailedException failure) {
        throw new AssertionError(event.toString(), failure);
    }

    static void take(Event event, int number, String topic, RecordFailedException failure) {
        throw new AssertionError(event + " for " + topic, failure);
    }
}
