package io.caravan.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaBrokerIT {

    private static final Duration SOON = Patience.SOON;

    @TempDir
    Path data;

    @Test
    void keepsWhatItTookOverAStop() throws Exception {
        try (KafkaBroker broker = new KafkaBroker(data).start()) {
            createTopic(broker, "kept");
            send(plain(broker.brokers()), "kept", "before");
            broker.stop();
            broker.start();
            send(plain(broker.brokers()), "kept", "after");
            assertThat(values(broker, "kept", 2)).containsExactly("before", "after");
            assertThat(broker.faults()).isEmpty();
        }
    }

    @Test
    void keepsWhatItAnsweredToOverAKill() throws Exception {
        try (KafkaBroker broker = new KafkaBroker(data).start();
                KafkaProducer<String, String> producer = new KafkaProducer<>(plain(broker.brokers()))) {
            createTopic(broker, "killed");
            producer.send(new ProducerRecord<>("killed", "before")).get();
            broker.kill();
            var pending = producer.send(new ProducerRecord<>("killed", "after"));
            broker.start();
            pending.get(SOON.toSeconds(), TimeUnit.SECONDS);
            assertThat(values(broker, "killed", 2)).containsExactly("before", "after");
            assertThat(broker.faults()).isEmpty();
        }
    }

    @Test
    void commitsATransactionAfterAKill() throws Exception {
        try (KafkaBroker broker = new KafkaBroker(data).start()) {
            createTopic(broker, "transactions");
            transaction(broker, "one");
            broker.kill();
            broker.start();
            transaction(broker, "two");
            assertThat(values(broker, "transactions", 2)).containsExactly("one", "two");
        }
    }

    @Test
    void takesItsUserByPasswordBesideThePlainListener() throws Exception {
        KafkaBroker broker = KafkaBroker.ofThisRun();
        createTopic(broker, "secured");
        send(sasl(broker, "s3cret"), "secured", "hello");
        assertThat(values(broker, "secured", 1)).containsExactly("hello");
    }

    @Test
    void refusesAWrongPassword() {
        assertThatThrownBy(() -> send(sasl(KafkaBroker.ofThisRun(), "wrong"), "refused", "hello"))
                .hasRootCauseInstanceOf(SaslAuthenticationException.class);
    }

    @Test
    void makesNoTopicBySendingToIt() {
        Map<String, Object> impatient = plain(KafkaBroker.ofThisRun().brokers());
        impatient.put("max.block.ms", 500);
        assertThatThrownBy(() -> send(impatient, "unknown", "hello"))
                .hasRootCauseInstanceOf(UnknownTopicOrPartitionException.class);
    }

    @Test
    void takesRecordsUpToItsLimit() throws Exception {
        try (KafkaBroker broker =
                new KafkaBroker(data).set("message.max.bytes", 3 << 20).start()) {
            createTopic(broker, "large");
            Map<String, Object> unlimited = plain(broker.brokers());
            unlimited.put("max.request.size", 8 << 20);
            send(unlimited, "large", "x".repeat(2 << 20));
            assertThatThrownBy(() -> send(unlimited, "large", "x".repeat(4 << 20)))
                    .hasRootCauseInstanceOf(RecordTooLargeException.class);
        }
    }

    @Test
    void saysThatItsPortIsTaken() {
        int taken = Integer.parseInt(KafkaBroker.ofThisRun().brokers().replaceAll(".*:", ""));
        try (KafkaBroker second = new KafkaBroker(data).port(taken)) {
            assertThatThrownBy(second::start).hasMessageContaining("port " + taken);
        }
    }

    private static void createTopic(KafkaBroker broker, String topic) throws Exception {
        try (Admin admin = Admin.create(plain(broker.brokers()))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
    }

    private static void send(Map<String, Object> client, String topic, String value)
            throws ExecutionException, InterruptedException {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(client)) {
            producer.send(new ProducerRecord<>(topic, value)).get();
        }
    }

    private static void transaction(KafkaBroker broker, String value) throws Exception {
        Map<String, Object> client = plain(broker.brokers());
        client.put("transactional.id", "caravan");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(client)) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("transactions", value)).get();
            producer.commitTransaction();
        }
    }

    /** The first values of a topic, read as a member of a group. */
    private static List<String> values(KafkaBroker broker, String topic, int count) {
        Map<String, Object> client = plain(broker.brokers());
        client.put("group.id", topic + "-readers");
        client.put("auto.offset.reset", "earliest");
        client.put("isolation.level", "read_committed");
        List<String> values = new ArrayList<>();
        long deadline = System.nanoTime() + SOON.toNanos();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(client)) {
            consumer.subscribe(List.of(topic));
            while (values.size() < count && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> message : consumer.poll(Duration.ofMillis(100))) {
                    values.add(message.value());
                }
            }
        }
        return values;
    }

    private static Map<String, Object> sasl(KafkaBroker broker, String password) {
        Map<String, Object> client = plain(broker.saslBrokers());
        client.put("security.protocol", "SASL_PLAINTEXT");
        client.put("sasl.mechanism", "PLAIN");
        client.put(
                "sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"caravan\" password=\"%s\";"
                        .formatted(password));
        return client;
    }

    private static Map<String, Object> plain(String brokers) {
        Map<String, Object> client = new TreeMap<>();
        client.put("bootstrap.servers", brokers);
        client.put("key.serializer", StringSerializer.class.getName());
        client.put("value.serializer", StringSerializer.class.getName());
        client.put("key.deserializer", StringDeserializer.class.getName());
        client.put("value.deserializer", StringDeserializer.class.getName());
        return client;
    }
}
