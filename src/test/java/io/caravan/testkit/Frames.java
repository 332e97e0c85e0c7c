package io.caravan.testkit;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;

/**
 * Makes frames by hand, with envelopes like the platform's. An object is a map of its JSON fields, made by
 * {@link #object} or {@link #relation} and changed by the test as it likes. Stateless.
 */
public final class Frames {

    public static final String OPENCTI_EXTENSION = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";

    private static final String CREATED = "2026-11-21T17:00:00.000Z";

    private Frames() {}

    /** A STIX object whose internal id is derived from its STIX id. */
    public static Map<String, Object> object(String stixId) {
        return object(stixId, internalId(stixId));
    }

    /** A STIX object under a given internal id, as for an object that was renamed. */
    public static Map<String, Object> object(String stixId, String internalId) {
        String type = stixId.substring(0, stixId.indexOf("--"));
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("id", stixId);
        object.put("spec_version", "2.1");
        object.put("type", type);
        object.put("extensions", fields(OPENCTI_EXTENSION, extension(internalId, entityType(type))));
        object.put("created", CREATED);
        object.put("modified", CREATED);
        object.put("name", stixId);
        return object;
    }

    public static Map<String, Object> relation(String stixId, String type, String sourceId, String targetId) {
        Map<String, Object> extension = extension(internalId(stixId), type);
        extension.put("source_ref", internalId(sourceId));
        extension.put("target_ref", internalId(targetId));
        Map<String, Object> relation = object(stixId);
        relation.remove("name");
        relation.put("extensions", fields(OPENCTI_EXTENSION, extension));
        relation.put("relationship_type", type);
        relation.put("source_ref", sourceId);
        relation.put("target_ref", targetId);
        return relation;
    }

    /** As the platform sends it, with the internal ids of its ends in the extension. */
    public static Map<String, Object> sighting(String stixId, String sightedId, String... whereIds) {
        Map<String, Object> sighting = object(stixId);
        sighting.remove("name");
        sighting.put("sighting_of_ref", sightedId);
        sighting.put("where_sighted_refs", List.of(whereIds));
        extension(sighting).put("sighting_of_ref", internalId(sightedId));
        extension(sighting)
                .put(
                        "where_sighted_refs",
                        Arrays.stream(whereIds).map(Frames::internalId).toList());
        return sighting;
    }

    /** OpenCTI's extension of an object that was made here, to be changed. */
    @SuppressWarnings("unchecked")
    public static Map<String, Object> extension(Map<String, Object> object) {
        return (Map<String, Object>) ((Map<String, Object>) object.get("extensions")).get(OPENCTI_EXTENSION);
    }

    /** The internal id that {@link #object} gives to a STIX id. */
    public static String internalId(String stixId) {
        return UUID.nameUUIDFromBytes(stixId.getBytes(StandardCharsets.UTF_8)).toString();
    }

    /** That of the object an event is about; empty where it has none. */
    public static String internalIdOf(Frame event) {
        try {
            return new ObjectMapper()
                    .readTree(event.data())
                    .at("/data/extensions/" + OPENCTI_EXTENSION + "/id")
                    .asText();
        } catch (IOException e) {
            throw new UncheckedIOException(event.toString(), e);
        }
    }

    public static Frame create(String id, String stixId) {
        return create(id, object(stixId));
    }

    public static Frame create(String id, Map<String, ?> object) {
        return frame(id, "create", envelope("create", object));
    }

    /** An update whose patch and reverse patch are the difference of the two objects' top-level fields. */
    public static Frame update(String id, Map<String, ?> before, Map<String, ?> after) {
        Map<String, Object> envelope = envelope("update", after);
        envelope.put("context", context(before, after));
        return frame(id, "update", envelope);
    }

    public static Frame delete(String id, String stixId) {
        return delete(id, object(stixId));
    }

    public static Frame delete(String id, Map<String, ?> object) {
        return frame(id, "delete", envelope("delete", object));
    }

    /** A delete as platforms up to 5.x send it, with the objects that went along. */
    public static Frame delete(String id, Map<String, ?> object, List<Map<String, Object>> deletions) {
        Map<String, Object> envelope = envelope("delete", object);
        envelope.put("context", fields("deletions", deletions));
        return frame(id, "delete", envelope);
    }

    public static Frame merge(
            String id, Map<String, ?> before, Map<String, ?> after, List<Map<String, Object>> sources) {
        Map<String, Object> context = context(before, after);
        context.keySet().retainAll(Set.of("patch", "reverse_patch"));
        context.put("sources", sources);
        Map<String, Object> envelope = envelope("merge", after);
        envelope.put("context", context);
        return frame(id, "merge", envelope);
    }

    /** An update that made the object match the stream's filter. */
    public static Frame enteredScope(String id, Map<String, ?> object) {
        return scopeChange(id, "create", object);
    }

    /** An update after which the object no longer matches the stream's filter. */
    public static Frame leftScope(String id, Map<String, ?> object) {
        return scopeChange(id, "delete", object);
    }

    public static Frame dependency(String id, String stixId) {
        return dependency(id, object(stixId));
    }

    public static Frame dependency(String id, Map<String, ?> object) {
        return initial(id, object, "init-dependencies");
    }

    public static Frame snapshot(String id, String stixId) {
        return snapshot(id, object(stixId));
    }

    public static Frame snapshot(String id, Map<String, ?> object) {
        return initial(id, object, "init-create");
    }

