package io.caravan.sink;

import java.io.IOException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TimeoutException;

/** Kafka could not be reached, or would not: says for a person where and why. */
public final class KafkaFailure extends IOException {
    private static final long serialVersionUID = 1L;

    private KafkaFailure(String message, Throwable cause) {
        super(message, cause);
    }

    public static KafkaFailure of(String brokers, Throwable cause) {
        String reason = cause.getMessage() == null
                ? cause.getClass().getSimpleName()
                : cause.getMessage().strip();
        return new KafkaFailure("Kafka at " + brokers + " " + verb(cause) + ": " + reason, cause);
    }

    private static String verb(Throwable cause) {
        if (cause instanceof AuthenticationException) {
            return "refuses the login";
        }
        if (cause instanceof AuthorizationException) {
            return "does not give this user the right";
        }
        if (cause instanceof ConfigException) {
            return "is not found";
        }
        return cause instanceof TimeoutException ? "does not answer" : "cannot take the batch";
    }
}
