package io.caravan.sink;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.YearMonth;

/**
 * Times as {@link Instant} writes them, of the years that have four digits, which is what Elasticsearch reads. Nearly all
 * times that a platform sends are written nearly so already; those are known by their characters, and not parsed.
 */
final class IsoTime {

    private static final String COMMON = "0000-00-00T00:00:00.000Z";
    private static final String NO_MILLIS = ".000Z"; // which Instant leaves out

    private static final Instant LAST = Instant.parse("9999-12-31T23:59:59.999Z");

    private IsoTime() {}

    /** The time that a text stands for; empty where it is none. */
    static String of(String text) {
        if (text.isEmpty()) {
            return "";
        }
        if (isCommon(text)) {
            return text.endsWith(NO_MILLIS) ? text.substring(0, text.length() - NO_MILLIS.length()) + "Z" : text;
        }
        try {
            String time = Instant.parse(text).toString();
            return Character.isDigit(time.charAt(0)) ? time : "";
        } catch (DateTimeException e) {
            return "";
        }
    }

    /** Of a time that no year of four digits has, the last that has one. */
    static String of(Instant time) {
        return (time.isAfter(LAST) ? LAST : time).toString();
    }

    /** The later of two; where one is empty, the other. */
    static String later(String one, String other) {
        boolean isOtherLater = one.length() == other.length() || one.isEmpty() || other.isEmpty()
                ? one.compareTo(other) < 0
                : Instant.parse(one).isBefore(Instant.parse(other));
        return isOtherLater ? other : one;
    }

    /** Whether it is a time with milliseconds. */
    private static boolean isCommon(String text) {
        if (text.length() != COMMON.length()) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            char form = COMMON.charAt(i);
            if (form == '0' ? c < '0' || c > '9' : c != form) {
                return false;
            }
        }
        int month = number(text, 5, 7);
        int day = number(text, 8, 10);
        return month >= 1
                && month <= 12
                && day >= 1
                && (day <= 28 || day <= YearMonth.of(number(text, 0, 4), month).lengthOfMonth())
                && number(text, 11, 13) < 24
                && number(text, 14, 16) < 60
                && number(text, 17, 19) < 60;
    }

    private static int number(String text, int from, int to) {
        return Integer.parseInt(text, from, to, 10);
    }
}
