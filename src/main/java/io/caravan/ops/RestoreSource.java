package io.caravan.ops;

import io.caravan.event.EventId;
import io.caravan.opencti.Start;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.util.List;
import java.util.Optional;

/**
 * What is restored: a mirror, or what a journal tells up to a place in the stream.
 *
 * @param folder the mirror's root or the journal's
 * @param until as it was given; empty: to the end
 * @param last what {@code until} means: the last event's id, inclusive
 */
record RestoreSource(boolean isMirror, Path folder, String until, Optional<EventId> last) {

    private static final String OWN_FILES = "files";

    /**
     * @param from {@code files}, or a folder that is laid out as {@code files.dir}
     * @param until a position or a date; then, as where there is no mirror, the journal is read
     */
    static RestoreSource of(Settings settings, Optional<String> from, Optional<String> until) throws Program.Unusable {
        if (from.isEmpty()) {
            throw unusable("--from: not set: say files, which is files.dir, or a folder that is laid out as it is");
        }
        Path root = (from.get().equals(OWN_FILES)
                        ? settings.filesDirectory()
                        : settings.home().resolve(from.get()))
                .toAbsolutePath()
                .normalize();
        if (!Files.isDirectory(root)) {
            throw unusable("--from: there is no folder " + root);
        }
        Path mirror = root.resolve("objects");
        Path journal = root.resolve("journal");
        String end = until.map(String::strip).orElse("");
        Optional<EventId> last = until.isPresent() ? Optional.of(last(end)) : Optional.empty();
        if (last.isEmpty() && Files.isDirectory(mirror)) {
            return new RestoreSource(true, mirror, "", last);
        }
        if (Files.isDirectory(journal)) {
            return new RestoreSource(false, journal, end, last);
        }
        throw unusable(
                last.isEmpty()
                        ? "--from: " + root + " holds neither a mirror (objects) nor a journal (journal)"
                        : "--until: only a journal tells what was, and there is none in " + root);
    }

    private static EventId last(String until) throws Program.Unusable {
        Optional<EventId> position = EventId.of(until).filter(id -> !until.matches("[0-9]{4}-[0-9]{2}"));
        if (position.isPresent()) {
            return position.get();
        }
        try {
            return new EventId(Math.max(0, Start.instant(until).toEpochMilli()), Long.MAX_VALUE);
        } catch (DateTimeException | ArithmeticException e) {
            throw unusable("--until: \"" + until + "\" is neither a position such as 1795282698973-0 nor a date such as"
                    + " 2026-01-31 (its begin) or 2026-01-31T12:00:00Z");
        }
    }

    private static Program.Unusable unusable(String mistake) {
        return new Program.Unusable(List.of(mistake), null);
    }

    @Override
    public String toString() {
        return (isMirror ? "the mirror " : "the journal ") + folder + (until.isEmpty() ? "" : " until " + until);
    }
}
