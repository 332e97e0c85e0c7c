package io.caravan.event.pattern;

/** A text that is no STIX pattern. Its message says at which character, and what stands there. */
public final class UnreadablePattern extends Exception {
    private static final long serialVersionUID = 1L;

    /** @param at index into the pattern; counted from one in the message */
    UnreadablePattern(int at, String message) {
        super("character " + (at + 1) + ": " + message);
    }
}
