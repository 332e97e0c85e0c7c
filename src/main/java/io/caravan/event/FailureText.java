package io.caravan.event;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a failure is told as, to people: in the log, in health, by commands, in dead letters. Several of Java's exceptions
 * have a bare path as their message, or none: here they say what happened to it.
 */
public final class FailureText {

    private FailureText() {}

    /** The failure's message if that says what happened, else in words. */
    public static String of(Throwable failure) {
        if (isEnvelope(failure)) {
            return of(failure.getCause());
        }
        if (failure instanceof FileSystemException file) {
            return ofFile(file);
        }
        String message = failure.getMessage();
        if (failure instanceof UnknownHostException && message != null && !message.contains(" ")) {
            return "the name " + message + " leads to no address";
        }
        if (failure instanceof CharacterCodingException) {
            return "it is not in UTF-8";
        }
        if (message == null || message.isBlank()) {
            return ofWordless(failure);
        }
        return message;
    }

    /** As {@link #of}, where the path of the file is said anyway. */
    public static String withoutPath(Throwable failure) {
        return failure instanceof FileSystemException file ? happenedTo(file) : of(failure);
    }

    /** {@code path: what happened}. */
    private static String ofFile(FileSystemException failure) {
        String paths = Stream.of(failure.getFile(), failure.getOtherFile())
                .filter(Objects::nonNull)
                .collect(Collectors.joining(" -> "));
        return (paths.isEmpty() ? "" : paths + ": ") + happenedTo(failure);
    }

    private static String happenedTo(FileSystemException failure) {
        if (failure.getReason() != null) {
            return failure.getReason(); // the operating system's words
        }
        if (failure instanceof NoSuchFileException) {
            return "there is no such file or folder";
        }
        if (failure instanceof AccessDeniedException) {
            return "this user may not read or write it (permission denied)";
        }
        if (failure instanceof FileAlreadyExistsException) {
            return "a file is there, where a folder is needed";
        }
        if (failure instanceof DirectoryNotEmptyException) {
            return "the folder is not empty";
        }
        if (failure instanceof NotDirectoryException) {
            return "it is no folder";
        }
        if (failure instanceof NotLinkException) {
            return "it is no symbolic link";
        }
        return failure instanceof FileSystemLoopException
                ? "its symbolic links lead round in a circle"
                : "the file system refuses it";
    }

    private static String ofWordless(Throwable failure) {
        if (failure instanceof EOFException) {
            return "it ends too early";
        }
        if (failure instanceof ClosedChannelException) {
            return "it was closed meanwhile";
        }
        if (failure instanceof TimeoutException) {
            return "it took too long";
        }
        if (failure instanceof InterruptedException) {
            return "it was interrupted";
        }
        if (failure instanceof FileNotFoundException) {
            return "there is no such file";
        }
        return failure.getClass().getSimpleName();
    }

    /** One that has nothing to say but that there is a cause. */
    private static boolean isEnvelope(Throwable failure) {
        Throwable cause = failure.getCause();
        String message = failure.getMessage();
        return cause != null && cause != failure && (message == null || message.equals(cause.toString()));
    }
}
