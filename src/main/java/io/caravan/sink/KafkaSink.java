package io.caravan.sink;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Event;
import io.caravan.event.Meaning;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Kafka sink: a batch's records are sent, and all are with every in-sync replica when {@link #deliver} returns. It
 * owns the producer. Whatever fails, the producer is thrown away, with what it still holds, and the next try sends the
 * whole batch anew with another; so a batch may be written twice, but never in part. What was on its way to a broker may
 * still be written behind the new one's records: only a transaction fences that.
 *
 * <p>A record that Kafka will never take becomes a dead letter, on the disk before the batch counts as delivered, and the
 * others go. Where Kafka does not say which of a request's records it means, the batch is sent again record by record.
 *
 * <p>Called by one thread at a time.
 */
public final class KafkaSink implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(KafkaSink.class);
    private static final String NAME = "kafka";

    private final KafkaOptions options;
    private final KafkaTopics topics;
    private final KafkaRecords records;
    private final DeadLetters deadLetters;
    private final Set<String> told = new HashSet<>();
    private volatile Optional<Producer<byte[], byte[]>> producer = Optional.empty();
    private volatile boolean closed;
    private Tries tries = new Tries(-1);

    public KafkaSink(KafkaOptions options, DeadLetters deadLetters) {
        this.options = options;
        this.topics = new KafkaTopics(options);
        this.records = new KafkaRecords(options);
        this.deadLetters = deadLetters;
    }

    /** The clients cannot be made of the settings, or a topic must not be written to. */
    public static final class Unusable extends Exception {
        private static final long serialVersionUID = 1L;

        Unusable(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * Makes the topics that are missing and gets ready to send, where Kafka is there; where it is away the first batch
     * tries again.
     *
     * @throws Unusable when waiting would not help
     */
    public void start() throws Unusable, InterruptedException {
        try {
            newProducer(options.recordMaxBytes())
                    .close(Duration.ZERO); // what it cannot be made of is said where Kafka is away, too
            open();
        } catch (UnusableTopic e) {
            throw new Unusable("kafka.topics: " + e.getMessage(), e);
        } catch (KafkaFailure e) {
            LOG.warn(
                    "{}; the first batch waits for it (is it up, and is kafka.client.security.protocol what it speaks?)",
                    e.getMessage());
        } catch (IOException | KafkaException e) {
            throw new Unusable("kafka.client: " + KafkaFailure.reason(e), e);
        }
    }

    /** Sends the batch; it is with every in-sync replica when this returns. */
    public void deliver(Batch batch) throws IOException, InterruptedException {
        if (tries.batch != batch.before().batches()) {
            tries = new Tries(batch.before().batches());
        }
        tries.count++;
        boolean isDelivered = false;
        try {
            try {
                send(batch, false);
            } catch (OneIsRefused e) {
                LOG.warn(
                        "Kafka refuses one of several records and does not say which ({}): each is sent alone now",
                        e.getMessage());
                discard();
                send(batch, true);
            }
            isDelivered = true;
        } catch (InterruptException e) {
            throw (InterruptedException) new InterruptedException(e.getMessage()).initCause(e);
        } catch (KafkaException | IllegalStateException e) { // the latter from a producer that was closed meanwhile
            throw KafkaFailure.of(options.brokers(), e);
        } catch (OneIsRefused e) {
            throw new IllegalStateException("a record was sent alone, and one of several was refused", e);
        } finally {
            if (!isDelivered) {
                discard();
            }
        }
    }

    /** From any thread; a batch under way fails. */
    @Override
    public void close() {
        closed = true;
        discard();
    }

    private void send(Batch batch, boolean oneByOne) throws IOException, InterruptedException, OneIsRefused {
        Producer<byte[], byte[]> open = open();
        Deque<Sent> underWay = new ArrayDeque<>();
        long bytes = 0;
        for (Meaning meaning : batch.meanings()) {
            int number = 0;
            for (ProducerRecord<byte[], byte[]> record : records.of(meaning, batch)) {
                Place place = new Place(meaning.event(), number++, record.topic(), KafkaRecords.size(record));
                if (tries.hasRefused(place)) {
                    continue;
                }
                if (place.size > options.recordMaxBytes()) {
                    refuse(place, "is larger than kafka.record-max-bytes=" + options.recordMaxBytes());
                    continue;
                }
                while (!underWay.isEmpty() && (oneByOne || bytes + place.size > options.window())) {
                    bytes -= await(underWay.remove(), underWay, oneByOne);
                }
                Sent sent = new Sent(place, open.send(record));
                if (sent.future.isDone()) {
                    await(sent, underWay, oneByOne); // where it failed at once so would all others, after a wait each
                } else {
                    underWay.add(sent);
                    bytes += place.size;
                }
            }
        }
        while (!underWay.isEmpty()) {
            await(underWay.remove(), underWay, oneByOne);
        }
    }

    /** The record's size, when it is written or refused for good. */
    private int await(Sent sent, Collection<Sent> others, boolean alone)
            throws IOException, InterruptedException, OneIsRefused {
        Optional<Throwable> failure = failure(sent);
        if (failure.isPresent()) {
            Throwable cause = failure.get();
            if (!alone && (isOneOfSeveral(cause) || isOneOfSeveral(others))) {
                throw new OneIsRefused(cause);
            }
            if (Refusals.of(cause) == Refusals.Verdict.AWAY) {
                throw KafkaFailure.of(options.brokers(), cause);
            }
            refuse(sent.place, "is refused by Kafka: " + cause.getMessage());
        }
        return sent.place.size;
    }

    /** Whether one that has failed by now is the invalid one: of the sound ones of its request Kafka says no reason. */
    private boolean isOneOfSeveral(Collection<Sent> others) throws IOException, InterruptedException {
        for (Sent sent : others) {
            if (sent.future.isDone()
                    && failure(sent).filter(KafkaSink::isOneOfSeveral).isPresent()) {
                return true;
            }
        }
        return false;
    }

    private static boolean isOneOfSeveral(Throwable failure) {
        return Refusals.of(failure) == Refusals.Verdict.ONE_IS_REFUSED;
    }

    /**
     * Waits until the record is written, or is not, and why. The producer itself gives a record up in time; unless its
     * thread is dead, as after an error of the JVM.
     */
    private Optional<Throwable> failure(Sent sent) throws IOException, InterruptedException {
        try {
            sent.future.get(options.patience().toMillis(), TimeUnit.MILLISECONDS);
            return Optional.empty();
        } catch (ExecutionException e) {
            return Optional.of(e.getCause());
        } catch (TimeoutException e) {
            throw new IOException(
                    "Kafka's producer has not answered for "
                            + options.patience().toSeconds() + " s, another is made",
                    e);
        }
    }

    private void refuse(Place place, String why) throws IOException {
        Event event = place.event;
        String error = "its record of " + place.size + " bytes for " + place.topic + " " + why;
        deadLetters.keep(new DeadLetter(
                NAME, event.id().toString(), event.objectId(), error, tries.count, Optional.of(event.raw())));
        tries.refused(place);
        LOG.warn("Dead letter, position {}: {}: {}", event.id(), event, error);
    }

    private Producer<byte[], byte[]> open() throws IOException, InterruptedException {
        requireOpen();
        if (producer.isEmpty()) {
            producer = Optional.of(newProducer(prepareTopics()));
            if (closed) { // meanwhile
                discard();
            }
            requireOpen();
        }
        return producer.get();
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
            return new KafkaProducer<>(options.producer(room));
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

    /** What it still holds is not sent; records under way may arrive all the same. */
    private void discard() {
        Optional<Producer<byte[], byte[]>> discarded = producer;
        producer = Optional.empty();
        try {
            discarded.ifPresent(open -> open.close(Duration.ZERO));
        } catch (KafkaException e) { // of a producer that is not needed any more
            LOG.debug("A Kafka producer did not close in order", e);
        }
    }

    /** A record of a batch, the same however often the batch is tried: the event's n-th. */
    private record Place(Event event, int number, String topic, int size) {}

    private record Sent(Place place, Future<RecordMetadata> future) {}

    /** The batch that is being tried: how often, and what of it is a dead letter by now. */
    private static final class Tries {
        private final long batch;
        private final Map<Event, Set<Integer>> refused = new IdentityHashMap<>();
        private int count;

        Tries(long batch) {
            this.batch = batch;
        }

        void refused(Place place) {
            refused.computeIfAbsent(place.event, event -> new HashSet<>()).add(place.number);
        }

        boolean hasRefused(Place place) {
            return refused.getOrDefault(place.event, Set.of()).contains(place.number);
        }
    }

    private static final class OneIsRefused extends Exception {
        private static final long serialVersionUID = 1L;

        OneIsRefused(Throwable cause) {
            super(cause.getMessage(), cause);
        }
    }

    private static final class UnusableTopic extends IOException {
        private static final long serialVersionUID = 1L;

        UnusableTopic(String message) {
            super(message);
        }
    }
}
