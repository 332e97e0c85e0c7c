package io.caravan.opencti.stream;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Whether a stream is to be followed no more, and waiting that such an end cuts short. Threads are asked, never interrupted. */
final class Stopping {

    private final CountDownLatch asked = new CountDownLatch(1);
    private final AtomicBoolean isReported = new AtomicBoolean();

    void ask() {
        asked.countDown();
    }

    boolean isAsked() {
        return asked.getCount() == 0;
    }

    /** True for the first who asks: whoever reports that the batch under way was not delivered, so that the log has it once. */
    boolean isFirstReport() {
        return isReported.compareAndSet(false, true);
    }

    /** Waits so long, or until the end is asked for. */
    void pause(Duration time) throws InterruptedException {
        asked.await(time.toMillis(), TimeUnit.MILLISECONDS);
    }
}
