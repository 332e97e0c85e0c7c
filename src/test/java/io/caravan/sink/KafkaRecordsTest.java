package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.Meaning;
import io.caravan.event.Position;
import io.caravan.event.Readings;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the topics get, without a broker: keys, values, headers, and in which order. */
class KafkaRecordsTest {

    private static final String PLATFORM = "https://opencti.example.org";
    private static final Instant RECEIVED = Instant.parse("2026-11-21T17:38:18.973Z");
    private static final String AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82";
    private static final String RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";
    private static final String EMOTET = "malware--emotet";
    private static final String GEODO = "malware--geodo";

    private final Readings readings = new Readings();
    private final Map<Topic, String> names = new EnumMap<>(Map.of(
            Topic.EVENTS, "cti.events",
            Topic.CHANGES, "cti.changes",
            Topic.OBJECTS, "cti.objects",
            Topic.INDICATORS, "cti.indicators"));

    // ---- Keys and values

    @Test
    void anEventIsARecordInEachTopicThatHasAPlaceForIt() throws Exception {
        Frame create = Frames.create("1-0", "indicator--a");
        List<ProducerRecord<byte[], byte[]>> records = records(create);

        assertThat(records)
                .extracting(ProducerRecord::topic)
                .containsExactly("cti.events", "cti.changes", "cti.objects", "cti.indicators");
        assertThat(records).allSatisfy(record -> {
            assertThat(key(record)).isEqualTo(Frames.internalId("indicator--a"));
            assertThat(record.timestamp()).isEqualTo(RECEIVED.toEpochMilli());
            assertThat(record.partition()).as("by the key").isNull();
        });
        assertThat(records.get(0).value()).isEqualTo(create.data());
        assertThat(tree(records.get(1)).path("id").textValue()).isEqualTo("indicator--a");
        assertThat(records.get(2).value())
                .isEqualTo(Json.mapper()
                        .writeValueAsString(Frames.object("indicator--a"))
                        .getBytes(UTF_8));
        assertThat(records.get(3).value()).isNotEmpty();
    }

    @Test
    void onlyTheTopicsThatAreWrittenGetRecordsUnderTheNamesTheyHave() throws Exception {
        names.keySet().retainAll(List.of(Topic.OBJECTS, Topic.CHANGES));
        names.put(Topic.OBJECTS, "what.there.is");

        assertThat(records(Frames.create("1-0", "indicator--a")))
                .extracting(ProducerRecord::topic)
                .containsExactly("cti.changes", "what.there.is");
    }

    @Test
    void whatIsNoIndicatorIsInNoRecordOfIndicators() throws Exception {
        assertThat(records(Topic.INDICATORS, Frames.create("1-0", EMOTET))).isEmpty();
    }

    @Test
    void anObjectThatIsGoneIsNullAndTheChangeSaysWhatItWas() throws Exception {
        readings.read(Frames.create("1-0", "indicator--a"));
        Meaning deleted = readings.read(Frames.delete("2-0", "indicator--a"));

        assertThat(one(Topic.OBJECTS, deleted).value()).isNull();
        assertThat(one(Topic.INDICATORS, deleted).value()).isNull();
        JsonNode change = tree(one(Topic.CHANGES, deleted));
        assertThat(change.path("after").isNull()).isTrue();
        assertThat(change.path("before").path("id").textValue()).isEqualTo("indicator--a");
    }

    @Test
    void everyChangeOfAnEventIsARecordInTheirOrder() throws Exception {
        readings.read(Frames.create("1-0", Frames.relation("relationship--1", "uses", EMOTET, "tool--a")));
        Meaning deleted = readings.read(Frames.delete("2-0", EMOTET));

        for (Topic topic : List.of(Topic.CHANGES, Topic.OBJECTS)) {
            assertThat(records(topic, deleted))
                    .extracting(KafkaRecordsTest::key)
                    .containsExactly(Frames.internalId("relationship--1"), Frames.internalId(EMOTET));
        }
        assertThat(records(Topic.EVENTS, deleted))
                .extracting(KafkaRecordsTest::key)
                .containsExactly(Frames.internalId(EMOTET));
    }

    @Test
    void aRenameKeepsTheKey() throws Exception {
        readings.read(Frames.create("1-0", Frames.object(EMOTET, "1")));
        Meaning renamed = readings.read(Frames.update("2-0", Frames.object(EMOTET, "1"), Frames.object(GEODO, "1")));

        for (Topic topic : List.of(Topic.EVENTS, Topic.CHANGES, Topic.OBJECTS)) {
            assertThat(key(one(topic, renamed))).isEqualTo("1");
            assertThat(one(topic, renamed).value()).isNotNull();
        }
    }

