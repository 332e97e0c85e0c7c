package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Event;
import io.caravan.event.IndicatorState;
import io.caravan.event.IndicatorState.Named;
import io.caravan.event.Meaning;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.RecordBatch;

/**
 * What the topics get of an event and its meaning. A record's key is the object's internal id, so that all about an object
 * lies in one partition, in order; its timestamp the time received. What headers would say of something unknown is left out.
 */
final class KafkaRecords {

    private static final byte[] GONE = null;

    private final KafkaOptions options;
    private final List<Topic> topics;

    KafkaRecords(KafkaOptions options) {
        this.options = options;
        this.topics = options.topics();
    }

    /** In the order in which they are to be sent. */
    List<ProducerRecord<byte[], byte[]>> of(Meaning meaning, Batch batch) throws IOException {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (Topic topic : topics) {
            switch (topic) {
                case EVENTS -> {
                    if (!meaning.isWithheld()) {
                        records.add(event(meaning, batch));
                    }
                }
                case CHANGES -> {
                    for (Change change : meaning.changes()) {
                        byte[] json = ChangeJson.of(change, batch.before());
                        records.add(record(topic, change.object().key(), json, headers(change, batch), batch));
                    }
                }
                case OBJECTS -> {
                    for (Change change : meaning.changes()) {
                        addObject(change, batch, records);
                    }
                }
                case INDICATORS -> {
                    for (IndicatorState state : meaning.indicators()) {
                        addIndicator(state, batch, records);
                    }
                }
            }
        }
        return records;
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

    private ProducerRecord<byte[], byte[]> event(Meaning meaning, Batch batch) {
        Event event = meaning.event();
        StixObject object = event.object();
        RecordHeaders headers = new RecordHeaders();
        add(headers, "id", object.id());
        addPlace(headers, event, batch);
        add(headers, "type", object.type());
        addTlp(headers, meaning.ofItself().map(Change::tlp).orElse(object.tlp()));
        addDependency(headers, event.kind() == Event.Kind.DEPENDENCY);
        return record(Topic.EVENTS, object.key(), event.raw().exactly(), headers, batch);
    }

    private void addObject(Change change, Batch batch, List<ProducerRecord<byte[], byte[]>> records) {
        RecordHeaders headers = headers(change, batch);
        byte[] value = change.after().map(StixObject::json).map(Bytes::exactly).orElse(GONE);
        addEndOfOldKey(Topic.OBJECTS, change, headers, batch, records);
        records.add(record(Topic.OBJECTS, change.object().key(), value, headers, batch));
    }

    private void addIndicator(IndicatorState state, Batch batch, List<ProducerRecord<byte[], byte[]>> records)
            throws IOException {
        Change change = state.change();
        boolean isItself = change.object().key().equals(state.indicator().key());
        RecordHeaders headers = new RecordHeaders();
        add(headers, "id", state.indicator().id());
        if (isItself) {
            change.previousId().ifPresent(id -> add(headers, "previous_id", id));
        }
        addPlace(headers, change.event(), batch);
        add(headers, "reason", change.reason().toString());
        add(headers, "type", state.indicator().type());
        addTlp(headers, state.tlp());
        addDependency(headers, state.dependency());
        if (isItself) {
            addEndOfOldKey(Topic.INDICATORS, change, headers, batch, records);
        }
        byte[] value = state.gone() ? GONE : IndicatorRecord.of(state.indicator(), context(state, batch));
        records.add(record(Topic.INDICATORS, state.indicator().key(), value, headers, batch));
    }

    private static IndicatorRecord.Context context(IndicatorState state, Batch batch) {
        return new IndicatorRecord.Context(
                batch.before().platform(),
                state.change().event().id(),
                state.dependency(),
                state.tlp(),
                state.author().map(Named::name),
                state.malware().stream().map(Named::name).toList(),
                state.actors().stream().map(Named::name).toList());
    }

    /** Where a platform gives no internal id, a rename changes the key, and what lies under the old one would stay. */
    private void addEndOfOldKey(
            Topic topic,
            Change change,
            RecordHeaders headers,
            Batch batch,
            List<ProducerRecord<byte[], byte[]>> records) {
        if (change.object().internalId().isEmpty() && change.previousId().isPresent()) {
            records.add(record(topic, change.previousId().get(), GONE, headers, batch));
        }
    }

    private ProducerRecord<byte[], byte[]> record(
            Topic topic, String key, byte[] value, RecordHeaders headers, Batch batch) {
        return new ProducerRecord<>(
                options.nameOf(topic), null, batch.received().toEpochMilli(), key.getBytes(UTF_8), value, headers);
    }

    private static RecordHeaders headers(Change change, Batch batch) {
        RecordHeaders headers = new RecordHeaders();
        add(headers, "id", change.object().id());
        change.previousId().ifPresent(id -> add(headers, "previous_id", id));
        addPlace(headers, change.event(), batch);
        add(headers, "reason", change.reason().toString());
        add(headers, "type", change.object().type());
        addTlp(headers, change.tlp());
        addDependency(headers, change.dependency());
        return headers;
    }

    private static void addPlace(RecordHeaders headers, Event event, Batch batch) {
        add(headers, "position", event.id().toString());
        add(headers, "op", event.op());
        add(headers, "platform", batch.before().platform());
    }

    private static void addTlp(RecordHeaders headers, Optional<Tlp> tlp) {
        tlp.ifPresent(colour -> add(headers, "tlp", colour.toString()));
    }

    private static void addDependency(RecordHeaders headers, boolean dependency) {
        if (dependency) {
            add(headers, "dependency", "true");
        }
    }

    private static void add(RecordHeaders headers, String name, String value) {
        if (!value.isEmpty()) {
            headers.add(new RecordHeader(name, value.getBytes(UTF_8)));
        }
    }
}
