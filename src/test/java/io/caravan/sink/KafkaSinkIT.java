package io.caravan.sink;

import static io.caravan.testkit.Frames.create;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Events;
import io.caravan.event.Meaning;
import io.caravan.event.Position;
import io.caravan.event.Readings;
import io.caravan.testkit.ByObject;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.LogLines;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The Kafka sink alone, with a real broker: what it writes, what it puts aside, and what it waits for. */
class KafkaSinkIT {

    private static final String PLATFORM = "https://opencti.example.org";
    private static final Instant RECEIVED = Instant.parse("2026-11-21T17:38:18.973Z");
    private static final Duration SOON = Patience.SOON;
    private static final int MEGABYTE = 1 << 20;

    @TempDir
    Path data;

    private final KafkaBroker broker = KafkaBroker.ofThisRun();
    private final Topics topics = Topics.of(broker);
    private final List<DeadLetter> letters = new CopyOnWriteArrayList<>();
    private final Map<String, String> client = new TreeMap<>();
    private String brokers = broker.brokers();
    private String prefix;
    private List<Topic> written = List.of(Topic.EVENTS);
    private int recordMaxBytes = 16 * MEGABYTE;
    private Optional<KafkaSink> sink = Optional.empty();
    private long batches;

    @BeforeEach
    void takeTopicsOfItsOwn() {
        prefix = "sink-" + UUID.randomUUID() + ".";
    }

    @AfterEach
    void close() {
        sink.ifPresent(KafkaSink::close);
    }

    // ---- What it writes

    @Test
    void aRecordIsTheEnvelopeUnderTheInternalIdWithWhatItIsInHeaders() throws Exception {
        Map<String, Object> object = Frames.object(anObject(1), "11111111-2222-4333-8444-000000000001");
        object.put("object_marking_refs", List.of("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"));
        Frame update = Frames.update("1795282698973-2", object, object);
        deliver(update);

        assertThat(records()).singleElement().satisfies(record -> {
            assertThat(record.key()).isEqualTo("11111111-2222-4333-8444-000000000001".getBytes(UTF_8));
            assertThat(record.value()).isEqualTo(update.data());
            assertThat(record.timestamp()).isEqualTo(RECEIVED.toEpochMilli());
            assertThat(headers(record))
                    .containsExactlyInAnyOrder(
                            "id=" + anObject(1),
                            "position=1795282698973-2",
                            "op=update",
                            "type=tool",
                            "tlp=TLP:AMBER",
                            "platform=" + PLATFORM);
        });
    }

    @Test
    void aDependencySaysSo() throws Exception {
        deliver(Frames.dependency("1000-0", anObject(1)), Frames.snapshot("1000-0", anObject(2)));

        assertThat(records())
                .extracting(record -> headers(record).contains("dependency=true"))
                .containsExactly(true, false);
    }

    @Test
    void theStixIdIsTheKeyWhereAnObjectHasNoInternalId() throws Exception {
        String envelope = "{\"data\":{\"id\":\"" + anObject(1) + "\"}}";
        deliver(Frame.of("1000-0", "create", envelope));

        assertThat(records()).singleElement().satisfies(record -> {
            assertThat(new String(record.key(), UTF_8)).isEqualTo(anObject(1));
            assertThat(headers(record))
                    .containsExactly("id=" + anObject(1), "position=1000-0", "op=create", "platform=" + PLATFORM);
        });
    }

    @Test
    void aValueEndsWhereTheEventEndsAndNotWhereItsArrayDoes() throws Exception {
        Frame frame = create("1000-0", anObject(1));
        byte[] longer = Arrays.copyOf(frame.data(), frame.data().length + 1000);
        Arrays.fill(longer, frame.data().length, longer.length, (byte) '!');
        open().deliver(batch(List.of(Events.event(frame, new Bytes(longer, frame.data().length)))));

        assertThat(values()).containsExactly(ByteBuffer.wrap(frame.data()));
    }

