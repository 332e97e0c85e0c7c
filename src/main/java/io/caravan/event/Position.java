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
import java.time.temporal.ChronoUnit;
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
 * @param reconcile the reconcile under way, if one is
 * @param snapshotEnd the end of the snapshot that was read last, until the log is delivered beyond it: from there on the log
 *     must hold everything, however much earlier it is read again from
 * @param shownUntil up to this time of the platform's, the follow-up windows of the snapshot that was read last have shown what
 *     there is: an event of the log from before that may be older than what is known
 */
public record Position(
        String platform,
        String stream,
        EventId resume,
        Optional<Open> open,
        Optional<Snapshot> snapshot,
        long batches,
        Duration margin,
        Optional<Reconcile> reconcile,
        Optional<Instant> snapshotEnd,
        Optional<Instant> shownUntil) {

    /** A heartbeat's id is a clock that was seen to run 2 s ahead of events; a minute is kept. */
    public static final Duration MARGIN = Duration.ofMinutes(1);

    /** Under this number the objects of a snapshot that belongs to no reconcile are marked as seen; no reconcile has it. */
    private static final long FIRST_SNAPSHOT = -2;

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

    /**
     * A snapshot being read: the state of all objects changed after {@code from} and up to {@code until}, by windows of that
     * time where it does not come in one piece. What the platform changes while it is read, without an event, is in neither it
     * nor the log, so the time since its end is read again, as follow-up windows.
     *
     * @param from up to here it is delivered; exclusive, as in a request
     * @param window the window asked for ends here; {@code until}, where all the rest is
     * @param until its end, inclusive
     * @param half where a smaller window would end, should this one be cut: about the middle of what has come of it
     * @param firstEnd of a follow-up window, the end of the snapshot itself, where the log has to join it
     */
    public record Snapshot(
            EventId from, Instant window, Instant until, Optional<Instant> half, Optional<Instant> firstEnd) {

        /** All of it at once. */
        public Snapshot(EventId from, Instant until) {
            this(from, until, until, Optional.empty());
        }

        /** A window of the snapshot itself. */
        public Snapshot(EventId from, Instant window, Instant until, Optional<Instant> half) {
            this(from, window, until, half, Optional.empty());
        }

        /** Whether the snapshot itself has been read, and what was changed since is. */
        public boolean isFollowUp() {
            return firstEnd.isPresent();
        }

        /** Where the log has to join: the end of the snapshot itself, whatever is read behind it. */
        public Instant logStart() {
            return firstEnd.orElse(until);
        }

        /** What was changed since its end, and in the margin before, which may not have been searchable. */
        public Snapshot followUp(Duration margin, EventId least, Instant now) {
            Instant end = now.isAfter(until) ? now.truncatedTo(ChronoUnit.MILLIS) : until;
            return new Snapshot(
                    EventId.at(until).minus(margin).max(least), end, end, Optional.empty(), Optional.of(logStart()));
        }

        public boolean isLastWindow() {
            return !window.isBefore(until);
        }

        /** What is left once the window is delivered. A millisecond comes again: whether its end was part of it, nobody promises. */
        public Snapshot rest() {
            return new Snapshot(EventId.at(window).before(), until, until, Optional.empty(), firstEnd);
        }

        /** The same after a cut: its first half, as far as one is known. */
        public Snapshot smaller() {
            return new Snapshot(from, half.orElse(window), until, Optional.empty(), firstEnd);
        }
    }

    /**
     * A reconcile: a snapshot of everything says what exists, and what is known beyond it goes.
     *
     * @param number tells what was seen in it from what was seen in others: the batches delivered before it
     * @param ofGap whether the log before it is lost; if not, it is read on from where it was
     * @param until the snapshot's end; an event of the log from before it says nothing of what there is
     * @param judgedAt the snapshot has been read, and once the log is delivered up to this time of the platform's, what was
     *     not seen is gone: what changed while it was read is in the log
     */
    public record Reconcile(long number, boolean ofGap, Instant until, Optional<Instant> judgedAt) {

        public Reconcile judgedAt(Instant time) {
            return new Reconcile(number, ofGap, until, Optional.of(time));
        }
    }

    /** Without a reconcile, or a snapshot that was read before. */
    public Position(
            String platform,
            String stream,
            EventId resume,
            Optional<Open> open,
            Optional<Snapshot> snapshot,
            long batches,
            Duration margin) {
        this(platform, stream, resume, open, snapshot, batches, margin, Optional.empty(), Optional.empty());
    }

    /** Without a snapshot that was read to its end. */
    public Position(
            String platform,
            String stream,
            EventId resume,
            Optional<Open> open,
            Optional<Snapshot> snapshot,
            long batches,
            Duration margin,
            Optional<Reconcile> reconcile,
            Optional<Instant> snapshotEnd) {
        this(platform, stream, resume, open, snapshot, batches, margin, reconcile, snapshotEnd, Optional.empty());
    }

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

    /** The reconcile whose removals are due: all that could speak for an object has been delivered. */
    public Optional<Reconcile> dueReconcile() {
        return reconcile.filter(under -> snapshot.isEmpty()
                && under.judgedAt().filter(at -> !resume.time().isBefore(at)).isPresent());
    }

    /** The number under which the objects of the snapshot being read are marked as seen. */
    public long snapshotNumber() {
        return reconcile.map(Reconcile::number).orElse(FIRST_SNAPSHOT);
    }

    /** Whether an event of the log with this id may be older than what a snapshot has shown of its object. */
    public boolean isOlderThanShown(EventId id) {
        return shownUntil
                .filter(until -> !id.isAbove(EventId.at(until.plus(margin))))
                .isPresent();
    }

    /** Where reading goes on when the reconcile under way is given up; behind a gap, the snapshot is still wanted. */
    public Position withoutReconcile() {
        Optional<Snapshot> wanted =
                snapshot.filter(any -> reconcile.isEmpty() || reconcile.get().ofGap());
        return new Position(
                platform, stream, resume, open, wanted, batches, margin, Optional.empty(), snapshotEnd, shownUntil);
    }

    /** The same place after a batch that did not come from the stream. */
    public Position afterAnotherBatch() {
        return new Position(
                platform, stream, resume, open, snapshot, batches + 1, margin, reconcile, snapshotEnd, shownUntil);
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
            ObjectNode part = json.putObject("snapshot")
                    .put("from", snapshot.get().from().toString())
                    .put("until", snapshot.get().until().toString());
            if (!snapshot.get().isLastWindow()) {
                part.put("window", snapshot.get().window().toString());
            }
            snapshot.get().half().ifPresent(half -> part.put("half", half.toString()));
            snapshot.get().firstEnd().ifPresent(end -> part.put("firstEnd", end.toString()));
        } else {
            json.putNull("snapshot");
        }
        json.put("batches", batches).put("margin", margin.toString());
        if (reconcile.isPresent()) {
            ObjectNode part = json.putObject("reconcile")
                    .put("number", reconcile.get().number())
                    .put("ofGap", reconcile.get().ofGap())
                    .put("until", reconcile.get().until().toString());
            reconcile.get().judgedAt().ifPresent(at -> part.put("judgedAt", at.toString()));
        }
        snapshotEnd.ifPresent(end -> json.put("snapshotEnd", end.toString()));
        shownUntil.ifPresent(until -> json.put("shownUntil", until.toString()));
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
                part(json, "margin", margin -> Duration.parse(margin.textValue())),
                optionalPart(json, "reconcile", Position::reconcileOf),
                optionalPart(json, "snapshotEnd", end -> Instant.parse(end.textValue())),
                optionalPart(json, "shownUntil", until -> Instant.parse(until.textValue())));
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
        Instant until = Instant.parse(json.path("until").asText());
        return new Snapshot(
                EventId.parse(json.path("from").asText()),
                instantOf(json.path("window")).orElse(until),
                until,
                instantOf(json.path("half")),
                instantOf(json.path("firstEnd")));
    }

    private static Reconcile reconcileOf(JsonNode json) {
        return new Reconcile(
                Long.parseLong(json.path("number").asText()),
                json.path("ofGap").asBoolean(),
                Instant.parse(json.path("until").asText()),
                instantOf(json.path("judgedAt")));
    }

    private static Optional<Instant> instantOf(JsonNode text) {
        return text.isMissingNode() ? Optional.empty() : Optional.of(Instant.parse(text.asText()));
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
        return snapshot.map(s -> (s.isFollowUp() ? "follow-up of a snapshot, " : "snapshot of ") + s.from() + " to "
                        + s.window() + (s.isLastWindow() ? "" : ", of all to " + s.until()))
                .orElse(newest().toString());
    }
}
