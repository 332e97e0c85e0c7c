package io.caravan.opencti.stream;

import io.caravan.event.Bytes;
import java.util.Optional;

/**
 * One block of an event stream, as dispatched.
 *
 * @param name the {@code event} field; {@code message} where there is none
 * @param id the {@code id} field of this very block; {@link SseParser#lastId()} is the one carried over
 * @param data the {@code data} lines joined by LF; empty where they are larger than the parser's limit
 * @param size the data's length in bytes, also where it is too large to be kept
 */
record Frame(String name, Optional<String> id, Bytes data, long size) {

    boolean isTooLarge() {
        return size > data.length();
    }
}
