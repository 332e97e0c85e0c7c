package io.caravan.sink;

import java.io.IOException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnsupportedVersionException;

/** Kafka could not be reached, or would not: says for a person where and why. */
public final class KafkaFailure extends IOException {
    private static final long serialVersionUID = 1L;

    /** What Kafka does not do, and whether it may leave unsaid what it was asked for. */
    private enum Verb {
        REFUSES("refuses the login", false),
        FORBIDS("does not give this user the right", true),
        IS_NOT_FOUND("is not found", false),
        IS_SILENT("does not answer", false),
        FAILS("cannot be used", true);

        private final String text;
        private final boolean needsPurpose;

        Verb(String text, boolean needsPurpose) {
            this.text = text;
            this.needsPurpose = needsPurpose;
        }
    }

    private KafkaFailure(String message, Throwable cause) {
        super(message, cause);
    }

    public static KafkaFailure of(String brokers, Throwable cause) {
        return new KafkaFailure("Kafka at " + brokers + " " + verb(told(cause)).text + ": " + reason(cause), cause);
    }

    /**
     * Where Kafka may not say what it was asked to do.
     *
     * @param asked what, as in "create the topic opencti.events"
     */
    static KafkaFailure of(String brokers, String asked, Throwable cause) {
        Verb verb = verb(told(cause));
        String purpose = verb.needsPurpose ? " to " + asked : "";
        return new KafkaFailure("Kafka at " + brokers + " " + verb.text + purpose + ": " + reason(cause), cause);
    }

    /** Whether a right is missing. */
    boolean isOfRights() {
        return told(getCause()) instanceof AuthorizationException;
    }

    /** Whether the brokers leave this unanswered, or do not know it. */
    boolean isOfWhatTheyLack() {
        Throwable told = told(getCause());
        return told instanceof TimeoutException || told instanceof UnsupportedVersionException;
    }

    /** The same, and what there is to do. */
    KafkaFailure with(String remedy) {
        return new KafkaFailure(getMessage().replaceFirst("[.]$", "") + "; " + remedy, getCause());
    }

    /** What is wrong, in one line: where a message leaves the reason to its cause, the cause's too. */
    static String reason(Throwable failure) {
        Throwable told = told(failure);
        String message = messageOf(told);
        String why = told.getCause() == null ? "" : messageOf(told.getCause());
        return (message.contains(why) ? message : message + ": " + why).replaceAll("\\s*\\R\\s*", " ");
    }

    /** The failure, or what it wraps where it says no more than that. */
    private static Throwable told(Throwable failure) {
        Throwable told = failure;
        while (told.getCause() != null && isWrapper(told)) {
            told = told.getCause();
        }
        return told;
    }

    private static boolean isWrapper(Throwable failure) {
        String message = messageOf(failure);
        return message.equals(failure.getCause().toString()) || message.matches("Failed to (construct|create) .*");
    }

    private static String messageOf(Throwable failure) {
        return failure.getMessage() == null
                ? failure.getClass().getSimpleName()
                : failure.getMessage().strip();
    }

    private static Verb verb(Throwable cause) {
        if (cause instanceof AuthenticationException) {
            return Verb.REFUSES;
        }
        if (cause instanceof AuthorizationException) {
            return Verb.FORBIDS;
        }
        if (cause instanceof ConfigException) {
            return Verb.IS_NOT_FOUND;
        }
        return cause instanceof TimeoutException ? Verb.IS_SILENT : Verb.FAILS;
    }
}
