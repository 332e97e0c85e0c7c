package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A recorded log that can be told any number of times as if it happened later, to other objects: each {@link #round} has
 * its own times and its own STIX and internal ids, consistent within the round. What is not an object of the recording
 * keeps its ids, and so do TLP's markings: users, groups, extension definitions. Names stay too. Immutable.
 */
public final class Recording {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern ID =
            Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}");
    private static final Pattern TIME = Pattern.compile("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z");
    private static final Pattern EVENT_ID = Pattern.compile("(?<=\"event_id\":\")(\\d+)-(\\d+)(?=\")");
    /** TLP's are in the STIX specification, with random ids; a platform's own have ids made of their names. */
    private static final Pattern TLP =
            Pattern.compile("marking-definition--[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f-]{17}");

    private final List<List<Frame>> groups;
    private final Set<String> ids;
    private final String seed = UUID.randomUUID().toString();

    /** Events in the order of their ids; no other frames. */
    public Recording(List<Frame> events) {
        groups = groups(events);
        ids = objectIds(events);
    }

    /**
     * The whole recording once more, events of one id together. Two rounds of one number have the same ids; their times
     * are as given.
     *
     * @param begin the first event's time
     * @param step from one event to the next; those of one id come at once, and the next takes the longer for it
     */
    public List<List<Frame>> round(int number, Instant begin, Duration step) {
        NavigableMap<Long, Long> told = new TreeMap<>();
        long time = begin.toEpochMilli();
        for (List<Frame> group : groups) {
            told.put(id(group).ms(), time);
            time += Math.max(1, step.toMillis() * group.size());
        }
        UnaryOperator<String> texts = text -> retimed(renamed(text, number), told);
        List<List<Frame>> round = new ArrayList<>();
        for (List<Frame> group : groups) {
            EventId id = new EventId(later(told, id(group).ms()), id(group).sequence());
            round.add(group.stream().map(frame -> retold(frame, id, texts)).toList());
        }
        return round;
    }

    private static Frame retold(Frame frame, EventId id, UnaryOperator<String> texts) {
        String text = new String(frame.data(), StandardCharsets.UTF_8);
        return Frame.of(id.toString(), frame.event(), texts.apply(text));
    }

    private String renamed(String text, int round) {
        return ID.matcher(text).replaceAll(id -> ids.contains(id.group()) ? fresh(id, round) : id.group());
    }

    /** Of the same version, so that it looks like the platform's. */
    private String fresh(MatchResult id, int round) {
        String name = seed + round + id.group();
        String fresh =
                UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8)).toString();
        return fresh.substring(0, 14) + id.group(1) + fresh.substring(15);
    }

    private static String retimed(String text, NavigableMap<Long, Long> told) {
        String dated = TIME.matcher(text)
                .replaceAll(time -> Frames.isoMillis(Instant.ofEpochMilli(
                        later(told, Instant.parse(time.group()).toEpochMilli()))));
        return EVENT_ID.matcher(dated)
                .replaceAll(id ->
                        new EventId(later(told, Long.parseLong(id.group(1))), Long.parseLong(id.group(2))).toString());
    }

    /** Between two events in proportion; before the first and after the last at the distance recorded. */
    private static long later(NavigableMap<Long, Long> told, long recorded) {
        Map.Entry<Long, Long> before = told.floorEntry(recorded);
        Map.Entry<Long, Long> after = told.ceilingEntry(recorded);
        if (before == null || after == null) {
            Map.Entry<Long, Long> nearest = before == null ? after : before;
            return recorded + nearest.getValue() - nearest.getKey();
        }
        long gap = Math.max(1, after.getKey() - before.getKey());
        return before.getValue() + (recorded - before.getKey()) * (after.getValue() - before.getValue()) / gap;
    }

    private static EventId id(List<Frame> group) {
        return EventId.parse(group.get(0).id()).orElseThrow();
    }

    private static List<List<Frame>> groups(List<Frame> events) {
        List<List<Frame>> groups = new ArrayList<>();
        String last = "";
        for (Frame event : events) {
            if (!event.id().equals(last)) {
                groups.add(new ArrayList<>());
            }
            groups.get(groups.size() - 1).add(event);
            last = event.id();
        }
        return groups;
    }

    /** The UUIDs that name the recording's objects. */
    private static Set<String> objectIds(List<Frame> events) {
        Set<String> ids = new HashSet<>();
        for (Frame event : events) {
            JsonNode envelope = read(event);
            addIds(ids, envelope.path("data"));
            envelope.path("context").path("sources").forEach(source -> addIds(ids, source));
            envelope.path("context").path("deletions").forEach(deleted -> addIds(ids, deleted));
        }
        return ids;
    }

    private static void addIds(Set<String> ids, JsonNode object) {
        String stixId = object.path("id").asText();
        if (!TLP.matcher(stixId).matches()) {
            JsonNode extension = object.path("extensions").path(Frames.OPENCTI_EXTENSION);
            Stream<String> others = extension.path("stix_ids").valueStream().map(JsonNode::asText);
            Stream.concat(Stream.of(stixId, extension.path("id").asText()), others)
                    .flatMap(id -> ID.matcher(id).results())
                    .forEach(id -> ids.add(id.group()));
        }
    }

    private static JsonNode read(Frame event) {
        try {
            return JSON.readTree(event.data());
        } catch (IOException e) {
            throw new UncheckedIOException("not JSON: " + event, e);
        }
    }
}
