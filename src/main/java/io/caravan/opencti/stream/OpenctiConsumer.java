package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.BatchLimits;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Event;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.PositionStore;
import io.caravan.event.StixObject;
import io.caravan.event.UnfinishedBatch;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.OpenctiEndpoint;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Start;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangeExtension;
import org.apache.camel.Processor;
import org.apache.camel.Suspendable;
import org.apache.camel.api.management.ManagedAttribute;
import org.apache.camel.api.management.ManagedResource;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckAware;
import org.apache.camel.support.DefaultConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The consumer as Camel sees it: starts, suspends, resumes and stops the {@link Follower}, and carries a batch through
 * the routes. The position and what the batch has made known are stored in the exchange's callback, and only when the
 * exchange has no exception. Where the platform is not followed, the program brings the batches itself.
 */
@ManagedResource(description = "Managed OpenCTI consumer")
public class OpenctiConsumer extends DefaultConsumer implements Suspendable, HealthCheckAware {

    private static final Logger LOG = LoggerFactory.getLogger(OpenctiConsumer.class);
    /** How long a stop waits for the batch under way: below what a stop of the program may take, 8 s. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    private final OpenctiEndpoint endpoint;
    private final Counters counters = new Counters();
    private volatile Optional<Position> position = Optional.empty();
    private volatile long storedAt = System.nanoTime();
    private HealthCheck healthCheck;
    private PositionStore store;
    private DeadLetters deadLetters;
    private Platform platform;
    private Health health;
    private volatile Optional<Follower> follower = Optional.empty();
    private volatile Optional<Carrier> carrier = Optional.empty();
    private final Follower.Target target = new Follower.Target() {
        @Override
        public Optional<Position> read() throws IOException {
            Optional<Position> stored = store.read();
            stored.ifPresent(OpenctiConsumer.this::checkItIsOurs);
            position = stored;
            health.recovering(
                    stored.flatMap(Position::reconcile).filter(Reconcile::ofGap).isPresent());
            return stored;
        }

        @Override
        public Pending begin() {
            return store.begin();
        }

        @Override
        public void deliver(Handover handover, Position after) throws Exception {
            OpenctiConsumer.this.deliver(handover, after);
        }

        @Override
        public void store(Position next) throws IOException {
            store.write(next);
            stored(next);
        }
    };

    public OpenctiConsumer(OpenctiEndpoint endpoint, Processor processor) {
        super(endpoint, processor);
        this.endpoint = endpoint;
    }

    @Override
    protected void doInit() throws Exception {
        super.doInit();
        OpenctiConfiguration options = endpoint.getConfiguration();
        Start.parse(options.getStart());
        platform = new Platform(options);
        store = options.getPositionStore() == null ? new Forgetful() : options.getPositionStore();
        deadLetters = options.getDeadLetters() == null ? new NoDeadLetters() : options.getDeadLetters();
        if (healthCheck == null) {
            healthCheck = new StreamHealthCheck(this, endpoint.getStream());
        }
        health =
                new Health(platform.url(), options.getFailureHandler() == null ? e -> {} : options.getFailureHandler());
    }

    @Override
    protected void doStart() throws Exception {
        super.doStart();
        if (!endpoint.getConfiguration().isSslVerify()) {
            LOG.warn(
                    "opencti.ssl-verify is off: whoever stands between here and {} can read the token", platform.url());
        }
        follow();
    }

    @Override
    protected void doStop() throws Exception {
        unfollow();
        super.doStop();
    }

    @Override
    protected void doSuspend() throws Exception {
        unfollow();
        super.doSuspend();
    }

    @Override
    protected void doResume() throws Exception {
        super.doResume();
        follow();
    }

    private void follow() throws IOException {
        if (!endpoint.getConfiguration().isFollowing()) {
            checkStoredPosition();
            carrier = Optional.of(new Carrier(target, health));
            return;
        }
        if (follower.isPresent() && follower.get().isDelivering()) {
            throw new IllegalStateException(
                    "The batch that was under way when the stream was suspended has still not ended,"
                            + " and two may not be under way: try again when its sink has come back, or restart the program");
        }
        checkStoredPosition();
        Follower next = new Follower(
                endpoint.getStream(),
                endpoint.getConfiguration(),
                platform,
                deadLetters,
                target,
                store,
                counters,
                health);
        follower = Optional.of(next);
        next.start();
    }

    /** What is wrong with the stored position for good; whatever holds it may be away for the moment. */
    private void checkStoredPosition() throws IOException {
        try {
            target.read();
        } catch (PositionStore.Unusable e) {
            throw e;
        } catch (IOException e) {
            LOG.debug("The position cannot be read yet", e);
        }
    }

