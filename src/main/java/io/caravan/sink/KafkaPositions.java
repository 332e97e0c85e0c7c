package io.caravan.sink;

import io.caravan.event.Batch;
import io.caravan.event.BatchLimits;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.PositionStore;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.event.UnfinishedBatch;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the position in Kafka, in the transaction of what was delivered up to it; what is known stays on the disk, and
 * follows: it is prepared before the commit, bears the new position, and becomes real behind it. Whatever ends the program
 * in between, the position that is in Kafka says whether what was prepared is taken or dropped.
 */
public final class KafkaPositions implements PositionStore {

    private static final Logger LOG = LoggerFactory.getLogger(KafkaPositions.class);

    private final PositionTopic topic;
    private final State state;
    private final KafkaSink sink;
    private final AtomicBoolean warned = new AtomicBoolean();

    public KafkaPositions(PositionTopic topic, State state, KafkaSink sink) {
        this.topic = topic;
        this.state = state;
        this.sink = sink;
    }

    /**
     * A position that is on the disk alone, or is the newer one there, of a time when it was kept there, is taken over. That
     * of another stream is nobody's business here, and answered as it is.
     */
    @Override
    public Optional<Position> read() throws IOException {
        Optional<Position> local = state.read();
        if (local.isPresent() && !topic.isOf(local.get())) {
            return local;
        }
        Optional<Position> committed = inKafka(sink::committed);
        boolean isSettled = committed.isPresent() && state.settle(committed.get());
        if (isSettled || committed.equals(local)) {
            return committed;
        }
        state.drop();
        long batches = committed.map(Position::batches).orElse(-1L);
        if (local.isPresent() && (local.get().batches() > batches || isAbove(local.get(), committed))) {
            LOG.info(
                    "The position {} of this machine is taken over into Kafka, which has {}",
                    local.get(),
                    committed.map(Position::toString).orElse("none"));
            write(local.get());
            return local;
        }
        if (committed.isPresent() && warned.compareAndSet(false, true)) {
            LOG.warn(
                    "What is known of objects is of {}, and the position in Kafka is {}: relations that go with an object,"
                            + " and states before, may be told in part",
                    local.map(Position::toString).orElse("no position"),
                    committed.get());
        }
        if (committed.flatMap(Position::reconcile).isPresent()) { // what was seen in it is known elsewhere
            LOG.warn("The reconcile that was under way is given up; ./caravan reconcile begins another");
            Position without = committed.get().withoutReconcile();
            write(without);
            return Optional.of(without);
        }
        return committed;
    }

    /** Whether the log is delivered further on this machine, however many batches that took. */
    private static boolean isAbove(Position local, Optional<Position> committed) {
        return committed.filter(other -> local.newest().isAbove(other.newest())).isPresent();
    }

    @Override
    public Pending begin() {
        sink.giveUp();
        return state.begin();
    }

    @Override
    public void write(Position position) throws IOException {
        sink.giveUp();
        state.prepare(position);
        commit(position);
        state.settle(position);
    }

    @Override
    public void write(Position position, Pending known) throws IOException {
        boolean isCommitted = inKafka(() -> sink.isCommitted(position));
        if (!isCommitted) {
            if (!sink.awaitsCommit()) {
                throw new IOException(
                        "the batch has not come to the bean kafka, which the route sink-kafka has to call unless"
                                + " caravan.position-store=local");
            }
            boolean isPrepared = false;
            try {
                state.prepare(position, known);
                isPrepared = true;
            } finally {
                if (!isPrepared) {
                    sink.giveUp(); // readers of committed records wait for it
                }
            }
            commit(position);
        }
        if (!state.settle(position)) {
            state.write(position, known);
        }
    }

    @Override
    public void log(Batch batch, Collection<String> seen) throws IOException {
        state.log(batch, seen);
    }

    @Override
    public Optional<UnfinishedBatch> unfinished(Position at, BatchLimits limits) throws IOException {
        return state.unfinished(at, limits);
    }

    @Override
    public void mark(long reconcile, Collection<String> keys) throws IOException {
        state.mark(reconcile, keys);
    }

    @Override
    public boolean isMarked(long reconcile, String key) throws IOException {
        return state.isMarked(reconcile, key);
    }

    @Override
    public boolean hasMarks(long reconcile) throws IOException {
        return state.hasMarks(reconcile);
    }

    @Override
    public List<StixObject> unmarked(long reconcile, Optional<String> after, int most, long mostBytes)
            throws IOException {
        return state.unmarked(reconcile, after, most, mostBytes);
    }

    private void commit(Position position) throws IOException {
        inKafka(() -> {
            if (!sink.isCommitted(position)) {
                sink.commit(position);
            }
            return position;
        });
    }

    private interface Asking<T> {
        T ask() throws IOException, InterruptedException;
    }

    private static <T> T inKafka(Asking<T> asking) throws IOException {
        try {
            return asking.ask();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while Kafka was asked", e);
        }
    }
}
