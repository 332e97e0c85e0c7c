package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import java.util.Arrays;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.RecordBatch;

/**
 * An event as a Kafka record: its key is the object's internal id, so that all about an object lies in one partition, in
 * order; its value the envelope as it came; its timestamp the time received. What headers would say of something unknown
 * is left out.
 */
final class EventRecord {

    private EventRecord() {}

    static ProducerRecord<byte[], byte[]> of(String topic, Event event, Batch batch) {
        Envelope envelope = event.envelope();
        RecordHeaders headers = new RecordHeaders();
        add(headers, "id", event.objectId());
        add(headers, "position", event.id().toString());
        add(headers, "op", event.op());
        add(headers, "type", envelope.objectType());
        envelope.tlp().ifPresent(tlp -> add(headers, "tlp", tlp.toString()));
        if (event.kind() == Event.Kind.DEPENDENCY) {
            add(headers, "dependency", "true");
        }
        add(headers, "platform", batch.before().platform());
        return new ProducerRecord<>(
                topic,
                null,
                batch.received().toEpochMilli(),
                event.key().getBytes(UTF_8),
                exactly(event.raw()),
                headers);
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

    private static void add(RecordHeaders headers, String name, String value) {
        if (!value.isEmpty()) {
            headers.add(new RecordHeader(name, value.getBytes(UTF_8)));
        }
    }

    private static byte[] exactly(Bytes bytes) {
        return bytes.array().length == bytes.length() ? bytes.array() : Arrays.copyOf(bytes.array(), bytes.length());
    }
}