    @Test
    void allAboutAnObjectLiesInOrderInOneOfSeveralPartitions() throws Exception {
        topics.make(events(), 8);
        List<Frame> frames = IntStream.range(0, 4000)
                .mapToObj(n -> create((1000 + n) + "-0", anObject(n % 50)))
                .toList();
        deliver(frames);

        List<ConsumerRecord<byte[], byte[]>> records = records();
        assertThat(records.stream().map(ConsumerRecord::partition).distinct()).hasSizeGreaterThan(4);
        assertThat(records).hasSize(4000);
        assertThat(ByObject.ofRecords(records)).isEqualTo(ByObject.of(frames));
        records.stream()
                .collect(java.util.stream.Collectors.groupingBy(KafkaSinkIT::key))
                .values()
                .forEach(ofOne -> assertThat(ofOne.stream().map(ConsumerRecord::partition))
                        .containsOnly(ofOne.get(0).partition()));
    }

    static List<String> captures() throws IOException {
        Path folder = Path.of("src/test/resources/captures");
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> folder.relativize(file).toString().replaceFirst("\\.gz$", ""))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("captures")
    void everythingThatWasRecordedArrivesWholeAndInOrder(String capture) throws Exception {
        List<Frame> frames = Capture.events(capture);
        topics.make(events(), 3, "max.message.bytes", String.valueOf(recordMaxBytes));
        for (int from = 0; from < frames.size(); from += 1000) {
            deliver(frames.subList(from, Math.min(frames.size(), from + 1000)));
        }

        assertThat(ByObject.ofRecords(records())).isEqualTo(ByObject.of(frames));
        assertThat(letters).isEmpty();
    }

    @Test
    void anEventOf13MegabytesReachesATopicThatWasMadeForIt() throws Exception {
        Frame largest = Capture.events("big/big-all.sse").stream()
                .max(java.util.Comparator.comparing(frame -> frame.wire().length))
                .orElseThrow();
        assertThat(largest.data()).hasSizeGreaterThan(13_000_000);
        deliver(largest);

        assertThat(values()).containsExactly(ByteBuffer.wrap(largest.data()));
    }

    @Test
    void aBatchFarLargerThanTheClientsBufferGoesThrough() throws Exception {
        recordMaxBytes = MEGABYTE;
        List<Frame> frames = IntStream.range(0, 80)
                .mapToObj(n -> withDescription((1000 + n) + "-0", "x".repeat(700_000)))
                .toList();
        deliver(frames);

        assertThat(ByObject.ofRecords(records())).isEqualTo(ByObject.of(frames));
    }

    // ---- What it puts aside

