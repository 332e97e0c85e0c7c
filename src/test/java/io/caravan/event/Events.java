package io.caravan.event;

import java.util.Optional;

/** Events as tests need them: of an object with this STIX id, and nothing else known of it. */
public final class Events {

    private Events() {}

    public static Event event(EventId id, String op, Event.Kind kind, String objectId, Bytes raw) {
        return new Event(id, op, new Envelope(kind, objectId, "", "", Optional.empty()), raw);
    }
}
