package io.caravan.opencti.stream;

/** The stream cannot be followed any further without a person. */
public final class Unfollowable extends java.io.IOException {
    private static final long serialVersionUID = 1L;

    /** @param what it is too small for, and what besides a larger one would help */
    static Unfollowable heapTooSmall(String what, String remedy, OutOfMemoryError error) {
        return new Unfollowable(
                "the heap of " + (Runtime.getRuntime().maxMemory() >> 20) + " MB is too small for " + what
                        + ": give more (JAVA_OPTS=-Xmx512m), or lower " + remedy,
                error);
    }

    Unfollowable(String message, Throwable cause) {
        super(message, cause);
    }
}
