package io.caravan.opencti.stream;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
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
    private volatile Optional<String> sinkTrouble = Optional.empty();
    private volatile Instant since = Instant.now();
    private volatile boolean worthTelling = true;

    Health(String platform, Consumer<Exception> failureHandler) {
        this.platform = platform;
        this.failureHandler = failureHandler;
    }

    /** The platform is heard. */
    void connected() {
        if (sourceTrouble.isPresent()) {
            sourceTrouble = Optional.empty();
            since = Instant.now();
            if (worthTelling) {
                worthTelling = false;
                LOG.info("Connected to {}", platform);
            }
        }
    }

    void away(String reason) {
        if (sourceTrouble.isEmpty()) {
            since = Instant.now();
        }
        sourceTrouble = Optional.of(reason);
    }

    /** As {@link #away(String)}, and for the log: the next try is so far off. */
    void away(IOException failure, Duration wait) {
        away(failure.getMessage() == null ? failure.toString() : failure.getMessage());
        if (!wait.isZero()) {
            worthTelling = true;
            LOG.warn(
                    "{} {}; next try in {} s",
                    platform,
                    sourceTrouble.orElseThrow(),
                    Math.max(1, (wait.toMillis() + 500) / 1000));
        }
    }

    /** A batch could not be delivered, and is tried again. */
    void notDelivered(String reason) {
        sinkTrouble = Optional.of(reason);
    }

    void delivered() {
        sinkTrouble = Optional.empty();
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

    /** Since when {@link #trouble()} is what it is. */
    Instant since() {
        return since;
    }
}
