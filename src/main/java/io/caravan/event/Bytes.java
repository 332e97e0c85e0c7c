package io.caravan.event;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A piece of an array, handed on instead of copied. Whoever holds one reads it and never writes it: an event's bytes are
 * the same array from the socket to every sink.
 */
public record Bytes(byte[] array, int offset, int length) {

    public Bytes(byte[] array, int length) {
        this(array, 0, length);
    }

    public static Bytes of(String text) {
        byte[] array = text.getBytes(StandardCharsets.UTF_8);
        return new Bytes(array, array.length);
    }

    /** The piece of this one that begins and ends there. */
    public Bytes piece(long from, long to) {
        return new Bytes(array, Math.toIntExact(offset + from), Math.toIntExact(to - from));
    }

    /** Whether it begins with this text, of ASCII. */
    public boolean startsWith(String text) {
        return length >= text.length() && piece(0, text.length()).equals(of(text));
    }

    /** An array of exactly these bytes; the array itself where it holds nothing else. */
    public byte[] exactly() {
        return offset == 0 && array.length == length ? array : Arrays.copyOfRange(array, offset, offset + length);
    }

    /** The bytes as text; what is no UTF-8 comes as U+FFFD. */
    @Override
    public String toString() {
        return new String(array, offset, length, StandardCharsets.UTF_8);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Bytes bytes
                && Arrays.equals(
                        array, offset, offset + length, bytes.array, bytes.offset, bytes.offset + bytes.length);
    }

    @Override
    public int hashCode() {
        int hash = 1;
        for (int i = offset; i < offset + length; i++) {
            hash = 31 * hash + array[i];
        }
        return hash;
    }
}
