package io.caravan.event;

import java.io.IOException;
import java.util.Optional;

/**
 * Where a stream's position is kept. Written by one thread, after every sink has the batch; a write has reached the disk
 * (or whatever holds it) when it returns.
 */
public interface PositionStore {

    /** Empty on a first run only: a position that is there and cannot be read is an error. */
    Optional<Position> read() throws IOException;

    void write(Position position) throws IOException;
}
