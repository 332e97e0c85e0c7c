package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/** Carries batches that do not come from the stream the way of those that do, one at a time, on the thread that brings them. */
final class Carrier {

    private final Follower.Target target;
    private final Health health;
    private final Stopping stopping = new Stopping();
    private final Lock underWay = new ReentrantLock();

    Carrier(Follower.Target target, Health health) {
        this.target = target;
        this.health = health;
    }

    /** Tries until it succeeds. False when stopped before; then nothing of it counts as delivered. */
    boolean carry(Batch batch) throws InterruptedException {
        Set<DeadLetter> kept = new HashSet<>();
        underWay.lock();
        try {
            return !stopping.isAsked()
                    && new Persistence(stopping, health)
                            .untilDelivered(
                                    batch,
                                    () -> target.deliver(
                                            new Handover(batch, target.begin(), kept, stopping, health),
                                            batch.after()));
        } finally {
            underWay.unlock();
        }
    }

    /** Waits for the batch under way, at most so long. */
    void stop(Duration grace) throws InterruptedException {
        stopping.ask();
        if (underWay.tryLock(grace.toMillis(), TimeUnit.MILLISECONDS)) {
            underWay.unlock();
        }
    }
}
