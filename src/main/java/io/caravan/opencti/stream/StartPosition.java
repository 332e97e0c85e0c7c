package io.caravan.opencti.stream;

import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Snapshot;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Start;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;

/** The position a first run begins with. Asks the platform where that takes its clock or the end of its log. */
final class StartPosition {

    /** What was written this long ago is sure to be found by the search that a snapshot is made from. */
    static final Duration SEARCHABLE_AFTER = Duration.ofMinutes(1);

    private final Platform platform;
    private final PlatformClock clock;
    private final String stream;
    private final Duration patience;

    StartPosition(Platform platform, PlatformClock clock, String stream, Duration patience) {
        this.platform = platform;
        this.clock = clock;
        this.stream = stream;
        this.patience = patience;
    }

    Position of(Start start) throws IOException, InterruptedException {
        if (start instanceof Start.After after) {
            return at(after.id());
        }
        if (start instanceof Start.Now) {
            return at(endOfLog());
        }
        EventId from =
                start instanceof Start.Since since ? EventId.at(since.date()).before() : EventId.ZERO;
        if (!Platform.hasSnapshots(stream)) {
            return at(from);
        }
        Instant until = clock.now().minus(SEARCHABLE_AFTER);
        return from.millis() < until.toEpochMilli()
                ? Position.startingWith(platform.url(), stream, new Snapshot(from, until))
                : at(from);
    }

    private Position at(EventId id) {
        return Position.startingAt(platform.url(), stream, id);
    }

    /**
     * The last event's id, as the platform tells it when a stream is opened. That connection starts at the platform's own
     * time and is given up, because events written meanwhile may have ids a little below it.
     */
    private EventId endOfLog() throws IOException, InterruptedException {
        EventId now = EventId.at(clock.now());
        return StreamProbe.read(platform, stream, now, patience).last().orElse(now);
    }
}
