package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.caravan.testkit.SmallDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

class StateTest {

    private static final String MANIFEST = "MANIFEST-.*";
    private static final String LOG = ".*\\.log";
    private static final String TABLE = ".*\\.sst";

    @TempDir
    Path temporary;

    private Path directory;

    @BeforeEach
    void chooseADirectoryThatIsNotThereYet() {
        directory = temporary.resolve("data/state");
    }

    @Test
    void aFirstRunHasNoPosition() throws IOException {
        try (State state = new State(directory)) {
            assertThat(state.read()).isEmpty();
        }
    }

    @Test
    void aRunThatStoredNothingLeavesAFirstRun() throws IOException {
        try (State state = new State(directory)) {
            assertThat(state.read()).isEmpty();
        }

        assertThat(reopened()).isEmpty();
    }

    @Test
    void anEmptyDirectoryIsAFirstRun() throws IOException {
        Files.createDirectories(directory);

        assertThat(reopened()).isEmpty();
    }

    @Test
    void theLastPositionWrittenIsRead() throws IOException {
        try (State state = new State(directory)) {
            state.write(position(1));
            state.write(position(2));

            assertThat(state.read()).contains(position(2));
        }

        assertThat(reopened()).contains(position(2));
        assertThat(reopened()).contains(position(2));
    }

    @Test
    void whatWasWrittenWhenTheProgramIsKilledIsRead() throws IOException {
        try (State state = new State(temporary.resolve("alive"))) {
            state.write(position(1));
            copy(temporary.resolve("alive"), directory);
        }

        assertThat(reopened()).contains(position(1));
    }

    @Test
    void aWriteThatAKillToreIsAsIfItHadNotBegun() throws IOException {
        Path alive = temporary.resolve("alive");
        long whole;
        try (State state = new State(alive)) {
            state.write(position(1));
            whole = Files.size(file(alive, LOG));
            state.write(position(2));
        }
        long end = Files.size(file(alive, LOG));
        assertThat(end).isGreaterThan(whole);

        for (long length = whole; length < end; length += 20) {
            directory = temporary.resolve("torn-" + length);
            copy(alive, directory);
            truncate(LOG, length);

            assertThat(reopened()).as("log of %d bytes", length).contains(position(1));
        }
    }

    @Test
    void damageStaysDamageAtEveryTry() throws IOException {
        writeAndClose();
        Files.delete(file(directory, "CURRENT"));

        assertIsUnusable();
        assertIsUnusable();
    }

    @ParameterizedTest
    @ValueSource(strings = {"CURRENT", MANIFEST})
    void aStoreWithoutOneOfItsFilesIsDamaged(String name) throws IOException {
        writeAndClose();
        Files.delete(file(directory, name));

        assertIsUnusable();
    }

    @ParameterizedTest
    @ValueSource(strings = {"CURRENT", MANIFEST})
    void aStoreWithATruncatedFileIsDamaged(String name) throws IOException {
        writeAndClose();
        truncate(name, Files.size(file(directory, name)) / 2);

        assertIsUnusable();
    }

    @ParameterizedTest
    @ValueSource(strings = {"CURRENT", MANIFEST})
    void aStoreWithAnEmptiedFileIsDamaged(String name) throws IOException {
        writeAndClose();
        truncate(name, 0);

        assertIsUnusable();
    }

    /** What stands where something else stood. */
    enum Foreign {
        TEXT('x'),
        ZEROS('\0');

        private final byte filling;

        Foreign(char filling) {
            this.filling = (byte) filling;
        }

        void overwrite(Path file, int from, int to) throws IOException {
            byte[] content = Files.readAllBytes(file);
            Arrays.fill(content, from, Math.min(to, content.length), filling);
            Files.write(file, content);
        }
    }

    @ParameterizedTest
    @EnumSource(Foreign.class)
    void anOverwrittenManifestIsDamage(Foreign foreign) throws IOException {
        writeAndClose();
        foreign.overwrite(file(directory, MANIFEST), 0, 20);

        assertIsUnusable();
    }

