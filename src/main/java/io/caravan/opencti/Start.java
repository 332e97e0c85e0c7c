package io.caravan.opencti;

import io.caravan.event.EventId;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;

/** Where a first run begins, as the option {@code start} says it. */
public sealed interface Start {

    /** All that there is: a snapshot, then live; of the base stream all that it keeps. */
    record Everything() implements Start {}

    /** What happens from now on. */
    record Now() implements Start {}

    /** What changed since: a snapshot, then live. */
    record Since(Instant date) implements Start {}

    /** The log after this event. */
    record After(EventId id) implements Start {}

    /** @throws IllegalArgumentException for anything else than these four; says what it may be */
    static Start parse(String option) {
        String start = option == null ? "" : option.strip();
        if (start.isEmpty()) {
            return new Everything();
        }
        if (start.equals("now")) {
            return new Now();
        }
        if (start.equals("0")) {
            return new After(EventId.ZERO);
        }
        if (start.matches("[0-9]{9,}")) {
            throw new IllegalArgumentException(
                    "start is a bare number, which the platform ignores: say " + start + "-0");
        }
        if (start.matches("[0-9]+-[0-9]+") && !start.matches("[0-9]{4}-[0-9]{2}")) {
            return new After(EventId.parse(start));
        }
        try {
            return new Since(instant(start));
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(
                    "start is \"" + start + "\", which is none of: empty, now, a date such as 2026-01-31 or"
                            + " 2026-01-31T12:00:00Z, an event id such as 1795282698973-0",
                    e);
        }
    }

    /** A date at its begin, or a time, in UTC where it does not say otherwise. */
    static Instant instant(String date) {
        if (date.length() == 10) {
            return LocalDate.parse(date).atStartOfDay(ZoneOffset.UTC).toInstant();
        }
        try {
            return OffsetDateTime.parse(date).toInstant();
        } catch (DateTimeParseException withoutOffset) {
            return LocalDateTime.parse(date).toInstant(ZoneOffset.UTC);
        }
    }
}
