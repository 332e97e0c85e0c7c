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
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What a platform has, changed at random: every change stands in its log, what is left stands in its snapshot. Its clock
 * runs as this machine's does, and can be put forward. Objects are made, changed, renamed and deleted, relations made
 * and deleted; what ends at a deleted object vanishes without an event, as on a platform.
 *
 * <p>{@linkplain #withSilentTouches With silent touches}, as on a platform too, it changes without an event what bore a deleted
 * label, was by a deleted author or held a deleted object, and moves it in the snapshot; it moves the ends of a relation that is
 * made, sometimes; and its search finds things late.
 */
final class ChangingPlatform {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String AUTHOR = "created_by_ref";
    private static final String CONTENTS = "object_refs";
    private static final String LABELS = "labels";
    private static final String LABEL_IDS = "labels_ids";

    /** An object as it is now, and the id of the event that made it so. */
    private record Present(Map<String, Object> object, String since) {}

    private final FakePlatform platform;
    private final Random random;
    private final Map<String, Present> present = new TreeMap<>();
    private final Map<String, Instant> deleted = new HashMap<>();
    private boolean touchesInSilence;
    private Duration ahead = Duration.ZERO;
    private long lastMillis;
    private int made;
    private int events;

    ChangingPlatform(FakePlatform platform, Random random) {
        this.platform = platform.heartbeats(Heartbeats.every(Duration.ofMillis(100)));
        this.random = random;
    }

    ChangingPlatform withSilentTouches() {
        platform.searchLag(Duration.ofMillis(700));
        touchesInSilence = true;
        return this;
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
        int what = random.nextInt(touchesInSilence ? 12 : 10);
        if (present.size() < 10 || what < 4) {
            return add(bearing(Frames.object(newId("tool"))));
        }
        if (what >= 10) {
            return what == 10 ? add(Frames.object(newId(random.nextBoolean() ? "label" : "identity"))) : report();
        }
        Map<String, Object> one = any();
        boolean isRelation = one.containsKey("source_ref");
        if (what < 6 && !isRelation) {
            Map<String, Object> other = any();
            return other.containsKey("source_ref") || other == one
                    ? change(one, "description", "changed by " + nextId())
                    : add(relation(one, other));
        }
        if (what < 7 && one.get("type").equals("tool") && ends(one).isEmpty()) {
            return change(one, "id", newId("tool"));
        }
        return what < 8 ? change(one, "description", "changed by " + nextId()) : delete(one);
    }

    /** Sometimes an author and a label. */
    private Map<String, Object> bearing(Map<String, Object> object) {
        anyOf("identity").ifPresent(author -> object.put(AUTHOR, author.get("id")));
        anyOf("label").ifPresent(label -> {
            object.put(LABELS, List.of(label.get("name")));
            Frames.extension(object).put(LABEL_IDS, List.of(internalId(label)));
        });
        return object;
    }

    private Frame report() {
        Map<String, Object> report = bearing(Frames.object(newId("report")));
        report.put(
                CONTENTS,
                Stream.of(any(), any(), any())
                        .map(each -> each.get("id"))
                        .distinct()
                        .toList());
        return add(report);
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
        Frames.extension(object).put("created_at", time(id));
        Map<String, Object> made = touched(object, id);
        present.put(internalId(made), new Present(made, id));
        Frame event = Frames.create(id, made);
        if (touchesInSilence && object.containsKey("source_ref") && random.nextBoolean()) {
            present.values().stream()
                    .map(Present::object)
                    .filter(each -> each.get("id").equals(object.get("source_ref"))
                            || each.get("id").equals(object.get("target_ref")))
                    .toList()
                    .forEach(end -> touchInSilence(end, end));
        }
        return event;
    }

    private Frame change(Map<String, Object> object, String field, String value) {
        String id = nextId();
        Map<String, Object> after = touched(object, id);
        after.put(field, value);
        present.put(internalId(object), new Present(after, id));
        if (field.equals("id")) { // what holds it names it anew, and is not touched
            for (Present each : List.copyOf(present.values())) {
                Map<String, Object> holder = with(each.object(), CONTENTS, (String) object.get("id"), value);
                present.put(internalId(holder), new Present(holder, each.since()));
            }
        }
        return Frames.update(id, object, after);
    }

    private Frame delete(Map<String, Object> object) {
        List<Map<String, Object>> gone = new ArrayList<>(List.of(object));
        gone.addAll(ends(object));
        for (Map<String, Object> each : gone) {
            present.remove(internalId(each));
            deleted.put(internalId(each), Instant.now());
        }
        for (Map<String, Object> each : gone) {
            loseReferencesTo(each);
        }
        return Frames.delete(nextId(), object);
    }

    private void loseReferencesTo(Map<String, Object> object) {
        String id = (String) object.get("id");
        for (Present each : List.copyOf(present.values())) {
            Map<String, Object> without = with(each.object(), CONTENTS, id, null);
            without = id.equals(without.get(AUTHOR)) ? with(without, AUTHOR, id, null) : without;
            List<?> labels = (List<?>) Frames.extension(without).getOrDefault(LABEL_IDS, List.of());
            if (labels.contains(internalId(object))) {
                without = new LinkedHashMap<>(without);
                without.remove(LABELS);
                Map<String, Object> extension = new LinkedHashMap<>(Frames.extension(without));
                extension.remove(LABEL_IDS);
                without.put("extensions", new LinkedHashMap<>(Map.of(Frames.OPENCTI_EXTENSION, extension)));
            }
            if (!without.equals(each.object())) {
                touchInSilence(each.object(), without);
            }
        }
    }

    private void touchInSilence(Map<String, Object> before, Map<String, Object> after) {
        String id = nextId();
        present.put(internalId(before), new Present(touched(after, id), id));
    }

    /** The object with one value of a field replaced, or without it. */
    private static Map<String, Object> with(Map<String, Object> object, String field, String value, String other) {
        Map<String, Object> after = new LinkedHashMap<>(object);
        if (object.get(field) instanceof List<?> values) {
            after.put(
                    field,
                    values.stream()
                            .map(each -> each.equals(value) ? other : each)
                            .filter(Objects::nonNull)
                            .toList());
        } else if (value.equals(object.get(field))) {
            after.remove(field);
        }
        return after;
    }

    private static Map<String, Object> touched(Map<String, Object> object, String id) {
        Map<String, Object> after = new LinkedHashMap<>(object);
        Map<String, Object> extension = new LinkedHashMap<>(Frames.extension(object));
        extension.put("updated_at", time(id));
        after.put("extensions", new LinkedHashMap<>(Map.of(Frames.OPENCTI_EXTENSION, extension)));
        return after;
    }

    private static String time(String id) {
        return Instant.ofEpochMilli(Long.parseLong(id.substring(0, id.indexOf('-'))))
                .toString();
    }

    private Optional<Map<String, Object>> anyOf(String type) {
        List<Map<String, Object>> all = present.values().stream()
                .map(Present::object)
                .filter(each -> each.get("type").equals(type))
                .toList();
        return all.isEmpty() || random.nextInt(3) == 0
                ? Optional.empty()
                : Optional.of(all.get(random.nextInt(all.size())));
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