    @ParameterizedTest
    @EnumSource(Foreign.class)
    void anOverwrittenBeginningOfTheLogIsDamage(Foreign foreign) throws IOException {
        writeAndClose();
        foreign.overwrite(file(directory, LOG), 0, 20);

        assertIsUnusable();
    }

    @ParameterizedTest
    @EnumSource(Foreign.class)
    void anOverwrittenMiddleOfTheLogIsDamage(Foreign foreign) throws IOException {
        writeAndClose();
        foreign.overwrite(file(directory, LOG), 40, 60);

        assertIsUnusable();
    }

    @Test
    void aLogThatIsGoneIsDamage() throws IOException {
        writeAndClose();
        Files.delete(file(directory, LOG));

        assertIsUnusable();
    }

    @Test
    void aTableThatIsGoneIsDamage() throws IOException {
        writeAndClose();
        assertThat(reopened()).isPresent(); // which makes a table of the log
        Files.delete(file(directory, TABLE));

        assertIsUnusable();
    }

    @ParameterizedTest
    @EnumSource(Foreign.class)
    void anOverwrittenTableIsDamage(Foreign foreign) throws IOException {
        writeAndClose();
        assertThat(reopened()).isPresent();
        Path table = file(directory, TABLE);
        foreign.overwrite(table, 0, (int) Files.size(table) * 3 / 4);

        assertIsUnusable();
    }