    private void unfollow() throws InterruptedException {
        if (carrier.isPresent()) {
            carrier.get().stop(GRACE);
        }
        if (follower.isPresent()) {
            boolean isFirst = !follower.get().isStopping(); // a forced stop asks again, and has waited once
            if (!follower.get().stop(isFirst ? GRACE : Duration.ZERO)
                    && follower.get().isFirstReport()) {
                LOG.warn(
                        "The batch under way is given up{}; it comes again at the next start",
                        health.sinkTrouble().map(why -> " (" + why + ")").orElse(" where it stands"));
            }
            health.away("is not followed at the moment");
        }
    }

    /** The position that batches follow behind, asked of whatever holds it; empty where the stream was never followed. */
    public Optional<Position> readPosition() throws IOException {
        return target.read();
    }

    /**
     * Carries events that do not come from the stream as the batch behind the stored position, on the caller's thread, until
     * every sink has them. Only where the platform is not followed and a position has been read.
     *
     * @return false when the consumer was stopped before
     */
    public boolean carry(List<Event> events) throws InterruptedException {
        Position before = position.orElseThrow();
        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        return carrier.orElseThrow().carry(Batch.ofEvents(before, before.afterAnotherBatch(), now, events));
    }

    /** Carries a batch through the routes, on the delivering thread. */
    private void deliver(Handover handover, Position after) throws Exception {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Exchange exchange = createExchange(true);
        handover.travelWith(exchange);
        exchange.getMessage().setBody(new Messages(getEndpoint().getCamelContext(), handover.events()));
        getAsyncProcessor().process(exchange, doneSync -> {
            try {
                requireWhole(exchange, handover);
                handover.keepLetters(deadLetters, counters);
                store.write(after, handover.known());
                counters.staleReferences(handover.staleReferences());
                stored(after);
                done.complete(null);
            } catch (Throwable e) { // whoever waits is to know, whatever it is
                done.completeExceptionally(e);
            }
        });
        try {
            done.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    /** An exchange that ended early has left out what came behind, and Camel calls that a success. */
    private static void requireWhole(Exchange exchange, Handover handover) throws Exception {
        if (exchange.getException() != null) {
            throw exchange.getException();
        }
        ExchangeExtension extension = exchange.getExchangeExtension();
        boolean isHandled = extension.isErrorHandlerHandledSet() && extension.isErrorHandlerHandled();
        boolean isRolledBack = exchange.isRollbackOnly() || exchange.isRollbackOnlyLast();
        if (exchange.isRouteStop() || isRolledBack || isHandled || handover.isSplitInPart()) {
            throw new IllegalStateException(
                    "a route ended the batch early, by stop, rollback or a handled error, and with it what"
                            + " comes behind: leave an empty body instead, and catch errors with doTry or onException continued");
        }
    }

    private void stored(Position next) {
        Optional<Long> under = position.flatMap(Position::reconcile).map(Reconcile::number);
        if (next.reconcile().isPresent()
                && !next.reconcile().map(Reconcile::number).equals(under)) {
            counters.reconcileBegun();
        }
        position = Optional.of(next);
        health.recovering(next.reconcile().filter(Reconcile::ofGap).isPresent());
        storedAt = System.nanoTime();
    }

    private void checkItIsOurs(Position stored) {
        if (!stored.platform().equals(platform.url()) || !stored.stream().equals(endpoint.getStream())) {
            throw new IllegalArgumentException(
                    "the stored position is of %s of %s, and %s of %s is to be followed: set the old ones again, or another data directory"
                            .formatted(stored.stream(), stored.platform(), endpoint.getStream(), platform.url()));
        }
    }

    @Override
    public void setHealthCheck(HealthCheck healthCheck) {
        this.healthCheck = healthCheck;
    }

    @Override
    public HealthCheck getHealthCheck() {
        return healthCheck;
    }

    public Counters counters() {
        return counters;
    }

    /** Everything up to here is delivered and stored; empty before the first. */
    public Optional<Position> position() {
        return position;
    }

    /** The time since the position was last stored, or since the start: while all is well, about a minute at most. */
    public Duration sincePositionStored() {
        return Duration.ofNanos(System.nanoTime() - storedAt);
    }

    /** What keeps the platform from being heard; empty when it is heard. */
    public Optional<String> trouble() {
        return health.trouble();
    }

    /** What keeps the batch under way from being delivered; empty when nothing does. */
    public Optional<String> sinkTrouble() {
        return health.sinkTrouble();
    }

    /** Whether what happened in a gap is still being found out. */
    public boolean isRecovering() {
        return health.isRecovering();
    }

    /** Whether the stream has snapshots, without which nothing can be reconciled. */
    public boolean hasSnapshots() {
        return Platform.hasSnapshots(endpoint.getStream());
    }

    /** Reconciles as soon as no snapshot is read and no reconcile is under way; {@link #position} says when it is. */
    public void askReconcile() {
        follower.ifPresent(Follower::askReconcile);
    }

    @ManagedAttribute(description = "Whether the platform is heard at the moment")
    public boolean isConnected() {
        return health != null && health.trouble().isEmpty();
    }

    @ManagedAttribute(description = "What keeps the platform from being heard")
    public String getTrouble() {
        return health == null ? "" : health.trouble().orElse("");
    }

    @ManagedAttribute(description = "The stored position: everything up to here is delivered")
    public String getPosition() {
        return position.map(Position::toString).orElse("");
    }

    @ManagedAttribute(description = "Events delivered to every sink since the start")
    public long getDeliveredEvents() {
        return counters.delivered();
    }

    @ManagedAttribute(description = "Batches delivered to every sink since the start")
    public long getDeliveredBatches() {
        return counters.batches();
    }

    @ManagedAttribute(description = "Bytes of events received since the start")
    public long getReceivedBytes() {
        return counters.bytes();
    }

    @ManagedAttribute(description = "Events that the platform sent again and that were left out")
    public long getRepeatedEvents() {
        return counters.repetitions();
    }

    @ManagedAttribute(description = "Events that could not be read and were kept as dead letters")
    public long getDeadLetters() {
        return counters.deadLetters();
    }

    @ManagedAttribute(description = "Connections that ended or did not begin")
    public long getReconnects() {
        return counters.reconnects();
    }

    @ManagedAttribute(
            description =
                    "How old the newest event was by the platform's clock when it came, in milliseconds; -1 before the first")
    public long getLagMillis() {
        return counters.lag().map(Duration::toMillis).orElse(-1L);
    }

    /** Keeps the position as long as the program runs, and no objects. */
    private static final class Forgetful implements PositionStore {
        private Optional<Position> position = Optional.empty();

        @Override
        public synchronized Optional<Position> read() {
            return position;
        }

        @Override
        public synchronized void write(Position next) {
            position = Optional.of(next);
        }

        @Override
        public Pending begin() {
            return Pending.overNothing();
        }

        @Override
        public void write(Position next, Pending known) {
            write(next);
        }

        @Override
        public void log(Batch batch, Collection<String> seen) {
            // the next start knows no position behind which it would come
        }

        @Override
        public Optional<UnfinishedBatch> unfinished(Position at, BatchLimits limits) {
            return Optional.empty();
        }

        @Override
        public void mark(long reconcile, Collection<String> keys) {
            // of nothing that is known, nothing can be gone
        }

        /** What nobody knows of is taken for seen: one window behind a snapshot has to do. */
        @Override
        public boolean isMarked(long reconcile, String key) {
            return true;
        }

        @Override
        public boolean hasMarks(long reconcile) {
            return false;
        }

        @Override
        public List<StixObject> unmarked(long reconcile, Optional<String> after, int most, long mostBytes) {
            return List.of();
        }
    }

    /** Fails: an event that nobody keeps may not be passed over. */
    private static final class NoDeadLetters implements DeadLetters {
        @Override
        public void keep(DeadLetter letter) throws IOException {
            throw new IOException("no dead letters are configured, and this event cannot be read: " + letter.error());
        }
    }
}
