package io.caravan.event;

import java.io.IOException;
import java.util.Optional;

/**
 * Where a stream's position is kept. Written by one thread, after every sink has the batch; a write has reached the disk
 * (or whatever holds it) when it returns.
 */
public interface PositionStore {

    /**
     * Empty on a first run only: a position that is there and cannot be read is an error.
     *
     * @throws Unusable when another try will not help
     */
    Optional<Position> read() throws IOException;

    void write(Position position) throws IOException;

    /** The store is there and cannot be used until a person has mended it; the message says how. */
    final class Unusable extends IOException {
        private static final long serialVersionUID = 1L;

        Unusable(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
