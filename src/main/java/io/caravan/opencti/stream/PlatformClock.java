package io.caravan.opencti.stream;

import io.caravan.opencti.Platform;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The platform's time, by which snapshots are asked for; this machine's, with a warning, where the platform tells none. */
final class PlatformClock {

    private static final Logger LOG = LoggerFactory.getLogger(PlatformClock.class);

    private final Platform platform;
    private final Duration patience;

    PlatformClock(Platform platform, Duration patience) {
        this.platform = platform;
        this.patience = patience;
    }

    Instant now() throws IOException, InterruptedException {
        Optional<Instant> time = platform.time(patience);
        if (time.isEmpty()) {
            LOG.warn("{} sends no Date: this machine's clock is taken for the platform's", platform.url());
        }
        return time.orElseGet(Instant::now);
    }
}
