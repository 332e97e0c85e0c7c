package io.caravan;

import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Recording;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which records there are under each key, in their order: where each comes from and what it says, in 64 bits, so that a
 * hundred thousand of them need little room.
 */
record Ledger(Map<String, List<Long>> entries) {

    /** A stream of so many events: a recorded one, again and again, with other objects and ids each time. */
    static List<Frame> stream(int length) throws IOException {
        Recording recording = new Recording(Capture.events("volume/vol-all.sse"));
        Instant begin = Instant.parse("2026-11-21T00:00:00Z");
        List<Frame> events = new ArrayList<>();
        for (int round = 0; events.size() < length; round++) {
            Instant next = begin.plus(Duration.ofHours(round));
            recording.round(round, next, Duration.ofMillis(10)).forEach(events::addAll);
        }
        return events.subList(0, length);
    }

    /** What the topic of events should hold. */
    static Ledger of(List<Frame> events) {
        Ledger ledger = new Ledger(new HashMap<>());
        events.forEach(event -> ledger.add(Frames.internalIdOf(event), event.id(), event.data()));
        return ledger;
    }

    /** What readers of committed records find. */
    static Ledger of(KafkaBroker broker, String topic) {
        Ledger ledger = new Ledger(new HashMap<>());
        Topics.of(broker)
                .forEach(
                        topic,
                        record -> ledger.add(
                                text(record.key()),
                                text(record.headers().lastHeader("position").value()),
                                record.value()));
        return ledger;
    }

    /** How many of these are not in the other, and how many are there several times. */
    String comparedWith(Ledger found) {
        int all = 0;
        int lost = 0;
        int twice = 0;
        for (Map.Entry<String, List<Long>> each : entries.entrySet()) {
            List<Long> there = found.entries.getOrDefault(each.getKey(), List.of());
            Set<Long> distinct = new HashSet<>(there);
            all += each.getValue().size();
            lost += (int) each.getValue().stream()
                    .filter(one -> !distinct.contains(one))
                    .count();
            twice += there.size() - distinct.size();
        }
        return "events " + all + ", lost " + lost + ", twice " + twice;
    }

    private void add(String key, String position, byte[] value) {
        long print = ((long) position.hashCode() << 32) ^ (Arrays.hashCode(value) & 0xffffffffL);
        entries.computeIfAbsent(key, none -> new ArrayList<>()).add(print);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Short, for the case that a test fails. */
    @Override
    public String toString() {
        return entries.values().stream().mapToInt(List::size).sum() + " records of " + entries.size() + " keys";
    }
}
