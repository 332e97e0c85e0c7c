package io.caravan.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.UTFDataFormatException;

/**
 * What a sink writes of one event, change or object cannot be made: the reason lies there or in the program, and not in the
 * sink, so waiting mends nothing. That one becomes a dead letter, and the others are delivered.
 */
public final class RecordFailedException extends Exception {
    private static final long serialVersionUID = 1L;

    private RecordFailedException(Throwable cause) {
        super(words(cause), cause);
    }

    /** The making of one record, or of a part of it. */
    @FunctionalInterface
    public interface Making<T> {
        T make() throws IOException, Unreadable;
    }

    /**
     * Makes one record.
     *
     * @throws RecordFailedException for every failure but one of input or output, and but a lack of memory; its message says
     *     for a person what is wrong
     */
    public static <T> T during(Making<T> making) throws RecordFailedException, IOException {
        try {
            return making.make();
        } catch (RuntimeException e) {
            if (isOfInputOrOutput(e)) {
                throw new IOException(e.getMessage(), e);
            }
            throw new RecordFailedException(e);
        } catch (Unreadable
                | JsonProcessingException
                | CharConversionException
                | UTFDataFormatException
                | StackOverflowError e) {
            throw new RecordFailedException(e);
        }
    }

    /** Whether it only wraps such a failure. */
    private static boolean isOfInputOrOutput(RuntimeException failure) {
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            boolean isOfTheContent = cause instanceof JsonProcessingException
                    || cause instanceof CharConversionException
                    || cause instanceof UTFDataFormatException;
            if (cause instanceof IOException && !isOfTheContent) {
                return true;
            }
        }
        return false;
    }

    private static String words(Throwable cause) {
        if (cause instanceof Unreadable) {
            return oneLine(cause.getMessage());
        }
        if (cause instanceof StackOverflowError) {
            return "it is nested too deeply";
        }
        if (cause instanceof JsonProcessingException json) {
            return "its JSON cannot be read or written: " + oneLine(json.getOriginalMessage());
        }
        if (cause instanceof ArithmeticException || cause instanceof NumberFormatException) {
            return "it holds a number that cannot be read: " + oneLine(cause.getMessage());
        }
        return "an error in Caravan: " + oneLine(cause.toString());
    }

    private static String oneLine(String message) {
        return String.valueOf(message).replaceAll("\\s*\\R\\s*", " ");
    }
}
