package io.caravan.opencti.stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Snapshot;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Platform.StreamRequest;
import io.caravan.opencti.Start;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;

/** The position a first run begins with. Asks the platform where that takes its clock or the end of its log. */
final class StartPosition {

    /** What was written this long ago is sure to be found by the search that a snapshot is made from. */
    static final Duration SEARCHABLE_AFTER = Duration.ofMinutes(1);

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Platform platform;
    private final PlatformClock clock;
    private final String stream;
    private final Duration patience;
    private final ScheduledExecutorService watchdog;

    StartPosition(
            Platform platform,
            PlatformClock clock,
            String stream,
            Duration patience,
            ScheduledExecutorService watchdog) {
        this.platform = platform;
        this.clock = clock;
        this.stream = stream;
        this.patience = patience;
        this.watchdog = watchdog;
    }

    Position of(Start start) throws IOException, InterruptedException {
        if (start instanceof Start.After after) {
            return at(after.id());
        }
        if (start instanceof Start.Now) {
            return at(endOfLog());
        }
        boolean hasSnapshots = !stream.equals("raw");
        EventId from = start instanceof Start.Since since ? EventId.at(since.date()).before() : EventId.ZERO;
        if (!hasSnapshots) {
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
     * The last event's id, as the {@code connected} event of a connection tells it. That connection starts at the
     * platform's own time and is given up, because events written meanwhile may have ids a little below it.
     */
    private EventId endOfLog() throws IOException, InterruptedException {
        EventId now = EventId.at(clock.now());
        StreamRequest request = new StreamRequest(StreamRequest.pathOf(stream), Map.of("from", now.toString()));
        FirstFrame first = new FirstFrame();
        SseParser parser = new SseParser(64 * 1024, first);
        byte[] buffer = Connection.buffer();
        try (Connection connection = new Connection(platform, request, patience, watchdog)) {
            while (first.frame.isEmpty()) {
                if (!connection.readInto(parser, buffer)) {
                    throw new EOFException("ended the connection before it said where its log ends");
                }
            }
        }
        Frame frame = first.frame.get();
        if (!frame.name().equals("connected")) {
            throw new IOException("began the stream with an event named " + frame.name() + ": " + frame.data());
        }
        JsonNode last = JSON.readTree(frame.data().toString()).path("lastEventId");
        return last.isTextual() && !last.asText().isEmpty() ? EventId.parse(last.asText()) : now;
    }

    private static final class FirstFrame implements SseParser.Listener {
        private Optional<Frame> frame = Optional.empty();

        @Override
        public void event(Frame next) {
            if (frame.isEmpty()) {
                frame = Optional.of(next);
            }
        }
    }
}
