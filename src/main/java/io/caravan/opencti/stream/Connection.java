package io.caravan.opencti.stream;

import io.caravan.opencti.Platform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * One connection to a stream, read by one thread from its opening to its end. A read has no time limit of its own: a
 * watchdog closes the connection when no byte has come for the heartbeat timeout, counted only while the thread really
 * waits for bytes; a slow sink is not a silent platform.
 */
final class Connection implements AutoCloseable {

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
        try {
            watch = watchdog.scheduleWithFixedDelay(this::endWhenSilent, period, period, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            stream.body().close();
            throw new IOException("the stream is followed no more", e);
        }
    }

    /**
     * Reads what has come, at least one byte, into the parser.
     *
     * @return false at the end of the stream
     * @throws Silent when nothing came for too long
     */
    boolean readInto(SseParser parser) throws IOException {
        List<ByteBuffer> pieces = take();
        for (ByteBuffer piece : pieces) {
            if (piece.hasArray()) {
                int from = piece.arrayOffset() + piece.position();
                parser.parse(piece.array(), from, from + piece.remaining());
            } else {
                byte[] copy = new byte[piece.remaining()];
                piece.get(copy);
                parser.parse(copy, 0, copy.length);
            }
        }
        return !pieces.isEmpty();
    }

    private List<ByteBuffer> take() throws IOException {
        waitingSince = System.nanoTime();
        try {
            return stream.body().take();
        } catch (IOException e) {
            throw silent ? new Silent(silence, stream.body().isCompressed()) : e;
        } finally {
            waitingSince = NOT_WAITING;
        }
    }

    /** The platform's clock when it opened the stream. */
    Optional<Instant> openedAt() {
        return stream.time();
    }

    /** Ends a read that waits, from any thread. */
    @Override
    public void close() {
        watch.cancel(false);
        stream.body().close();
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

        Silent(Duration silence, boolean isCompressed) {
            super("the connection was silent for " + silence.toSeconds() + " s"
                    + (isCompressed
                            ? ": it comes compressed, which was not asked for, and what compresses it may keep it back: tell it not"
                                    + " to"
                            : ""));
        }
    }
}
