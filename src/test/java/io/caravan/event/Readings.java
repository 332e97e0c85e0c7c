package io.caravan.event;

import io.caravan.testkit.Frame;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads events as the by-type routes do, one after the other, over what those before have left. Nothing is known at first. */
public final class Readings {

    private static final Map<String, Meaning.Reading> BY_NAME =
            Map.of("create", new Creation(), "update", new Update(), "delete", new Deletion(), "merge", new Merge());

    private final Known known;
    private final boolean isFiltered;

    /** Of a stream with a filter. */
    public Readings() {
        this(true);
    }

    public Readings(boolean isFiltered) {
        this(Pending.overNothing(), isFiltered);
    }

    public Readings(Known known, boolean isFiltered) {
        this.known = known;
        this.isFiltered = isFiltered;
    }

    public Meaning read(Frame frame) throws Unreadable, IOException {
        return read(Events.event(frame));
    }

    public Meaning read(Event event) throws Unreadable, IOException {
        return BY_NAME.get(event.op()).of(event, known, isFiltered);
    }

    /** The changes of all of these, in order. */
    public List<Change> changes(List<Frame> frames) throws Unreadable, IOException {
        List<Change> changes = new ArrayList<>();
        for (Frame frame : frames) {
            changes.addAll(read(frame).changes());
        }
        return changes;
    }

    public Known known() {
        return known;
    }
}
