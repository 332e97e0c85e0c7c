package io.caravan.event;

import java.time.Duration;

/** How a length of time is written for people. */
public final class DurationText {

    private DurationText() {}

    /** In its two largest units, rounded down: {@code 6 min 59 s}, {@code 3 days 4 h}; below a second, {@code 250 ms}. */
    public static String of(Duration duration) {
        Duration length = duration.abs();
        if (length.toDays() > 0) {
            return (length.toDays() == 1 ? "1 day" : length.toDays() + " days") + andPart(length.toHoursPart(), "h");
        }
        if (length.toHours() > 0) {
            return length.toHours() + " h" + andPart(length.toMinutesPart(), "min");
        }
        if (length.toMinutes() > 0) {
            return length.toMinutes() + " min" + andPart(length.toSecondsPart(), "s");
        }
        return length.toSeconds() > 0 ? length.toSeconds() + " s" : length.toMillis() + " ms";
    }

    private static String andPart(int count, String unit) {
        return count == 0 ? "" : " " + count + " " + unit;
    }
}
