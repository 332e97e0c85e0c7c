package io.caravan.event;

import io.caravan.event.Change.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * An event named reconcile, which no platform sends: a snapshot of everything did not hold the object, so it is gone. What
 * ends at it takes no part: it was in the snapshot, or is gone by an event of its own.
 */
public final class Reconciliation implements Meaning.Reading {

    public static final String OP = "reconcile";

    private static final Bytes HEAD = Bytes.of("{\"type\":\"delete\",\"message\":\"\",\"data\":");
    private static final Bytes TAIL = Bytes.of("}");

    /**
     * @param id up to where the log was delivered when it was found to be gone
     * @param last its last known state
     */
    public static Event event(EventId id, StixObject last) {
        Bytes json = last.json();
        byte[] raw = new byte[HEAD.length() + json.length() + TAIL.length()];
        int end = 0;
        for (Bytes part : new Bytes[] {HEAD, json, TAIL}) {
            System.arraycopy(part.array(), part.offset(), raw, end, part.length());
            end += part.length();
        }
        Bytes envelope = new Bytes(raw, raw.length);
        try {
            return new Event(id, OP, Envelope.read(envelope), envelope);
        } catch (Unreadable e) {
            throw new UncheckedIOException("what is known of " + last.id() + " cannot be read", new IOException(e));
        }
    }

    /** How many bytes an event with this name has more than the object that it was made of. */
    static int addedTo(String op) {
        return op.equals(OP) ? HEAD.length() + TAIL.length() : 0;
    }

    /** On a stream with a filter, the object may only have ceased to match. */
    @Override
    public Meaning of(Event event, Known known, boolean isFiltered) throws IOException {
        Telling telling = new Telling(event, known, isFiltered);
        telling.gone(isFiltered ? Reason.RECONCILED : Reason.DELETED, event.object());
        return telling.told();
    }
}
