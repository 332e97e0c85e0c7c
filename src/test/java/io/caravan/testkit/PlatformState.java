package io.caravan.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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
    volatile Duration searchLag = Duration.ZERO;
    volatile boolean knowledgeRefused;
    volatile Set<String> shownBesides = Set.of();
    volatile boolean optionsObeyed = true;
    volatile boolean dated = true;
    volatile Duration clockOffset = Duration.ZERO;
    volatile Consumer<Map<String, Object>> connectedEdit = fields -> {};

    /** What there is, from this time of the platform's on. */
    private record Contents(Instant since, List<Frame> frames) {}

    private final Deque<Contents> contents = new ArrayDeque<>(List.of(new Contents(Instant.MIN, List.of())));

    synchronized void contents(List<Frame> frames) {
        contents.addLast(new Contents(now(), frames));
        while (contents.size() > 1
                && isSearchable(contents.stream().skip(1).findFirst().orElseThrow())) {
            contents.removeFirst();
        }
    }

    /** What there is. */
    synchronized List<Frame> contents() {
        return contents.getLast().frames();
    }

    /** What the search finds, which is what there was a little earlier. */
    synchronized List<Frame> searchable() {
        return contents.stream()
                .filter(this::isSearchable)
                .reduce((earlier, later) -> later)
                .map(Contents::frames)
                .orElse(List.of());
    }

    private boolean isSearchable(Contents each) {
        return searchLag.isZero() || !each.since().isAfter(now().minus(searchLag)); // a clock may be put back
    }

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
