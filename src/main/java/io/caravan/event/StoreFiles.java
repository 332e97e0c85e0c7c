package io.caravan.event;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * The files of a RocksDB store, looked at before it is opened. RocksDB either takes damage in the middle of its log for
 * the log's end, and goes back in time without a word, or takes a power cut's zeros at its end for damage; it takes a store
 * without its log for one in which nothing was written since the last table, and a directory whose first opening was cut
 * short for damage. These are told apart here.
 */
final class StoreFiles {

    /** What the first opening makes before there is anything to lose. */
    private static final String BEGINNING =
            "LOG.*|LOCK|IDENTITY|CURRENT|(MANIFEST|OPTIONS)-[0-9]+|.*\\.dbtmp|[0-9]+\\.log";

    /** RocksDB's log format: checksum (4 bytes), length (2), type (1), in blocks of 32 KiB. */
    private static final int HEADER = 7;

    /** The types of a record that begins a batch: whole in it, or going on in the next block. */
    private static final int FULL = 1;

    private static final int FIRST = 2;

    private static final int BLOCK = 32 * 1024;

    private final Path directory;
    private final List<String> names;

    private StoreFiles(Path directory, List<String> names) {
        this.directory = directory;
        this.names = names;
    }

    static StoreFiles in(Path directory) throws PositionStore.Unusable {
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
            throw new PositionStore.Unusable(
                    "the directory " + directory + " cannot be made or read: " + FailureText.of(e), e);
        }
    }

    /** True when nothing was ever written: there is nothing, or what a first opening that was cut short leaves. */
    boolean areNone() throws IOException {
        if (hasTable() || names.stream().anyMatch(name -> !name.matches(BEGINNING))) {
            return false;
        }
        for (Path log : logs()) {
            try {
                if (Files.size(log) > 0) {
                    return false;
                }
            } catch (NoSuchFileException e) {
                return false; // another program that uses the store deleted it
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
            if (isDamaged(log)) {
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

    /**
     * A record that is wrong although a whole one follows it. A last one that is torn or wrong, in part or altogether, is
     * what a kill or a power cut leaves, and was never acknowledged. No record goes beyond its block; a log is as large as
     * a write buffer and a batch.
     */
    private static boolean isDamaged(Path log) throws IOException {
        boolean isWhole = true; // up to here
        try (InputStream blocks = Files.newInputStream(log)) {
            for (byte[] block = blocks.readNBytes(BLOCK); block.length > 0; block = blocks.readNBytes(BLOCK)) {
                int at = isWhole ? endOfRecords(block) : 0;
                isWhole = isWhole && BLOCK - at < HEADER;
                if (!isWhole && holdsBeginning(block, at)) {
                    return true;
                }
            }
        } catch (NoSuchFileException e) {
            return false; // deleted by another program that uses the store, which its opening will say
        }
        return false;
    }

    /** Where the whole records that the block begins with end. */
    private static int endOfRecords(byte[] block) {
        int at = 0;
        while (at + HEADER <= block.length && isRecord(block, at)) {
            at += HEADER + lengthAt(block, at);
        }
        return at;
    }

    /** Whether a batch begins somewhere behind there, with a whole record. */
    private static boolean holdsBeginning(byte[] block, int from) {
        for (int at = from; at + HEADER <= block.length; at++) {
            int type = block[at + HEADER - 1];
            if ((type == FULL || type == FIRST) && isRecord(block, at)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a whole record begins here, its checksum (CRC-32C, as RocksDB masks it) right. */
    private static boolean isRecord(byte[] bytes, int at) {
        int length = lengthAt(bytes, at);
        if (at + HEADER + length > bytes.length) {
            return false;
        }
        CRC32C crc = new CRC32C();
        crc.update(bytes, at + HEADER - 1, length + 1);
        int checksum = Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
        return checksum == ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(at);
    }

    private static int lengthAt(byte[] bytes, int at) {
        return bytes[at + 4] & 0xff | (bytes[at + 5] & 0xff) << 8;
    }
}
