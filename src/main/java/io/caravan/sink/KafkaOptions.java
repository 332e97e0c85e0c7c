package io.caravan.sink;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Where Kafka is and how it is spoken to: the settings {@code kafka.*}, and what the clients are made of them.
 *
 * @param brokers {@code host:port}, comma separated
 * @param recordMaxBytes the largest record, key and headers included, before compression
 * @param topicPrefix what all topics' names begin with
 * @param names the topics that are written, by their names
 * @param client further properties of Kafka's clients by their own names: security, or other times and sizes
 */
public record KafkaOptions(
        String brokers, int recordMaxBytes, String topicPrefix, Map<Topic, String> names, Map<String, String> client) {

    private static final int DELIVERY_TIMEOUT = 30_000;
    private static final int TRANSACTION_TIMEOUT = 60_000;

    /** What delivery rests on, or what has a setting of its own: by property, why it cannot be set. */
    private static final Map<String, String> RESERVED = Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "it is kafka.brokers",
            ProducerConfig.MAX_REQUEST_SIZE_CONFIG, "it is kafka.record-max-bytes",
            ProducerConfig.ACKS_CONFIG, "it is all, or events would be lost with a broker",
            ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "it is true, or a retry would write twice",
            ProducerConfig.RETRIES_CONFIG, "it has no limit but delivery.timeout.ms",
            ProducerConfig.PARTITIONER_IGNORE_KEYS_CONFIG,
                    "keys choose partitions, or an object's records would lose their order",
            ProducerConfig.PARTITIONER_CLASS_CONFIG,
                    "keys choose partitions, or an object's records would lose their order",
            ProducerConfig.TRANSACTIONAL_ID_CONFIG, "it is made of platform and stream",
            ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, "records are bytes",
            ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, "records are bytes");

    public KafkaOptions {
        names = Map.copyOf(names);
        client = Map.copyOf(client);
    }

    /** Why a client property may not be set; empty when it may. */
    public static Optional<String> reserved(String property) {
        return Optional.ofNullable(RESERVED.get(property));
    }

    /** The names that Kafka's clients know. */
    public static Set<String> knownClientProperties() {
        Set<String> names = new TreeSet<>(ProducerConfig.configNames());
        names.addAll(ConsumerConfig.configNames());
        names.addAll(AdminClientConfig.configNames());
        return names;
    }

    /** What a client would say of its properties before it even connects; empty when it would take them. */
    public Optional<String> mistake() {
        try {
            new ProducerConfig(producer(recordMaxBytes));
            new AdminClientConfig(admin());
            new ConsumerConfig(consumer());
            return Optional.empty();
        } catch (ConfigException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** The same with other brokers. */
    public KafkaOptions at(String others) {
        return new KafkaOptions(others, recordMaxBytes, topicPrefix, names, client);
    }

    /** Those that are written, always in the same order. */
    List<Topic> topics() {
        return names.keySet().stream().sorted().toList();
    }

    /** Of a topic that is said without its prefix. */
    public String nameOf(String label) {
        return Topic.of(label).map(names::get).orElse(topicPrefix + label);
    }

    String nameOf(Topic topic) {
        return names.get(topic);
    }

    /** How many bytes may be under way to the brokers at once; the producer's buffer is twice that, so no send waits for room. */
    int window() {
        return recordMaxBytes;
    }

    /**
     * A failure shows within half a minute: a record that no broker took in 30 s fails, and with it the try. Then the
     * producer is thrown away, so nothing is gained by Kafka's own two minutes. One request at a time goes to a broker:
     * those behind one that is refused would fail, too, for their sequence numbers.
     *
     * @param room how large what is sent at once may be for every topic. The client's batches are half of it at most: it
     *     splits one that is too large into batches of that size, in vain and without an end where they are too large
     */
    Map<String, Object> producer(int room) {
        Map<String, Object> properties = new LinkedHashMap<>();
        properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        properties.put(ProducerConfig.LINGER_MS_CONFIG, "5");
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, "10000");
        properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, "15000");
        properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, String.valueOf(DELIVERY_TIMEOUT));
        properties.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, "1");
        addCommon(properties, ProducerConfig.configNames());
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, recordMaxBytes);
        long batch = Math.min(number(ProducerConfig.BATCH_SIZE_CONFIG, 262_144), room / 2);
        long buffer = Math.max(number(ProducerConfig.BUFFER_MEMORY_CONFIG, 33_554_432), 2L * recordMaxBytes);
        properties.put(ProducerConfig.BATCH_SIZE_CONFIG, String.valueOf(batch));
        properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, String.valueOf(buffer));
        properties.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        properties.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        return properties;
    }

    /** As {@link #producer}, in transactions under this name. */
    Map<String, Object> transactional(int room, String id) {
        Map<String, Object> properties = producer(room);
        properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, id);
        properties.putIfAbsent(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, String.valueOf(TRANSACTION_TIMEOUT));
        return properties;
    }

    /** After this time the brokers end a transaction by themselves. */
    Duration transactionTimeout() {
        return Duration.ofMillis(number(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, TRANSACTION_TIMEOUT));
    }

    /** When a record that the producer has been given must have been answered for, at the latest. */
    Duration patience() {
        return Duration.ofMillis(number(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, DELIVERY_TIMEOUT))
                .plusSeconds(10);
    }

    private long number(String property, long byDefault) {
        String set = client.getOrDefault(property, String.valueOf(byDefault));
        return (Long) ConfigDef.parseType(property, set, ConfigDef.Type.LONG);
    }

    Map<String, Object> admin() {
        Map<String, Object> properties = new LinkedHashMap<>();
        properties.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, "5000");
        properties.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, "10000");
        addCommon(properties, AdminClientConfig.configNames());
        return properties;
    }

    /** For a reader who looks on: it is in no group and commits nothing. */
    public Map<String, Object> consumer() {
        Map<String, Object> properties = new LinkedHashMap<>();
        properties.put(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG, "10000");
        properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, "10000");
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, recordMaxBytes);
        addCommon(properties, ConsumerConfig.configNames());
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        properties.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        properties.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        return properties;
    }

    /** What users set, but for what only another kind of client knows. */
    private void addCommon(Map<String, Object> properties, Set<String> known) {
        properties.put(AdminClientConfig.CLIENT_ID_CONFIG, "caravan");
        Set<String> clients = knownClientProperties();
        client.forEach((name, value) -> {
            if (known.contains(name) || !clients.contains(name)) {
                properties.put(name, value);
            }
        });
        properties.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    }
}
