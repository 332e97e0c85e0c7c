package io.caravan.event;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** File operations that have reached the disk when they return. */
public final class Durably {

    private Durably() {}

    /** What a file is to hold. */
    public interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    /** Replaces a file's content in one step: whoever reads it meets the old or the new, whenever the power goes. */
    public static void replace(Path file, byte[] content) throws IOException {
        replace(file, out -> out.write(content));
    }

    /** The same, for what is not to be in memory as a whole. */
    public static void replace(Path file, Content content) throws IOException {
        createDirectories(file.getParent());
        Path next = file.resolveSibling(file.getFileName() + ".next");
        try (FileChannel channel = FileChannel.open(
                next, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            content.writeTo(Channels.newOutputStream(channel));
            channel.force(true);
        }
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        syncDirectory(file.getParent());
    }

    /** True when it was not there. */
    public static boolean createDirectories(Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            return false;
        }
        Path existing = directory;
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        Files.createDirectories(directory);
        for (Path made = directory.getParent();
                made != null && existing != null && made.startsWith(existing);
                made = made.getParent()) {
            syncDirectory(made);
        }
        return true;
    }

    public static void syncDirectory(Path directory) throws IOException {
        if (!System.getProperty("os.name").startsWith("Windows")) { // which cannot open a directory
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }
}
