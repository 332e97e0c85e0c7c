package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.nio.file.Path;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FailureTextTest {

    @TempDir
    Path folder;

    @Test
    void aFileThatIsNotThere() {
        Path file = folder.resolve("gone");
        assertThat(textOf(() -> Files.readString(file))).isEqualTo(file + ": there is no such file or folder");
    }

    @Test
    void aFileWhereAFolderIsNeeded() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        assertThat(textOf(() -> Durably.createDirectories(file)))
                .isEqualTo(file + ": a file is there, where a folder is needed");
        assertThat(textOf(() -> Durably.createDirectories(file.resolve("in/it"))))
                .startsWith(file + "/in: ");
        assertThat(textOf(() -> Files.list(file))).isEqualTo(file + ": it is no folder");
    }

    @Test
    void aFolderThatIsNotEmpty() throws IOException {
        Files.createDirectories(folder.resolve("full/of"));
        assertThat(textOf(() -> Files.delete(folder.resolve("full"))))
                .isEqualTo(folder.resolve("full") + ": the folder is not empty");
    }

    @Test
    void aMoveThatFailsNamesBothPaths() {
        assertThat(textOf(() -> Files.move(folder.resolve("a"), folder.resolve("b"))))
                .isEqualTo(folder.resolve("a") + ": there is no such file or folder");
        assertThat(FailureText.of(new AccessDeniedException("/a", "/b", null)))
                .isEqualTo("/a -> /b: this user may not read or write it (permission denied)");
    }

    @Test
    void aFileThatIsNotInUtf8() throws IOException {
        Path file = Files.write(folder.resolve("latin1"), new byte[] {(byte) 0xfc});
        assertThat(textOf(() -> Files.readString(file))).isEqualTo("it is not in UTF-8");
    }

    @Test
    void theOperatingSystemsWordsStay() {
        assertThat(FailureText.of(new FileSystemException("/data", null, "No space left on device")))
                .isEqualTo("/data: No space left on device");
        assertThat(FailureText.withoutPath(new FileSystemException("/data", null, "Read-only file system")))
                .isEqualTo("Read-only file system");
    }

    @Test
    void whatAnotherExceptionOnlyWraps() {
        IOException cause = new AccessDeniedException("/data");
        String text = "/data: this user may not read or write it (permission denied)";
        assertThat(Stream.of(
                        new UncheckedIOException(cause),
                        new ExecutionException(cause),
                        new CompletionException(cause),
                        new IOException(cause),
                        new RuntimeException(null, cause),
                        new IOException(new ExecutionException(cause))))
                .allSatisfy(wrapped -> assertThat(FailureText.of(wrapped)).isEqualTo(text));
        assertThat(FailureText.of(new IOException("the journal stands still", cause)))
                .isEqualTo("the journal stands still");
    }

    @ParameterizedTest
    @MethodSource
    void noFailureIsOnlyAPathOrNothing(Throwable failure) {
        assertThat(FailureText.of(failure)).contains(" ").doesNotContain("Exception", "java.");
    }

    static Stream<Throwable> noFailureIsOnlyAPathOrNothing() {
        return Stream.of(
                new FileSystemException("/a"),
                new FileSystemException("/a", "/b", null),
                new FileSystemLoopException("/a"),
                new NotDirectoryException("/a"),
                new NotLinkException("/a"),
                new ClosedChannelException(),
                new EOFException(),
                new InterruptedException(),
                new TimeoutException(),
                new UnknownHostException("kafka.example.org"));
    }

    private static String textOf(ThrowingCallable attempt) {
        return FailureText.of(catchThrowable(attempt));
    }
}