    @Test
    void withoutAnInternalIdTheKeyIsTheStixIdAndTheOldOneIsEnded() throws Exception {
        readings.read(Frames.create("1-0", without("indicator--a")));
        Meaning renamed = readings.read(Frames.update("2-0", without("indicator--a"), without("indicator--b")));

        assertThat(key(one(Topic.EVENTS, renamed))).isEqualTo("indicator--b");
        assertThat(key(one(Topic.CHANGES, renamed))).isEqualTo("indicator--b");
        for (Topic topic : List.of(Topic.OBJECTS, Topic.INDICATORS)) {
            List<ProducerRecord<byte[], byte[]>> records = records(topic, renamed);
            assertThat(records).extracting(KafkaRecordsTest::key).containsExactly("indicator--a", "indicator--b");
            assertThat(records.get(0).value()).isNull();
            assertThat(records.get(1).value()).isNotNull();
            assertThat(headers(records.get(0)))
                    .containsEntry("id", "indicator--b")
                    .containsEntry("previous_id", "indicator--a");
        }
    }

    @Test
    void anotherObjectWithTheSameIdIsEndedUnderItsOwnKey() throws Exception {
        readings.read(Frames.create("1-0", Frames.object(EMOTET, "1")));
        List<ProducerRecord<byte[], byte[]>> records =
                records(Topic.OBJECTS, Frames.create("2-0", Frames.object(EMOTET, "2")));

        assertThat(records).extracting(KafkaRecordsTest::key).containsExactly("1", "2");
        assertThat(records.get(0).value()).isNull();
        assertThat(headers(records.get(0))).containsEntry("reason", "reconciled");
    }

    @Test
    void aMergeEndsTheSourcesAndMovesTheRelations() throws Exception {
        readings.read(Frames.create("1-0", Frames.relation("relationship--1", "uses", GEODO, "tool--a")));
        Meaning merged = readings.read(
                Frames.merge("2-0", Frames.object(EMOTET), Frames.object(EMOTET), List.of(Frames.object(GEODO))));
        List<ProducerRecord<byte[], byte[]>> records = records(Topic.OBJECTS, merged);

        assertThat(records)
                .extracting(KafkaRecordsTest::key)
                .containsExactly(
                        Frames.internalId(GEODO), Frames.internalId(EMOTET), Frames.internalId("relationship--1"));
        assertThat(records.get(0).value()).isNull();
        assertThat(headers(records.get(0)))
                .containsEntry("reason", "merged-into")
                .containsEntry("op", "merge");
        assertThat(tree(records.get(2)).path("source_ref").textValue()).isEqualTo(EMOTET);
    }

    // ---- A key that a batch changes several times

    @Test
    void ofEachKeyACompactedTopicGetsWhatTheBatchLeavesAtItsLastPlaceAndTheOthersGetAll() throws Exception {
        Meaning[] batch = {
            readings.read(Frames.create("1-0", Frames.object("indicator--a", "1"))),
            readings.read(Frames.create("2-0", Frames.object("indicator--b", "2"))),
            readings.read(Frames.update("3-0", Frames.object("indicator--a", "1"), Frames.object("indicator--c", "1"))),
            readings.read(Frames.create("4-0", EMOTET)),
            readings.read(Frames.delete("5-0", Frames.object("indicator--b", "2")))
        };

        for (Topic topic : List.of(Topic.EVENTS, Topic.CHANGES)) {
            assertThat(records(topic, batch))
                    .extracting(record -> headers(record).get("position"))
                    .containsExactly("1-0", "2-0", "3-0", "4-0", "5-0");
        }
        assertThat(records(Topic.OBJECTS, batch))
                .extracting(KafkaRecordsTest::key)
                .containsExactly("1", Frames.internalId(EMOTET), "2");
        List<ProducerRecord<byte[], byte[]>> indicators = records(Topic.INDICATORS, batch);
        assertThat(indicators).extracting(KafkaRecordsTest::key).containsExactly("1", "2");
        assertThat(headers(indicators.get(0)))
                .containsEntry("position", "3-0")
                .containsEntry("id", "indicator--c")
                .containsEntry("previous_id", "indicator--a");
        assertThat(indicators.get(1).value()).isNull();
    }

