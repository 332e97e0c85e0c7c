package io.caravan.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A disk of few megabytes that is filled and freed as a test likes. Needs Linux and root. */
public record SmallDisk(Path path) implements AutoCloseable {

    private static final int PAGE = 4096;
    private static final int BLOCK = 1 << 20;

    /** @param path made if it is missing; a test is skipped where no disk can be mounted */
    public static SmallDisk mount(Path path, int megabytes) throws IOException {
        Optional<SmallDisk> disk = mountIfPossible(path, megabytes);
        assumeTrue(disk.isPresent(), "a small disk can be mounted on Linux only, by root only");
        return disk.orElseThrow();
    }

    /** Empty where no disk can be mounted. */
    public static Optional<SmallDisk> mountIfPossible(Path path, int megabytes) throws IOException {
        Files.createDirectories(path);
        boolean isMounted = System.getProperty("os.name").equals("Linux")
                && run("mount", "-t", "tmpfs", "-o", "size=" + megabytes + "m", "caravan-test", path.toString());
        return isMounted ? Optional.of(new SmallDisk(path)) : Optional.empty();
    }

    public void fill() throws IOException {
        fillButFor(0);
    }

    /** Leaves so many pages of 4 KB free. */
    public void fillButFor(int pages) throws IOException {
        Path filling = path.resolve("filling");
        byte[] block = new byte[BLOCK];
        try (var file = Files.newOutputStream(filling)) {
            while (true) {
                file.write(block);
            }
        } catch (IOException full) {
            assertThat(full).hasMessageContaining("No space left");
        }
        try (FileChannel file = FileChannel.open(filling, StandardOpenOption.WRITE)) {
            file.truncate(file.size() - (long) pages * PAGE);
        }
    }

    public void free() throws IOException {
        Files.delete(path.resolve("filling"));
    }

    /** Must not be less than what is on it. */
    public void resize(int megabytes) {
        assertThat(run("mount", "-o", "remount,size=" + megabytes + "m", path.toString()))
                .isTrue();
    }

    public void makeReadOnly() {
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
