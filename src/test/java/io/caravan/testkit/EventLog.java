package io.caravan.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * The platform's log: frames in the order appended, the older ones dropped at will. A reader holds a cursor, the
 * number of the frame it reads next, counted from the first one ever appended; what was trimmed below it is passed over
 * without a word. Its monitor guards everything; readers wait on it.
 */
final class EventLog {

    private static final long SHORTEST_WAIT = TimeUnit.MILLISECONDS.toNanos(1);

    private final List<Frame> frames = new ArrayList<>();
    private final List<EventId> ids = new ArrayList<>();
    private long trimmed;

    record Slice(List<Frame> frames, long next) {}

    /** A frame without an id of its own stands at the id of the one before it. */
    synchronized void append(List<Frame> added) {
        for (Frame frame : added) {
            ids.add(EventId.parse(frame.id()).orElse(last().orElse(EventId.ZERO)));
            frames.add(frame);
        }
        notifyAll();
    }

    /** Drops what is older than this id. */
    synchronized void trimTo(EventId oldest) {
        drop(firstAtOrAfter(oldest));
    }

    synchronized void clear() {
        drop(frames.size());
    }

    /** Where a reader starts that may not have everything from this id on. */
    synchronized long cursorAt(EventId id) {
        return trimmed + firstAtOrAfter(id);
    }

    synchronized long end() {
        return trimmed + frames.size();
    }

    synchronized int size() {
        return frames.size();
    }

    synchronized Optional<EventId> first() {
        return ids.isEmpty() ? Optional.empty() : Optional.of(ids.get(0));
    }

    synchronized Optional<EventId> last() {
        return ids.isEmpty() ? Optional.empty() : Optional.of(ids.get(ids.size() - 1));
    }

    /** The next frames at a cursor, but for those at or below an id; may be none although the cursor moves. */
    synchronized Slice read(long cursor, EventId after, int atMost) {
        int from = (int) Math.max(0, cursor - trimmed);
        int to = Math.min(frames.size(), from + atMost);
        List<Frame> slice = new ArrayList<>(to - from);
        for (int i = from; i < to; i++) {
            if (ids.get(i).compareTo(after) > 0) {
                slice.add(frames.get(i));
            }
        }
        return new Slice(slice, trimmed + to);
    }

    /** Waits until there is something to read at the cursor, the time is over, or the reader has another reason. */
    synchronized void await(long cursor, long nanos, BooleanSupplier reason) throws InterruptedException {
        long begun = System.nanoTime();
        long left = nanos;
        while (left > 0 && end() <= cursor && !reason.getAsBoolean()) {
            TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, SHORTEST_WAIT));
            left = nanos - (System.nanoTime() - begun);
        }
    }

    /** Lets the waiting readers look at their reasons again. */
    synchronized void wake() {
        notifyAll();
    }

    private int firstAtOrAfter(EventId id) {
        int index = 0;
        while (index < ids.size() && ids.get(index).compareTo(id) < 0) {
            index++;
        }
        return index;
    }

    private void drop(int count) {
        frames.subList(0, count).clear();
        ids.subList(0, count).clear();
        trimmed += count;
    }
}
