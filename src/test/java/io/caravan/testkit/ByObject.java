package io.caravan.testkit;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The events of each object in their order, by its internal id: what a stream promises of them and what a topic holds.
 *
 * @param events each with its position
 */
public record ByObject(Map<String, List<Entry>> events) {

    /** An event's position and its envelope's bytes. */
    public record Entry(String position, ByteBuffer envelope) {}

    public static ByObject of(List<Frame> frames) {
        Map<String, List<Entry>> events = new TreeMap<>();
        for (Frame frame : frames) {
            Entry entry = new Entry(frame.id(), ByteBuffer.wrap(frame.data()));
            events.computeIfAbsent(Frames.internalIdOf(frame), id -> new ArrayList<>())
                    .add(entry);
        }
        return new ByObject(events);
    }

    public static ByObject ofRecords(Collection<ConsumerRecord<byte[], byte[]>> records) {
        Map<String, List<Entry>> events = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            Entry entry =
                    new Entry(text(record.headers().lastHeader("position").value()), ByteBuffer.wrap(record.value()));
            events.computeIfAbsent(text(record.key()), key -> new ArrayList<>()).add(entry);
        }
        return new ByObject(events);
    }

    /** An event that is there several times stays where it came last: what a reader holds to be the newest in the end. */
    public ByObject withoutRepetitions() {
        Map<String, List<Entry>> once = new TreeMap<>();
        events.forEach((id, entries) -> {
            Set<Entry> last = new LinkedHashSet<>();
            entries.forEach(entry -> {
                last.remove(entry);
                last.add(entry);
            });
            once.put(id, List.copyOf(last));
        });
        return new ByObject(once);
    }

    /** Short, for the case that a test fails. */
    @Override
    public String toString() {
        return events.values().stream().mapToInt(List::size).sum() + " events of " + events.size() + " objects";
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
