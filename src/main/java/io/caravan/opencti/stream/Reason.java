package io.caravan.opencti.stream;

import java.time.Duration;

/** How a failure, and the wait after it, are told to people. */
final class Reason {

    private Reason() {}

    /** Its message, or its class where it has none. */
    static String of(Throwable failure) {
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }

    /** The announcement of the next try, in whole seconds. */
    static String nextTryIn(Duration wait) {
        return "next try in " + Math.max(1, (wait.toMillis() + 500) / 1000) + " s";
    }
}
