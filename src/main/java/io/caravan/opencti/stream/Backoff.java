package io.caravan.opencti.stream;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How long to wait before the next try: 1 s, doubling to 60 s. A value; {@link #next()} is the one after this failed too. */
record Backoff(Duration delay) {

    static final Duration LONGEST = Duration.ofSeconds(60);
    static final Backoff FIRST = new Backoff(Duration.ofSeconds(1));

    Backoff next() {
        Duration doubled = delay.multipliedBy(2);
        return new Backoff(doubled.compareTo(LONGEST) > 0 ? LONGEST : doubled);
    }

    /** Between half the wait and the whole, so that many clients do not come back at one instant. */
    static Duration withJitter(Duration delay) {
        long half = delay.toMillis() / 2;
        return Duration.ofMillis(half + ThreadLocalRandom.current().nextLong(half + 1));
    }
}
