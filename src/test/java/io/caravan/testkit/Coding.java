package io.caravan.testkit;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** How a body is compressed, as {@code Content-Encoding} says it. Of what the JDK cannot do, only the name is true. */
public enum Coding {
    IDENTITY("identity"),
    GZIP("gzip"),
    /** Deflate as the RFC of HTTP has it, in a zlib frame. */
    DEFLATE("deflate"),
    /** Deflate as some servers send it, without a frame. */
    RAW_DEFLATE("deflate"),
    BROTLI("br"),
    ZSTD("zstd");

    private static final byte[] GZIP_HEAD = {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

    private final String header;

    Coding(String header) {
        this.header = header;
    }

    public String header() {
        return header;
    }

    Body body() {
        return new Body(this);
    }

    /** All of a body at once. */
    public byte[] of(byte[] plain) {
        Body body = body();
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(body.flushed(plain, plain.length));
        all.writeBytes(body.end());
        return all.toByteArray();
    }

    public byte[] of(String plain) {
        return of(plain.getBytes(StandardCharsets.UTF_8));
    }

    /** A body that is sent piece by piece. Used by one thread. */
    static final class Body {
        private final Coding coding;
        private final Deflater deflater;
        private final CRC32 checksum = new CRC32();
        private boolean hasBegun;

        private Body(Coding coding) {
            this.coding = coding;
            this.deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, coding != DEFLATE);
        }

        /** What is to be sent for these bytes, so that a reader has all of them. */
        byte[] flushed(byte[] bytes, int length) {
            if (!isDeflated()) {
                return java.util.Arrays.copyOf(bytes, length);
            }
            checksum.update(bytes, 0, length);
            deflater.setInput(bytes, 0, length);
            return deflate(Deflater.SYNC_FLUSH);
        }

        byte[] end() {
            if (!isDeflated()) {
                return new byte[0];
            }
            deflater.finish();
            ByteArrayOutputStream end = new ByteArrayOutputStream();
            end.writeBytes(deflate(Deflater.NO_FLUSH));
            if (coding == GZIP) {
                littleEndian(checksum.getValue(), end);
                littleEndian(deflater.getBytesRead(), end);
            }
            deflater.end();
            return end.toByteArray();
        }

        private boolean isDeflated() {
            return coding == GZIP || coding == DEFLATE || coding == RAW_DEFLATE;
        }

        private byte[] deflate(int flush) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            if (!hasBegun && coding == GZIP) {
                out.writeBytes(GZIP_HEAD);
            }
            hasBegun = true;
            byte[] piece = new byte[8192];
            int length;
            do {
                length = deflater.deflate(piece, 0, piece.length, flush);
                out.write(piece, 0, length);
            } while (length == piece.length);
            return out.toByteArray();
        }

        private static void littleEndian(long value, ByteArrayOutputStream out) {
            for (int shift = 0; shift < 32; shift += 8) {
                out.write((int) (value >> shift));
            }
        }
    }
}
