package io.caravan.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;

/**
 * Up to where everything is delivered: what a sink's success is followed by, and where a restart goes on. Its written
 * form is JSON.
 *
 * @param platform the platform's address; a position means nothing on another
 * @param stream the stream followed there
 * @param resume everything up to here, inclusive, is delivered; where a connection starts ({@code from} is exclusive)
 * @param open the newest id of which something is delivered, perhaps not all: several events share an id
 * @param snapshot the snapshot being read, if one is: its ids are in no order, so {@code resume} stays meanwhile
 * @param batches how many batches have been delivered since the stream was first followed. It tells one batch from the
 *     next where nothing else moves (in a snapshot), so a sink knows a batch that comes again by the number before it
 * @param margin how far a heartbeat's id may run ahead of events still to come
 */
public record Position(
        String platform,
        String stream,
        EventId resume,
        Optional<Open> open,
        Optional<Snapshot> snapshot,
        long batches,
        Duration margin) {

    /** A heartbeat's id is a clock that was seen to run 2 s ahead of events; a minute is kept. */
    public static final Duration MARGIN = Duration.ofMinutes(1);

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * The newest id with what is delivered of it.
     *
     * @param delivered the fingerprints of its events, sorted; not to be written to
     */
    public record Open(EventId id, long[] delivered) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Open open && id.equals(open.id) && Arrays.equals(delivered, open.delivered);
        }

        @Override
        public int hashCode() {
            return id.hashCode() + Arrays.hashCode(delivered);
        }

        @Override
        public String toString() {
            return id + " (" + delivered.length + " delivered)";
        }
    }

    /** What was asked of {@code recover}: the state of all objects changed after {@code from} and up to {@code until}. */
    public record Snapshot(EventId from, Instant until) {}

    public static Position startingAt(String platform, String stream, EventId resume) {
        return new Position(platform, stream, resume, Optional.empty(), Optional.empty(), 0, MARGIN);
    }

    public static Position startingWith(String platform, String stream, Snapshot snapshot) {
        return new Position(platform, stream, snapshot.from(), Optional.empty(), Optional.of(snapshot), 0, MARGIN);
    }

    /** Whether the stream shows only what matches a filter, as all do that were made in the platform. */
    public boolean isFiltered() {
        return !stream.equals("live") && !stream.equals("raw");
    }

    /** The newest id known to be delivered, at least in part. */
    public EventId newest() {
        return open.map(o -> o.id().max(resume)).orElse(resume);
    }

    /** The same place after a batch that did not come from the stream. */
    public Position afterAnotherBatch() {
        return new Position(platform, stream, resume, open, snapshot, batches + 1, margin);
    }

    public byte[] toJson() {
        ObjectNode json = JSON.createObjectNode();
        json.put("platform", platform).put("stream", stream).put("resume", resume.toString());
        if (open.isPresent()) {
            ArrayNode delivered =
                    json.putObject("open").put("id", open.get().id().toString()).putArray("delivered");
            for (long fingerprint : open.get().delivered()) {
                delivered.add(Long.toHexString(fingerprint));
            }
        } else {
            json.putNull("open");
        }
        if (snapshot.isPresent()) {
            json.putObject("snapshot")
                    .put("from", snapshot.get().from().toString())
                    .put("until", snapshot.get().until().toString());
        } else {
            json.putNull("snapshot");
        }
        json.put("batches", batches).put("margin", margin.toString());
        try {
            return JSON.writeValueAsBytes(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a position is always writable", e);
        }
    }

    /** @throws IOException when the bytes are no position; says which part is wrong */
    public static Position parse(byte[] bytes) throws IOException {
        JsonNode json;
        try {
            json = JSON.readTree(bytes);
        } catch (JsonProcessingException e) {
            throw new IOException("a position that is no JSON: " + e.getOriginalMessage(), e);
        }
        return new Position(
                part(json, "platform", JsonNode::textValue),
                part(json, "stream", JsonNode::textValue),
                part(json, "resume", resume -> EventId.parse(resume.textValue())),
                optionalPart(json, "open", Position::openOf),
                optionalPart(json, "snapshot", Position::snapshotOf),
                part(json, "batches", batches -> Long.parseLong(batches.asText())),
                part(json, "margin", margin -> Duration.parse(margin.textValue())));
    }

    private static Open openOf(JsonNode json) {
        if (!json.path("delivered").isArray()) {
            throw new IllegalArgumentException("\"delivered\" is no list");
        }
        long[] delivered = new long[json.path("delivered").size()];
        for (int i = 0; i < delivered.length; i++) {
            delivered[i] = Long.parseUnsignedLong(json.path("delivered").get(i).asText(), 16);
        }
        Arrays.sort(delivered);
        return new Open(EventId.parse(json.path("id").asText()), delivered);
    }

    private static Snapshot snapshotOf(JsonNode json) {
        return new Snapshot(
                EventId.parse(json.path("from").asText()),
                Instant.parse(json.path("until").asText()));
    }

    /** A part that is null, or not there, as before its kind was invented. */
    private static <T> Optional<T> optionalPart(JsonNode json, String name, Function<JsonNode, T> read)
            throws IOException {
        return json.path(name).isNull() || json.path(name).isMissingNode()
                ? Optional.empty()
                : Optional.of(part(json, name, read));
    }

    private static <T> T part(JsonNode json, String name, Function<JsonNode, T> read) throws IOException {
        try {
            T part = read.apply(json.required(name));
            if (part != null) {
                return part;
            }
        } catch (IllegalArgumentException | DateTimeException | NullPointerException e) {
            throw new IOException("a position whose \"" + name + "\" cannot be read: " + e.getMessage(), e);
        }
        throw new IOException("a position whose \"" + name + "\" is no text");
    }

    /** For logs: where the stream stands. */
    @Override
    public String toString() {
        return snapshot.map(s -> "snapshot of " + s.from() + " to " + s.until()).orElse(newest().toString());
    }
}
