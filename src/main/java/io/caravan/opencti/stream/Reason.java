package io.caravan.opencti.stream;

import io.caravan.event.FailureText;
import java.time.Duration;
import org.apache.camel.CamelExchangeException;

/** How a failure, and the wait after it, are told to people. */
final class Reason {

    private Reason() {}

    /** What failed within the routes, not that Camel was at it. */
    static String of(Throwable failure) {
        boolean isCamels = failure instanceof CamelExchangeException && failure.getCause() != null;
        return isCamels ? of(failure.getCause()) : FailureText.of(failure);
    }

    /** The announcement of the next try, in whole seconds. */
    static String nextTryIn(Duration wait) {
        return "next try in " + Math.max(1, (wait.toMillis() + 500) / 1000) + " s";
    }
}
