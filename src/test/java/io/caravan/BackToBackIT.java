package io.caravan;

import static io.caravan.testkit.Frames.by;
import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.relation;
import static io.caravan.testkit.Frames.sighting;
import static io.caravan.testkit.Frames.update;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.rabbitmq.client.Connection;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Patience;
import io.caravan.testkit.RabbitBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two platforms that share what they know, with a carrier each way, both running. */
class BackToBackIT {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration SOON = Patience.SOON;
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";
    private static final String ANALYST = "5bd2ee52-16b5-4a6b-9a01-9d9ee3e1c7d4";

    /** Whom either carrier writes as. */
    private static final String CARRIER = FakeDestination.USER;

    @TempDir
    Path home;

    private final Side first = new Side();
    private final Side second = new Side();
    private final List<Process> carriers = new ArrayList<>();
    private final List<Connection> workers = new ArrayList<>();
    private Optional<RabbitBroker> broker = Optional.empty();

    @AfterEach
    void stop() throws Exception {
        for (Process carrier : carriers) {
            carrier.destroyForcibly().waitFor();
        }
        for (Connection worker : workers) {
            worker.close();
        }
        first.close();
        second.close();
        broker.ifPresent(RabbitBroker::close);
    }

    @Test
    void eachObjectGoesOverOnce() throws Exception {
        carryBothWays(CARRIER);
        for (int i = 1; i <= 20; i++) {
            first.write("create", object(id(i)));
            second.write("create", object(id(100 + i)));
        }
        await().atMost(SOON).until(() -> first.knows() == 40 && second.knows() == 40);
        first.write("update", described(1));
        second.write("delete", object(id(101)));
        await().atMost(SOON).until(() -> first.knows() == 39 && second.isDescribed(id(1)));

        // whatever would go back stands on the streams by now, before these
        first.write("create", object(id(21)));
        second.write("create", object(id(121)));
        await().atMost(SOON).until(() -> first.knows() == 41 && second.knows() == 41);
        await().atMost(SOON).until(() -> first.told() == 22 + 22 && second.told() == 22 + 22);

        assertThat(second.arrived()).containsExactlyInAnyOrderElementsOf(ids(1, 21, 1));
        assertThat(first.arrived()).containsExactlyInAnyOrderElementsOf(ids(101, 121, 101));
        assertThat(carriers).allMatch(Process::isAlive);
    }

    /** Whatever an analyst removes on either side is gone on both, and nothing else. */
    @ParameterizedTest
    @ValueSource(strings = {"bundle", "queue", "taxii"})
    void bothHaveTheSameAlsoWithoutWhatWasRemoved(String way) throws Exception {
        carryBothWays(CARRIER, way);
        Map<String, Object> uses = relation(of("relationship", 1), "uses", id(1), id(2));
        Map<String, Object> targets = relation(of("relationship", 2), "targets", id(1), id(2));
        Map<String, Object> seen = sighting(of("sighting", 1), id(1), id(2));
        for (Map<String, Object> one : List.of(object(id(1)), object(id(2)), uses, targets, seen)) {
            first.write("create", one);
        }
        Map<String, Object> back = relation(of("relationship", 3), "uses", id(4), id(3));
        for (Map<String, Object> one : List.of(object(id(3)), object(id(4)), back)) {
            second.write("create", one);
        }
        await().atMost(SOON).until(() -> first.knows() == 8 && second.knows() == 8);

        first.write("delete", uses);
        first.write("delete", seen);
        second.write("delete", back);
        await().atMost(SOON).until(() -> first.knows() == 5 && second.knows() == 5);
        assertThat(second.ids())
                .isEqualTo(first.ids())
                .contains(of("relationship", 2))
                .doesNotContain(of("relationship", 1), of("sighting", 1), of("relationship", 3));

        first.write("delete", object(id(2)));
        await().atMost(SOON).until(() -> first.knows() == 3 && second.knows() == 3);
        assertThat(second.ids()).isEqualTo(first.ids()).doesNotContain(of("relationship", 2));
        assertThat(carriers).allMatch(Process::isAlive);
    }

    @Test
    void goesRoundUnlessTheOthersUserIsIgnored() throws Exception {
        carryBothWays("");
        first.write("create", object(id(1)));
        await().atMost(SOON).until(() -> first.arrived().size() >= 3);
        assertThat(second.arrived()).hasSizeGreaterThanOrEqualTo(3).containsOnly(id(1));
    }

