package io.caravan.testkit;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * How long tests wait for what comes in the end. A bound costs nothing where that comes early, so all are generous: a machine
 * that is busy with something else must not fail a test. {@code -Dtest.patience=3} makes every bound three times as long.
 */
public final class Patience {

    private static final double FACTOR = Double.parseDouble(System.getProperty("test.patience", "1"));

    /** For what a quiet machine does within seconds. */
    public static final Duration SOON = times(Duration.ofMinutes(2));

    /** For what a quiet machine does within a minute or two. */
    public static final Duration LATER = times(Duration.ofMinutes(10));

    /**
     * For a stop, which promises 8 s. It would wait for ever for a sink that hangs if it did not give up; what a busy machine
     * adds to the 8 s is not the program's.
     */
    public static final Duration STOP = times(Duration.ofSeconds(25));

    private Patience() {}

    public static Duration times(Duration bound) {
        return Duration.ofMillis((long) (bound.toMillis() * FACTOR));
    }

    /** Whether it ends within its time. */
    public static boolean ends(Process process, Duration within) throws InterruptedException {
        return process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS);
    }
}
