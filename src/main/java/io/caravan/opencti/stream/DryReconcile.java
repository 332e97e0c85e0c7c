package io.caravan.opencti.stream;

import io.caravan.event.Comparison;
import io.caravan.event.Comparison.Finding;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.Position.Snapshot;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicReference;

/** Reads what a reconcile would read, on connections of its own, and delivers and stores nothing. */
public final class DryReconcile {

    private DryReconcile() {}

    /**
     * Shows the comparison everything that the stream has: a snapshot, and the log behind it up to when that was read; then asks
     * the platform for what is known beyond that. A platform that is away is waited for.
     *
     * @throws IOException when the stream has no snapshots, or cannot be read for good
     */
    public static void read(OpenctiConfiguration options, String stream, Comparison comparison)
            throws IOException, InterruptedException {
        Platform platform = new Platform(options);
        PlatformClock clock = new PlatformClock(platform, Duration.ofMillis(options.getHeartbeatTimeout()));
        Instant until = clock.now().minus(StartPosition.SEARCHABLE_AFTER);
        Position start = new Position(
                platform.url(),
                stream,
                EventId.ZERO,
                Optional.empty(),
                Optional.of(new Snapshot(EventId.ZERO, until)),
                0,
                Position.MARGIN,
                Optional.of(new Reconcile(0, true, until, Optional.empty())),
                Optional.empty());
        Counters counters = new Counters();
        Inbox inbox = new Inbox(
                start,
                options.getBatchMaxEvents(),
                options.getBatchMaxBytes(),
                Clock.systemUTC(),
                counters::platformTime,
                (number, key) -> comparison.hasSeen(key));
        AtomicReference<Optional<Exception>> failure = new AtomicReference<>(Optional.empty());
        Health health = new Health(platform.url(), e -> {
            failure.set(Optional.of(e));
            inbox.close();
        });
        ScheduledExecutorService watchdog = Executors.newSingleThreadScheduledExecutor();
        Reader reader = new Reader(stream, options, platform, clock, inbox, counters, health, new Stopping(), watchdog);
        Thread thread = new Thread(reader, "read");
        thread.setDaemon(true);
        thread.start();
        try {
            read(inbox, comparison);
            if (failure.get().isEmpty()) {
                finish(platform, options, comparison);
            }
        } finally {
            inbox.close();
            reader.stop();
            watchdog.shutdownNow();
        }
        if (failure.get().isPresent()) {
            throw new IOException(
                    failure.get().get().getMessage(), failure.get().get());
        }
    }

    private static void read(Inbox inbox, Comparison comparison) throws IOException, InterruptedException {
        Optional<Inbox.Delivery> next = inbox.take();
        while (next.isPresent()) {
            for (Event event : next.get().batch().events()) {
                comparison.see(event);
            }
            Position after = next.get().batch().after();
            if (after.reconcile().isEmpty()) {
                throw new IOException("this stream has no snapshots, so nothing can be reconciled");
            }
            if (after.dueReconcile().isPresent()) {
                return;
            }
            next = inbox.take();
        }
    }

    private static void finish(Platform platform, OpenctiConfiguration options, Comparison comparison)
            throws IOException, InterruptedException {
        Stopping stopping = new Stopping();
        ExistenceQuery query =
                new ExistenceQuery(platform, Duration.ofMillis(options.getHeartbeatTimeout()), stopping::pause);
        Persistence persistence = new Persistence(stopping, new Health(platform.url(), e -> {}));
        comparison.finish(objects -> {
            ExistenceQuery.Answer answer = persistence
                    .untilAnswered("The platform cannot be asked which objects still exist", () -> query.ask(objects))
                    .orElseThrow();
            Map<String, Finding> findings = new HashMap<>();
            objects.forEach(object -> findings.put(object.key(), findingOf(object, answer)));
            return findings;
        });
    }

    private static Finding findingOf(StixObject object, ExistenceQuery.Answer answer) {
        if (answer.saysGone(object)) {
            return Finding.GONE;
        }
        return answer.shown().contains(object.key()) ? Finding.STILL_SHOWN : Finding.UNANSWERED;
    }
}
