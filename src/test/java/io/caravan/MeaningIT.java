package io.caravan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.ops.Program;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole program: what a recorded stream leaves behind is the same in the topics and in the mirror. */
class MeaningIT {

    private static final Duration SOON = Patience.SOON;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path home;

    private final String prefix = "meaning-" + UUID.randomUUID() + ".";
    private final Topics topics = Topics.of(KafkaBroker.ofThisRun());
    private FakePlatform platform;
    private Installation caravan;
    private Program program;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "kafka,mirror")
                .set("kafka.brokers", KafkaBroker.ofThisRun().brokers())
                .set("kafka.topic-prefix", prefix);
    }

    @AfterEach
    void stop() {
        if (program != null) {
            program.close();
        }
        platform.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"runA/runA-all.sse", "runA/runA-green.sse", "runA/runA-indicator.sse", "volume/vol-all.sse"})
    void theObjectsTheChangesAndTheMirrorTellTheSame(String capture) throws Exception {
        follow(Capture.events(capture));

        Map<String, JsonNode> mirror = caravan.mirrorAtRest();
        assertThat(mirror).hasSizeGreaterThan(50);
        assertThat(byId(latest("objects"))).isEqualTo(mirror);
        assertThat(byId(changed())).isEqualTo(mirror);
        assertThat(latest("indicators").keySet())
                .isEqualTo(byKey(mirror, "indicator").keySet());
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void whatMayNotGoToASinkDoesNot() throws Exception {
        caravan.set("caravan.sink.mirror.max-tlp", "TLP:GREEN").set("caravan.sink.mirror.types", "indicator,malware");
        follow(Capture.events("runA/runA-all.sse"));

        Map<String, JsonNode> all = byId(latest("objects"));
        Map<String, JsonNode> mirror = caravan.mirrorAtRest();
        assertThat(mirror).isNotEmpty().hasSizeLessThan(all.size());
        all.keySet().removeIf(id -> !id.matches("(indicator|malware)--.*"));
        all.values().removeIf(MeaningIT::isAboveGreen);
        assertThat(mirror).isEqualTo(all);
    }

    @Test
    void ofAnEventThatBecomesADeadLetterNothingIsKnown() throws Exception {
        caravan.route(
                "update.camel.yaml",
                Installation.byType(
                        "update",
                        "{bean: {ref: update, method: changes}}, {throwException: {exceptionType:"
                                + " java.lang.IllegalStateException, message: bad}}"));
        String emotet = "malware--" + UUID.nameUUIDFromBytes(new byte[] {1});
        Map<String, Object> renamed = Frames.object(emotet);
        renamed.put("name", "Geodo");
        follow(List.of(
                Frames.create("1000-0", emotet),
                Frames.update("2000-0", Frames.object(emotet), renamed),
                Frames.create("3000-0", emotet)));

        assertThat(caravan.deadLetters()).hasSize(1);
        List<ConsumerRecord<byte[], byte[]>> changes = topics.records(prefix + "changes");
        assertThat(changes).hasSize(2);
        assertThat(JSON.readTree(changes.get(1).value()).at("/before/name").asText())
                .isEqualTo(emotet);
    }

    @Test
    void ofAnEventThatItsRouteDropsNothingIsKnown() throws Exception {
        caravan.route(
                "create.camel.yaml",
                Installation.byType(
                        "create",
                        "{bean: {ref: create, method: changes}}, {choice: {when: [{simple:"
                                + " '${body.event.object.type} == \"relationship\"', steps: [{setBody: {simple: '${null}'}}]}]}}"));
        String emotet = "malware--" + UUID.nameUUIDFromBytes(new byte[] {1});
        String tool = "tool--" + UUID.nameUUIDFromBytes(new byte[] {2});
        String uses = "relationship--" + UUID.nameUUIDFromBytes(new byte[] {3});
        follow(List.of(
                Frames.create("1000-0", emotet),
                Frames.create("2000-0", tool),
                Frames.create("3000-0", Frames.relation(uses, "uses", emotet, tool)),
                Frames.delete("4000-0", emotet)));

        assertThat(topics.records(prefix + "changes")).hasSize(3);
        assertThat(caravan.mirrorAtRest().keySet()).containsExactly(tool);
    }

    private void follow(List<Frame> events) throws Exception {
        platform.append(events);
        program = caravan.start();
        await().atMost(SOON).until(() -> program.consumers().get(0).counters().delivered() == events.size());
    }

    /** The values that a compacted topic keeps, by their keys. */
    private Map<String, JsonNode> latest(String topic) throws IOException {
        Map<String, JsonNode> latest = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : topics.records(prefix + topic)) {
            String key = new String(record.key(), StandardCharsets.UTF_8);
            latest.remove(key);
            if (record.value() != null) {
                latest.put(key, JSON.readTree(record.value()));
            }
        }
        return latest;
    }

    /** What is left when every change is made in order. */
    private Map<String, JsonNode> changed() throws IOException {
        Map<String, JsonNode> objects = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : topics.records(prefix + "changes")) {
            JsonNode change = JSON.readTree(record.value());
            if (change.path("change").textValue().equals("upsert")) {
                objects.put(change.path("internal_id").textValue(), change.path("after"));
            } else {
                objects.remove(change.path("internal_id").textValue());
            }
        }
        return objects;
    }

    private static Map<String, JsonNode> byId(Map<String, JsonNode> objects) {
        Map<String, JsonNode> byId = new TreeMap<>();
        objects.values().forEach(object -> byId.put(object.path("id").textValue(), object));
        return byId;
    }

    private static Map<String, JsonNode> byKey(Map<String, JsonNode> objects, String type) {
        Map<String, JsonNode> byKey = new TreeMap<>();
        objects.values().stream()
                .filter(object -> object.path("type").asText().equals(type))
                .forEach(object -> byKey.put(
                        object.at("/extensions/extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba/id")
                                .textValue(),
                        object));
        return byKey;
    }

    private static boolean isAboveGreen(JsonNode object) {
        String markings = object.path("object_marking_refs").toString();
        return Stream.of("f88d31f6-", "5e57c739-", "826578e1-").anyMatch(markings::contains);
    }
}