    @Test
    void anObjectThatComesBackInTheBatchIsThere() throws Exception {
        Meaning[] batch = {
            readings.read(Frames.create("1-0", "indicator--a")),
            readings.read(Frames.delete("2-0", "indicator--a")),
            readings.read(Frames.create("3-0", "indicator--a"))
        };

        for (Topic topic : List.of(Topic.OBJECTS, Topic.INDICATORS)) {
            assertThat(records(topic, batch)).singleElement().satisfies(record -> {
                assertThat(record.value()).isNotNull();
                assertThat(headers(record)).containsEntry("position", "3-0");
            });
        }
    }

    @Test
    void anIndicatorIsWrittenAsTheLastRelationLeavesIt() throws Exception {
        Meaning[] batch = {
            readings.read(Frames.create("1-0", "indicator--a")),
            readings.read(Frames.create("2-0", EMOTET)),
            readings.read(Frames.create("3-0", Frames.relation("relationship--1", "indicates", "indicator--a", EMOTET)))
        };

        assertThat(records(Topic.INDICATORS, batch)).singleElement().satisfies(record -> {
            assertThat(headers(record)).containsEntry("position", "3-0");
            assertThat(tree(record).at("/caravan/malware")).hasSize(1);
        });
    }

    @Test
    void whatLiesUnderAnOldKeyIsEndedUnlessTheBatchWritesItAfterwards() throws Exception {
        Meaning created = readings.read(Frames.create("1-0", without("indicator--a")));
        Meaning renamed = readings.read(Frames.update("2-0", without("indicator--a"), without("indicator--b")));
        Meaning another = readings.read(Frames.create("3-0", without("indicator--a")));

        for (Topic topic : List.of(Topic.OBJECTS, Topic.INDICATORS)) {
            List<ProducerRecord<byte[], byte[]>> ended = records(topic, created, renamed);
            assertThat(ended).extracting(KafkaRecordsTest::key).containsExactly("indicator--a", "indicator--b");
            assertThat(ended.get(0).value()).isNull();
            List<ProducerRecord<byte[], byte[]>> writtenAgain = records(topic, created, renamed, another);
            assertThat(writtenAgain).extracting(KafkaRecordsTest::key).containsExactly("indicator--b", "indicator--a");
            assertThat(writtenAgain.get(1).value()).isNotNull();
        }
    }

    /** By it is remembered what was refused; a batch that is handed over anew may have others behind. */
    @Test
    void theNumberOfARecordOfAnEventIsTheSameWhateverTheBatchDoesAfterwards() throws Exception {
        names.keySet().retainAll(List.of(Topic.OBJECTS));
        Map<String, Object> relation = Frames.relation("relationship--1", "uses", EMOTET, "tool--a");
        readings.read(Frames.create("1-0", relation));
        Meaning deleted = readings.read(Frames.delete("2-0", EMOTET));
        Meaning again = readings.read(Frames.create("3-0", relation));

        assertThat(numbers(deleted))
                .isEqualTo(Map.of(
                        "2-0 " + Frames.internalId("relationship--1"), 0, "2-0 " + Frames.internalId(EMOTET), 1));
        assertThat(numbers(deleted, again))
                .isEqualTo(Map.of(
                        "2-0 " + Frames.internalId(EMOTET), 1, "3-0 " + Frames.internalId("relationship--1"), 0));
    }

    // ---- Headers

    @Test
    void anEventsHeadersSayWhatOfItsEnvelopeIsRead() throws Exception {
        assertThat(headers(one(Topic.EVENTS, Frames.update("1795282698973-2", marked(), marked()))))
                .containsExactly(
                        Map.entry("id", EMOTET),
                        Map.entry("position", "1795282698973-2"),
                        Map.entry("op", "update"),
                        Map.entry("platform", PLATFORM),
                        Map.entry("type", "malware"),
                        Map.entry("tlp", "TLP:AMBER"));
    }

    @Test
    void changesAndObjectsSayTheReasonToo() throws Exception {
        Meaning created = readings.read(Frames.create("1795282698973-2", marked()));

        for (Topic topic : List.of(Topic.CHANGES, Topic.OBJECTS)) {
            assertThat(headers(one(topic, created)))
                    .containsExactly(
                            Map.entry("id", EMOTET),
                            Map.entry("position", "1795282698973-2"),
                            Map.entry("op", "create"),
                            Map.entry("platform", PLATFORM),
                            Map.entry("reason", "created"),
                            Map.entry("type", "malware"),
                            Map.entry("tlp", "TLP:AMBER"));
        }
    }

