package io.caravan.testkit;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Optional;

/**
 * Where a stream request begins in the log, by the platform's rules: the query beats the headers; a value with one dash
 * is an event id; another is a date; what is neither, bare milliseconds included, is now. Immutable.
 *
 * @param asked whether the request names a start, understood or not
 * @param cursor where reading begins
 * @param after what is at or below this is not sent, wherever it stands
 * @param lastId the id that heartbeats bear until an event is sent
 */
record StreamStart(boolean asked, long cursor, EventId after, EventId lastId) {

    private static final EventId BEFORE_ALL = new EventId(-1, 0);

    static StreamStart of(Request request, EventLog log) {
        Optional<String> from = request.option("from", "from", "last-event-id");
        Optional<EventId> position = from.flatMap(StreamStart::position);
        return new StreamStart(
                from.isPresent(),
                position.map(log::cursorAt).orElseGet(log::end),
                position.filter(id -> !id.equals(EventId.ZERO)).orElse(BEFORE_ALL),
                position.or(log::last).orElse(EventId.ZERO));
    }

    /** The log from a recovery's end. */
    static StreamStart at(Instant recovered, EventLog log) {
        EventId id = EventId.at(recovered);
        return new StreamStart(true, log.cursorAt(id), id, id);
    }

    static Optional<Instant> recover(Request request) {
        return request.option("recover", "recover", "recover-date").flatMap(StreamStart::date);
    }

    private static Optional<EventId> position(String text) {
        if (text.equals("0")) {
            return Optional.of(EventId.ZERO);
        }
        boolean oneDash = text.indexOf('-') >= 0 && text.indexOf('-') == text.lastIndexOf('-');
        return oneDash ? EventId.parse(text) : date(text).map(EventId::at);
    }

    private static Optional<Instant> date(String text) {
        try {
            if (text.indexOf('T') < 0) {
                return Optional.of(LocalDate.parse(text).atStartOfDay().toInstant(ZoneOffset.UTC));
            }
            boolean hasZone = text.endsWith("Z") || text.matches(".*[+-]\\d\\d:?\\d\\d");
            return Optional.of(
                    hasZone
                            ? OffsetDateTime.parse(text).toInstant()
                            : LocalDateTime.parse(text).toInstant(ZoneOffset.UTC));
        } catch (DateTimeException notADate) {
            return Optional.empty();
        }
    }
}
