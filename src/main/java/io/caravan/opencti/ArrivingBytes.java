package io.caravan.opencti;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;

/**
 * A response's body as it arrives, read by one thread. Unlike the JDK's own input stream it gives out all that has
 * arrived before it says that the connection broke: what a platform sent before it was killed is not thrown away. It
 * takes a little ahead of its reader and then lets TCP hold the sender back. Its buffers are handed on, not copied. What
 * arrives compressed is decompressed by the reader's thread, a piece each time it asks.
 */
public final class ArrivingBytes implements BodySubscriber<ArrivingBytes>, AutoCloseable {

    /** How many of the client's pieces, of 16 KiB each at most, are asked for ahead of the reader. */
    private static final int AHEAD = 8;

    private static final Duration FOR_EVER = Duration.ofDays(36_500);

    private final Optional<Inflation> inflation;
    private final Deque<List<ByteBuffer>> arrived = new ArrayDeque<>();
    private Optional<Flow.Subscription> subscription = Optional.empty();
    private Optional<Throwable> failure = Optional.empty();
    private boolean ended;
    private boolean closed;

    /** @param coding what the answer's head says of the body; what is not readable is handed on as it comes */
    ArrivingBytes(ContentCoding coding) {
        inflation = coding.inflation();
    }

    /** Whether the bytes come compressed: then a sender that does not flush keeps some of them back. */
    public boolean isCompressed() {
        return inflation.isPresent();
    }

    /**
     * Waits for bytes.
     *
     * @return what has arrived, at least a byte; none at the end of the body
     * @throws IOException when the connection broke and nothing is left, the body was closed, or it cannot be decompressed
     */
    public List<ByteBuffer> take() throws IOException {
        return take(FOR_EVER);
    }

    /**
     * As {@link #take()}, within a time.
     *
     * @throws IOException also when nothing arrived in that time
     */
    public List<ByteBuffer> take(Duration patience) throws IOException {
        return inflation.isEmpty() ? takeAsSent(patience) : takeInflated(inflation.get(), patience);
    }

    private List<ByteBuffer> takeInflated(Inflation compressed, Duration patience) throws IOException {
        while (true) {
            Optional<ByteBuffer> piece = compressed.next();
            if (piece.isPresent()) {
                return List.of(piece.get());
            }
            List<ByteBuffer> more = takeAsSent(patience);
            if (more.isEmpty()) {
                compressed.end();
                return List.of();
            }
            compressed.put(more);
        }
    }

    private List<ByteBuffer> takeAsSent(Duration patience) throws IOException {
        long deadline = System.nanoTime() + patience.toNanos();
        List<ByteBuffer> next;
        synchronized (this) {
            while (arrived.isEmpty() && !ended && !closed) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    throw new IOException("nothing has come for " + patience.toSeconds() + " s");
                }
                try {
                    wait(left);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new InterruptedIOException("interrupted while waiting for bytes");
                }
            }
            if (closed) {
                throw new IOException("the connection was closed");
            }
            if (arrived.isEmpty()) {
                if (failure.isPresent()) {
                    Throwable broken = failure.get();
                    String said = broken.getMessage() == null ? "" : ": " + broken.getMessage();
                    throw new IOException("the connection broke before the answer's end" + said, broken);
                }
                return List.of();
            }
            next = arrived.poll();
        }
        subscription().ifPresent(s -> s.request(1));
        return next;
    }

    /** Gives up the connection, from any thread; a reader that waits gets an exception. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            arrived.clear();
            notifyAll();
        }
        subscription().ifPresent(Flow.Subscription::cancel);
    }

    @Override
    public CompletionStage<ArrivingBytes> getBody() {
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public void onSubscribe(Flow.Subscription next) {
        boolean isClosed;
        synchronized (this) {
            subscription = Optional.of(next);
            isClosed = closed;
        }
        if (isClosed) {
            next.cancel();
        } else {
            next.request(AHEAD);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        if (buffers.isEmpty()) {
            subscription().ifPresent(s -> s.request(1));
            return;
        }
        synchronized (this) {
            if (!closed) {
                arrived.add(buffers);
                notifyAll();
            }
        }
    }

    @Override
    public synchronized void onError(Throwable broken) {
        failure = Optional.of(broken);
        ended = true;
        notifyAll();
    }

    @Override
    public synchronized void onComplete() {
        ended = true;
        notifyAll();
    }

    private synchronized Optional<Flow.Subscription> subscription() {
        return subscription;
    }
}
