package io.caravan.event;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * Where a stream's position is kept, and with it what is known of the stream's objects: they move together, after every
 * sink has the batch. Written by one thread; a write has reached the disk (or whatever holds it) when it returns.
 */
public interface PositionStore {

    /**
     * Empty on a first run only: a position that is there and cannot be read is an error.
     *
     * @throws Unusable when another try will not help
     */
    Optional<Position> read() throws IOException;

    /** Moves the position where no batch does. */
    void write(Position position) throws IOException;

    /** What a batch, or another try of it, finds known, to be edited by it; one that was begun before is thrown away. */
    Pending begin();

    /**
     * Stores the position behind a batch and what the batch has made known, both or neither. After a failure the batch may
     * begin anew, and finds what it found before.
     *
     * @param known what was begun last; not to be used again
     */
    void write(Position position, Pending known) throws IOException;

    /**
     * Keeps a batch before the first sink gets it: killed before its position is written, the program delivers it again as it
     * was, whatever the platform has by then. It has reached the disk when this returns.
     *
     * @param seen the keys of the objects that a snapshot being read, or a reconcile under way, has shown with it
     */
    void log(Batch batch, Collection<String> seen) throws IOException;

    /**
     * The batch that begins at the stored position, was kept and is not finished; empty where there is none, or none within the
     * limits: where smaller ones are set since, as after an end for want of memory, it is taken from the platform anew.
     */
    Optional<UnfinishedBatch> unfinished(Position at, BatchLimits limits) throws IOException;

    /**
     * Marks objects as seen in a snapshot or a reconcile, whether they are known or not. It has reached the disk when a write that follows
     * has; before the position behind a batch, the batch's objects are marked.
     *
     * @param reconcile its number
     * @param keys the objects' keys
     */
    void mark(long reconcile, Collection<String> keys) throws IOException;

    /** Whether an object is marked as seen. Asked by other threads, too. */
    boolean isMarked(long reconcile, String key) throws IOException;

    /** Whether anything is marked as seen in this reconcile. */
    boolean hasMarks(long reconcile) throws IOException;

    /**
     * Some of the known objects that are not marked as seen in this reconcile, in an order that stays.
     *
     * @param after the key of the one to go on behind; empty: from the first
     * @param most how many at most
     * @param mostBytes how large they may be together; one is given all the same
     * @return none when there are no more
     */
    List<StixObject> unmarked(long reconcile, Optional<String> after, int most, long mostBytes) throws IOException;

    /** The store is there and cannot be used until a person has mended it; the message says how. */
    final class Unusable extends IOException {
        private static final long serialVersionUID = 1L;

        Unusable(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
