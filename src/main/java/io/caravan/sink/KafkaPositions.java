package io.caravan.sink;

import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.PositionStore;
import io.caravan.event.State;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the position in Kafka, in the transaction of what was delivered up to it; what is known stays on the disk, and
 * follows: it is prepared before the commit, bears the new position, and becomes real behind it. Whatever ends the program
 * in between, the position that is in Kafka says whether what was prepared is taken or dropped.
 */
public final class KafkaPositions implements PositionStore {

    private static final Logger LOG = LoggerFactory.getLogger(KafkaPositions.class);

    private final State state;
    private final KafkaSink sink;

    public KafkaPositions(State state, KafkaSink sink) {
        this.state = state;
        this.sink = sink;
    }

    /** A position that is on the disk alone, of a time when it was kept there, is taken over. */
    @Override
    public Optional<Position> read() throws IOException {
        Optional<Position> local = state.read();
        Optional<Position> committed = inKafka(sink::committed);
        if (committed.isEmpty()) {
            state.drop();
            if (local.isPresent()) {
                LOG.info("The position {} is taken over into Kafka", local.get());
                write(local.get());
            }
            return local;
        }
        boolean isInStep = state.settle(committed.get()) || committed.equals(local);
        if (!isInStep) {
            LOG.warn(
                    "What is known of objects is of {}, and the position in Kafka is {}: relations that go with an object,"
                            + " and states before, may be told in part",
                    local.map(Position::toString).orElse("no position"),
                    committed.get());
        }
        return committed;
    }

    @Override
    public Pending begin() {
        return state.begin();
    }

    @Override
    public void write(Position position) throws IOException {
        state.prepare(position);
        inKafka(() -> {
            if (!sink.isCommitted(position)) {
                sink.commit(position);
            }
            return position;
        });
        state.settle(position);
    }

    @Override
    public void write(Position position, Pending known) throws IOException {
        boolean isCommitted = inKafka(() -> sink.isCommitted(position));
        if (!isCommitted) {
            if (!sink.awaitsCommit()) {
                throw new IOException(
                        "the batch has not come to the bean kafka, which the route sink-kafka has to call");
            }
            state.prepare(position, known);
            inKafka(() -> {
                sink.commit(position);
                return position;
            });
        }
        if (!state.settle(position)) {
            state.write(position, known);
        }
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