    @Test
    void aRecordOneByteAboveTheLimitBecomesADeadLetterAndTheOthersGo() throws Exception {
        recordMaxBytes = 100_000;
        Frame just = sized("2000-0", recordMaxBytes);
        Frame above = sized("3000-0", recordMaxBytes + 1);
        deliver(create("1000-0", anObject(1)), just, above, create("4000-0", anObject(1)));

        assertThat(positions()).containsExactly("1000-0", "2000-0", "4000-0");
        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.sink()).isEqualTo("kafka");
            assertThat(letter.position()).isEqualTo("3000-0");
            assertThat(letter.error())
                    .isEqualTo("its record of 100001 bytes for " + events()
                            + " is larger than kafka.record-max-bytes=100000");
            assertThat(letter.attempts()).isEqualTo(1);
            assertThat(letter.event()).contains(new Bytes(above.data(), above.data().length));
        });
    }

    @Test
    void aRecordThatItsTopicDoesNotTakeBecomesADeadLetterAndTheOthersStayInOrder() throws Exception {
        topics.make(events(), 1, "max.message.bytes", "100000");
        List<Frame> frames = new ArrayList<>(IntStream.range(0, 400)
                .mapToObj(n -> withDescription((1000 + n) + "-0", noise(2000)))
                .toList());
        frames.set(100, withDescription("1100-0", noise(300_000)));
        frames.set(101, withDescription("1101-0", noise(300_000)));
        frames.set(300, withDescription("1300-0", noise(150_000)));
        deliver(frames);

        assertThat(letters).extracting(DeadLetter::position).containsExactly("1100-0", "1101-0", "1300-0");
        assertThat(letters).allSatisfy(letter -> assertThat(letter.error())
                .startsWith("its record of ")
                .contains(" bytes for " + events() + " is refused by Kafka: ")
                .contains("larger than the max message size"));
        assertThat(positions())
                .isEqualTo(frames.stream()
                        .map(Frame::id)
                        .filter(id -> !List.of("1100-0", "1101-0", "1300-0").contains(id))
                        .toList());
    }

    /** It is looked for among records of which some were passed over, and found again when the batch is sent anew. */
    @Test
    void aLastStateThatIsRefusedLeavesWhatItsKeyHadBeforeTheBatch() throws Exception {
        written = List.of(Topic.CHANGES, Topic.OBJECTS);
        topics.make(prefix + "objects", 1, "cleanup.policy", "compact", "max.message.bytes", "100000");
        Readings readings = new Readings();
        deliver(readings, withDescription("1000-0", "before"));
        deliver(
                readings,
                withDescription("2000-0", "between"),
                create("2001-0", anObject(2)),
                withDescription("2002-0", noise(150_000)),
                create("2003-0", anObject(2)));

        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.position()).isEqualTo("2002-0");
            assertThat(letter.error()).contains(" for " + prefix + "objects is refused by Kafka");
        });
        Map<String, String> last = new TreeMap<>();
        topics.records(prefix + "objects").forEach(record -> last.put(key(record), position(record)));
        assertThat(last)
                .containsOnly(
                        Map.entry(Frames.internalId(anObject(1)), "1000-0"),
                        Map.entry(Frames.internalId(anObject(2)), "2003-0"));
        assertThat(topics.records(prefix + "changes").stream()
                        .map(KafkaSinkIT::position)
                        .distinct())
                .containsExactly("1000-0", "2000-0", "2001-0", "2002-0", "2003-0");
    }

    @Test
    void whatNoRecordCanBeMadeOfIsADeadLetterOnceHoweverOftenItsBatchIsTried() throws Exception {
        written = List.of(Topic.EVENTS, Topic.CHANGES, Topic.OBJECTS);
        Readings readings = new Readings();
        Meaning before = readings.read(create("1000-0", anObject(1)));
        Meaning broken = readings.read(create("2000-0", anObject(2)));
        Meaning after = readings.read(create("3000-0", anObject(3)));
        Batch batch = batch(List.of())
                .with(List.of(
                        before,
                        broken.with(
                                broken.event(),
                                false,
                                broken.changes().stream().map(Changes::broken).toList(),
                                List.of()),
                        after));
        open().deliver(batch);
        open().deliver(batch);

        assertThat(letters).extracting(DeadLetter::position).containsExactly("2000-0", "2000-0");
        assertThat(letters)
                .extracting(letter -> letter.error().replaceFirst("Caravan: .*", "Caravan"))
                .containsExactly(
                        "its record for " + prefix + "changes cannot be made: an error in Caravan",
                        "its record for " + prefix + "objects cannot be made: an error in Caravan");
        assertThat(positions()).containsExactly("1000-0", "2000-0", "3000-0");
        for (String topic : List.of("changes", "objects")) {
            assertThat(topics.records(prefix + topic))
                    .extracting(KafkaSinkIT::position)
                    .containsOnly("1000-0", "3000-0");
        }
    }

    @Test
    void aDeadLetterIsKeptOnceHoweverOftenItsBatchIsTried() throws Exception {
        try (KafkaBroker own = new KafkaBroker(data).set("num.partitions", 3).start()) {
            recordMaxBytes = 100_000;
            brokers = own.brokers();
            impatient();
            deliver(create("1000-0", anObject(1)));
            own.stop();
            Batch batch = batch(events(List.of(
                    sized("2000-0", recordMaxBytes + 1),
                    create("3000-0", anObject(1)),
                    sized("4000-0", recordMaxBytes + 1),
                    create("5000-0", anObject(1)))));
            assertThatThrownBy(() -> open().deliver(batch)).isInstanceOf(KafkaFailure.class);
            assertThatThrownBy(() -> open().deliver(batch)).isInstanceOf(KafkaFailure.class);
            own.start();
            open().deliver(batch);

            assertThat(letters).extracting(DeadLetter::position).containsExactly("2000-0", "4000-0");
            assertThat(Topics.of(own).records(events()))
                    .extracting(KafkaSinkIT::position)
                    .containsExactly("1000-0", "3000-0", "5000-0");
        }
    }

    // ---- Topics

    @Test
    void aTopicThatIsMadeHasWhatItsRecordsNeedAndElseTheBrokersDefaults() throws Exception {
        try (KafkaBroker own = new KafkaBroker(data).set("num.partitions", 3).start()) {
            recordMaxBytes = 3 * MEGABYTE;
            brokers = own.brokers();
            open();

            Topics made = Topics.of(own);
            await().atMost(SOON).until(() -> made.partitions(events()) == 3); // once all of Kafka knows of it
            assertThat(made.setting(events(), "cleanup.policy")).isEqualTo("delete");
            assertThat(made.setting(events(), "max.message.bytes")).isEqualTo("3145728");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"compact", "compact,delete"})
    void aTopicThatWouldLoseRecordsIsNotWrittenTo(String policy) throws Exception {
        topics.make(events(), 1, "cleanup.policy", policy);

        assertThatThrownBy(() -> sink().start())
                .isInstanceOf(KafkaSink.Unusable.class)
                .hasMessage("kafka.topics: " + events() + " has cleanup.policy=" + policy
                        + ", and records would be lost: alter it to delete, or say another kafka.topic-prefix");
    }

    @Test
    void aTopicWithLittleRoomIsWarnedOfOnce() throws Exception {
        topics.make(events(), 1, "max.message.bytes", "1000000");
        try (LogLines log = new LogLines()) {
            deliver(create("1000-0", anObject(1)));
            open().deliver(batch(List.of(Events.event(create("1000-0", anObject(1))))));

            assertThat(log.lines().stream().filter(line -> line.contains(events())))
                    .containsExactly("WARN " + events() + " takes records up to max.message.bytes=1000000, below"
                            + " kafka.record-max-bytes=16777216: larger ones become dead letters unless it is raised");
        }
    }

    // ---- What it waits for, and what waiting would not help

    @Test
    void aLoginIsTaken() throws Exception {
        login("s3cret");
        deliver(create("1000-0", anObject(1)));

        assertThat(positions()).containsExactly("1000-0");
    }

    @Test
    void aLoginThatIsRefusedIsSaidWithoutThePassword() throws Exception {
        login("wr0ng-pa55");
        try (LogLines log = new LogLines()) {
            sink().start();
            Throwable failure =
                    catchFailure(() -> sink().deliver(batch(List.of(Events.event(create("1000-0", anObject(1)))))));

            assertThat(failure)
                    .isInstanceOf(KafkaFailure.class)
                    .hasMessage("Kafka at " + brokers
                            + " refuses the login: Authentication failed: Invalid username or password");
            assertThat(log.lines())
                    .anyMatch(line -> line.startsWith("WARN " + failure.getMessage()))
                    .noneMatch(line -> line.contains("wr0ng-pa55"));
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                assertThat(cause.toString()).doesNotContain("wr0ng-pa55");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"localhost:1, does not answer", "no-such-host.invalid:9092, is not found: No resolvable bootstrap urls"
    })
    void brokersThatAreAwayAtTheStartAreWarnedOf(String away, String why) throws Exception {
        brokers = away;
        impatient();
        try (LogLines log = new LogLines()) {
            sink().start();

            assertThat(log.lines())
                    .anyMatch(line -> line.startsWith("WARN Kafka at " + away + " " + why)
                            && line.contains("; the first batch waits for it"));
        }
        assertThatThrownBy(() -> deliver(create("1000-0", anObject(1))))
                .isInstanceOf(KafkaFailure.class)
                .hasMessageStartingWith("Kafka at " + away + " " + why);
    }

    @Test
    void aBrokerThatComesLaterGetsTheBatchThatWaitedForIt() throws Exception {
        KafkaBroker own = new KafkaBroker(data);
        brokers = own.brokers();
        impatient();
        sink().start();
        Batch batch = batch(List.of(Events.event(create("1000-0", anObject(1)))));
        long start = System.nanoTime();
        assertThatThrownBy(() -> sink().deliver(batch)).hasMessageContaining("does not answer");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Patience.STOP);
        try (own) {
            own.start();
            sink().deliver(batch);

            assertThat(Topics.of(own).records(events()))
                    .extracting(KafkaSinkIT::position)
                    .containsExactly("1000-0");
        }
    }

    @Test
    void closingEndsADeliveryThatWaits() throws Exception {
        try (KafkaBroker own = new KafkaBroker(data).start()) {
            brokers = own.brokers();
            deliver(create("1000-0", anObject(1)));
            own.stop();
            Batch batch = batch(List.of(Events.event(create("2000-0", anObject(1)))));
            FutureTask<Throwable> delivery = new FutureTask<>(() -> catchFailure(() -> sink().deliver(batch)));
            Thread thread = new Thread(delivery, "deliver");
            thread.start();
            await().atMost(SOON).until(() -> thread.getState() == Thread.State.TIMED_WAITING);
            sink().close();

            assertThat(delivery.get(Patience.STOP.toSeconds(), TimeUnit.SECONDS))
                    .isInstanceOf(IOException.class);
            assertThatThrownBy(() -> sink().deliver(batch)).hasMessage("the Kafka sink is closed");
        }
    }

    @Test
    void whatClosingOvertookOpensNothingAnyMore() throws Exception {
        KafkaBroker own = new KafkaBroker(data);
        brokers = own.brokers();
        Batch batch = batch(List.of(Events.event(create("2000-0", anObject(1)))));
        FutureTask<Throwable> delivery = new FutureTask<>(() -> catchFailure(() -> sink().deliver(batch)));
        Thread thread = new Thread(delivery, "deliver");
        thread.start();
        await().atMost(SOON).until(() -> thread.getState() == Thread.State.WAITING);
        sink().close();
        try (own) {
            own.start();

            assertThat(delivery.get(SOON.toSeconds(), TimeUnit.SECONDS)).isInstanceOf(IOException.class);
            assertThat(Topics.of(own).count(events())).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "compression.type | zip | compression.type",
                "buffer.memory | 64MB | buffer.memory",
                "linger.ms | 60000 | delivery.timeout.ms should be equal to or larger than linger.ms",
                "max.in.flight.requests.per.connection | 6 | max.in.flight.requests.per.connection",
                "security.protocol | SASL | security.protocol",
                "sasl.jaas.config | open sesame | JAAS",
                "ssl.truststore.location | /no/such.pem | Failed to load PEM SSL keystore /no/such.pem: Unable to read",
                "interceptor.classes | no.such.Class | no.such.Class",
            })
    void whatTheClientsCannotBeMadeOfIsSaidInALineWhetherKafkaIsThereOrNot(String name, String value, String said) {
        client.put("security.protocol", name.startsWith("ssl") ? "SSL" : "SASL_PLAINTEXT");
        client.put("ssl.truststore.type", "PEM");
        client.put("sasl.mechanism", "PLAIN");
        client.put("sasl.jaas.config", jaas("s3cret"));
        client.put(name, value);
        for (String at : List.of(broker.saslBrokers(), "localhost:1", "no-such-host.invalid:9092")) {
            brokers = at;
            sink = Optional.empty();
            if (at.contains("invalid") && said.matches("JAAS|Failed to load.*")) {
                continue; // looked at only after the address
            }
            assertThatThrownBy(() -> sink().start())
                    .as(at)
                    .isInstanceOf(KafkaSink.Unusable.class)
                    .hasMessageStartingWith("kafka.client: ")
                    .hasMessageContaining(said)
                    .message()
                    .doesNotContain("\n")
                    .doesNotContain("s3cret");
        }
    }

    private interface Action {
        void run() throws Exception;
    }

    private static Throwable catchFailure(Action action) {
        return org.assertj.core.api.Assertions.catchThrowable(action::run);
    }

    private KafkaSink sink() {
        if (sink.isEmpty()) {
            sink = Optional.of(new KafkaSink(
                    options(),
                    Optional.empty(),
                    new DeadLetterTopic(options(), letters::add, true, Clock.systemUTC()),
                    failure -> {}));
        }
        return sink.get();
    }

    private KafkaOptions options() {
        Map<Topic, String> names = new EnumMap<>(Topic.class);
        written.forEach(topic -> names.put(topic, prefix + topic));
        return new KafkaOptions(brokers, recordMaxBytes, prefix, names, client);
    }

    /** Started, at its first use. */
    private KafkaSink open() throws Exception {
        if (sink.isEmpty()) {
            sink().start();
        }
        return sink();
    }

    private void deliver(Frame... frames) throws Exception {
        deliver(List.of(frames));
    }

    private void deliver(List<Frame> frames) throws Exception {
        open().deliver(batch(events(frames)));
    }

    /** With what they mean. */
    private void deliver(Readings readings, Frame... frames) throws Exception {
        List<Meaning> meanings = new ArrayList<>();
        for (Frame frame : frames) {
            meanings.add(readings.read(frame));
        }
        open().deliver(batch(List.of()).with(meanings));
    }

    private Batch batch(List<Event> events) {
        batches++;
        return Batch.ofEvents(position(), position(), RECEIVED, events);
    }

    private Position position() {
        return new Position(
                PLATFORM, "live", EventId.ZERO, Optional.empty(), Optional.empty(), batches, Position.MARGIN);
    }

    private static List<Event> events(List<Frame> frames) {
        return frames.stream().map(Events::event).toList();
    }

    private void login(String password) {
        brokers = broker.saslBrokers();
        client.put("security.protocol", "SASL_PLAINTEXT");
        client.put("sasl.mechanism", "PLAIN");
        client.put("sasl.jaas.config", jaas(password));
    }

    private static String jaas(String password) {
        return "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"caravan\" password=\""
                + password + "\";";
    }

    /** Fails after about a second where it would after 10 or 30. */
    private void impatient() {
        client.put("request.timeout.ms", "1000");
        client.put("default.api.timeout.ms", "1000");
        client.put("delivery.timeout.ms", "1500");
        client.put("max.block.ms", "1000");
    }

    private String events() {
        return prefix + "events";
    }

    private List<ConsumerRecord<byte[], byte[]>> records() {
        return topics.records(events());
    }

    private List<ByteBuffer> values() {
        return records().stream().map(record -> ByteBuffer.wrap(record.value())).toList();
    }

    /** Those of one partition, in order; what was written twice, where it came last. */
    private List<String> positions() {
        List<String> positions = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : records()) {
            positions.remove(position(record));
            positions.add(position(record));
        }
        return positions;
    }

    private static String position(ConsumerRecord<byte[], byte[]> record) {
        return new String(record.headers().lastHeader("position").value(), UTF_8);
    }

    private static String key(ConsumerRecord<byte[], byte[]> record) {
        return new String(record.key(), UTF_8);
    }

    private static List<String> headers(ConsumerRecord<byte[], byte[]> record) {
        return Stream.of(record.headers().toArray())
                .map(header -> header.key() + "=" + new String(header.value(), UTF_8))
                .toList();
    }

    /** A create whose record is just so large. */
    private Frame sized(String id, int bytes) throws InterruptedException {
        Frame frame = withDescription(id, "");
        while (sizeOf(frame) != bytes) {
            int missing = bytes - sizeOf(frame);
            frame = withDescription(
                    id,
                    "x"
                            .repeat(frame.data().length
                                    + missing
                                    - withDescription(id, "").data().length));
        }
        return frame;
    }

    private int sizeOf(Frame frame) throws InterruptedException {
        AtomicInteger size = new AtomicInteger();
        try {
            new KafkaRecords(options())
                    .<RuntimeException>handOver(
                            batch(List.of(Events.event(frame))),
                            (event, number, record) -> size.set(KafkaRecords.size(record)),
                            NoneFails::take);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return size.get();
    }

    private static Frame withDescription(String id, String description) {
        Map<String, Object> object = Frames.object(anObject(1));
        object.put("description", description);
        return create(id, object);
    }

    /** Text that no compression makes much smaller. */
    private static String noise(int length) {
        byte[] bytes = new byte[length * 3 / 4];
        new Random(length).nextBytes(bytes);
        return java.util.Base64.getEncoder().encodeToString(bytes);
    }

    private static String anObject(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }
}