    @Test
    void aDirectoryOfSomethingElseIsNotWrittenInto() throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("letters.txt"), "mine");

        assertIsUnusable();
    }

    /** "block" holds "lock", which the message of a store in use holds too. */
    @Test
    void aDamagedStoreIsNotCalledInUseForTheNameOfItsDirectory() throws IOException {
        directory = temporary.resolve("blocklists/state");
        writeAndClose();
        Files.delete(file(directory, "CURRENT"));

        assertIsUnusable();
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello", "", "{}", "{\"platform\":\"p\",\"stream\":\"s\",\"resume\":\"seven\"}"})
    void aForeignPositionIsAnErrorThatNamesTheDirectory(String value) throws Exception {
        writeAndClose();
        try (Options options = new Options();
                RocksDB store = RocksDB.open(options, directory.toString())) {
            store.put("position".getBytes(StandardCharsets.US_ASCII), value.getBytes(StandardCharsets.UTF_8));
        }

        assertReading().hasMessageContaining("holds a position");
    }

    @Test
    void aSecondProgramIsToldThatTheFirstHasIt() throws IOException {
        try (State first = new State(directory);
                State second = new State(directory)) {
            first.write(position(1));

            assertThatThrownBy(second::read)
                    .isInstanceOf(State.Unusable.class)
                    .hasMessageContaining(directory.toString())
                    .hasMessageContaining("in use");
            first.write(position(2));
            assertThat(first.read()).contains(position(2));
        }
    }

    /** The first deletes logs that it needs no longer: here one that is listed, and cannot be opened. */
    @Test
    void aSecondProgramIsToldThatTheFirstHasItAlsoWhereALogGoesMeanwhile() throws IOException {
        try (State first = new State(directory);
                State second = new State(directory)) {
            first.write(position(1));
            Files.createSymbolicLink(directory.resolve("000001.log"), directory.resolve("gone"));

            assertThatThrownBy(second::read).isInstanceOf(State.Unusable.class).hasMessageContaining("in use");
        }
    }

    @Test
    void theSecondProgramGoesOnOnceTheFirstHasEnded() throws IOException {
        try (State second = new State(directory)) {
            try (State first = new State(directory)) {
                first.write(position(1));
                assertThatThrownBy(second::read).isInstanceOf(State.Unusable.class);
            }

            assertThat(second.read()).contains(position(1));
        }
    }

    @Test
    void aDirectoryThatCannotBeMadeIsNamed() throws IOException {
        Files.writeString(temporary.resolve("data"), "a file where the data directory should be");

        assertReading().hasMessageContaining("cannot be made");
    }

    @Test
    void aDirectoryWithoutPermissionIsNamed() throws IOException {
        assumeThat(System.getProperty("user.name"))
                .as("root may write everywhere")
                .isNotEqualTo("root");
        Files.createDirectories(directory);
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("r-xr-xr-x"));

        assertReading();
    }

    @Test
    void aReadOnlyDiskIsNamed() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(temporary.resolve("disk"), 1)) {
            directory = disk.path().resolve("state");
            writeAndClose();
            disk.makeReadOnly();

            assertReading();
        }
    }

    @Test
    void onceClosedItNeitherReadsNorWrites() throws IOException {
        State state = new State(directory);
        state.write(position(1));
        state.close();

        assertThatThrownBy(state::read).isInstanceOf(IOException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> state.write(position(2)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(directory + " is closed");
        assertThat(reopened()).contains(position(1));
    }

    @Test
    void closingTwiceIsClosing() throws IOException {
        State state = new State(directory);
        state.write(position(1));
        state.close();
        state.close();

        assertThat(reopened()).contains(position(1));
    }

    @Test
    void writesAgainOnceAFullDiskHasRoom() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(temporary.resolve("disk"), 1)) {
            directory = disk.path().resolve("state");
            try (State state = new State(directory)) {
                state.write(position(1));
                disk.fill();
                assertThatThrownBy(() -> writeUntilItFails(state))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining(directory.toString());
                assertThatThrownBy(() -> state.write(position(2)))
                        .as("as long as the disk is full")
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("No space left");

                disk.free();
                state.write(position(3));

                assertThat(state.read()).contains(position(3));
            }
            assertThat(reopened()).contains(position(3));
        }
    }

    /** Whoever then moves the state away, as one is told to do with a damaged one, loses the position. */
    @Test
    void aFullDiskIsNotCalledDamage() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(temporary.resolve("disk"), 1)) {
            directory = disk.path().resolve("state");
            writeAndClose();
            disk.fill();

            assertThatThrownBy(this::reopened)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("No space left")
                    .hasMessageNotContaining("move it away");
        }
    }

    @Test
    void aDiskThatWasFullAtTheFirstRunIsNoDamage() throws IOException {
        try (SmallDisk disk = SmallDisk.mount(temporary.resolve("disk"), 1)) {
            directory = disk.path().resolve("state");
            Files.createDirectories(directory);
            disk.fill();
            assertThatThrownBy(this::reopened).isInstanceOf(IOException.class);

            disk.free();

            assertThat(reopened()).isEmpty();
        }
    }

    private void writeUntilItFails(State state) throws IOException {
        for (int i = 0; i < 1_000; i++) { // the log's last block has room for some
            state.write(position(2));
        }
    }

    private void writeAndClose() throws IOException {
        try (State state = new State(directory)) {
            state.write(position(1));
            state.write(position(2));
            state.write(position(3));
        }
    }

    private Optional<Position> reopened() throws IOException {
        try (State state = new State(directory)) {
            return state.read();
        }
    }

    private void assertIsUnusable() {
        assertReading().hasMessageContaining("cannot be opened").hasMessageContaining("backup");
    }

    private AbstractThrowableAssert<?, ? extends Throwable> assertReading() {
        return assertThatThrownBy(this::reopened)
                .isInstanceOf(State.Unusable.class)
                .hasMessageContaining(directory.toString());
    }

    private static Position position(long batches) {
        EventId resume = new EventId(1_795_282_698_973L, batches);
        return new Position(
                "https://opencti.example.org",
                "live",
                resume,
                Optional.empty(),
                Optional.empty(),
                batches,
                Position.MARGIN);
    }

    private void truncate(String name, long length) throws IOException {
        Path file = file(directory, name);
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), (int) length));
    }

    private static Path file(Path directory, String name) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.getFileName().toString().matches(name))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }
}
