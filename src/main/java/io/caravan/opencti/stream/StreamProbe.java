package io.caravan.opencti.stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.EventId;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Platform.StreamRequest;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/** Opens a stream once, reads what the platform says of its log, and closes it again. */
public final class StreamProbe {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int FIRST_FRAME_BYTES = 64 * 1024;

    private StreamProbe() {}

    /** What the platform's log holds, as its {@code connected} event tells it. */
    public record Log(Optional<EventId> first, Optional<EventId> last, Optional<Long> size) {}

    /**
     * @param from where to begin reading; nothing is read from there
     * @throws Platform.Refused when the platform answers something else than a stream
     * @throws IOException when it cannot be reached, or says first that the stream will not work
     */
    public static Log read(Platform platform, String stream, EventId from, Duration patience)
            throws IOException, InterruptedException {
        StreamRequest request = new StreamRequest(StreamRequest.pathOf(stream), Map.of("from", from.toString()));
        FirstFrame first = new FirstFrame();
        SseParser parser = new SseParser(FIRST_FRAME_BYTES, first);
        ScheduledExecutorService watchdog = Executors.newSingleThreadScheduledExecutor();
        try (Connection connection = new Connection(platform, request, patience, watchdog)) {
            while (first.frame.isEmpty()) {
                if (!connection.readInto(parser)) {
                    throw new EOFException("ended the connection before it said anything");
                }
            }
        } finally {
            watchdog.shutdownNow();
        }
        Frame frame = first.frame.get();
        if (!frame.name().equals("connected")) {
            throw new IOException("began the stream with an event named " + frame.name() + ": " + frame.data());
        }
        JsonNode json = JSON.readTree(frame.data().toString());
        JsonNode size = json.path("streamSize");
        return new Log(
                EventId.ofJson(json.path("firstEventId")),
                EventId.ofJson(json.path("lastEventId")),
                size.isNumber() ? Optional.of(size.asLong()) : Optional.empty());
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
