package io.caravan.ops;

import java.util.ArrayList;
import java.util.List;

/** Says in one line what Camel says in a chain of exceptions. */
final class StartFailure {

    private StartFailure() {}

    static List<String> mistakes(Throwable failure) {
        List<Throwable> chain = new ArrayList<>();
        for (Throwable cause = failure; cause != null && !chain.contains(cause); cause = cause.getCause()) {
            chain.add(cause);
        }
        Throwable root = chain.get(chain.size() - 1);
        return List.of(chain.toString() + root.getMessage());
    }
}
