package io.caravan.opencti.stream;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the stream is followed at the moment, and if not, why. Written by the stream's threads, read by the health
 * check.
 */
final class Health {

    private static final Logger LOG = LoggerFactory.getLogger(Health.class);

    private final String platform;
    private final Consumer<Exception> failureHandler;
    private volatile Optional<String> sourceTrouble = Optional.of("has not answered yet");
    /** Why the last connection ended, until the next is heard. */
    private volatile Optional<String> lastReason = Optional.empty();

    private volatile Optional<String> sinkTrouble = Optional.empty();
    private volatile boolean recovering;
    private volatile boolean worthTelling = true;

    Health(String platform, Consumer<Exception> failureHandler) {
        this.platform = platform;
        this.failureHandler = failureHandler;
    }

    /** The platform is heard. */
    void connected() {
        if (sourceTrouble.isPresent()) {
            lastReason = Optional.empty();
            sourceTrouble = Optional.empty();
            if (worthTelling) {
                worthTelling = false;
                LOG.info("Connected to {}", platform);
            }
        }
    }

    /** The platform has begun a stream, on which nothing has come yet. */
    void opened() {
        if (sourceTrouble.isPresent()) {
            sourceTrouble = Optional.of("has begun the stream and sent no event yet"
                    + lastReason.map(reason -> " (before: " + reason + ")").orElse(""));
        }
    }

    void away(String reason) {
        lastReason = Optional.of(reason);
        sourceTrouble = lastReason;
    }

    /** As {@link #away(String)}, and for the log: the next try is so far off. */
    void away(IOException failure, Duration wait) {
        away(Reason.of(failure));
        if (!wait.isZero()) {
            worthTelling = true;
            LOG.warn("{} {}; {}", platform, Reason.of(failure), Reason.nextTryIn(wait));
        }
    }

    /** A batch could not be delivered, and is tried again. */
    void notDelivered(String reason) {
        sinkTrouble = Optional.of(reason);
    }

    void delivered() {
        sinkTrouble = Optional.empty();
    }

    /** Whether what happened in a gap is being found out. */
    void recovering(boolean isGapOpen) {
        recovering = isGapOpen;
    }

    boolean isRecovering() {
        return recovering;
    }

    /** The stream is given up. */
    void failed(Exception failure) {
        away(failure.getMessage());
        LOG.error("{}: {}", platform, failure.getMessage());
        failureHandler.accept(failure);
    }

    /** What keeps the platform from being heard, as a predicate: "answers 410: the stream is stopped". */
    Optional<String> trouble() {
        return sourceTrouble;
    }

    Optional<String> sinkTrouble() {
        return sinkTrouble;
    }
}