    /** The same event, in their name; the applicant may be empty. */
    public static Frame by(String user, String applicant, Frame event) {
        ObjectNode envelope = (ObjectNode) Jackson.tree(event.data());
        ObjectNode origin = envelope.putObject("origin").put("socket", "query").put("user_id", user);
        if (!applicant.isEmpty()) {
            origin.put("applicant_id", applicant);
        }
        return Frame.of(event.id(), event.event(), envelope.toString());
    }

    /** A create of about so many megabytes, all of them in the description. */
    public static Frame large(String id, String stixId, int megabytes) {
        String mark = "@description@";
        Map<String, Object> object = object(stixId);
        object.put("description", mark);
        String json = Json.write(envelope("create", object));
        byte[] head = json.substring(0, json.indexOf(mark)).getBytes(StandardCharsets.UTF_8);
        byte[] tail = json.substring(json.indexOf(mark) + mark.length()).getBytes(StandardCharsets.UTF_8);
        byte[] data = new byte[head.length + (megabytes << 20) + tail.length];
        Arrays.fill(data, (byte) 'x');
        System.arraycopy(head, 0, data, 0, head.length);
        System.arraycopy(tail, 0, data, data.length - tail.length, tail.length);
        return Frame.of(id, "create", data);
    }

    public static Frame heartbeat(String id) {
        Instant time = EventId.parse(id).orElse(EventId.ZERO).time();
        return Frame.of(id, "heartbeat", Json.write(isoMillis(time)));
    }

    public static Frame consumerMetrics(String id) {
        return Frame.of(
                id,
                "consumer_metrics",
                "{\"deliveryRate\":0.5,\"processingRate\":0,\"resolutionRate\":0,\"productionRate\":0,"
                        + "\"timeLag\":0,\"estimatedOutOfDepth\":0}");
    }

    public static Frame error(String stream, String message) {
        return Frame.of("", "error", Json.write(fields("stream", stream, "message", message)));
    }

    public static Frame noRecover(String id, String stream, String resumeFrom) {
        String message = "Recovery from history is disabled on streams configured with origin filters;"
                + " resuming from live events only.";
        return Frame.of(
                id, "no-recover", Json.write(fields("stream", stream, "message", message, "resume_from", resumeFrom)));
    }

    /** A map in the order given: key, value, key, value. */
    static Map<String, Object> fields(Object... keysAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            fields.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return fields;
    }

    /** As the platform writes dates: always with milliseconds, which Instant.toString drops when they are zero. */
    static String isoMillis(Instant time) {
        String text = Instant.ofEpochMilli(time.toEpochMilli()).toString();
        return text.contains(".") ? text : text.replace("Z", ".000Z");
    }

    private static Map<String, Object> envelope(String type, Map<String, ?> object) {
        Map<String, Object> envelope = new LinkedHashMap<>();
        envelope.put("version", "4");
        envelope.put("type", type);
        envelope.put("scope", "external");
        envelope.put("message", type + "s " + object.get("id"));
        envelope.put("origin", fields("socket", "query", "ip", "192.0.2.7", "user_id", internalId("user")));
        envelope.put("data", object);
        return envelope;
    }

    private static Frame initial(String id, Map<String, ?> object, String referer) {
        Map<String, Object> envelope = new LinkedHashMap<>();
        envelope.put("data", object);
        envelope.put("message", "creates " + object.get("id"));
        envelope.put("origin", fields("referer", referer));
        envelope.put("version", "4");
        return frame(id, "create", envelope);
    }

    private static Frame scopeChange(String id, String event, Map<String, ?> object) {
        Map<String, Object> envelope = envelope("update", object);
        envelope.put("context", Map.of());
        return frame(id, event, envelope);
    }

    private static Frame frame(String id, String event, Map<String, ?> envelope) {
        return Frame.of(id, event, Json.write(envelope));
    }

    private static Map<String, Object> context(Map<String, ?> before, Map<String, ?> after) {
        Map<String, Object> context = new LinkedHashMap<>();
        context.put("patch", patch(before, after));
        context.put("reverse_patch", patch(after, before));
        context.put("changes", List.of());
        context.put("related_restrictions", fields("markings", List.of()));
        context.put("pir_ids", List.of());
        return context;
    }

    /** The RFC 6902 operations that make the second object of the first, each on a whole top-level field. */
    private static List<Map<String, Object>> patch(Map<String, ?> from, Map<String, ?> to) {
        List<Map<String, Object>> operations = new ArrayList<>();
        Set<String> names = new LinkedHashSet<>(from.keySet());
        names.addAll(to.keySet());
        for (String name : names) {
            String path = "/" + name.replace("~", "~0").replace("/", "~1");
            if (!to.containsKey(name)) {
                operations.add(fields("op", "remove", "path", path));
            } else if (!from.containsKey(name)) {
                operations.add(fields("op", "add", "path", path, "value", to.get(name)));
            } else if (!Objects.equals(from.get(name), to.get(name))) {
                operations.add(fields("op", "replace", "path", path, "value", to.get(name)));
            }
        }
        return operations;
    }

    private static Map<String, Object> extension(String internalId, String entityType) {
        Map<String, Object> extension = new LinkedHashMap<>();
        extension.put("extension_type", "property-extension");
        extension.put("id", internalId);
        extension.put("type", entityType);
        extension.put("created_at", CREATED);
        extension.put("updated_at", CREATED);
        extension.put("is_inferred", false);
        return extension;
    }

    private static String entityType(String stixType) {
        StringBuilder name = new StringBuilder();
        for (String word : stixType.split("-")) {
            name.append(name.isEmpty() ? "" : "-")
                    .append(Character.toUpperCase(word.charAt(0)))
                    .append(word.substring(1));
        }
        return name.toString();
    }
}
