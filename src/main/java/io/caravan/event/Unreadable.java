package io.caravan.event;

/** An event that cannot be understood. It is kept as a dead letter and the stream goes on. */
public final class Unreadable extends Exception {
    private static final long serialVersionUID = 1L;

    public Unreadable(String message) {
        super(message);
    }

    public Unreadable(String message, Throwable cause) {
        super(message, cause);
    }
}
