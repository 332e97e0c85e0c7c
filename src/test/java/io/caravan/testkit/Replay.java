package io.caravan.testkit;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * Appends a recording to a platform's log at an even pace, round after round, until it is closed: every event bears the
 * time at which it is appended. The log keeps the newest rounds, as a platform keeps some days. Runs in a daemon thread.
 */
public final class Replay implements AutoCloseable {

    private static final int ROUNDS_KEPT = 5;

    private final FakePlatform platform;
    private final Recording recording;
    private final Duration step;
    private final Thread thread = new Thread(this::run, "replay");

    private Replay(FakePlatform platform, Recording recording, double eventsPerSecond) {
        this.platform = platform;
        this.recording = recording;
        this.step = Duration.ofNanos((long) (1e9 / eventsPerSecond));
        thread.setDaemon(true);
    }

    public static Replay start(FakePlatform platform, Recording recording, double eventsPerSecond) {
        Replay replay = new Replay(platform, recording, eventsPerSecond);
        replay.thread.start();
        return replay;
    }

    private void run() {
        Deque<String> begins = new ArrayDeque<>();
        try {
            Instant begin = Instant.now();
            for (int number = 1; true; number++) {
                List<List<Frame>> round = recording.round(number, begin, step);
                begins.add(round.get(0).get(0).id());
                for (List<Frame> group : round) {
                    begin = append(group).plus(step.multipliedBy(group.size()));
                }
                if (begins.size() > ROUNDS_KEPT) {
                    begins.remove();
                    platform.trimTo(begins.element());
                }
            }
        } catch (InterruptedException closed) {
            // and nobody waits for more
        }
    }

    /** At its time; where that is long gone (the machine slept), at once. */
    private Instant append(List<Frame> group) throws InterruptedException {
        Instant time = EventId.parse(group.get(0).id()).orElseThrow().time();
        Thread.sleep(Math.max(0, Duration.between(Instant.now(), time).toMillis()));
        platform.append(group);
        return time;
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
