package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tries until it succeeds, after 1 s, doubling to a minute, or until the end is asked for. Nothing overtakes a batch. */
final class Persistence {

    /** A batch's way to every sink, and to its position being stored behind it. */
    interface Attempt {
        void make() throws Exception;
    }

    /** What is asked of whatever may be away for the moment. */
    interface Question<T> {
        T answer() throws IOException, InterruptedException;
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
                    if (stopping.isFirstReport()) {
                        LOG.info("Stopped before {} were delivered; they come again at the next start", batch);
                    }
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

    /**
     * The answer; empty when stopped before.
     *
     * @param trouble what the log says where there is none, such as "the position cannot be read"
     */
    <T> Optional<T> untilAnswered(String trouble, Question<T> question) throws InterruptedException {
        for (Backoff backoff = Backoff.FIRST; !stopping.isAsked(); backoff = backoff.next()) {
            try {
                T answer = question.answer();
                health.delivered();
                return Optional.of(answer);
            } catch (IOException e) {
                Duration wait = backoff.after(e);
                health.notDelivered(Reason.of(e));
                LOG.warn("{}: {}; {}", trouble, Reason.of(e), Reason.nextTryIn(wait));
                stopping.pause(wait);
            }
        }
        return Optional.empty();
    }
}
