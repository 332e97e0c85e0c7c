package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** One megabyte, too little for a log to have room in store. Needs Linux and root; a test is skipped without. */
record SmallDisk(Path path) implements AutoCloseable {

    static SmallDisk mount(Path path) throws IOException {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "a small disk is mounted on Linux only");
        Files.createDirectories(path);
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=1m", "caravan-test", path.toString()),
                "a small disk can be mounted here by root only");
        return new SmallDisk(path);
    }

    void fill() throws IOException {
        fillButFor(0);
    }

    /** Leaves so many pages of 4 KB free. */
    void fillButFor(int pages) throws IOException {
        Path filling = path.resolve("filling");
        byte[] block = new byte[4096];
        try (var file = Files.newOutputStream(filling)) {
            while (true) {
                file.write(block);
            }
        } catch (IOException full) {
            assertThat(full).hasMessageContaining("No space left");
        }
        try (FileChannel file = FileChannel.open(filling, StandardOpenOption.WRITE)) {
            file.truncate(file.size() - pages * block.length);
        }
    }

    void free() throws IOException {
        Files.delete(path.resolve("filling"));
    }

    void makeReadOnly() {
        assertThat(run("mount", "-o", "remount,ro", path.toString())).isTrue();
    }

    @Override
    public void close() {
        run("umount", "-l", path.toString());
    }

    private static boolean run(String... command) {
        try {
            Process process = new ProcessBuilder(List.of(command))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException thereIsNoSuchCommand) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
