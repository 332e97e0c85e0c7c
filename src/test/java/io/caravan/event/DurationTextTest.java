package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DurationTextTest {

    @ParameterizedTest
    @CsvSource({
        "PT0S,          0 ms",
        "PT0.25S,       250 ms",
        "PT1.999S,      1 s",
        "PT59.9S,       59 s",
        "PT1M,          1 min",
        "PT6M59.633S,   6 min 59 s",
        "PT59M59S,      59 min 59 s",
        "PT1H,          1 h",
        "PT23H59M59S,   23 h 59 min",
        "P1D,           1 day",
        "P3DT4H5M,      3 days 4 h",
        "P400D,         400 days",
    })
    void saysALengthOfTimeInItsTwoLargestUnits(Duration length, String text) {
        assertThat(DurationText.of(length)).isEqualTo(text);
    }
}
