package io.caravan.event;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * The files of a RocksDB store, looked at before it is opened. RocksDB takes a store without its log, or with a log whose
 * first record is damaged, for one in which nothing was ever written since the last table; and a directory whose first
 * opening was cut short (a kill, a full disk) for damage. Both are told apart here.
 */
final class StoreFiles {

    /** What the first opening makes before there is anything to lose. */
    private static final String BEGINNING =
            "LOG.*|LOCK|IDENTITY|CURRENT|(MANIFEST|OPTIONS)-[0-9]+|.*\\.dbtmp|[0-9]+\\.log";

    /** RocksDB's log format: checksum (4 bytes), length (2), type (1), in blocks of 32 KiB. */
    private static final int HEADER = 7;

    private static final int BLOCK = 32 * 1024;

    private final Path directory;
    private final List<String> names;

    private StoreFiles(Path directory, List<String> names) {
        this.directory = directory;
        this.names = names;
    }

    static StoreFiles in(Path directory) throws State.Unusable {
        try {
            Files.createDirectories(directory);
            try (Stream<Path> files = Files.list(directory)) {
                return new StoreFiles(
                        directory,
                        files.map(file -> file.getFileName().toString())
                                .sorted()
                                .toList());
            }
        } catch (IOException e) {
            boolean isForbidden = e instanceof AccessDeniedException;
            throw new State.Unusable(
                    "the directory " + directory + " cannot be made or read: "
                            + (isForbidden ? "permission denied" : e),
                    e);
        }
    }

    /** True when nothing was ever written: there is nothing, or what a first opening that was cut short leaves. */
    boolean areNone() throws IOException {
        if (hasTable() || names.stream().anyMatch(name -> !name.matches(BEGINNING))) {
            return false;
        }
        for (Path log : logs()) {
            if (Files.size(log) > 0) {
                return false;
            }
        }
        return true;
    }

    boolean hasTable() {
        return names.stream().anyMatch(name -> name.endsWith(".sst"));
    }

    Optional<String> damage() throws IOException {
        if (hasTable() && logs().isEmpty()) {
            return Optional.of("its log is gone");
        }
        for (Path log : logs()) {
            if (beginsDamaged(log)) {
                return Optional.of("the log " + log.getFileName() + " is damaged");
            }
        }
        return Optional.empty();
    }

    private List<Path> logs() {
        List<Path> logs = new ArrayList<>();
        for (String name : names) {
            if (name.matches("[0-9]+\\.log")) {
                logs.add(directory.resolve(name));
            }
        }
        return logs;
    }

    /** A first record that is there whole and is wrong. One that was torn, or only zeros, is what a kill leaves. */
    private static boolean beginsDamaged(Path log) throws IOException {
        ByteBuffer block = ByteBuffer.allocate(BLOCK).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(log)) {
            while (block.hasRemaining() && channel.read(block) >= 0) {
                // until the block is full or the log at its end
            }
        }
        block.flip();
        if (block.remaining() < HEADER) {
            return false;
        }
        int checksum = block.getInt(0);
        int length = block.getShort(4) & 0xffff;
        if (checksum == 0 && length == 0) {
            byte[] all = block.array();
            for (int i = 0; i < block.limit(); i++) {
                if (all[i] != 0) {
                    return true;
                }
            }
            return false;
        }
        int type = block.get(HEADER - 1) & 0xff;
        boolean isKnownType = type >= 1 && type <= 11 || type == 130 || type == 131;
        if (!isKnownType || HEADER + length > BLOCK) {
            return true;
        }
        if (HEADER + length > block.limit()) {
            return false;
        }
        CRC32C crc = new CRC32C();
        crc.update(block.array(), HEADER - 1, length + 1);
        int expected = (int) crc.getValue();
        return checksum != Integer.rotateRight(expected, 15) + 0xa282ead8; // as RocksDB masks it
    }
}
