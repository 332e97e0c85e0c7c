package io.caravan.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * What the platform's connections share: its log, its clock, its settings, and what was observed. A test writes the
 * settings, connections read them; each stands for itself.
 */
final class PlatformState {

    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter.ofPattern(
                    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
            .withZone(ZoneOffset.UTC);

    /** What {@code recover} does to a stream: the snapshot and then the log, {@code no-recover}, or nothing. */
    enum Recovery {
        SNAPSHOT,
        REFUSED,
        IGNORED
    }

    final EventLog log = new EventLog();
    final Observations observations = new Observations();

    volatile String token = FakePlatform.TOKEN;
    volatile String basePath = "";
    volatile List<LiveStream> streams = List.of(FakePlatform.STREAM);
    volatile boolean anyStream = true;
    volatile Heartbeats heartbeats = Heartbeats.every(Duration.ofSeconds(5));
    volatile Recovery recovery = Recovery.SNAPSHOT;
    volatile List<Frame> snapshot = List.of();
    volatile boolean optionsObeyed = true;
    volatile boolean dated = true;
    volatile Duration clockOffset = Duration.ZERO;
    volatile Consumer<Map<String, Object>> connectedEdit = fields -> {};

    Instant now() {
        return Instant.now().plus(clockOffset);
    }

    /** The headers of every answer. */
    Map<String, String> headers() {
        Map<String, String> headers = new LinkedHashMap<>();
        if (dated) {
            headers.put("Date", HTTP_DATE.format(now()));
        }
        headers.put("Connection", "keep-alive");
        return headers;
    }

    boolean isAuthorized(Request request) {
        return request.header("Authorization").equals(Optional.of("Bearer " + token));
    }

    /** The first frame of a stream, as the test has edited it. */
    Frame connected() {
        EventId first = log.first().orElse(EventId.ZERO);
        EventId last = log.last().orElse(EventId.ZERO);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("lastEventId", last);
        fields.put("firstEventId", first);
        fields.put("firstEventDate", Frames.isoMillis(first.time()));
        fields.put("lastEventDate", Frames.isoMillis(last.time()));
        fields.put("streamSize", log.size());
        fields.put("connectionId", UUID.randomUUID());
        connectedEdit.accept(fields);
        return Frame.of("", "connected", Json.write(fields));
    }
}
