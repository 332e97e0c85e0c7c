package io.caravan.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.event.Batch;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.EventId;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Topics;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sink and the positions together, as the consumer calls them, against a real broker. */
class KafkaPositionsIT {

    private final KafkaBroker broker = KafkaBroker.ofThisRun();
    private final Topics topics = Topics.of(broker);
    private final String prefix = "positions-" + UUID.randomUUID() + ".";
    private final List<DeadLetter> letters = new ArrayList<>();
    private final List<Exception> failures = new ArrayList<>();
    private final List<Instance> instances = new ArrayList<>();

    @TempDir
    Path data;

    /** One Caravan. */
    private record Instance(State state, KafkaSink sink, KafkaPositions positions) implements AutoCloseable {

        void handOver(Batch batch) throws Exception {
            Pending known = positions.begin();
            sink.deliver(batch);
            positions.write(batch.after(), known);
        }

        @Override
        public void close() {
            sink.close();
            state.close();
        }
    }

    @AfterEach
    void close() {
        instances.forEach(Instance::close);
    }

    @Test
    void whatIsHandedOverAgainAfterItWasDeliveredIsThereOnce() throws Exception {
        Instance one = instance("a", Map.of());
        one.positions.read();
        one.positions.begin();
        one.sink.deliver(batch(0));
        one.handOver(batch(0));
        one.handOver(batch(1));

        assertThat(committed()).containsExactly("tool--0", "tool--1");
        assertThat(one.positions.read()).contains(Changes.position(2));
    }

    @Test
    void anotherInstancesCommitOfTheSamePositionIsNotTakenForOurs() throws Exception {
        Instance one = instance("a", Map.of());
        one.positions.read();
        Pending known = one.positions.begin();
        one.sink.deliver(batch(0));
        Instance other = instance("b", Map.of());
        other.positions.read();
        other.handOver(batch(0));

        assertThatThrownBy(() -> one.positions.write(batch(0).after(), known)).isInstanceOf(KafkaFailure.class);
        assertThatThrownBy(() -> one.handOver(batch(0))).hasMessageContaining("another Caravan delivers this stream");
        assertThat(failures).hasSize(1);
        assertThat(committed()).containsExactly("tool--0");
    }

    @Test
    void aSecondBatchInOneHandOverIsAMistakeOfTheRoute() throws Exception {
        Instance one = instance("a", Map.of());
        one.positions.read();
        one.positions.begin();
        one.sink.deliver(batch(0));

        assertThatThrownBy(() -> one.sink.deliver(batch(0))).hasMessageContaining("has to call it once");
        one.handOver(batch(0));
        assertThat(committed()).containsExactly("tool--0");
    }

    @Test
    void aPositionAloneTakesNoBatchAlong() throws Exception {
        Instance one = instance("a", Map.of());
        one.positions.read();
        one.positions.begin();
        one.sink.deliver(batch(0));
        one.positions.write(Changes.position(7));

        assertThat(committed()).isEmpty();
        assertThat(one.positions.read()).contains(Changes.position(7));
    }

    @Test
    void aPositionThatWasKeptHereMeanwhileIsTheNewerOne() throws Exception {
        Instance one = instance("a", Map.of());
        one.positions.read();
        one.handOver(batch(0));
        one.state.write(Changes.position(5), one.state.begin());

        assertThat(one.positions.read()).contains(Changes.position(5));
        one.close();
        assertThat(instance("c", Map.of()).positions.read()).contains(Changes.position(5));
    }

    @Test
    void aPositionThatIsFurtherInTheLogIsTheNewerOneHoweverManyBatchesThatTook() throws Exception {
        Instance one = instance("a", Map.of());
        one.positions.read();
        one.positions.write(Changes.position(9));
        Position at = Changes.position(2);
        Position further = new Position(
                at.platform(),
                at.stream(),
                EventId.at(Instant.parse("2040-01-01T00:00:00Z")),
                at.open(),
                at.snapshot(),
                2,
                at.margin());
        one.state.write(further);

        assertThat(one.positions.read()).contains(further);
        one.close();
        assertThat(instance("c", Map.of()).positions.read()).contains(further);
    }

    @Test
    void aReconcileIsGivenUpWhereWhatItSawIsNotKnown() throws Exception {
        Instance one = instance("a", Map.of());
        one.positions.read();
        Position at = Changes.position(7);
        Position.Reconcile under = new Position.Reconcile(7, true, Instant.EPOCH, Optional.of(Instant.EPOCH));
        Position reconciling = new Position(
                at.platform(),
                at.stream(),
                at.resume(),
                at.open(),
                at.snapshot(),
                7,
                at.margin(),
                Optional.of(under),
                at.snapshotEnd());
        one.positions.write(reconciling);
        assertThat(one.positions.read()).contains(reconciling);
        one.close();

        Instance elsewhere = instance("b", Map.of());
        assertThat(elsewhere.positions.read()).contains(at);
        assertThat(elsewhere.positions.read()).contains(at);
    }

    @Test
    void aPositionOfAnotherStreamStaysOutOfKafka() throws Exception {
        Instance one = instance("a", Map.of());
        Position others = Position.startingAt(
                "https://other.example.org", "live", Changes.position(0).resume());
        one.state.write(others);

        assertThat(one.positions.read()).contains(others);
        assertThat(topics.count(prefix + "positions")).isZero();
    }

    @Test
    void refusedRecordsAreFoundHoweverLongThatTakes() throws Exception {
        topics.make(prefix + "objects", 1, "cleanup.policy", "compact", "max.message.bytes", "100000");
        Instance one = instance("a", Map.of("transaction.timeout.ms", "1000", "linger.ms", "20"));
        one.positions.read();
        byte[] noise = new byte[200_000]; // which cannot be compressed
        new Random(1).nextBytes(noise);
        StixObject large =
                Changes.object("tool--large", "large", Base64.getEncoder().encodeToString(noise));
        Batch batch = Changes.batch(
                0,
                IntStream.range(0, 200)
                        .mapToObj(n -> Changes.upsert(n == 199 ? large : tool(n)))
                        .toList());
        one.handOver(batch);

        assertThat(letters).extracting(DeadLetter::id).containsExactly("tool--large");
        assertThat(committed()).hasSize(199);
    }

    private Instance instance(String folder, Map<String, String> client) {
        KafkaOptions options =
                new KafkaOptions(broker.brokers(), 1 << 20, prefix, Map.of(Topic.OBJECTS, prefix + "objects"), client);
        Position any = Changes.position(0);
        PositionTopic topic = new PositionTopic(options, any.platform(), any.stream());
        State state = new State(data.resolve(folder));
        KafkaSink sink = new KafkaSink(
                options,
                Optional.of(topic),
                new DeadLetterTopic(options, letters::add, true, Clock.systemUTC()),
                failures::add);
        Instance instance = new Instance(state, sink, new KafkaPositions(topic, state, sink));
        instances.add(instance);
        return instance;
    }

    private static Batch batch(int number) {
        return Changes.batch(number, Changes.upsert(tool(number)));
    }

    private static StixObject tool(int number) {
        return Changes.object("tool--" + number, "internal-" + number, "a tool");
    }

    private List<String> committed() {
        return topics.records(prefix + "objects").stream()
                .map(ConsumerRecord::headers)
                .map(headers -> new String(headers.lastHeader("id").value()))
                .toList();
    }
}
