package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.BatchLimits;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.PositionStore;
import io.caravan.event.UnfinishedBatch;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Start;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows a stream from start to stop: one thread reads ({@link Reader}), one delivers. The delivering thread takes what
 * has arrived as a batch, hands it to the routes, waits until every sink has it, stores the position with what has become
 * known, and takes what has arrived meanwhile. It is never interrupted.
 */
final class Follower {

    /** Where batches and positions go. */
    interface Target {
        /** Where to go on; empty on a first run. */
        Optional<Position> read() throws IOException;

        /** What a try of a batch finds known. */
        Pending begin();

        /**
         * Hands a batch to the routes; returns when every sink has it and its position is stored, with what it has made
         * known, throws if not.
         */
        void deliver(Handover handover, Position after) throws Exception;

        void store(Position position) throws IOException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(Follower.class);

    private final String stream;
    private final OpenctiConfiguration options;
    private final Platform platform;
    private final PlatformClock clock;
    private final DeadLetters deadLetters;
    private final Target target;
    private final PositionStore store;
    private final Counters counters;
    private final Health health;

    private final ScheduledExecutorService watchdog;
    private final Stopping stopping = new Stopping();
    private final Persistence persistence;
    private final Thread deliverer;
    private Optional<Inbox> inbox = Optional.empty();
    private Optional<Reader> reader = Optional.empty();

    Follower(
            String stream,
            OpenctiConfiguration options,
            Platform platform,
            DeadLetters deadLetters,
            Target target,
            PositionStore store,
            Counters counters,
            Health health) {
        this.stream = stream;
        this.options = options;
        this.platform = platform;
        this.clock = new PlatformClock(platform, patience());
        this.deadLetters = deadLetters;
        this.target = target;
        this.store = store;
        this.counters = counters;
        this.health = health;
        this.persistence = new Persistence(stopping, health);
        this.watchdog = Executors.newSingleThreadScheduledExecutor(task -> thread(task, "watchdog"));
        this.deliverer = thread(this::run, "deliver");
    }

    void start() {
        deliverer.start();
    }

    /** Closes the connection, then waits for the batch under way, at most so long. True when it has ended. */
    boolean stop(Duration grace) throws InterruptedException {
        stopping.ask();
        synchronized (this) {
            inbox.ifPresent(Inbox::close);
            reader.ifPresent(Reader::stop);
        }
        watchdog.shutdown();
        if (!grace.isZero()) {
            deliverer.join(grace.toMillis());
        }
        return !deliverer.isAlive();
    }

    boolean isStopping() {
        return stopping.isAsked();
    }

    /** Whether nobody has reported yet that a stop left the batch under way behind. */
    boolean isFirstReport() {
        return stopping.isFirstReport();
    }

    /** True while a batch is under way, also after a stop that did not wait for it. */
    boolean isDelivering() {
        return deliverer.isAlive();
    }

