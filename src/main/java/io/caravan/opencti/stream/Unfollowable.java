package io.caravan.opencti.stream;

/** The stream cannot be followed any further without a person. */
public final class Unfollowable extends java.io.IOException {
    private static final long serialVersionUID = 1L;

    Unfollowable(String message, Throwable cause) {
        super(message, cause);
    }
}
