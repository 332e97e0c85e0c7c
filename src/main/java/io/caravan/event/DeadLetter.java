package io.caravan.event;

import java.util.Optional;

/**
 * An event that could not be read or that a route or sink refused for good, kept with the reason.
 *
 * @param sink who refused it: a sink's name, a by-type route's, or {@code stream} where it could not even be read
 * @param position the event's id as the stream gave it, or empty
 * @param op the event's name on the wire, whatever it was
 * @param id the STIX id, or empty where none could be read
 * @param error what is wrong with it, for a person
 * @param attempts how often it was tried
 * @param event the envelope as it came; none where it was too large to be kept
 */
public record DeadLetter(
        String sink, String position, String op, String id, String error, int attempts, Optional<Bytes> event) {

    /** Of an event that has been read. */
    public static DeadLetter of(Event event, String sink, String error, int attempts) {
        return new DeadLetter(
                sink, event.id().toString(), event.op(), event.objectId(), error, attempts, Optional.of(event.kept()));
    }

    /** What it is about, the same at each try: what is said of a failure may be said otherwise the next time. */
    public DeadLetter subject() {
        return new DeadLetter(sink, position, op, id, "", 0, event);
    }

    public DeadLetter withoutEvent() {
        return new DeadLetter(sink, position, op, id, error, attempts, Optional.empty());
    }
}
