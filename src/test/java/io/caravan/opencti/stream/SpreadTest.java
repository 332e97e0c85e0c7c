package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.caravan.event.EventId;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpreadTest {

    @ParameterizedTest
    @CsvSource({"1, 500000", "2, 250000", "3, 125000"})
    void halvesAMillionIdsInWhateverOrder(int times, long millis) {
        Random random = new Random(1);
        Spread ascending = new Spread();
        Spread shuffled = new Spread();
        for (int id = 0; id < 1_000_000; id++) {
            ascending.add(new EventId(id, 0));
            shuffled.add(new EventId(random.nextInt(1_000_000), 0));
        }
        assertThat(ascending.halved(times)).isCloseTo(millis, within(10_000L));
        assertThat(shuffled.halved(times)).isCloseTo(millis, within(60_000L));
    }

    @Test
    void endsAtTheLowest() {
        Spread spread = new Spread();
        spread.add(new EventId(7, 0));
        spread.add(new EventId(5, 0));
        assertThat(spread.halved(1)).isEqualTo(7);
        assertThat(spread.halved(2)).isEqualTo(5);
        assertThat(spread.halved(1000)).isEqualTo(5);
    }
}
