package io.caravan.opencti.stream;

import io.caravan.opencti.Platform;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection to a stream, read by one thread from its opening to its end. A read has no time limit of its own: a
 * watchdog closes the connection when no byte has come for the heartbeat timeout, counted only while the thread really
 * waits for bytes; a slow sink is not a silent platform.
 */
final class Connection implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);
    private static final int READ_BUFFER = 64 * 1024;
    private static final long NOT_WAITING = Long.MAX_VALUE;

    private final Platform.OpenStream stream;
    private final Duration silence;
    private final ScheduledFuture<?> watch;
    private volatile long waitingSince = NOT_WAITING;
    private volatile boolean silent;

    /** @throws Platform.Refused when the platform answers something else than a stream */
    Connection(Platform platform, Platform.StreamRequest request, Duration silence, ScheduledExecutorService watchdog)
            throws IOException, InterruptedException {
        this.silence = silence;
        this.stream = platform.open(request, silence);
        long period = Math.max(50, silence.toMillis() / 4);
        this.watch = watchdog.scheduleWithFixedDelay(this::endWhenSilent, period, period, TimeUnit.MILLISECONDS);
    }

    /**
     * Reads what has come, at least one byte, into the parser.
     *
     * @return false at the end of the stream
     * @throws Silent when nothing came for too long
     */
    boolean readInto(SseParser parser, byte[] buffer) throws IOException {
        int count;
        waitingSince = System.nanoTime();
        try {
            count = stream.body().read(buffer);
        } catch (IOException e) {
            if (silent) {
                throw new Silent(silence);
            }
            throw e;
        } finally {
            waitingSince = NOT_WAITING;
        }
        if (count < 0 && silent) {
            throw new Silent(silence);
        }
        if (count > 0) {
            parser.parse(buffer, count);
        }
        return count >= 0;
    }

    /** The platform's clock when it opened the stream. */
    Optional<Instant> openedAt() {
        return stream.time();
    }

    static byte[] buffer() {
        return new byte[READ_BUFFER];
    }

    /** Ends a read that waits, from any thread. */
    @Override
    public void close() {
        watch.cancel(false);
        try {
            stream.body().close();
        } catch (IOException e) {
            LOG.debug("Closing a connection that is given up anyway", e);
        }
    }

    private void endWhenSilent() {
        long since = waitingSince;
        if (since != NOT_WAITING && System.nanoTime() - since > silence.toNanos()) {
            silent = true;
            close();
        }
    }

    /** No byte came for the heartbeat timeout. */
    static final class Silent extends IOException {
        private static final long serialVersionUID = 1L;

        Silent(Duration silence) {
            super("the connection was silent for " + silence.toSeconds() + " s");
        }
    }
}