    /** Until the end of the test, each as a process of its own; both follow when this returns. */
    private void carryBothWays(String ignored) throws IOException {
        carryBothWays(ignored, "bundle");
    }

    private void carryBothWays(String ignored, String way) throws IOException {
        if (way.equals("queue")) {
            assumeTrue(RabbitBroker.isInstalled(), RabbitBroker.MISSING);
            broker = Optional.of(new RabbitBroker(Files.createTempDirectory("caravan-rabbitmq-")).start());
        }
        carry("there", first, second, ignored, way);
        carry("back", second, first, ignored, way);
        await().atMost(SOON).until(() -> first.stream.openStreams() == 1 && second.stream.openStreams() == 1);
    }

    private void carry(String name, Side from, Side to, String ignored, String way) throws IOException {
        broker.ifPresent(running ->
                to.knowledge.broker("127.0.0.1", running.port(), false, RabbitBroker.USER, RabbitBroker.PASSWORD));
        Installation carrier = new Installation(Files.createDirectory(home.resolve(name)), from.stream)
                .set("caravan.sinks", "opencti")
                .to(to.knowledge.collection(COLLECTION, true))
                .set("destination.way", way)
                .set("destination.collection", COLLECTION)
                .set("opencti.ignore-users", ignored);
        carriers.add(carrier.run("run"));
        if (broker.isPresent()) {
            await().atMost(SOON).until(() -> !to.knowledge.connectors().isEmpty());
            String connector = to.knowledge.connectors().keySet().iterator().next();
            broker.get().queueFor(connector);
            workers.add(broker.get().consume(connector, to.knowledge::receive));
        }
    }

    private static List<String> ids(int first, int last, int more) {
        return IntStream.concat(IntStream.rangeClosed(first, last), IntStream.of(more))
                .mapToObj(BackToBackIT::id)
                .toList();
    }

    private static String of(String type, int number) {
        return "%s--00000000-0000-4000-8000-%012d".formatted(type, number);
    }

    private static String id(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }

    private static Map<String, Object> described(int number) {
        Map<String, Object> object = object(id(number));
        object.put("description", "described");
        return object;
    }

    /**
     * A platform: whatever its worker writes comes on its stream, in the name of whom it was written by. Every upsert does,
     * one that changes nothing, too: no platform tells of more.
     */
    private static final class Side {

        private final FakePlatform stream = FakePlatform.start();
        private final FakeDestination knowledge = FakeDestination.start().onWrite(this::tell);

        /** Of the worker's thread, as is the time of the last event. */
        private final Map<String, Map<String, Object>> before = new HashMap<>();

        private long last;

        /** An analyst does this there. */
        void write(String op, Map<String, Object> object) throws IOException {
            byte[] event = JSON.writeValueAsBytes(Map.of("type", op, "data", object));
            knowledge.receive(
                    JSON.writeValueAsBytes(Map.of("type", "event", "applicant_id", ANALYST, "content", event)));
        }

        int knows() {
            return knowledge.objects().size();
        }

        Set<String> ids() {
            return knowledge.objects().keySet();
        }

        boolean isDescribed(String id) {
            return knowledge.objects().get(id).has("description");
        }

        /** Events that were sent. */
        long told() {
            return stream.eventsSent();
        }

        /** The ids of what the carrier has pushed. */
        List<String> arrived() {
            List<String> ids = new ArrayList<>();
            for (JsonNode push : knowledge.pushes()) {
                push.path("objects").forEach(object -> ids.add(object.path("id").asText()));
            }
            return ids;
        }

        void close() {
            assertThat(stream.failures()).isEmpty();
            assertThat(knowledge.failures()).isEmpty();
            stream.close();
            knowledge.close();
        }

        private void tell(FakeDestination.Written written) {
            last = Math.max(last + 1, System.currentTimeMillis());
            Map<String, Object> now = JSON.convertValue(written.object(), new TypeReference<Map<String, Object>>() {});
            Map<String, Object> past = before.put((String) now.get("id"), now);
            String at = last + "-0";
            Frame event = written.isGone() ? delete(at, now) : past == null ? create(at, now) : update(at, past, now);
            stream.append(by(written.user(), written.user(), event));
        }
    }
}