    private void run() {
        try {
            if (!goOn() && !findStart()) {
                return;
            }
            Inbox source = inbox().orElseThrow();
            boolean goesOn = finishReconcile(source);
            while (goesOn) {
                Optional<Inbox.Delivery> next = source.take();
                goesOn = next.isPresent() && deliver(next.get()) && finishReconcile(source);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (OutOfMemoryError e) {
            health.failed(Unfollowable.heapTooSmall(
                    "the batch under way",
                    "caravan.batch-max-bytes, caravan.event-max-bytes and, where files go to another OpenCTI, destination.files-max-bytes",
                    e));
        } catch (RuntimeException | Error e) { // or the stream would stand still and nobody know
            health.failed(new Unfollowable("delivering failed: " + e, e));
        }
    }

    /**
     * From where the position is stored, which waits until that can be read. A batch that was not finished comes first, as it
     * was. False on a first run, or when stopped before.
     */
    private boolean goOn() throws InterruptedException {
        Optional<Position> stored = persistence
                .untilAnswered("The position cannot be read", target::read)
                .flatMap(found -> found);
        if (stored.isEmpty()) {
            return false;
        }
        BatchLimits limits =
                new BatchLimits(options.getBatchMaxEvents(), options.getBatchMaxBytes(), options.getEventMaxBytes());
        Optional<Optional<UnfinishedBatch>> unfinished = persistence.untilAnswered(
                "The batch under way cannot be read", () -> store.unfinished(stored.get(), limits));
        if (unfinished.isEmpty()) {
            return false;
        }
        Optional<UnfinishedBatch> first = unfinished.get();
        if (first.isPresent()) {
            Batch batch = first.get().batch();
            LOG.info("{} were not finished and are delivered again", batch);
            if (!deliver(new Inbox.Delivery(batch, List.of(), first.get().seen()))) {
                return false;
            }
        }
        begin(first.map(UnfinishedBatch::batch).map(Batch::after).orElse(stored.get()));
        return inbox().isPresent();
    }

    /** On a first run: asks until the platform has said where to begin. False when stopped before. */
    private boolean findStart() throws InterruptedException {
        StartPosition position = new StartPosition(platform, clock, stream, patience());
        for (Backoff backoff = Backoff.FIRST; !stopping.isAsked(); backoff = backoff.next()) {
            try {
                return store(position.of(Start.parse(options.getStart())));
            } catch (IOException e) {
                Duration wait = backoff.after(e);
                health.away(e, wait);
                stopping.pause(wait);
            }
        }
        return false;
    }

    /** Until what holds the position has it, and begins there. False when stopped before. */
    private boolean store(Position start) throws InterruptedException {
        persistence
                .untilAnswered("The first position cannot be stored", () -> {
                    target.store(start);
                    return start;
                })
                .ifPresent(this::begin);
        return inbox().isPresent();
    }

    private synchronized void begin(Position start) {
        if (stopping.isAsked()) {
            return;
        }
        LOG.info("Following {} of {} from {}", stream, platform.url(), start);
        Inbox box = new Inbox(
                start,
                options.getBatchMaxEvents(),
                options.getBatchMaxBytes(),
                Clock.systemUTC(),
                counters::platformTime,
                store::isMarked);
        Reader read = new Reader(stream, options, platform, clock, box, counters, health, stopping, watchdog);
        inbox = Optional.of(box);
        reader = Optional.of(read);
        thread(read, "read").start();
    }

    private synchronized Optional<Inbox> inbox() {
        return inbox;
    }

    /** Delivers the removals of a reconcile when they are due. False when stopped before. */
    private boolean finishReconcile(Inbox source) throws InterruptedException {
        Position at = source.taken();
        if (at.dueReconcile().isEmpty()) {
            return true;
        }
        Removals removals = new Removals(
                store, options, persistence, new ExistenceQuery(platform, patience(), stopping::pause), counters);
        boolean isThrough = removals.deliver(at, events -> deliver(source.ofWithin(events)));
        if (isThrough) {
            source.endReconcile();
            counters.reconciled();
            LOG.info("Reconciled: {}", counters.reconcile());
        }
        return isThrough;
    }

    /** Reconciles as soon as nothing stands against it, from any thread; not heard before it is known where to begin. */
    synchronized void askReconcile() {
        reader.ifPresent(Reader::askReconcile);
    }

    /** Tries until it succeeds. False when stopped before; then nothing of it counts as delivered. */
    private boolean deliver(Inbox.Delivery delivery) throws InterruptedException {
        Batch batch = delivery.batch();
        Deque<DeadLetter> letters = new ArrayDeque<>(delivery.letters());
        Set<DeadLetter> kept = new HashSet<>();
        AtomicBoolean isLogged = new AtomicBoolean();
        Optional<Reconcile> reconcile = batch.before().reconcile();
        return persistence.untilDelivered(batch, () -> {
            while (!letters.isEmpty()) {
                keep(letters.getFirst());
                letters.removeFirst();
            }
            if (!delivery.seen().isEmpty()) {
                store.mark(batch.before().snapshotNumber(), delivery.seen());
            }
            if (batch.events().isEmpty()) {
                target.store(batch.after());
                return;
            }
            if (!isLogged.get()) {
                store.log(batch, delivery.seen());
                isLogged.set(true);
            }
            Pending known = target.begin();
            if (reconcile.isPresent()) {
                known.reconciling();
            }
            Handover handover = new Handover(batch, known, kept, stopping, health);
            target.deliver(handover, batch.after());
            counters.delivered(batch.events().size());
            if (reconcile.isPresent()) {
                counters.reconciling(handover.tellsState(), handover.upsertsOfState(), handover.removalsOfReconcile());
            }
        });
    }

    private void keep(DeadLetter letter) throws IOException {
        deadLetters.keep(letter);
        LOG.warn(
                "Dead letter, position {}: {}",
                letter.position().isEmpty() ? "unknown" : letter.position(),
                letter.error());
    }

    private Duration patience() {
        return Duration.ofMillis(options.getHeartbeatTimeout());
    }

    private Thread thread(Runnable task, String role) {
        Thread thread = new Thread(task, "opencti-" + stream + "-" + role);
        thread.setDaemon(true);
        return thread;
    }
}
