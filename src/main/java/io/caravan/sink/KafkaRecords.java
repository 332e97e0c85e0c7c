package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Event;
import io.caravan.event.IndicatorState;
import io.caravan.event.IndicatorState.Named;
import io.caravan.event.Meaning;
import io.caravan.event.RecordFailedException;
import io.caravan.event.RecordFailedException.Making;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.RecordBatch;

/**
 * What the topics get of a batch. A record's key is the object's internal id, so that all about an object lies in one
 * partition, in order; its timestamp the time received. What headers would say of something unknown is left out.
 *
 * <p>A compacted topic is read for the last value of each key, so of a batch it gets each key once, as the batch leaves it,
 * at the place of the last change; the other topics get everything. Records are made one by one, as they are taken: an event
 * can have a hundred thousand. One that cannot be made is no obstacle to the others.
 */
final class KafkaRecords {

    private static final byte[] GONE = null;
    private static final Header DEPENDENCY = header("dependency", "true");

    private final KafkaOptions options;
    private final Set<Topic> topics;

    KafkaRecords(KafkaOptions options) {
        this.options = options;
        this.topics = Set.copyOf(options.topics());
    }

    /** Takes one record after the other, and may throw an exception of its own. */
    @FunctionalInterface
    interface Taker<E extends Exception> {

        /** @param number which record of the event it is: the same, whatever others of the batch are written */
        void take(Event event, int number, ProducerRecord<byte[], byte[]> record)
                throws IOException, InterruptedException, E;
    }

    /** Is told of one record after the other that cannot be made. */
    @FunctionalInterface
    interface Failures {

        /** @param number as for {@link Taker} */
        void take(Event event, int number, String topic, RecordFailedException failure) throws IOException;
    }

    /** Hands over a batch's records, in the order in which they are to be sent. */
    <E extends Exception> void handOver(Batch batch, Taker<E> taker, Failures failures)
            throws IOException, InterruptedException, E {
        new HandingOver<>(batch, taker, failures).all();
    }

    /** The most that the record can take in a request, as the producer itself reckons it before it compresses. */
    static int size(ProducerRecord<byte[], byte[]> record) {
        return AbstractRecords.estimateSizeInBytesUpperBound(
                RecordBatch.CURRENT_MAGIC_VALUE,
                CompressionType.LZ4,
                record.key(),
                record.value(),
                record.headers().toArray());
    }

    /** One batch's way to the taker. Used once. */
    private final class HandingOver<E extends Exception> {
        private final Batch batch;
        private final Taker<E> taker;
        private final Failures failures;
        private final Header platform;
        /** Of each compacted topic, by key: the change that leaves it as it is after the batch. */
        private final Map<Topic, Map<String, Change>> last =
                Map.of(Topic.OBJECTS, new HashMap<>(), Topic.INDICATORS, new HashMap<>());
        /** The event whose records are handed over. */
        private Event event;

        private int number;

        HandingOver(Batch batch, Taker<E> taker, Failures failures) {
            this.batch = batch;
            this.taker = taker;
            this.failures = failures;
            this.platform = header("platform", batch.before().platform());
            for (Meaning meaning : batch.meanings()) {
                if (topics.contains(Topic.OBJECTS)) {
                    for (Change change : meaning.changes()) {
                        note(Topic.OBJECTS, change.object().key(), change, true);
                    }
                }
                if (topics.contains(Topic.INDICATORS)) {
                    for (IndicatorState state : meaning.indicators()) {
                        note(Topic.INDICATORS, state.indicator().key(), state.change(), isOfItself(state));
                    }
                }
            }
        }

        private void note(Topic topic, String key, Change change, boolean isOfItself) {
            last.get(topic).put(key, change);
            if (isOfItself) {
                oldKey(change).ifPresent(old -> last.get(topic).put(old, change));
            }
        }

        void all() throws IOException, InterruptedException, E {
            for (Meaning meaning : batch.meanings()) {
                event = meaning.event();
                number = 0;
                if (topics.contains(Topic.EVENTS) && !meaning.isWithheld()) {
                    handOverEvent(meaning);
                }
                if (topics.contains(Topic.CHANGES) || topics.contains(Topic.OBJECTS)) {
                    for (Change change : meaning.changes()) {
                        handOver(change);
                    }
                }
                if (topics.contains(Topic.INDICATORS)) {
                    for (IndicatorState state : meaning.indicators()) {
                        handOver(state);
                    }
                }
            }
        }

        private void handOverEvent(Meaning meaning) throws IOException, InterruptedException, E {
            handOver(Topic.EVENTS, event.object().key(), () -> event.raw().exactly(), () -> headers(meaning));
        }