    @Test
    void aRenameSaysThePreviousIdAndAnEventsRecordDoesNotKnowIt() throws Exception {
        Map<String, Object> before = Frames.object("indicator--a", "1");
        Map<String, Object> after = Frames.object("indicator--b", "1");
        Meaning renamed = readings.read(Frames.update("2-0", before, after));

        for (Topic topic : List.of(Topic.CHANGES, Topic.OBJECTS, Topic.INDICATORS)) {
            assertThat(headers(one(topic, renamed)))
                    .containsEntry("id", "indicator--b")
                    .containsEntry("previous_id", "indicator--a")
                    .containsEntry("reason", "renamed");
        }
        assertThat(headers(one(Topic.EVENTS, renamed))).doesNotContainKeys("previous_id", "reason");
    }

    @Test
    void aDependencySaysSoEverywhere() throws Exception {
        assertThat(records(Frames.dependency("1-0", "indicator--a")))
                .hasSize(4)
                .allSatisfy(record -> assertThat(headers(record)).containsEntry("dependency", "true"));
        assertThat(records(Frames.create("2-0", "indicator--a")))
                .hasSize(4)
                .allSatisfy(record -> assertThat(headers(record)).doesNotContainKey("dependency"));
    }

    /** The event is one of a dependency's, but the object has come as itself before. */
    @Test
    void anObjectThatMatchesTheFilterIsNoDependencyWhereAnEventNeedsIt() throws Exception {
        readings.read(Frames.create("1-0", EMOTET));
        Meaning needed = readings.read(Frames.dependency("2-0", EMOTET));

        assertThat(headers(one(Topic.EVENTS, needed))).containsEntry("dependency", "true");
        assertThat(headers(one(Topic.OBJECTS, needed))).doesNotContainKey("dependency");
        assertThat(headers(one(Topic.CHANGES, needed)))
                .doesNotContainKey("dependency")
                .containsEntry("reason", "dependency");
    }

    @Test
    void theColourIsTheOneNowAndOfWhatIsGoneTheLast() throws Exception {
        Map<String, Object> red = Frames.object(EMOTET);
        red.put("object_marking_refs", List.of(AMBER, RED));
        readings.read(Frames.create("1-0", marked()));

        assertThat(headers(one(Topic.OBJECTS, Frames.update("2-0", marked(), red))))
                .containsEntry("tlp", "TLP:RED");
        assertThat(headers(one(Topic.OBJECTS, Frames.delete("3-0", red)))).containsEntry("tlp", "TLP:RED");
    }

    @Test
    void whatIsNotKnownHasNoHeader() throws Exception {
        Frame bare = Frame.of("1-0", "create", "{\"data\":{\"id\":\"malware--emotet\"}}");

        assertThat(headers(one(Topic.OBJECTS, bare)).keySet())
                .containsExactly("id", "position", "op", "platform", "reason");
    }

    @Test
    void headersAreUtf8() throws Exception {
        assertThat(headers(one(Topic.CHANGES, Frames.create("1-0", "malware--漢字🦊"))))
                .containsEntry("id", "malware--漢字🦊");
    }

    @Test
    void anIndicatorThatARelationTouchedSaysWhy() throws Exception {
        readings.read(Frames.create("1-0", "indicator--a"));
        readings.read(Frames.create("2-0", EMOTET));
        ProducerRecord<byte[], byte[]> record = one(
                Topic.INDICATORS,
                Frames.create("3-0", Frames.relation("relationship--1", "indicates", "indicator--a", EMOTET)));

        assertThat(key(record)).isEqualTo(Frames.internalId("indicator--a"));
        assertThat(headers(record))
                .containsEntry("id", "indicator--a")
                .containsEntry("type", "indicator")
                .containsEntry("position", "3-0")
                .containsEntry("reason", "created")
                .doesNotContainKey("previous_id");
    }

    // ---- Captures

