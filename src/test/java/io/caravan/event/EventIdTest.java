package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventIdTest {

    @Test
    void isWrittenAsItWasRead() {
        assertThat(EventId.parse("1795282698973-12")).hasToString("1795282698973-12");
    }

    @ParameterizedTest
    @CsvSource({
        "9-0,             10-0", // as text it would be the other way round
        "1795282698973-9, 1795282698973-10",
        "1795282698973-9, 1795282698974-0",
        "0-0,             0-1"
    })
    void comparesAsTwoNumbers(String lower, String higher) {
        assertThat(EventId.parse(higher).isAbove(EventId.parse(lower))).isTrue();
        assertThat(EventId.parse(lower).isAbove(EventId.parse(higher))).isFalse();
        assertThat(EventId.parse(lower).max(EventId.parse(higher))).isEqualTo(EventId.parse(higher));
    }

    @Test
    void isNotAboveItself() {
        assertThat(EventId.parse("5-1").isAbove(EventId.parse("5-1"))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "-",
                "5",
                "5-",
                "-5",
                "--5",
                "5-5-5",
                "5 - 5",
                " 5-5",
                "5-5\n",
                "+5-5",
                "5--5",
                "5-x",
                "0x5-0",
                "\u0665-\u0665",
                "9223372036854775808-0",
                "0-9223372036854775808"
            })
    void anythingElseIsNoId(String text) {
        assertThat(EventId.of(text)).isEmpty();
        assertThatThrownBy(() -> EventId.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no event id")
                .hasMessageContaining(text);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {"\"5-1\", true", "\"five\", false", "5, false", "null, false", "{}, false"})
    void inJsonItIsAText(String json, boolean isId) throws Exception {
        assertThat(EventId.ofJson(new ObjectMapper().readTree(json)).isPresent())
                .isEqualTo(isId);
    }

    @Test
    void standsForItsMillisecond() {
        Instant time = Instant.parse("2026-11-21T17:38:18.973Z");

        assertThat(EventId.at(time)).hasToString(time.toEpochMilli() + "-0");
        assertThat(EventId.parse(time.toEpochMilli() + "-7").time()).isEqualTo(time);
    }

    @ParameterizedTest
    @CsvSource({"1000-5, 999-0", "1-0, 0-0", "0-7, 0-0", "0-0, 0-0"})
    void theOneBeforeIsNeverBelowZero(String id, String before) {
        assertThat(EventId.parse(id).before()).isEqualTo(EventId.parse(before));
    }

    @ParameterizedTest
    @CsvSource({"120000-5, 60000-0", "60000-0, 0-0", "59999-9, 0-0"})
    void lessAMarginIsNeverBelowZero(String id, String less) {
        assertThat(EventId.parse(id).minus(Duration.ofMinutes(1))).isEqualTo(EventId.parse(less));
    }
}
