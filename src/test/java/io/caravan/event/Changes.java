package io.caravan.event;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Event.Kind;
import io.caravan.testkit.Frame;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Objects, changes and batches as tests need them, without a stream that they came on. */
public final class Changes {

    private static final Instant RECEIVED = Instant.parse("2026-11-21T10:30:00Z");

    private Changes() {}

    /** An object with these ids and a name. */
    public static StixObject object(String id, String internalId, String name) {
        return object("""
                {"id":"%s","type":"%s","name":"%s","extensions":{"%s":{"id":"%s"}}}""".formatted(id, id.split("--")[0], name, StixObject.OPENCTI, internalId));
    }

    /** The object that this JSON is. */
    public static StixObject object(String json) {
        try {
            return StixObject.read(Bytes.of(json));
        } catch (IOException e) {
            throw new IllegalArgumentException(json, e);
        }
    }

    public static Change upsert(StixObject object) {
        return change(event("update", object), Type.UPSERT, Reason.UPDATED, object, Optional.empty());
    }

    /** It has a new STIX id. */
    public static Change renamed(String previousId, StixObject object) {
        return change(event("update", object), Type.UPSERT, Reason.RENAMED, object, Optional.of(previousId));
    }

    /** @param object its last state */
    public static Change remove(StixObject object) {
        return change(event("delete", object), Type.REMOVE, Reason.DELETED, object, Optional.empty());
    }

    /** It is gone, and was last told of by another STIX id. */
    public static Change removed(String previousId, StixObject object) {
        return change(event("delete", object), Type.REMOVE, Reason.DELETED, object, Optional.of(previousId));
    }

    /** What a frame means for its own object, if nothing else is known: no renames, no cascades. */
    public static Change ofFrame(Frame frame) {
        Event event = Events.event(frame);
        return event.op().equals("delete")
                ? change(event, Type.REMOVE, Reason.DELETED, event.object(), Optional.empty())
                : change(event, Type.UPSERT, Reason.UPDATED, event.object(), Optional.empty());
    }

    /** Each change an event of its own. */
    public static Batch batch(long number, Change... changes) {
        return batch(number, List.of(changes));
    }

    public static Batch batch(long number, List<Change> changes) {
        List<Meaning> meanings = changes.stream()
                .map(change -> new Meaning(
                        change.event(),
                        Meaning.Contents.of(change.event()),
                        false,
                        List.of(change),
                        List.of(),
                        0,
                        Set.of()))
                .toList();
        return new Batch(position(number), position(number + 1), RECEIVED, meanings);
    }

    /** One event means all of the changes. */
    public static Batch batchOfOneEvent(long number, Change... changes) {
        Meaning meaning = new Meaning(
                changes[0].event(),
                Meaning.Contents.of(changes[0].event()),
                false,
                List.of(changes),
                List.of(),
                0,
                Set.of());
        return new Batch(position(number), position(number + 1), RECEIVED, List.of(meaning));
    }

    /** The same change, of another event and for another reason. */
    public static Change of(Event event, Reason reason, Change change) {
        return new Change(
                event,
                change.type(),
                reason,
                change.state(),
                change.previousId(),
                change.mergedInto(),
                change.past(),
                change.beforeComplete(),
                change.changed(),
                change.dependency(),
                change.told());
    }

    /** The same change of an object whose JSON nobody can write: whoever makes a record of it fails. */
    public static Change broken(Change change) {
        return new Change(
                change.event(),
                change.type(),
                change.reason(),
                new Marked(
                        broken(change.object()),
                        change.state().tlp(),
                        change.state().strictest()),
                change.previousId(),
                change.mergedInto(),
                change.past(),
                change.beforeComplete(),
                change.changed(),
                change.dependency(),
                change.told());
    }

    /** The same change, of which nobody can say how strictly it is marked: whoever filters it fails. */
    public static Change unmarked(Change change) {
        return new Change(
                change.event(),
                change.type(),
                change.reason(),
                new Marked(change.object(), change.state().tlp(), null),
                change.previousId(),
                change.mergedInto(),
                change.past(),
                change.beforeComplete(),
                change.changed(),
                change.dependency(),
                change.told());
    }

    public static StixObject broken(StixObject object) {
        return new StixObject(
                new Bytes(new byte[0], 1, 10),
                object.id(),
                object.type(),
                object.internalId(),
                object.entityType(),
                object.relationshipType(),
                object.name(),
                object.markings(),
                object.innerMarkings(),
                object.ends(),
                object.references());
    }

    /** After so many batches. */
    public static Position position(long batches) {
        return new Position(
                "https://opencti.example.org",
                "live",
                EventId.ZERO,
                Optional.empty(),
                Optional.empty(),
                batches,
                Position.MARGIN);
    }

    private static Event event(String op, StixObject object) {
        Bytes raw = Bytes.of("{\"type\":\"" + op + "\",\"data\":" + object.json() + "}");
        Envelope envelope = new Envelope(Kind.MAIN, op, "", object, Optional.empty());
        return new Event(new EventId(1, 0), op, envelope, raw);
    }

    private static Change change(
            Event event, Type type, Reason reason, StixObject object, Optional<String> previousId) {
        return new Change(
                event,
                type,
                reason,
                new Marked(object, Optional.empty(), Optional.empty()),
                previousId,
                Optional.empty(),
                Optional.empty(),
                false,
                List.of(),
                false,
                Optional.empty());
    }
}