    /** What a reader of the compacted topics has in the end, against one who applies the changes. */
    @ParameterizedTest
    @ValueSource(
            strings = {"runA/runA-all.sse", "runA/runA-green.sse", "runA/runA-indicator.sse", "volume/vol-all.sse"})
    void objectsReadToTheirEndAreWhatTheChangesTell(String capture) throws Exception {
        Map<String, JsonNode> objects = new HashMap<>();
        Map<String, JsonNode> indicators = new HashMap<>();
        Map<String, JsonNode> told = new HashMap<>();
        List<Meaning> meanings = new ArrayList<>();
        for (Frame frame : Capture.events(capture)) {
            Meaning meaning = readings.read(frame);
            meanings.add(meaning);
            for (ProducerRecord<byte[], byte[]> record : records(meaning)) {
                switch (record.topic()) {
                    case "cti.objects" -> put(objects, record);
                    case "cti.indicators" -> put(indicators, record);
                    case "cti.changes" -> {
                        JsonNode change = tree(record);
                        if (change.path("change").textValue().equals("upsert")) {
                            told.put(change.path("internal_id").textValue(), change.path("after"));
                        } else {
                            told.remove(change.path("internal_id").textValue());
                        }
                    }
                    default -> assertThat(record.value()).isEqualTo(frame.data());
                }
            }
        }

        assertThat(objects).isEqualTo(told);
        assertThat(objects.keySet().stream()
                        .filter(key -> objects.get(key).path("type").asText().equals("indicator")))
                .containsExactlyInAnyOrderElementsOf(indicators.keySet());
        Meaning[] all = meanings.toArray(Meaning[]::new);
        assertThat(table(records(Topic.OBJECTS, all))).isEqualTo(objects);
        assertThat(table(records(Topic.INDICATORS, all))).isEqualTo(indicators);
    }

    /** Of one batch: each key is there once. */
    private static Map<String, JsonNode> table(List<ProducerRecord<byte[], byte[]>> records) throws Exception {
        assertThat(records).extracting(KafkaRecordsTest::key).doesNotHaveDuplicates();
        Map<String, JsonNode> table = new HashMap<>();
        for (ProducerRecord<byte[], byte[]> record : records) {
            put(table, record);
        }
        return table;
    }

    private static void put(Map<String, JsonNode> table, ProducerRecord<byte[], byte[]> record) throws Exception {
        if (record.value() == null) {
            table.remove(key(record));
        } else {
            table.put(key(record), tree(record));
        }
    }

    private List<ProducerRecord<byte[], byte[]>> records(Frame frame) throws Exception {
        return records(readings.read(frame));
    }

    private List<ProducerRecord<byte[], byte[]>> records(Meaning... meanings) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        kafkaRecords()
                .<RuntimeException>handOver(
                        batch(meanings), (event, number, record) -> records.add(record), NoneFails::take);
        return records;
    }

    /** By position and key. */
    private Map<String, Integer> numbers(Meaning... meanings) throws Exception {
        Map<String, Integer> numbers = new HashMap<>();
        kafkaRecords()
                .<RuntimeException>handOver(
                        batch(meanings),
                        (event, number, record) -> numbers.put(event.id() + " " + key(record), number),
                        NoneFails::take);
        return numbers;
    }

    private KafkaRecords kafkaRecords() {
        return new KafkaRecords(new KafkaOptions("localhost:9092", 16 << 20, "cti.", names, Map.of()));
    }

    private static Batch batch(Meaning... meanings) {
        Position position =
                new Position(PLATFORM, "live", EventId.ZERO, Optional.empty(), Optional.empty(), 0, Position.MARGIN);
        return new Batch(position, position, RECEIVED, List.of(meanings));
    }

    private List<ProducerRecord<byte[], byte[]>> records(Topic topic, Frame frame) throws Exception {
        return records(topic, readings.read(frame));
    }

    private List<ProducerRecord<byte[], byte[]>> records(Topic topic, Meaning... meanings) throws Exception {
        return records(meanings).stream()
                .filter(record -> record.topic().equals(names.get(topic)))
                .toList();
    }

    private ProducerRecord<byte[], byte[]> one(Topic topic, Frame frame) throws Exception {
        return one(topic, readings.read(frame));
    }

    private ProducerRecord<byte[], byte[]> one(Topic topic, Meaning meaning) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = records(topic, meaning);
        assertThat(records).hasSize(1);
        return records.get(0);
    }

    private static Map<String, Object> marked() {
        Map<String, Object> object = Frames.object(EMOTET);
        object.put("object_marking_refs", List.of(AMBER));
        return object;
    }

    private static Map<String, Object> without(String stixId) {
        Map<String, Object> object = Frames.object(stixId);
        object.remove("extensions");
        return object;
    }

    private static String key(ProducerRecord<byte[], byte[]> record) {
        return new String(record.key(), UTF_8);
    }

    private static JsonNode tree(ProducerRecord<byte[], byte[]> record) throws Exception {
        return Json.tree(new Bytes(record.value(), record.value().length));
    }

    /** In their order, each once. */
    private static Map<String, String> headers(ProducerRecord<byte[], byte[]> record) {
        Map<String, String> headers = new LinkedHashMap<>();
        Stream.of(record.headers().toArray())
                .forEach(header -> assertThat(headers.put(header.key(), new String(header.value(), UTF_8)))
                        .isNull());
        return headers;
    }
}
