package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.caravan.event.Position;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * The topic that holds positions, one key a stream, in one partition: a position is written in the transaction of what was
 * delivered up to it.
 */
public final class PositionTopic {

    /** The header that tells one commit from another of the same position. */
    private static final String COMMIT = "commit";

    /** Enough for what one transaction leaves behind; where it is not, more is read. */
    private static final long READ_AT_ONCE = 256;

    /** Somebody else's transaction may be open in the partition until the broker ends it, by default after a minute. */
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final KafkaOptions options;
    private final String stream;
    private final TopicPartition partition;

    /** @param stream the name of the stream at the platform at this address */
    public PositionTopic(KafkaOptions options, String platform, String stream) {
        this.options = options;
        this.stream = platform + " " + stream;
        this.partition = new TopicPartition(options.topicPrefix() + "positions", 0);
    }

    /** Whoever delivers this stream into these topics has this name to Kafka, and whoever had it before is fenced off. */
    String transactionalId() {
        return "caravan " + options.topicPrefix() + " " + stream;
    }

    /** Small segments, because only closed ones are compacted. */
    TopicPlan plan() {
        return new TopicPlan(
                partition.topic(),
                TopicConfig.CLEANUP_POLICY_COMPACT,
                Optional.of(1),
                false,
                Map.of(TopicConfig.SEGMENT_BYTES_CONFIG, String.valueOf(16 << 20)));
    }

    /** For where transactions under this name do not begin, at brokers that have answered before. */
    KafkaFailure noTransaction(String transactionalId, Throwable cause) {
        String asked = "begin transactions as \"%s\", of kafka.client.transaction.timeout.ms=%d"
                .formatted(transactionalId, options.transactionTimeout().toMillis());
        KafkaFailure failure = KafkaFailure.of(options.brokers(), asked, cause);
        return failure.isOfWhatTheyLack()
                ? failure.with("do the brokers have transactions? Fewer brokers than"
                        + " transaction.state.log.replication.factor (3 by default) have none: set it at the brokers, or set"
                        + " caravan.position-store=local")
                : failure;
    }

    /** Where a right is missing that only a position in Kafka needs, with what it needs and how to go without. */
    KafkaFailure explained(KafkaFailure failure) {
        String said = failure.getMessage();
        boolean isOfPositions = said.contains(partition.topic()) || said.contains(transactionalId());
        return failure.isOfRights() && isOfPositions ? failure.with(remedy()) : failure;
    }

    /** The rights that a position in Kafka needs. */
    String remedy() {
        return "a position in Kafka needs the rights to create, read and write the topic " + partition.topic()
                + " and to write as the transactional id \"" + transactionalId()
                + "\": give them, or set caravan.position-store=local";
    }

    /** Whether the position is of the stream whose positions these are. */
    boolean isOf(Position position) {
        return stream.equals(position.platform() + " " + position.stream());
    }

    ProducerRecord<byte[], byte[]> record(Committed committed) {
        return new ProducerRecord<>(
                partition.topic(),
                partition.partition(),
                stream.getBytes(UTF_8),
                committed.position().toJson(),
                List.of(new RecordHeader(COMMIT, committed.id().getBytes(UTF_8))));
    }

    /**
     * The position that was committed last; empty before the first.
     *
     * @throws IOException when Kafka is away, or what is there is no position
     */
    Optional<Committed> last() throws IOException, InterruptedException {
        Map<String, Object> properties = new HashMap<>(options.consumer());
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        long end = end();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            consumer.assign(List.of(partition));
            long begin = consumer.beginningOffsets(List.of(partition)).get(partition);
            for (long size = READ_AT_ONCE; ; size *= 16) {
                long from = Math.max(begin, end - size);
                Optional<ConsumerRecord<byte[], byte[]>> last = lastBetween(from, end, consumer);
                if (last.isPresent()) {
                    return Optional.of(committed(last.get()));
                }
                if (from == begin) {
                    return Optional.empty();
                }
            }
        }
    }

    /**
     * Behind all that was written, also by transactions of other streams that are still open: what is read up to here holds
     * all that was committed before.
     */
    private long end() throws IOException, InterruptedException {
        try (Admin admin = Admin.create(options.admin())) {
            return admin.listOffsets(
                            Map.of(partition, OffsetSpec.latest()),
                            new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED))
                    .partitionResult(partition)
                    .get()
                    .offset();
        } catch (ExecutionException e) {
            throw KafkaFailure.of(options.brokers(), e.getCause());
        }
    }

    private static Committed committed(ConsumerRecord<byte[], byte[]> record) throws IOException {
        Header id = record.headers().lastHeader(COMMIT);
        return new Committed(Position.parse(record.value()), id == null ? "" : new String(id.value(), UTF_8));
    }

    private Optional<ConsumerRecord<byte[], byte[]>> lastBetween(
            long from, long end, KafkaConsumer<byte[], byte[]> consumer) throws IOException {
        byte[] key = stream.getBytes(UTF_8);
        Optional<ConsumerRecord<byte[], byte[]>> last = Optional.empty();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        consumer.seek(partition, from);
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                if (Arrays.equals(key, record.key())) {
                    last = Optional.of(record).filter(found -> found.value() != null);
                }
            }
            if (System.nanoTime() > deadline) {
                throw KafkaFailure.of(
                        options.brokers(),
                        new TimeoutException("the topic " + partition.topic()
                                + " cannot be read to its end: a transaction is open in it"));
            }
        }
        return last;
    }
}
