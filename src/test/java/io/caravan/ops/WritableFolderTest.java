package io.caravan.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.testkit.SmallDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WritableFolderTest {

    @TempDir
    Path home;

    @Test
    void isMadeAndLeftEmpty() {
        WritableFolder folder = folder("data/files");
        assertThat(folder.obstacle()).isEmpty();
        assertThat(folder.path()).doesNotExist();
        assertThat(folder.make()).isEmpty();
        assertThat(folder.path()).isEmptyDirectory();
    }

    @Test
    void cannotBeBelowAFile() throws IOException {
        Path file = Files.createFile(home.resolve("data"));
        assertThat(folder("data/files").obstacle()).hasValue(file + " is a file, not a folder: say another folder");
        assertThat(folder("data/files").make())
                .hasValue("files.dir: " + file + " is a file, not a folder: say another folder");
    }

    @Test
    void cannotBeBehindALinkToNothing() throws IOException {
        Path link = Files.createSymbolicLink(home.resolve("data"), home.resolve("unmounted"));
        assertThat(folder("data").make())
                .hasValue("files.dir: " + link + " is a link to a folder that is not there: make that one");
    }

    @Test
    void cannotBeOnAReadOnlyFileSystemNotEvenForRoot() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(home.resolve("disk"), 1)) {
            disk.makeReadOnly();
            String why =
                    disk.path() + " cannot be written to: it lies on a read-only file system; give this user the right"
                            + " to write there, or say another folder";
            assertThat(folder("disk").obstacle()).hasValue(why);
            assertThat(folder("disk/files").make()).hasValue("files.dir: " + why);
        }
    }

    @Test
    void aFullDiskIsWaitedFor() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(home.resolve("disk"), 1)) {
            disk.fill();
            assertThat(folder("disk/files").make()).isEmpty();
        }
    }

    @Test
    void whatLiesInItMayBeOnAnotherFileSystem() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(home.resolve("data/journal"), 1)) {
            disk.makeReadOnly();
            assertThat(folder("data").make()).hasValueSatisfying(why -> assertThat(why)
                    .startsWith("files.dir: " + disk.path() + " cannot be written to: it lies on a read-only"));
        }
    }

    private WritableFolder folder(String path) {
        Path folder = home.resolve(path);
        return new WritableFolder("files.dir", folder, List.of(folder.resolve("journal")));
    }
}
