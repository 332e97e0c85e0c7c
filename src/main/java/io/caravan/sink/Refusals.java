package io.caravan.sink;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.caravan.event.Unreadable;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.UTFDataFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;

/**
 * The one table of what sinks fail with: whether a record is refused for good, and becomes a dead letter, or the sink is
 * away, and the batch is tried again for ever. What is not in the table is away, because waiting loses nothing: rights,
 * addresses and quotas are for an operator to mend.
 */
public final class Refusals {

    /** What a failure means for the records that were under way. */
    public enum Verdict {
        /** Nothing is wrong with any record. */
        AWAY,
        /** This record will never be taken. */
        REFUSED,
        /** One of the records that were sent together will never be taken, and it is not said which. */
        ONE_IS_REFUSED
    }

    private static final Map<Class<? extends Throwable>, Verdict> TABLE = Map.of(
            RecordTooLargeException.class, Verdict.REFUSED,
            SerializationException.class, Verdict.REFUSED,
            RecordBatchTooLargeException.class, Verdict.ONE_IS_REFUSED,
            InvalidRecordException.class, Verdict.ONE_IS_REFUSED,
            InvalidTimestampException.class, Verdict.AWAY, // the time is ours: a clock, or a batch that waited long
            CorruptRecordException.class, Verdict.AWAY); // damaged on the way there: it is not the record

    /**
     * Of the statuses from 400 to 499, those that are about the address and what it speaks, the right or the moment, and
     * not the record.
     */
    private static final Set<Integer> NOT_THE_RECORDS =
            Set.of(401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 415, 417, 421, 423, 424, 425, 426, 428, 429);

    private Refusals() {}

    /** The verdict on a failure, by it or the innermost of its causes that the table knows. */
    public static Verdict of(Throwable failure) {
        Verdict verdict = Verdict.AWAY;
        for (Throwable cause : chain(failure)) {
            if (cause instanceof HttpOperationFailedException http) {
                verdict = ofStatus(http.getStatusCode());
            } else if (TABLE.containsKey(cause.getClass())) {
                verdict = isOfTheTime(cause) ? Verdict.AWAY : TABLE.get(cause.getClass());
            }
        }
        return verdict;
    }

    /** Whether a request of a route failed for something that waiting may mend: input, output, what the table calls away. */
    public static boolean isOutage(Throwable failure) {
        List<Throwable> causes = chain(failure);
        boolean isUnreadable = causes.stream()
                .anyMatch(cause -> cause instanceof Unreadable
                        || cause instanceof JsonProcessingException
                        || cause instanceof CharConversionException
                        || cause instanceof UTFDataFormatException);
        return !isUnreadable
                && causes.stream()
                        .anyMatch(cause -> cause instanceof IOException
                                || (cause instanceof HttpOperationFailedException || cause instanceof KafkaException)
                                        && of(cause) == Verdict.AWAY);
    }

    /** A broker that refuses a timestamp gives it the exception of an invalid record, and says so in its message. */
    private static boolean isOfTheTime(Throwable cause) {
        return cause instanceof InvalidRecordException
                && String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT).contains("timestamp");
    }

    /** The verdict on a request that one record was sent in. */
    static Verdict ofStatus(int status) {
        boolean isRefused = status >= 400 && status < 500 && !NOT_THE_RECORDS.contains(status);
        return isRefused ? Verdict.REFUSED : Verdict.AWAY;
    }

    private static List<Throwable> chain(Throwable failure) {
        List<Throwable> chain = new ArrayList<>();
        for (Throwable cause = failure; cause != null && !chain.contains(cause); cause = cause.getCause()) {
            chain.add(cause);
        }
        return chain;
    }
}
