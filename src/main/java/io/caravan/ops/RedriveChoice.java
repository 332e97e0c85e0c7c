package io.caravan.ops;

import io.caravan.sink.DeadLetterLine;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Which dead letters are to be sent again.
 *
 * @param sink whose; empty: all
 * @param since none that were kept before; empty: any
 * @param sinks those that there are
 */
record RedriveChoice(Optional<String> sink, Optional<Instant> since, List<String> sinks) {

    /** What becomes of a line of a dead letters' file. */
    enum Fate {
        /** It is sent again. */
        SENT,
        /** It is not asked for, and stays. */
        LEFT,
        /** It stays, because nothing can be sent: too large to have been kept, no envelope, an event that nobody knows. */
        CANNOT,
        /** It stays, because its sink is no longer there. */
        NO_SINK
    }

    Fate fateOf(Optional<DeadLetterLine> line) {
        if (line.isEmpty()) {
            return sink.isEmpty() && since.isEmpty() ? Fate.CANNOT : Fate.LEFT;
        }
        boolean isAskedFor = sink.map(line.get().letter().sink()::equals).orElse(true)
                && since.map(begin -> !line.get().time().isBefore(begin)).orElse(true);
        if (!isAskedFor) {
            return Fate.LEFT;
        }
        if (line.get().sink().filter(name -> !sinks.contains(name)).isPresent()) {
            return Fate.NO_SINK;
        }
        return line.get().isEvent() ? Fate.SENT : Fate.CANNOT;
    }
}
