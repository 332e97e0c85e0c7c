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

    /** The log after this event. Milliseconds alone, as the platform's documentation has them, are the id that ends in -0. */
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
        if (start.matches("[0-9]{9,19}")) {
            return new After(EventId.parse(millis(start) + "-0"));
        }
        if (start.matches("[0-9]+-[0-9]+") && !start.matches("[0-9]{4}-[0-9]{2}")) {
            return new After(EventId.parse(start));
        }
        try {
            return new Since(instant(start));
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(
                    "start is \"" + start + "\", which is none of: empty, now, a date such as 2026-01-31 or"
                            + " 2026-01-31T12:00:00Z, an event id such as 1795282698973-0, or the milliseconds that one begins"
                            + " with",
                    e);
        }
    }

    /** By its length: a clock's seconds have ten digits, its milliseconds thirteen. */
    private static String millis(String number) {
        if (number.length() >= 12 && number.length() <= 14) {
            return number;
        }
        boolean isSeconds = number.length() < 12;
        boolean isNanos = number.length() > 17;
        String right = isSeconds ? number + "000" : number.substring(0, number.length() - (isNanos ? 6 : 3));
        throw new IllegalArgumentException("start is \"" + number + "\", which is a time in "
                + (isSeconds ? "seconds" : isNanos ? "nanoseconds" : "microseconds") + ": say it in milliseconds, "
                + right
                + " (" + Instant.ofEpochMilli(Long.parseLong(right)) + ")");
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
