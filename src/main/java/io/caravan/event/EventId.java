package io.caravan.event;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * A place in the platform's log: milliseconds, then a sequence number within them. Written {@code 1795282698973-0} and
 * compared as two numbers, never as text.
 */
public record EventId(long millis, long sequence) implements Comparable<EventId> {

    /** Before everything the log keeps. */
    public static final EventId ZERO = new EventId(0, 0);

    public EventId {
        if (millis < 0 || sequence < 0) {
            throw new IllegalArgumentException("no event id: " + millis + "-" + sequence);
        }
    }

    /** The first id of a millisecond; of 1970 for all times before it. */
    public static EventId at(Instant time) {
        return new EventId(Math.max(0, time.toEpochMilli()), 0);
    }

    /** @throws IllegalArgumentException unless the text is two whole numbers with a dash between them */
    public static EventId parse(String text) {
        int dash = text.indexOf('-');
        if (dash > 0 && digits(text, 0, dash) && digits(text, dash + 1, text.length())) {
            try {
                return new EventId(
                        Long.parseLong(text, 0, dash, 10), Long.parseLong(text, dash + 1, text.length(), 10));
            } catch (NumberFormatException tooLarge) {
                throw new IllegalArgumentException("no event id, its numbers are too large: " + text, tooLarge);
            }
        }
        throw new IllegalArgumentException("no event id, which is like 1795282698973-0: " + text);
    }

    /** Empty unless the value is a text that {@link #parse} takes. */
    public static Optional<EventId> ofJson(JsonNode value) {
        return value.isTextual() ? of(value.asText()) : Optional.empty();
    }

    /** Empty unless {@link #parse} takes the text. */
    public static Optional<EventId> of(String text) {
        try {
            return Optional.of(parse(text));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    public Instant time() {
        return Instant.ofEpochMilli(millis);
    }

    /** An id below this one with nothing known to lie between but what shares its last millisecond; zero stays zero. */
    public EventId before() {
        return new EventId(Math.max(0, millis - 1), 0);
    }

    public EventId minus(Duration margin) {
        return new EventId(Math.max(0, millis - margin.toMillis()), 0);
    }

    public boolean isAbove(EventId other) {
        return compareTo(other) > 0;
    }

    public EventId max(EventId other) {
        return isAbove(other) ? this : other;
    }

    @Override
    public int compareTo(EventId other) {
        int byTime = Long.compare(millis, other.millis);
        return byTime != 0 ? byTime : Long.compare(sequence, other.sequence);
    }

    @Override
    public String toString() {
        return millis + "-" + sequence;
    }

    private static boolean digits(String text, int from, int to) {
        for (int i = from; i < to; i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return false;
            }
        }
        return from < to;
    }
}