        private void handOver(Change change) throws IOException, InterruptedException, E {
            String key = change.object().key();
            if (topics.contains(Topic.CHANGES)) {
                handOver(Topic.CHANGES, key, () -> ChangeJson.of(change, batch.before()), () -> headers(change));
            }
            if (topics.contains(Topic.OBJECTS)) {
                endOldKey(Topic.OBJECTS, change, () -> headers(change));
                if (isLast(Topic.OBJECTS, key, change)) {
                    handOver(
                            Topic.OBJECTS,
                            key,
                            () -> change.after()
                                    .map(StixObject::json)
                                    .map(Bytes::exactly)
                                    .orElse(GONE),
                            () -> headers(change));
                } else {
                    passOver();
                }
            }
        }

        private void handOver(IndicatorState state) throws IOException, InterruptedException, E {
            Change change = state.change();
            String key = state.indicator().key();
            if (isOfItself(state)) {
                endOldKey(Topic.INDICATORS, change, () -> headers(state));
            }
            if (isLast(Topic.INDICATORS, key, change)) {
                handOver(
                        Topic.INDICATORS,
                        key,
                        () -> state.gone() ? GONE : IndicatorRecord.of(state.indicator(), context(state)),
                        () -> headers(state));
            } else {
                passOver();
            }
        }

        private void endOldKey(Topic topic, Change change, Making<RecordHeaders> headers)
                throws IOException, InterruptedException, E {
            Optional<String> old = oldKey(change);
            if (old.isPresent()) {
                if (isLast(topic, old.get(), change)) {
                    handOver(topic, old.get(), () -> GONE, headers);
                } else {
                    passOver();
                }
            }
        }

        /** Whether it is this very change. */
        private boolean isLast(Topic topic, String key, Change change) {
            return last.get(topic).get(key) == change;
        }

        private void handOver(Topic topic, String key, Making<byte[]> value, Making<RecordHeaders> headers)
                throws IOException, InterruptedException, E {
            int own = number++;
            String name = options.nameOf(topic);
            long time = batch.received().toEpochMilli();
            ProducerRecord<byte[], byte[]> record;
            try {
                record = RecordFailedException.during(() ->
                        new ProducerRecord<>(name, null, time, key.getBytes(UTF_8), value.make(), headers.make()));
            } catch (RecordFailedException e) {
                failures.take(event, own, name, e);
                return;
            }
            taker.take(event, own, record);
        }

        private void passOver() {
            number++;
        }

        private IndicatorRecord.Context context(IndicatorState state) {
            return new IndicatorRecord.Context(
                    batch.before().platform(),
                    event.id(),
                    state.dependency(),
                    state.tlp(),
                    state.author().map(Named::name),
                    state.malware().stream().map(Named::name).toList(),
                    state.actors().stream().map(Named::name).toList());
        }

        private RecordHeaders headers(Meaning meaning) {
            StixObject object = event.object();
            RecordHeaders headers = new RecordHeaders();
            add(headers, "id", object.id());
            addPlace(headers);
            add(headers, "type", object.type());
            addTlp(headers, meaning.ofItself().map(Change::tlp).orElse(object.tlp()));
            addDependency(headers, event.kind() == Event.Kind.DEPENDENCY);
            return headers;
        }

        private RecordHeaders headers(Change change) {
            RecordHeaders headers = new RecordHeaders();
            add(headers, "id", change.object().id());
            change.previousId().ifPresent(id -> add(headers, "previous_id", id));
            addPlace(headers);
            add(headers, "reason", change.reason().toString());
            add(headers, "type", change.object().type());
            addTlp(headers, change.tlp());
            addDependency(headers, change.dependency());
            return headers;
        }

        private RecordHeaders headers(IndicatorState state) {
            RecordHeaders headers = new RecordHeaders();
            add(headers, "id", state.indicator().id());
            if (isOfItself(state)) {
                state.change().previousId().ifPresent(id -> add(headers, "previous_id", id));
            }
            addPlace(headers);
            add(headers, "reason", state.change().reason().toString());
            add(headers, "type", state.indicator().type());
            addTlp(headers, state.tlp());
            addDependency(headers, state.dependency());
            return headers;
        }

        private void addPlace(RecordHeaders headers) {
            add(headers, "position", event.id().toString());
            add(headers, "op", event.op());
            headers.add(platform);
        }
    }

    private static boolean isOfItself(IndicatorState state) {
        return state.change().object().key().equals(state.indicator().key());
    }

    /** Where a platform gives no internal id, a rename changes the key, and what lies under the old one would stay. */
    private static Optional<String> oldKey(Change change) {
        return change.object().internalId().isEmpty() ? change.previousId() : Optional.empty();
    }

    private static void addTlp(RecordHeaders headers, Optional<Tlp> tlp) {
        tlp.ifPresent(colour -> add(headers, "tlp", colour.toString()));
    }

    private static void addDependency(RecordHeaders headers, boolean dependency) {
        if (dependency) {
            headers.add(DEPENDENCY);
        }
    }

    private static void add(RecordHeaders headers, String name, String value) {
        if (!value.isEmpty()) {
            headers.add(header(name, value));
        }
    }

    private static Header header(String name, String value) {
        return new RecordHeader(name, value.getBytes(UTF_8));
    }
}
