package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.EventId;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StandstillTest {

    private long nanos = 5;
    private final Standstill standstill = new Standstill(() -> nanos);

    @Test
    void aHeartbeatThatStandsStillForMoreThanTenMinutesIsOne() {
        assertThat(standstill.isReachedBy(id(1))).isFalse();
        minutesPass(10);
        assertThat(standstill.isReachedBy(id(1))).isFalse();
        nanos++;
        assertThat(standstill.isReachedBy(id(1))).isTrue();
        assertThat(standstill).hasToString("has sent the heartbeat 1-0 for 10 minutes");
    }

    @Test
    void aHeartbeatThatMovesIsNone() {
        for (int n = 1; n < 10; n++) {
            minutesPass(9);
            assertThat(standstill.isReachedBy(id(n))).isFalse();
        }
    }

    @Test
    void whileEventsComeOrASinkIsWaitedForThereIsNone() {
        standstill.isReachedBy(id(1));
        minutesPass(9);
        standstill.moved();
        minutesPass(9);
        assertThat(standstill.isReachedBy(id(1))).isFalse();
        minutesPass(2);
        assertThat(standstill.isReachedBy(id(1))).isTrue();
    }

    private void minutesPass(int minutes) {
        nanos += Duration.ofMinutes(minutes).toNanos();
    }

    private static Optional<EventId> id(long millis) {
        return Optional.of(new EventId(millis, 0));
    }
}
