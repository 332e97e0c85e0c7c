package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.EventId;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class CountersTest {

    private final Counters counters = new Counters();

    @Test
    void isAsFarBehindAsTheOldestEventThatCameLast() {
        assertThat(counters.lag()).isEmpty();
        counters.readTo(ago(Duration.ofMinutes(11)));
        assertThat(counters.lag().orElseThrow()).isBetween(Duration.ofMinutes(11), Duration.ofMinutes(12));
    }

    @Test
    void isNotBehindOnAPlatformThatIsIdleSinceAnOldEvent() {
        counters.readTo(ago(Duration.ofMinutes(11)));
        counters.readTo(ago(Duration.ZERO)); // a heartbeat behind it
        assertThat(counters.lag().orElseThrow()).isLessThan(Duration.ofMinutes(1));
    }

    @Test
    void isNotBehindByWhatASnapshotBrings() {
        counters.readTo(ago(Duration.ofMinutes(11)));
        counters.readsSnapshot();
        assertThat(counters.lag()).isEmpty();
    }

    private static EventId ago(Duration age) {
        return EventId.at(Instant.now().minus(age));
    }
}
