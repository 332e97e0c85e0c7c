package io.caravan.event;

import io.caravan.testkit.Frame;
import java.util.List;
import java.util.Optional;

/** Events as tests need them. */
public final class Events {

    private Events() {}

    /** Of an object with this STIX id, and nothing else known of it. */
    public static Event event(EventId id, String op, Event.Kind kind, String objectId, Bytes raw) {
        StixObject object =
                new StixObject(raw, objectId, "", "", "", "", "", List.of(), List.of(), List.of(), List.of());
        return new Event(id, op, new Envelope(kind, "", "", object, Optional.empty()), raw);
    }

    /** What comes of a frame of the stream. */
    public static Event event(Frame frame) {
        byte[] data = frame.data();
        return event(frame, new Bytes(data, data.length));
    }

    /** As {@link #event(Frame)}, with these bytes. */
    public static Event event(Frame frame, Bytes data) {
        try {
            return new Event(EventId.parse(frame.id()), frame.event(), Envelope.read(data), data);
        } catch (Unreadable e) {
            throw new IllegalArgumentException(frame.toString(), e);
        }
    }
}
