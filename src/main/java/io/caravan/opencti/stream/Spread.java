package io.caravan.opencti.stream;

import io.caravan.event.EventId;
import java.util.Arrays;

/** How the times of ids are spread, by a fair sample of at most so many of them, however many there were. */
final class Spread {

    private static final int MOST = 1024;

    private final long[] sample = new long[MOST];
    private int size;
    private long count;

    /** One of so many is taken; it doubles when the sample is full. */
    private long stride = 1;

    void add(EventId id) {
        if (count++ % stride != 0) {
            return;
        }
        if (size == MOST) {
            size = MOST / 2;
            for (int i = 0; i < size; i++) {
                sample[i] = sample[2 * i];
            }
            stride *= 2;
        }
        sample[size++] = id.millis();
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** The time that so many halves of them lie above: one, the median; two, the lower quartile. In milliseconds. */
    long halved(int times) {
        long[] sorted = Arrays.copyOf(sample, size);
        Arrays.sort(sorted);
        return sorted[size >> Math.min(times, Integer.SIZE - 1)];
    }
}
