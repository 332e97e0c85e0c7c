package io.caravan.event;

import java.nio.charset.StandardCharsets;

/**
 * The first {@code length} bytes of an array, handed on instead of copied. Whoever holds one reads it and never writes
 * it: an event's bytes are the same array from the socket to every sink.
 */
public record Bytes(byte[] array, int length) {

    public static Bytes of(String text) {
        byte[] array = text.getBytes(StandardCharsets.UTF_8);
        return new Bytes(array, array.length);
    }

    /** The bytes as text; what is no UTF-8 comes as U+FFFD. */
    @Override
    public String toString() {
        return new String(array, 0, length, StandardCharsets.UTF_8);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Bytes bytes && java.util.Arrays.equals(array, 0, length, bytes.array, 0, bytes.length);
    }

    @Override
    public int hashCode() {
        int hash = 1;
        for (int i = 0; i < length; i++) {
            hash = 31 * hash + array[i];
        }
        return hash;
    }
}
