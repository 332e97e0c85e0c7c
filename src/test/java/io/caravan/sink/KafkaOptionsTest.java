package io.caravan.sink;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.junit.jupiter.api.Test;

/** What Kafka's clients are made of. */
class KafkaOptionsTest {

    private static final int MEGABYTE = 1 << 20;

    @Test
    void everyReplicaAnswersForARecordAndItIsWrittenOnce() {
        ProducerConfig producer = producer(options(16 * MEGABYTE, Map.of()), 16 * MEGABYTE);
        assertThat(producer.getString("acks")).isEqualTo("-1"); // all
        assertThat(producer.getBoolean("enable.idempotence")).isTrue();
        assertThat(producer.getString("compression.type")).isEqualTo("lz4");
    }

    @Test
    void aFailureShowsWithinHalfAMinuteUnlessSetOtherwise() {
        ProducerConfig producer = producer(options(MEGABYTE, Map.of()), MEGABYTE);
        assertThat(producer.getLong("max.block.ms")).isEqualTo(10_000);
        assertThat(producer.getInt("delivery.timeout.ms")).isEqualTo(30_000);
        ProducerConfig patient = producer(options(MEGABYTE, Map.of("delivery.timeout.ms", "90000")), MEGABYTE);
        assertThat(patient.getInt("delivery.timeout.ms")).isEqualTo(90_000);
    }

    @Test
    void theLargestRecordFitsIntoARequestAndTwiceIntoTheBuffer() {
        KafkaOptions options = options(40 * MEGABYTE, Map.of("buffer.memory", "50000000"));
        ProducerConfig producer = producer(options, 40 * MEGABYTE);
        assertThat(producer.getInt("max.request.size")).isEqualTo(40 * MEGABYTE);
        assertThat(producer.getLong("buffer.memory")).isEqualTo(80L * MEGABYTE);
        assertThat(options.window()).isEqualTo(40 * MEGABYTE);
        assertThat(options.consumer()).containsEntry("max.partition.fetch.bytes", 40 * MEGABYTE);
    }

    @Test
    void aLargerBufferIsLeftAsItIsSet() {
        ProducerConfig producer = producer(options(MEGABYTE, Map.of("buffer.memory", "50000000")), MEGABYTE);
        assertThat(producer.getLong("buffer.memory")).isEqualTo(50_000_000);
    }

    @Test
    void theClientsBatchesAreSmallerThanWhatTheTopicsTake() {
        Map<String, String> large = Map.of("batch.size", "2000000");
        assertThat(producer(options(16 * MEGABYTE, Map.of()), 16 * MEGABYTE).getInt("batch.size"))
                .isEqualTo(262_144);
        assertThat(producer(options(16 * MEGABYTE, large), 1_048_588).getInt("batch.size"))
                .isEqualTo(524_294);
        assertThat(producer(options(1024, Map.of()), 1024).getInt("batch.size")).isEqualTo(512);
    }

    @Test
    void eachClientGetsOnlyWhatItKnowsAndWhatNobodyKnows() {
        KafkaOptions options = options(
                MEGABYTE, Map.of("linger.ms", "7", "fetch.max.wait.ms", "8", "sasl.mechanism", "PLAIN", "acme", "x"));
        assertThat(options.producer(MEGABYTE))
                .containsEntry("linger.ms", "7")
                .containsEntry("sasl.mechanism", "PLAIN")
                .containsEntry("acme", "x")
                .doesNotContainKey("fetch.max.wait.ms");
        assertThat(options.admin())
                .containsEntry("sasl.mechanism", "PLAIN")
                .doesNotContainKeys("linger.ms", "fetch.max.wait.ms");
        assertThat(options.consumer()).containsEntry("fetch.max.wait.ms", "8").doesNotContainKey("linger.ms");
    }

    private static ProducerConfig producer(KafkaOptions options, int room) {
        return new ProducerConfig(options.producer(room));
    }

    private static KafkaOptions options(int recordMaxBytes, Map<String, String> client) {
        return new KafkaOptions(
                "localhost:9092", recordMaxBytes, "opencti.", Map.of(Topic.EVENTS, "opencti.events"), client);
    }
}
