package io.caravan;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Heartbeats;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * What a platform has, changed at random: every change stands in its log, what is left stands in its snapshot. Its clock
 * runs as this machine's does, and can be put forward. Objects are made, changed, renamed and deleted, relations made
 * and deleted; what ends at a deleted object vanishes without an event, as on a platform.
 */
final class ChangingPlatform {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** An object as it is now, and the id of the event that made it so. */
    private record Present(Map<String, Object> object, String since) {}

    private final FakePlatform platform;
    private final Random random;
    private final Map<String, Present> present = new TreeMap<>();
    private final Map<String, Instant> deleted = new HashMap<>();
    private Duration ahead = Duration.ZERO;
    private long lastMillis;
    private int made;
    private int events;

    ChangingPlatform(FakePlatform platform, Random random) {
        this.platform = platform.heartbeats(Heartbeats.every(Duration.ofMillis(100)));
        this.random = random;
    }

    /** So many changes happen. */
    ChangingPlatform change(int times) {
        for (int n = 0; n < times; n++) {
            platform.append(happen());
            events++;
        }
        List<Frame> snapshot = new ArrayList<>();
        present.values().forEach(each -> snapshot.add(Frames.snapshot(each.since(), each.object())));
        platform.snapshot(snapshot);
        return this;
    }

    /** The log up to now is gone: only what happens from now on will be in it. */
    ChangingPlatform forgetTheLog() {
        platform.trimTo(nextId());
        return this;
    }

    ChangingPlatform putForward(Duration time) {
        ahead = ahead.plus(time);
        platform.clockOffset(ahead);
        return this;
    }

    /** By STIX id, what is there. */
    Map<String, JsonNode> objects() {
        Map<String, JsonNode> objects = new TreeMap<>();
        present.values()
                .forEach(each -> objects.put((String) each.object().get("id"), JSON.valueToTree(each.object())));
        return objects;
    }

    /** By the internal ids of what was ever deleted, when it was, by this machine's clock. */
    Map<String, Instant> deleted() {
        return deleted;
    }

    int events() {
        return events;
    }

    private Frame happen() {
        int what = random.nextInt(10);
        if (present.size() < 10 || what < 4) {
            return add(Frames.object(newId("tool")));
        }
        Map<String, Object> one = any();
        boolean isRelation = one.containsKey("source_ref");
        if (what < 6 && !isRelation) {
            Map<String, Object> other = any();
            return other.containsKey("source_ref") || other == one
                    ? change(one, "description", "changed by " + nextId())
                    : add(relation(one, other));
        }
        if (what < 7 && !isRelation && ends(one).isEmpty()) {
            return change(one, "id", newId("tool"));
        }
        return what < 8 ? change(one, "description", "changed by " + nextId()) : delete(one);
    }

    /** With the ends' internal ids, which a rename does not change. */
    private Map<String, Object> relation(Map<String, Object> from, Map<String, Object> to) {
        Map<String, Object> relation =
                Frames.relation(newId("relationship"), "uses", (String) from.get("id"), (String) to.get("id"));
        Frames.extension(relation).put("source_ref", internalId(from));
        Frames.extension(relation).put("target_ref", internalId(to));
        return relation;
    }

    private Frame add(Map<String, Object> object) {
        String id = nextId();
        present.put(internalId(object), new Present(object, id));
        return Frames.create(id, object);
    }

    private Frame change(Map<String, Object> object, String field, String value) {
        Map<String, Object> after = new LinkedHashMap<>(object);
        after.put(field, value);
        String id = nextId();
        present.put(internalId(object), new Present(after, id));
        return Frames.update(id, object, after);
    }

    private Frame delete(Map<String, Object> object) {
        List<Map<String, Object>> gone = new ArrayList<>(List.of(object));
        gone.addAll(ends(object));
        for (Map<String, Object> each : gone) {
            present.remove(internalId(each));
            deleted.put(internalId(each), Instant.now());
        }
        return Frames.delete(nextId(), object);
    }

    /** The relations that end at an object. */
    private List<Map<String, Object>> ends(Map<String, Object> object) {
        return present.values().stream()
                .map(Present::object)
                .filter(each -> object.get("id").equals(each.get("source_ref"))
                        || object.get("id").equals(each.get("target_ref")))
                .toList();
    }

    private Map<String, Object> any() {
        List<Present> all = List.copyOf(present.values());
        return all.get(random.nextInt(all.size())).object();
    }

    private String newId(String type) {
        return "%s--00000000-0000-4000-8000-%012d".formatted(type, ++made);
    }

    private static String internalId(Map<String, Object> object) {
        return (String) Frames.extension(object).get("id");
    }

    /** By the platform's clock, each above the one before. */
    private String nextId() {
        lastMillis = Math.max(lastMillis + 1, System.currentTimeMillis() + ahead.toMillis());
        return lastMillis + "-0";
    }
}
