package io.caravan.opencti.stream;

import io.caravan.event.EventId;
import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Whether heartbeats come and their id stands still although nothing else comes: then no event will. Of one connection. */
final class Standstill {

    private static final Duration LONGEST = Duration.ofMinutes(10);

    private final LongSupplier nanos;
    private EventId lastHeartbeat = EventId.ZERO;
    private long since;

    /** @param nanos a clock as {@link System#nanoTime} */
    Standstill(LongSupplier nanos) {
        this.nanos = nanos;
        since = nanos.getAsLong();
    }

    /** An event came, or was waited for a sink with. */
    void moved() {
        since = nanos.getAsLong();
    }

    /** True when it has stood still for too long; a heartbeat without an id moves nothing. */
    boolean isReachedBy(Optional<EventId> heartbeat) {
        if (!lastHeartbeat.equals(heartbeat.orElse(lastHeartbeat))) {
            lastHeartbeat = heartbeat.get();
            moved();
        }
        return nanos.getAsLong() - since > LONGEST.toNanos();
    }

    /** For people. */
    @Override
    public String toString() {
        return "has sent the heartbeat " + lastHeartbeat + " for " + LONGEST.toMinutes() + " minutes";
    }
}
