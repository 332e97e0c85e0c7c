package io.caravan.bench;

import java.time.Duration;
import java.util.List;

/**
 * What Caravan's state asks of an embedded store: sorted keys, batches that are written whole or not at all and are on
 * disk when {@link #write} returns, reads by key and by prefix. One thread.
 */
interface StateStore extends AutoCloseable {

    Duration SETTLING = Duration.ofMinutes(1);

    record Entry(byte[] key, byte[] value) {}

    void write(List<Entry> batch) throws Exception;

    /** The value, or null where there is none. */
    byte[] get(byte[] key) throws Exception;

    /** How many keys begin with this prefix, which is as long as an object's key; their values are read too. */
    int scan(byte[] prefix) throws Exception;

    /** Puts in order what the writing left behind, for at most {@link #SETTLING}; some may stay undone. */
    void settle() throws Exception;

    @Override
    void close();
}
