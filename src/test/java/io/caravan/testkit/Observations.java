package io.caravan.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What a platform has seen and sent, for tests to assert and to wait for. Its monitor guards everything. */
final class Observations {

    private static final Duration PATIENCE = Patience.SOON;

    private final List<Request> requests = new ArrayList<>();
    private final List<Request> streamRequests = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>();
    private int openStreams;
    private long eventsSent;
    private Consumer<Request> listener = request -> {};

    synchronized void request(Request request, boolean forStream) {
        requests.add(request);
        listener.accept(request);
        if (forStream) {
            streamRequests.add(request);
        }
        notifyAll();
    }

    /** Tells of every request, as it comes. */
    synchronized void onRequest(Consumer<Request> listener) {
        this.listener = listener;
    }

    synchronized void failure(Throwable failure) {
        failures.add(failure);
        notifyAll();
    }

    synchronized void opened() {
        openStreams++;
        notifyAll();
    }

    synchronized void closed() {
        openStreams--;
        notifyAll();
    }

    synchronized void eventSent() {
        eventsSent++;
        notifyAll();
    }

    synchronized List<Request> requests() {
        return List.copyOf(requests);
    }

    synchronized List<Request> streamRequests() {
        return List.copyOf(streamRequests);
    }

    synchronized List<Throwable> failures() {
        return List.copyOf(failures);
    }

    synchronized int openStreams() {
        return openStreams;
    }

    synchronized long eventsSent() {
        return eventsSent;
    }

    /** Waits for what a test expects; after 20 s it is an AssertionError that says what was seen instead. */
    synchronized void await(BooleanSupplier expected, Supplier<String> expectation) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!expected.getAsBoolean()) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new AssertionError("after " + PATIENCE.toSeconds() + " s, not " + expectation.get() + ", but "
                        + streamRequests.size() + " stream requests, " + openStreams + " streams open, " + eventsSent
                        + " events sent; failures: " + failures);
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while waiting for " + expectation.get(), e);
            }
        }
    }
}
