package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Frames.extension;
import static io.caravan.testkit.Frames.internalId;
import static io.caravan.testkit.Frames.merge;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.relation;
import static io.caravan.testkit.Frames.sighting;
import static io.caravan.testkit.Frames.update;

import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.Frame;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Events of a platform on which each kind of object is made, changed, renamed, merged and removed, and what is left in the
 * end. A label is renamed, and an object that bears its new name comes before.
 */
final class EveryOperation {

    static final String STOPPED = "2026-02-01T00:00:00.000Z";
    static final String COLOUR = "#112233";

    private final List<Frame> events = new ArrayList<>();
    private final Map<String, Map<String, Object>> objects = new TreeMap<>();

    EveryOperation() {
        String team = id("marking-definition", 1);
        String author = id("identity", 1);
        make(marking(team));
        make(named(author));
        make(label("old"));
        Map<String, Object> marked = bearing(id("malware", 1), "old");
        marked.put("object_marking_refs", List.of(team));
        marked.put("created_by_ref", author);
        make(marked);
        make(bearing(id("malware", 2), "old"));
        make(named(id("malware", 3)));
        make(named(id("malware", 4)));
        make(value("ipv4-addr", 1, "192.0.2.1"));
        make(value("ipv4-addr", 2, "192.0.2.2"));
        make(relation(id("relationship", 1), "uses", id("malware", 1), id("malware", 2)));
        make(relation(id("relationship", 2), "uses", id("malware", 3), id("malware", 2)));
        make(relation(id("relationship", 3), "uses", id("malware", 1), id("malware", 4)));
        make(relation(id("relationship", 4), "uses", id("malware", 4), id("malware", 2)));
        make(sighting(id("sighting", 1), id("malware", 1), author));
        make(sighting(id("sighting", 2), id("malware", 2), author));
        make(report(1, id("malware", 1)));
        make(report(2, id("malware", 2)));
        make(label("gone"));
        make(marking(id("marking-definition", 2)));
        make(reference(1));
        make(reference(2));
        make(phase(1));
        make(phase(2));

        Map<String, Object> renamed = label("new");
        extension(renamed).put("id", internalId(labelId("old")));
        make(bearing(id("tool", 1), "new", internalId(labelId("old")))); // before the label itself
        rename(labelId("old"), renamed);
        change(bearing(id("malware", 2), "new", internalId(labelId("old"))));
        Map<String, Object> remarked = bearing(id("malware", 1), "new", internalId(labelId("old")));
        remarked.put("object_marking_refs", List.of(team));
        remarked.put("created_by_ref", author);
        change(remarked);
        Map<String, Object> stopped = relation(stoppedRelation(), "uses", id("malware", 1), id("malware", 2));
        stopped.put("stop_time", STOPPED);
        change(stopped);
        Map<String, Object> seen = sighting(id("sighting", 1), id("malware", 1), author);
        seen.put("last_seen", STOPPED);
        change(seen);
        rename(id("identity", 1), renamed(author, id("identity", 9)));

        Map<String, Object> target = objects.get(id("malware", 1));
        events.add(merge(next(), target, target, List.of(objects.get(id("malware", 3)))));
        objects.remove(id("malware", 3)); // its relation ends at the target from now on

        remove(id("relationship", 3));
        remove(id("sighting", 2));
        remove(id("malware", 4));
        objects.remove(id("relationship", 4)); // went along
        remove(id("ipv4-addr", 2));
        remove(id("report", 2));
        remove(labelId("gone"));
        remove(id("marking-definition", 2));
        remove(id("external-reference", 2));
        remove(id("kill-chain-phase", 2));
    }

    List<Frame> events() {
        return List.copyOf(events);
    }

    /** The ids of what is there in the end. */
    Set<String> left() {
        return objects.keySet();
    }

    /** One that has stopped. */
    String stoppedRelation() {
        return id("relationship", 1);
    }

    /** One that has been renamed. */
    String renamedLabel() {
        return labelId("new");
    }

    /** What bears a marking that no platform has from the start. */
    String markedObject() {
        return id("malware", 1);
    }

    private void make(Map<String, Object> object) {
        events.add(create(next(), object));
        objects.put((String) object.get("id"), object);
    }

    private void change(Map<String, Object> object) {
        events.add(update(next(), objects.get((String) object.get("id")), object));
        objects.put((String) object.get("id"), object);
    }

    private void rename(String before, Map<String, Object> object) {
        events.add(update(next(), objects.remove(before), object));
        objects.put((String) object.get("id"), object);
    }

    private void remove(String id) {
        events.add(delete(next(), objects.remove(id)));
    }

    private String next() {
        return (events.size() + 1) + "000-0";
    }

    private static String id(String type, int number) {
        return "%s--00000000-0000-4000-8000-%012d".formatted(type, number);
    }

    private static String labelId(String value) {
        return FakeDestination.labelId(value);
    }

    private static Map<String, Object> named(String id) {
        return object(id);
    }

    private static Map<String, Object> renamed(String before, String id) {
        return object(id, internalId(before));
    }

    private static Map<String, Object> value(String type, int number, String value) {
        Map<String, Object> object = object(id(type, number));
        object.remove("name");
        object.put("value", value);
        return object;
    }

    private static Map<String, Object> label(String value) {
        Map<String, Object> label = object(labelId(value));
        label.remove("name");
        label.put("value", value);
        label.put("color", COLOUR);
        return label;
    }

    private static Map<String, Object> bearing(String id, String label) {
        return bearing(id, label, internalId(labelId(label)));
    }

    private static Map<String, Object> bearing(String id, String label, String labelsInternalId) {
        Map<String, Object> object = object(id);
        object.put("labels", List.of(label));
        extension(object).put("labels_ids", List.of(labelsInternalId));
        return object;
    }

    private static Map<String, Object> marking(String id) {
        Map<String, Object> marking = object(id);
        marking.put("definition_type", "statement");
        return marking;
    }

    private static Map<String, Object> reference(int number) {
        Map<String, Object> reference = value("external-reference", number, "");
        reference.remove("value");
        reference.put("source_name", "source " + number);
        reference.put("url", "https://ref.example.test/" + number);
        return reference;
    }

    private static Map<String, Object> phase(int number) {
        Map<String, Object> phase = value("kill-chain-phase", number, "");
        phase.remove("value");
        phase.put("kill_chain_name", "chain");
        phase.put("phase_name", "phase " + number);
        return phase;
    }

    private static Map<String, Object> report(int number, String contained) {
        Map<String, Object> report = object(id("report", number));
        report.put("object_refs", List.of(contained));
        return report;
    }
}
