package io.caravan.event;

import io.caravan.event.Change.Reason;
import java.io.IOException;

/** An event named create: an object that is new, or that came into the stream's scope, or that a snapshot or another event brings. */
public final class Creation implements Meaning.Reading {

    /** The envelope's own type where an update has changed what the stream's filter says of the object. */
    static final String SCOPE_CHANGE = "update";

    @Override
    public Meaning of(Event event, Known known, boolean isFiltered) throws IOException {
        Telling telling = new Telling(event, known, isFiltered);
        telling.upsert(reason(event), event.object());
        return telling.told();
    }

    private static Reason reason(Event event) {
        return switch (event.kind()) {
            case SNAPSHOT -> Reason.SNAPSHOT;
            case DEPENDENCY -> Reason.DEPENDENCY;
            case MAIN -> event.envelope().type().equals(SCOPE_CHANGE) ? Reason.ENTERED_SCOPE : Reason.CREATED;
        };
    }
}
