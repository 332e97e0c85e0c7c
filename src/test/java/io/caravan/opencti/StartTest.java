package io.caravan.opencti;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.event.EventId;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class StartTest {

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " ", "\t\n"})
    void nothingIsEverything(String option) {
        assertThat(Start.parse(option)).isEqualTo(new Start.Everything());
    }

    @ParameterizedTest
    @ValueSource(strings = {"now", " now "})
    void now(String option) {
        assertThat(Start.parse(option)).isEqualTo(new Start.Now());
    }

    @ParameterizedTest
    @CsvSource({
        "2026-01-31,                    2026-01-31T00:00:00Z",
        "2026-01-31T12:00:00Z,          2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.123Z,      2026-01-31T12:00:00.123Z",
        "2026-01-31T12:00:00+02:00,     2026-01-31T10:00:00Z",
        "2026-01-31T12:00:00,           2026-01-31T12:00:00Z",
        "2026-01-31T12:00,              2026-01-31T12:00:00Z",
        "' 2026-01-31 ',                2026-01-31T00:00:00Z",
        "2024-02-29,                    2024-02-29T00:00:00Z"
    })
    void aDateIsInUtcUnlessItSaysOtherwise(String option, Instant date) {
        assertThat(Start.parse(option)).isEqualTo(new Start.Since(date));
    }

    @ParameterizedTest
    @CsvSource({
        "1795282698973-0, 1795282698973-0",
        "1795282698973-12, 1795282698973-12",
        "0-0, 0-0",
        "0, 0-0",
        "' 5-1 ', 5-1"
    })
    void anEventId(String option, String id) {
        assertThat(Start.parse(option)).isEqualTo(new Start.After(EventId.parse(id)));
    }

    /** As the platform's documentation writes them. */
    @ParameterizedTest
    @CsvSource({"1620249512599, 1620249512599-0", "' 1795282698973 ', 1795282698973-0", "999999999999, 999999999999-0"})
    void millisecondsAreTheIdThatEndsInZero(String option, String id) {
        assertThat(Start.parse(option)).isEqualTo(new Start.After(EventId.parse(id)));
    }

    @ParameterizedTest
    @CsvSource({
        "1620249512, a time in seconds: say it in milliseconds 1620249512000 (2021-05-05T21:18:32Z)",
        "999999999, a time in seconds: say it in milliseconds 999999999000 (2001-09-09T01:46:39Z)",
        "1620249512599000, a time in microseconds: say it in milliseconds 1620249512599 (2021-05-05T21:18:32.599Z)",
        "1620249512599000000, a time in nanoseconds: say it in milliseconds 1620249512599 (2021-05-05T21:18:32.599Z)"
    })
    void anotherUnitIsNamedAsSuch(String option, String said) {
        assertThatThrownBy(() -> Start.parse(option))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("start is \"" + option + "\", which is " + said.replace("milliseconds ", "milliseconds, "));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "yesterday",
                "NOW",
                "2026",
                "12345678",
                "1620249512.599",
                "99999999999999999999",
                "2026-01",
                "2026-13-01",
                "2026-02-30",
                "31.01.2026",
                "01/31/2026",
                "2026-01-31 12:00:00",
                "2026-01-31T25:00:00Z",
                "12:00:00Z",
                "5-",
                "-5-1",
                "5-1-1",
                "P1D"
            })
    void anythingElseIsAMistakeThatSaysWhatItMayBe(String option) {
        assertThatThrownBy(() -> Start.parse(option))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"" + option + "\"")
                .hasMessageContaining("now")
                .hasMessageContaining("2026-01-31")
                .hasMessageContaining("1795282698973-0");
    }

    @Test
    void anIdWithTooManyDigitsIsAMistake() {
        assertThatThrownBy(() -> Start.parse("99999999999999999999-0"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("99999999999999999999-0");
    }

    /** A way to say "all there is": nothing on a platform is older, and no event id can say it. */
    @ParameterizedTest
    @ValueSource(strings = {"1969-12-31", "1900-01-01", "0001-01-01"})
    void aDateBeforeAllEventIdsStartsBeforeThemAll(String option) {
        Instant date = ((Start.Since) Start.parse(option)).date();

        assertThat(EventId.at(date)).isEqualTo(EventId.ZERO);
    }
}
