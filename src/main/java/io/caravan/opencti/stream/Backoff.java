package io.caravan.opencti.stream;

import io.caravan.opencti.Platform;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How long to wait before the next try: 1 s, doubling to 60 s. A value; {@link #next()} is the one after this failed too. */
record Backoff(Duration delay) {

    static final Duration LONGEST = Duration.ofSeconds(60);
    /** What the platform asks for is obeyed up to here. */
    static final Duration LONGEST_ASKED = Duration.ofHours(1);

    static final Backoff FIRST = new Backoff(Duration.ofSeconds(1));

    Backoff next() {
        Duration doubled = delay.isZero() ? FIRST.delay() : delay.multipliedBy(2);
        return new Backoff(doubled.compareTo(LONGEST) > 0 ? LONGEST : doubled);
    }

    /** The wait after this failure: what the platform asks for, a minute where only a person can mend it, else this delay. */
    Duration after(IOException failure) {
        if (failure instanceof Platform.Refused refused) {
            return refused.retryAfter().map(this::bounded).orElse(refused.needsAPerson() ? LONGEST : withJitter());
        }
        return withJitter();
    }

    /** What the platform asks for, but no sooner than without it, and not next week. */
    private Duration bounded(Duration asked) {
        Duration least = withJitter();
        if (asked.compareTo(least) < 0) {
            return least;
        }
        return asked.compareTo(LONGEST_ASKED) > 0 ? LONGEST_ASKED : asked;
    }

    /** Between half the delay and the whole, so that many clients do not come back at one instant. */
    Duration withJitter() {
        long half = delay.toMillis() / 2;
        return Duration.ofMillis(half + ThreadLocalRandom.current().nextLong(half + 1));
    }
}
