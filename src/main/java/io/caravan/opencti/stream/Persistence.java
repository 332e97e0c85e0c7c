package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tries a batch until it is delivered, after 1 s, doubling to a minute, or until the end is asked for. Nothing overtakes it. */
final class Persistence {

    /** A batch's way to every sink, and to its position being stored behind it. */
    interface Attempt {
        void make() throws Exception;
    }

    private static final Logger LOG = LoggerFactory.getLogger(Persistence.class);

    private final Stopping stopping;
    private final Health health;

    Persistence(Stopping stopping, Health health) {
        this.stopping = stopping;
        this.health = health;
    }

    /** False when stopped before; then nothing of it counts as delivered. */
    boolean untilDelivered(Batch batch, Attempt attempt) throws InterruptedException {
        for (Backoff backoff = Backoff.FIRST; ; backoff = backoff.next()) {
            try {
                attempt.make();
                health.delivered();
                return true;
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                if (stopping.isAsked()) {
                    LOG.info("Stopped before {} were delivered; they come again at the next start", batch);
                    return false;
                }
                Duration wait = backoff.withJitter();
                health.notDelivered(Reason.of(e));
                LOG.warn("{} not delivered: {}; {}", batch, Reason.of(e), Reason.nextTryIn(wait));
                LOG.debug("Not delivered", e);
                stopping.pause(wait);
            }
        }
    }
}
