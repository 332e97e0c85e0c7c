package io.caravan.sink;

import java.util.Optional;
import java.util.stream.Stream;

/** The topics that are written, by the names that {@code kafka.topics} has for them and that follow the topic prefix. */
public enum Topic {
    /** Every event's envelope, byte for byte as it came. */
    EVENTS("events", "delete"),
    /** What events mean, object by object. */
    CHANGES("changes", "delete"),
    /** The objects that exist, by their key, as each batch leaves them; null when one is gone. */
    OBJECTS("objects", "compact"),
    /** The indicators that exist, as detection needs them, as each batch leaves them; null when one is gone. */
    INDICATORS("indicators", "compact");

    private final String label;
    private final String cleanupPolicy;

    Topic(String label, String cleanupPolicy) {
        this.label = label;
        this.cleanupPolicy = cleanupPolicy;
    }

    public static Optional<Topic> of(String label) {
        return Stream.of(values()).filter(topic -> topic.label.equals(label)).findFirst();
    }

    /** The topic's {@code cleanup.policy}; another would lose what readers count on. */
    String cleanupPolicy() {
        return cleanupPolicy;
    }

    @Override
    public String toString() {
        return label;
    }
}
