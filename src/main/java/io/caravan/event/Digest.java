package io.caravan.event;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What stands for an id in the store's keys. Ids come from outside, of any length and content; this is as long for each,
 * and being 128 bits of its SHA-256 no two ids share one.
 */
record Digest(long high, long low) implements Comparable<Digest> {

    static final int LENGTH = 2 * Long.BYTES;

    static Digest of(String id) {
        ByteBuffer text = ByteBuffer.allocate(2 * id.length()); // not UTF-8: there all halves of a surrogate are one
        for (int i = 0; i < id.length(); i++) {
            text.putChar(id.charAt(i));
        }
        try {
            return read(MessageDigest.getInstance("SHA-256").digest(text.array()), 0);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    static Digest read(byte[] bytes, int at) {
        ByteBuffer source = ByteBuffer.wrap(bytes, at, LENGTH);
        return new Digest(source.getLong(), source.getLong());
    }

    void write(ByteBuffer target) {
        target.putLong(high).putLong(low);
    }

    /** In the order of the store's keys. */
    @Override
    public int compareTo(Digest other) {
        int order = Long.compareUnsigned(high, other.high);
        return order != 0 ? order : Long.compareUnsigned(low, other.low);
    }
}
