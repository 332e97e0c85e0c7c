package io.caravan.ops;

import io.caravan.event.Durably;
import io.caravan.event.FailureText;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A folder that a setting names and the program writes to.
 *
 * @param setting the setting's name
 * @param path the folder
 * @param inside folders that the program makes in it and that may be somebody else's, as after a run as another user
 */
record WritableFolder(String setting, Path path, List<Path> inside) {

    private static final String PROBE = ".caravan-can-write-here";
    private static final String READ_ONLY = ": it lies on a read-only file system";
    private static final String OTHERWISE = "; give this user the right to write there, or say another folder";

    /** Why nothing can be written there, as far as it shows without writing, on one line. */
    Optional<String> obstacle() {
        for (Path folder : all()) {
            Path existing = folder;
            while (!Files.exists(existing, LinkOption.NOFOLLOW_LINKS) && existing.getParent() != null) {
                existing = existing.getParent();
            }
            if (!Files.isDirectory(existing)) {
                return Optional.of(existing
                        + (Files.isSymbolicLink(existing)
                                ? " is a link to a folder that is not there: make that one"
                                : " is a file, not a folder: say another folder"));
            }
            if (!Files.isWritable(existing) || !Files.isExecutable(existing)) {
                return Optional.of(
                        existing + " cannot be written to" + (isReadOnly(existing) ? READ_ONLY : "") + OTHERWISE);
            }
        }
        return Optional.empty();
    }

    /**
     * Makes the folder and, for a moment, a file in it.
     *
     * @return why that cannot be done, on one line with the setting's name. A full disk is no reason: the program waits for room.
     */
    Optional<String> make() {
        Optional<String> obstacle = obstacle();
        try {
            if (obstacle.isEmpty()) {
                Durably.createDirectories(path.toAbsolutePath());
                for (Path folder : all()) {
                    if (Files.isDirectory(folder)) {
                        write(folder);
                    }
                }
            }
        } catch (IOException e) {
            obstacle = isForWantOfRoom(e)
                    ? Optional.empty()
                    : Optional.of(path + " cannot be written to: " + FailureText.of(e) + OTHERWISE);
        }
        return obstacle.map(what -> setting + ": " + what);
    }

    private List<Path> all() {
        return Stream.concat(Stream.of(path), inside.stream())
                .map(Path::toAbsolutePath)
                .toList();
    }

    private static void write(Path folder) throws IOException {
        FileChannel.open(
                        folder.resolve(PROBE),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.DELETE_ON_CLOSE)
                .close();
    }

    private static boolean isReadOnly(Path folder) {
        try {
            return Files.getFileStore(folder).isReadOnly();
        } catch (IOException e) {
            return false; // and that it cannot be written to is said anyway
        }
    }

    private boolean isForWantOfRoom(IOException failure) {
        String text = FailureText.withoutPath(failure);
        return text.contains("No space left") || text.contains("quota") || hasNoRoom();
    }

    /** Whatever language the operating system says it in. */
    private boolean hasNoRoom() {
        try {
            return Files.getFileStore(path).getUsableSpace() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
