package io.caravan.opencti;

import java.io.EOFException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * Decompresses a body as it arrives: gzip (RFC 1952, of one member or several) and deflate (RFC 1950, and RFC 1951 alone, which
 * some servers send under that name). What a sender has flushed comes out as soon as its bytes are in, and no more than one
 * piece at a time, so that a small body which becomes a large one needs no memory. Used by one thread.
 */
final class Inflation {

    /** The most that comes out at a time. */
    private static final int PIECE = 16 * 1024;
    /** A file's name and comment may be in a gzip header; nobody's are longer. */
    private static final int MOST_HEADER = 128 * 1024;

    private static final int TRAILER = 8;
    private static final int CHECKSUM_OF_HEADER = 2;
    private static final int EXTRA_FIELD = 4;
    private static final int NAME = 8;
    private static final int COMMENT = 16;

    private enum Stage {
        HEADER,
        DATA,
        TRAILER,
        END
    }

    private final boolean isGzip;
    private final CRC32 checksum = new CRC32();
    private Inflater inflater = new Inflater(true);
    private Stage stage = Stage.HEADER;
    /** What is not decompressed yet; while it is in the stage of data, the inflater has it. */
    private byte[] input = new byte[0];

    private boolean isAtBegin = true;

    private Inflation(boolean isGzip) {
        this.isGzip = isGzip;
    }

    static Inflation ofGzip() {
        return new Inflation(true);
    }

    static Inflation ofDeflate() {
        return new Inflation(false);
    }

    /** Takes what has come. To be called when {@link #next()} wants more. */
    void put(List<ByteBuffer> pieces) throws ZipException {
        int left = stage == Stage.DATA ? 0 : input.length;
        byte[] more = Arrays.copyOf(
                stage == Stage.DATA ? new byte[0] : input,
                left + pieces.stream().mapToInt(ByteBuffer::remaining).sum());
        int at = left;
        for (ByteBuffer piece : pieces) {
            int length = piece.remaining();
            piece.get(more, at, length);
            at += length;
        }
        isAtBegin &= more.length == 0;
        input = more;
        if (stage == Stage.DATA) {
            inflater.setInput(input);
        } else if (stage == Stage.END && input.length > 0) {
            throw new ZipException("the compressed answer has bytes behind its end");
        }
    }

    /** The next bytes; empty when more is needed for that. */
    Optional<ByteBuffer> next() throws ZipException {
        while (true) {
            switch (stage) {
                case HEADER -> {
                    int length = isGzip ? gzipHeader() : deflateHeader();
                    if (length < 0) {
                        return Optional.empty();
                    }
                    begin(length);
                }
                case DATA -> {
                    byte[] piece = new byte[PIECE];
                    int length = inflate(piece);
                    if (length > 0) {
                        checksum.update(piece, 0, length);
                        return Optional.of(ByteBuffer.wrap(piece, 0, length));
                    }
                    if (!inflater.finished()) {
                        return Optional.empty();
                    }
                    endData();
                }
                case TRAILER -> {
                    if (input.length < TRAILER) {
                        return Optional.empty();
                    }
                    endMember();
                }
                case END -> {
                    return Optional.empty();
                }
            }
        }
    }

    /** To be called when nothing more comes. */
    void end() throws EOFException {
        boolean isWhole = isAtBegin || stage == Stage.END || stage == Stage.HEADER && isGzip && input.length == 0;
        inflater.end();
        if (!isWhole) {
            throw new EOFException("the compressed answer ended in its middle");
        }
    }

    private void begin(int header) {
        stage = Stage.DATA;
        checksum.reset();
        inflater.setInput(input, header, input.length - header);
    }

    private int inflate(byte[] piece) throws ZipException {
        try {
            int length = inflater.inflate(piece);
            if (inflater.needsDictionary()) {
                throw new ZipException("the compressed answer needs a dictionary, which nobody has sent");
            }
            return length;
        } catch (DataFormatException e) {
            ZipException broken = new ZipException("the answer says that it is compressed ("
                    + (isGzip ? "gzip" : "deflate") + "), and is not, or is damaged: " + e.getMessage());
            broken.initCause(e);
            throw broken;
        }
    }

    private void endData() throws ZipException {
        input = Arrays.copyOfRange(input, input.length - inflater.getRemaining(), input.length);
        stage = isGzip ? Stage.TRAILER : Stage.END;
        if (stage == Stage.END && input.length > 0) {
            throw new ZipException("the compressed answer has bytes behind its end");
        }
    }

    private void endMember() throws ZipException {
        boolean isRight = littleEndian(0, 4) == checksum.getValue()
                && littleEndian(4, 4) == (inflater.getBytesWritten() & 0xffffffffL);
        if (!isRight) {
            throw new ZipException("the compressed answer is damaged: its checksum is another");
        }
        inflater.reset();
        input = Arrays.copyOfRange(input, TRAILER, input.length);
        stage = Stage.HEADER;
    }

    /** Its length, or -1 when more is needed to know. */
    private int gzipHeader() throws ZipException {
        if (input.length > 0 && at(0) != 0x1f || input.length > 1 && at(1) != 0x8b) {
            throw new ZipException("the answer says that it is compressed (gzip), and is not");
        }
        if (input.length > MOST_HEADER) {
            throw new ZipException("the compressed answer's header does not end");
        }
        if (input.length < 10) {
            return -1;
        }
        int flags = at(3);
        int length = 10;
        if ((flags & EXTRA_FIELD) != 0) {
            if (input.length < length + 2) {
                return -1;
            }
            length += 2 + (int) littleEndian(length, 2);
        }
        for (int text : new int[] {NAME, COMMENT}) {
            if ((flags & text) != 0) {
                while (length < input.length && input[length] != 0) {
                    length++;
                }
                length++;
            }
        }
        length += (flags & CHECKSUM_OF_HEADER) != 0 ? 2 : 0;
        return input.length < length ? -1 : length;
    }

    /** As {@link #gzipHeader()}; the inflater reads the header itself, where there is one. */
    private int deflateHeader() {
        if (input.length < 2) {
            return -1;
        }
        boolean hasHeader = (at(0) & 0x0f) == 8 && ((at(0) << 8) + at(1)) % 31 == 0;
        if (hasHeader) {
            inflater.end();
            inflater = new Inflater();
        }
        return 0;
    }

    private int at(int index) {
        return input[index] & 0xff;
    }

    private long littleEndian(int from, int length) {
        long value = 0;
        for (int i = length - 1; i >= 0; i--) {
            value = value << 8 | at(from + i);
        }
        return value;
    }
}
