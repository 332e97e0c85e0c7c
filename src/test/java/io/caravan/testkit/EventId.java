package io.caravan.testkit;

import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;

/** An entry's place in the platform's log, {@code <ms>-<sequence>}; compares as two numbers. Immutable. */
record EventId(long ms, long sequence) implements Comparable<EventId> {

    static final EventId ZERO = new EventId(0, 0);

    private static final Comparator<EventId> ORDER =
            Comparator.comparingLong(EventId::ms).thenComparingLong(EventId::sequence);

    static Optional<EventId> parse(String text) {
        int dash = text.indexOf('-');
        if (dash < 1) {
            return Optional.empty();
        }
        try {
            return Optional.of(
                    new EventId(Long.parseLong(text.substring(0, dash)), Long.parseLong(text.substring(dash + 1))));
        } catch (NumberFormatException notAnId) {
            return Optional.empty();
        }
    }

    static EventId at(Instant time) {
        return new EventId(time.toEpochMilli(), 0);
    }

    Instant time() {
        return Instant.ofEpochMilli(ms);
    }

    @Override
    public int compareTo(EventId other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return ms + "-" + sequence;
    }
}
