package io.caravan.sink;

import io.caravan.event.Position;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The producer, made when it is needed and thrown away after any failure; and, where positions are kept in Kafka, its
 * transactions. A new producer fences off the one before it and ends what that had open; then the position that is
 * committed says what became of a commit whose outcome is not known, and whether somebody else delivers this stream: a
 * fenced producer alone proves nothing, because a transaction that took too long is fenced off, too.
 *
 * <p>Used by one thread at a time; closed from any.
 */
final class KafkaLink implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(KafkaLink.class);

    private final KafkaOptions options;
    private final KafkaTopics topics;
    private final DeadLetterTopic letters;
    private final Optional<PositionTopic> positions;
    private final Consumer<Exception> failed;
    private final Set<String> told = new HashSet<>();
    private volatile Optional<Producer<byte[], byte[]>> producer = Optional.empty();
    private volatile boolean closed;

    private boolean isPositionRead;
    private Optional<Committed> committed = Optional.empty();
    /** What the latest commit would have left, while its outcome is not known. */
    private Optional<Committed> attempted = Optional.empty();

    private boolean isInTransaction;
    private long begunAt;
    private int room;

    /** @param failed is told why the stream can be delivered no longer */
    KafkaLink(
            KafkaOptions options,
            DeadLetterTopic letters,
            Optional<PositionTopic> positions,
            Consumer<Exception> failed) {
        this.options = options;
        this.letters = letters;
        this.positions = positions;
        this.topics = new KafkaTopics(options, letters, positions);
        this.failed = failed;
    }

    /** A topic that is there would lose records. */
    static final class UnusableTopic extends IOException {
        private static final long serialVersionUID = 1L;

        UnusableTopic(String message) {
            super(message);
        }
    }

    /** The position in Kafka is not the one that was left there. */
    static final class PositionMoved extends IOException {
        private static final long serialVersionUID = 1L;

        PositionMoved(String message) {
            super(message);
        }
    }

    boolean isTransactional() {
        return positions.isPresent();
    }

    /** Whether the clients can be made of the settings, Kafka being there or not. */
    void rehearse() throws IOException {
        newProducer(options.recordMaxBytes()).close(Duration.ZERO);
        if (isTransactional()) {
            try {
                new KafkaConsumer<>(options.consumer()).close(Duration.ZERO);
            } catch (KafkaException e) {
                throw orAway(e);
            }
        }
    }

    /** The producer, with all topics made and nobody else delivering. */
    Producer<byte[], byte[]> open() throws IOException, InterruptedException {
        try {
            return connect();
        } catch (KafkaFailure e) {
            throw explained(e);
        }
    }

    private KafkaFailure explained(KafkaFailure failure) {
        return positions.map(topic -> topic.explained(failure)).orElse(failure);
    }

    private Producer<byte[], byte[]> connect() throws IOException, InterruptedException {
        requireOpen();
        if (producer.isEmpty()) {
            room = prepareTopics();
            producer = Optional.of(newProducer(room));
            if (closed) { // meanwhile
                discard();
            }
            requireOpen();
            if (isTransactional()) {
                takeOver(producer.get());
            }
        }
        return producer.get();
    }

    private void takeOver(Producer<byte[], byte[]> open) throws IOException, InterruptedException {
        boolean isDone = false;
        try {
            fenceOff(open);
            Optional<Committed> found = positions.orElseThrow().last();
            boolean isOurs =
                    !isPositionRead || found.equals(committed) || attempted.isPresent() && found.equals(attempted);
            if (!isOurs) {
                PositionMoved moved = moved(found);
                failed.accept(moved);
                throw moved;
            }
            isPositionRead = true;
            committed = found;
            attempted = Optional.empty();
            isDone = true;
        } catch (KafkaException | IllegalStateException e) {
            throw KafkaFailure.of(options.brokers(), e);
        } finally {
            if (!isDone) {
                discard();
            }
        }
    }

    private void fenceOff(Producer<byte[], byte[]> open) throws KafkaFailure {
        try {
            open.initTransactions();
        } catch (KafkaException | IllegalStateException e) {
            PositionTopic topic = positions.orElseThrow();
            throw topic.noTransaction(topic.transactionalId(), e);
        }
    }

    /** By another instance; but what is gone nobody has moved. */
    private PositionMoved moved(Optional<Committed> found) {
        String ours = committed.map(Committed::toString).orElse("none");
        return new PositionMoved(
                found.map(theirs -> "another Caravan delivers this stream into these topics: its position is " + theirs
                                + ", ours " + ours + "; stop one of the two, or give one another kafka.topic-prefix")
                        .orElseGet(() -> "the position " + ours + " is gone from the topic "
                                + positions.orElseThrow().plan().name()
                                + ": was it deleted? The next start goes on from the position on this machine's disk"));
    }

    /** What is committed in Kafka; empty before the first time. */
    Optional<Position> committed() throws IOException, InterruptedException {
        open();
        return committed.map(Committed::position);
    }

    /** Begins a transaction, unless one is open; without transactions nothing happens. */
    Producer<byte[], byte[]> begin() throws IOException, InterruptedException {
        Producer<byte[], byte[]> open = open();
        if (isTransactional() && !isInTransaction) {
            open.beginTransaction();
            isInTransaction = true;
            begunAt = System.nanoTime();
        }
        return open;
    }

    void beginAgain() throws IOException, InterruptedException {
        abort();
        begin();
    }

    /** Whether a good part of the time that the brokers give a transaction is over. */
    boolean isOld() {
        return System.nanoTime() - begunAt > options.transactionTimeout().toNanos() / 4;
    }

    /** Gives up what was sent since the beginning. */
    void abort() {
        try {
            if (isInTransaction && producer.isPresent()) {
                producer.get().abortTransaction();
                isInTransaction = false;
                return;
            }
        } catch (KafkaException | IllegalStateException e) {
            LOG.debug("A transaction could not be given up; a new producer will", e);
        }
        discard();
    }

    boolean isInTransaction() {
        return isInTransaction;
    }

    /** Commits what was sent since the beginning, and the position with it. When this throws, it may be committed or not. */
    void commit(Position position) throws IOException, InterruptedException {
        boolean isDone = false;
        try {
            Producer<byte[], byte[]> open = begin();
            Committed next = Committed.of(position);
            attempted = Optional.of(next);
            List<Future<RecordMetadata>> sent = sendLetters(open);
            open.send(positions.orElseThrow().record(next));
            open.commitTransaction();
            letters.sent(sent.size());
            isDone = true;
        } catch (KafkaException | IllegalStateException e) {
            throw explained(KafkaFailure.of(options.brokers(), e));
        } finally {
            if (!isDone) {
                discard();
            }
        }
        isInTransaction = false;
        committed = attempted;
        attempted = Optional.empty();
    }

    /** Sends the dead letters that wait; in a transaction they are there when it is committed. */
    List<Future<RecordMetadata>> sendLetters(Producer<byte[], byte[]> open) throws IOException {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (ProducerRecord<byte[], byte[]> record : letters.waiting(room)) {
            sent.add(open.send(record));
        }
        return sent;
    }

    /** What the producer still holds is not sent; without a transaction, records under way may arrive all the same. */
    void discard() {
        Optional<Producer<byte[], byte[]>> discarded = producer;
        producer = Optional.empty();
        isInTransaction = false;
        try {
            discarded.ifPresent(open -> open.close(Duration.ZERO));
        } catch (KafkaException e) { // of a producer that is not needed any more
            LOG.debug("A Kafka producer did not close in order", e);
        }
    }

    /** From any thread; what is under way fails. */
    @Override
    public void close() {
        closed = true;
        discard();
    }

    private void requireOpen() throws IOException {
        if (closed) {
            throw new IOException("the Kafka sink is closed");
        }
    }

    /** How large what is sent at once may be for all of them. */
    private int prepareTopics() throws IOException, InterruptedException {
        try {
            KafkaTopics.Prepared prepared = topics.prepare();
            for (KafkaTopics.Finding finding : prepared.findings()) {
                if (!finding.usable()) {
                    throw new UnusableTopic(finding.text());
                }
                if (told.add(finding.text())) {
                    LOG.warn("{}", finding.text());
                }
            }
            return prepared.room();
        } catch (KafkaException e) {
            throw orAway(e);
        }
    }

    private Producer<byte[], byte[]> newProducer(int room) throws IOException {
        try {
            return new KafkaProducer<>(
                    isTransactional()
                            ? options.transactional(room, positions.get().transactionalId())
                            : options.producer(room));
        } catch (KafkaException e) {
            throw orAway(e);
        }
    }

    /** A failure to make a client, thrown on; but brokers that have no address yet are away, as where their container starts later. */
    private KafkaException orAway(KafkaException failure) throws KafkaFailure {
        if (KafkaFailure.reason(failure).startsWith("No resolvable bootstrap urls")) {
            throw KafkaFailure.of(options.brokers(), failure);
        }
        return failure;
    }
}
