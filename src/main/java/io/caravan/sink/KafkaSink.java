package io.caravan.sink;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.RecordFailedException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Kafka sink: a batch's records are sent, and all are with every in-sync replica when {@link #deliver} returns. Whatever
 * fails, the producer is thrown away, and the next try sends the whole batch anew with another.
 *
 * <p>Where positions are kept in Kafka, the records lie in a transaction that is open then, and {@link #commit} ends it with
 * the position: readers of committed records see all of a batch or nothing, and each once. Else a batch may be written
 * twice, but never in part, and what was on its way to a broker may still be written behind the new producer's records.
 *
 * <p>A record that cannot be made, or that Kafka will never take, becomes a dead letter, on the disk before the batch counts as delivered, and the
 * others go. Where Kafka does not say which record it means (in a transaction it never does for certain), each is sent
 * alone to find it.
 *
 * <p>Called by one thread at a time.
 */
public final class KafkaSink implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(KafkaSink.class);
    private static final String NAME = "kafka";

    private final KafkaOptions options;
    private final KafkaRecords records;
    private final KafkaLink link;
    private final DeadLetterTopic deadLetters;
    private Tries tries = new Tries(-1);

    /**
     * @param positions where positions are kept in Kafka, too
     * @param failed is told why the stream can be delivered no longer
     */
    public KafkaSink(
            KafkaOptions options,
            Optional<PositionTopic> positions,
            DeadLetterTopic deadLetters,
            Consumer<Exception> failed) {
        this.options = options;
        this.records = new KafkaRecords(options);
        this.link = new KafkaLink(options, deadLetters, positions, failed);
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
            link.rehearse(); // what it cannot be made of is said where Kafka is away, too
            link.open();
        } catch (KafkaLink.UnusableTopic e) {
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
            if (!isCommitted(batch.after())) {
                sendAll(batch);
            }
            if (!link.isTransactional()) {
                sendLetters();
            }
            isDelivered = true;
        } catch (InterruptException e) {
            throw (InterruptedException) new InterruptedException(e.getMessage()).initCause(e);
        } catch (KafkaException | IllegalStateException e) { // the latter from a producer that was closed meanwhile
            throw KafkaFailure.of(options.brokers(), e);
        } finally {
            if (!isDelivered) {
                link.discard();
            }
        }
    }

    /** A batch is handed over from its beginning: what was delivered of it and not committed is given up. */
    void giveUp() {
        if (link.isInTransaction()) {
            link.abort();
        }
    }

    /** Those of batches before this one, and of this one. */
    private void sendLetters() throws IOException, InterruptedException {
        List<Future<RecordMetadata>> sent = link.sendLetters(link.open());
        for (Future<RecordMetadata> letter : sent) {
            Optional<Throwable> failure = failure(letter, deadLetters.plan().name());
            if (failure.isPresent()) {
                throw KafkaFailure.of(options.brokers(), failure.get());
            }
        }
        deadLetters.sent(sent.size());
    }

    /** The position that is committed; empty before the first. Only where positions are kept in Kafka. */
    Optional<Position> committed() throws IOException, InterruptedException {
        return link.committed();
    }

    /** Whether a commit whose outcome was not known has gone through. */
    boolean isCommitted(Position position) throws IOException, InterruptedException {
        return link.isTransactional() && link.committed().equals(Optional.of(position));
    }

    /** Commits the position, with the batch's records where one was delivered. When this throws, it may be committed or not. */
    void commit(Position position) throws IOException, InterruptedException {
        link.commit(position);
    }

    /** Whether a batch was delivered and is not committed yet. */
    boolean awaitsCommit() {
        return link.isInTransaction();
    }

    /** From any thread; a batch under way fails. */
    @Override
    public void close() {
        link.close();
    }

    private void sendAll(Batch batch) throws IOException, InterruptedException {
        if (link.isInTransaction()) {
            throw new IOException("a second batch came to the bean kafka before the first was committed: the route"
                    + " sink-kafka has to call it once, with the whole batch");
        }
        try {
            send(batch, false);
        } catch (OneIsRefused e) {
            LOG.warn(
                    "Kafka refuses one of several records and does not say which ({}): each is sent alone now",
                    e.getMessage());
            link.abort();
            try {
                send(batch, true);
                if (link.isTransactional()) {
                    link.abort();
                    send(batch, false);
                }
            } catch (OneIsRefused again) {
                throw new IOException("Kafka refuses one of several records and takes each alone", again);
            }
        }
    }

    private void send(Batch batch, boolean oneByOne) throws IOException, InterruptedException, OneIsRefused {
        link.begin();
        UnderWay underWay = new UnderWay(oneByOne);
        records.handOver(
                batch,
                (event, number, record) -> {
                    Place place = new Place(event, number, record.topic(), KafkaRecords.size(record));
                    if (tries.hasRefused(place)) {
                        return;
                    }
                    if (place.size > options.recordMaxBytes()) {
                        refuse(place, "is larger than kafka.record-max-bytes=" + options.recordMaxBytes());
                        return;
                    }
                    underWay.send(place, record);
                },
                this::refuse);
        underWay.awaitAll();
    }

    /** The records that are sent and not written yet: no more than the window, or one. */
    private final class UnderWay {
        private final boolean oneByOne;
        private final Deque<Sent> records = new ArrayDeque<>();
        private long bytes;

        UnderWay(boolean oneByOne) {
            this.oneByOne = oneByOne;
        }

        void send(Place place, ProducerRecord<byte[], byte[]> record)
                throws IOException, InterruptedException, OneIsRefused {
            while (!records.isEmpty() && (oneByOne || bytes + place.size > options.window())) {
                bytes -= await(records.remove(), records, oneByOne);
            }
            Sent sent = KafkaSink.this.send(place, record);
            if (sent.future.isDone()) {
                await(sent, records, oneByOne); // where it failed at once so would all others, after a wait each
            } else {
                records.add(sent);
                bytes += place.size;
            }
        }

        void awaitAll() throws IOException, InterruptedException, OneIsRefused {
            while (!records.isEmpty()) {
                await(records.remove(), records, oneByOne);
            }
        }
    }

    /** A transaction that has failed takes no further records, and says why as it throws. */
    private Sent send(Place place, ProducerRecord<byte[], byte[]> record)
            throws IOException, InterruptedException, OneIsRefused {
        try {
            return new Sent(place, link.open().send(record));
        } catch (KafkaException e) {
            if (isOneOfSeveral(e)) {
                throw new OneIsRefused(e);
            }
            throw e;
        }
    }

    /** The record's size, when it is written or refused for good. */
    private int await(Sent sent, Collection<Sent> others, boolean alone)
            throws IOException, InterruptedException, OneIsRefused {
        Optional<Throwable> failure = failure(sent.future, sent.place.topic);
        if (failure.isPresent()) {
            Throwable cause = failure.get();
            if (!alone && (isOneOfSeveral(cause) || isOneOfSeveral(others))) {
                throw new OneIsRefused(cause);
            }
            if (Refusals.of(cause) == Refusals.Verdict.AWAY) {
                throw KafkaFailure.of(options.brokers(), cause);
            }
            refuse(sent.place, "is refused by Kafka: " + cause.getMessage());
            if (link.isTransactional()) {
                link.beginAgain();
            }
        } else if (alone && link.isTransactional() && link.isOld()) {
            link.beginAgain(); // nothing of it is kept, and the brokers' patience ends
        }
        return sent.place.size;
    }

    /** Whether one that has failed by now is the invalid one: of the sound ones of its request Kafka says no reason. */
    private boolean isOneOfSeveral(Collection<Sent> others) throws IOException, InterruptedException {
        for (Sent sent : others) {
            if (sent.future.isDone()
                    && failure(sent.future, sent.place.topic)
                            .filter(this::isOneOfSeveral)
                            .isPresent()) {
                return true;
            }
        }
        return false;
    }

    /** In a transaction, those that were not sent yet fail as the one that is refused. */
    private boolean isOneOfSeveral(Throwable failure) {
        Refusals.Verdict verdict = Refusals.of(failure);
        return verdict == Refusals.Verdict.ONE_IS_REFUSED
                || verdict == Refusals.Verdict.REFUSED && link.isTransactional();
    }

    /**
     * Waits until the record is written, or is not, and why. The producer itself gives a record up in time; unless its
     * thread is dead, as after an error of the JVM, or the record is of a transaction and its topic was deleted.
     */
    private Optional<Throwable> failure(Future<RecordMetadata> sent, String topic)
            throws IOException, InterruptedException {
        try {
            sent.get(options.patience().toMillis(), TimeUnit.MILLISECONDS);
            return Optional.empty();
        } catch (ExecutionException e) {
            return Optional.of(e.getCause());
        } catch (TimeoutException e) {
            throw new IOException(
                    "Kafka's producer has not answered for "
                            + options.patience().toSeconds() + " s for a record of the topic " + topic
                            + ", another is made",
                    e);
        }
    }

    /** A record that cannot be made. */
    private void refuse(Event event, int number, String topic, RecordFailedException failure) throws IOException {
        Place place = new Place(event, number, topic, 0);
        if (!tries.hasRefused(place)) {
            LOG.debug("No record for {} of {}", topic, event, failure);
            keepLetter(place, "its record for " + topic + " cannot be made: " + failure.getMessage());
        }
    }

    private void refuse(Place place, String why) throws IOException {
        keepLetter(place, "its record of " + place.size + " bytes for " + place.topic + " " + why);
    }

    private void keepLetter(Place place, String error) throws IOException {
        Event event = place.event;
        deadLetters.keep(DeadLetter.of(event, NAME, error, tries.count));
        tries.refused(place);
        LOG.warn("Dead letter, position {}: {}: {}", event.id(), event, error);
    }

    /** A record of a batch, the same however often the batch is tried: the event's n-th. */
    private record Place(Event event, int number, String topic, int size) {}

    private record Sent(Place place, Future<RecordMetadata> future) {}

    /** The batch that is being tried: how often, and what of it is a dead letter by now. */
    private static final class Tries {
        private final long batch;
        private final Set<Refused> refused = new HashSet<>();
        private int count;

        Tries(long batch) {
            this.batch = batch;
        }

        void refused(Place place) {
            refused.add(Refused.of(place));
        }

        boolean hasRefused(Place place) {
            return refused.contains(Refused.of(place));
        }
    }

    /** An event's n-th record, by what an event keeps that is withheld at a door, and handed over again. */
    private record Refused(EventId id, long event, int number) {
        static Refused of(Place place) {
            return new Refused(place.event.id(), place.event.fingerprint(), place.number);
        }
    }

    private static final class OneIsRefused extends Exception {
        private static final long serialVersionUID = 1L;

        OneIsRefused(Throwable cause) {
            super(cause.getMessage(), cause);
        }
    }
}
