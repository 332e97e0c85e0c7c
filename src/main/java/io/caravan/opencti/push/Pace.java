package io.caravan.opencti.push;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How the destination is waited for before something is pushed.
 *
 * @param nanos the clock, as {@link System#nanoTime}
 * @param oneWait for so long one try of a batch waits; then it fails, and is tried again
 */
record Pace(LongSupplier nanos, Duration oneWait) {

    static final Pace USUAL = new Pace(System::nanoTime, Duration.ofSeconds(5));

    long now() {
        return nanos.getAsLong();
    }

    boolean isOver(long begin, Duration wait) {
        return now() - begin >= wait.toNanos();
    }
}
