package io.caravan.sink;

import java.util.Map;
import java.util.Optional;

/**
 * A topic as it has to be.
 *
 * @param cleanupPolicy its {@code cleanup.policy}; another would lose what readers count on
 * @param partitions how many it is made with; empty: the brokers' default
 * @param holdsEvents whether what is in it grows with the events, so that a small {@code max.message.bytes} is in the way
 * @param configs what else it is made with
 */
record TopicPlan(
        String name,
        String cleanupPolicy,
        Optional<Integer> partitions,
        boolean holdsEvents,
        Map<String, String> configs) {

    TopicPlan {
        configs = Map.copyOf(configs);
    }

    static TopicPlan of(String name, String cleanupPolicy) {
        return new TopicPlan(name, cleanupPolicy, Optional.empty(), true, Map.of());
    }
}
