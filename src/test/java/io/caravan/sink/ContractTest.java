package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SpecVersion.VersionFlag;
import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.Meaning;
import io.caravan.event.Position;
import io.caravan.event.Readings;
import io.caravan.event.Tlp;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written is what {@code docs/schemas} and {@code docs/asyncapi.yaml} say, and what they say is written. */
class ContractTest {

    private static final Instant RECEIVED = Instant.parse("2026-11-21T17:38:18.973Z");
    private static final Position POSITION = new Position(
            "https://opencti.example.org/base",
            "live",
            EventId.ZERO,
            Optional.empty(),
            Optional.empty(),
            0,
            Position.MARGIN);
    private static final JsonNode ASYNC_API = Contract.asyncApi();

    @TempDir
    Path temporary;

    static List<String> captures() {
        return List.of(
                "runA/runA-all.sse",
                "runA/runA-green.sse",
                "runA/runA-indicator.sse",
                "volume/vol-all.sse",
                "big/big-all.sse",
                "reconnect/from-before-retention.sse",
                "reconnect/recover-all-from-0.sse",
                "reconnect/recover-indicator-from-0.sse");
    }

    // ---- Schemas

    @ParameterizedTest
    @ValueSource(strings = {"change", "dead-letter", "journal-line", "indicator"})
    void aSchemaIsOneAndSaysWhatEachMemberMeans(String name) {
        JsonNode schema = Contract.json(Path.of("docs/schemas", name + ".schema.json"));
        JsonSchema metaSchema = JsonSchemaFactory.getInstance(VersionFlag.V202012)
                .getSchema(SchemaLocation.of(VersionFlag.V202012.getId()));

        assertThat(Contract.mistakes(metaSchema, schema)).isEmpty();
        assertThat(schema.path("title").asText()).isNotEmpty();
        assertThat(schema.path("description").asText()).isNotEmpty();
        assertThat(schema.path("additionalProperties")).isEqualTo(Json.mapper().valueToTree(false));
        assertThat(schema.path("properties")).isNotEmpty().allSatisfy(member -> assertThat(
                        member.path("description").asText())
                .isNotEmpty());
    }

    @ParameterizedTest
    @MethodSource("captures")
    void everyChangeIsAsItsSchemaSays(String capture) throws Exception {
        JsonSchema schema = Contract.schema("change");
        for (Meaning meaning : meanings(capture)) {
            for (Change change : meaning.changes()) {
                assertThat(Contract.mistakes(schema, json(change)))
                        .as(change.toString())
                        .isEmpty();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("captures")
    void whatASinkMaySeeOfAChangeIsStillAChange(String capture) throws Exception {
        JsonSchema schema = Contract.schema("change");
        Door door = new Door(Optional.of(Tlp.GREEN), Set.of());
        for (Meaning meaning : meanings(capture)) {
            for (Change change :
                    door.let(batch(List.of(meaning)), NoneFails::take).changes()) {
                assertThat(Contract.mistakes(schema, json(change)))
                        .as(change.toString())
                        .isEmpty();
            }
        }
    }

    @Test
    void aChangeOfWhichHardlyAnythingIsKnownIsOne() throws Exception {
        Readings readings = new Readings();
        JsonSchema schema = Contract.schema("change");
        for (Frame frame : List.of(
                Frame.of("0-0", "create", "{\"data\":{\"id\":\"a\"}}"),
                Frame.of("1-0", "delete", "{\"type\":\"delete\",\"data\":{\"id\":\"a\"}}"),
                Frame.of("2-0", "update", "{\"data\":{\"id\":\"a\"},\"context\":{\"reverse_patch\":7}}"),
                Frame.of(
                        "3-0",
                        "update",
                        "{\"data\":{\"id\":\"a\"},\"context\":{\"reverse_patch\":[{\"path\":\"x\"},{\"path\":\"\"},7]}}"),
                Frame.of(
                        "4-0",
                        "merge",
                        "{\"data\":{\"id\":\"a\"},\"context\":{\"reverse_patch\":[],\"sources\":[{\"id\":\"b\"}]}}"),
                Frame.of(
                        "9999999999999-99",
                        "update",
                        "{\"data\":{\"id\":\"a\",\"type\":7,\"object_marking_refs\":7}}"))) {
            for (Change change : readings.read(frame).changes()) {
                assertThat(Contract.mistakes(schema, json(change)))
                        .as(change.toString())
                        .isEmpty();
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "origin          | {}",
                "op              | 'init'",
                "change          | 'remove'",
                "reason          | 'why not'",
                "reason          | 'renamed'",
                "reason          | 'deleted'",
                "merged_into     | 'malware--a'",
                "id              | ''",
                "internal_id     | ''",
                "before          | 'none'",
                "before_complete | null",
                "after           | null",
                "changed         | ['name']",
                "tlp             | 'TLP:WHITE'",
                "dependency      | 'true'",
                "position        | '1795282698973'",
                "time            | 'yesterday'",
                "message         | ''",
            })
    void aChangeIsNothingElse(String member, String value) throws Exception {
        JsonSchema schema = Contract.schema("change");
        Change created = new Readings()
                .read(Frames.create("1-0", "malware--a"))
                .changes()
                .get(0);
        ObjectNode change = (ObjectNode) json(created);
        assertThat(Contract.mistakes(schema, change)).isEmpty();

        change.set(member, Json.mapper().readTree(value.replace('\'', '"')));
        assertThat(Contract.mistakes(schema, change)).isNotEmpty();
        change.remove(member);
        assertThat(Contract.mistakes(schema, change).isEmpty()).isEqualTo(member.equals("origin"));
    }

    @Test
    void theSchemaNamesTheReasonsAndColoursThereAre() {
        JsonNode members =
                Contract.json(Path.of("docs/schemas/change.schema.json")).path("properties");

        assertThat(texts(members.path("reason").path("enum"))).isEqualTo(names(Change.Reason.values()));
        assertThat(texts(members.path("change").path("enum"))).isEqualTo(names(Change.Type.values()));
        Set<String> colours = names(Tlp.values());
        colours.add("null");
        assertThat(texts(members.path("tlp").path("enum"))).isEqualTo(colours);
    }

    @ParameterizedTest
    @MethodSource("captures")
    void everyLineOfTheJournalIsAsItsSchemaSays(String capture) throws Exception {
        List<Meaning> meanings = meanings(capture);
        try (Journal journal =
                new Journal(temporary.resolve("journal"), temporary.resolve("note.json"), letter -> {})) {
            journal.deliver(batch(meanings));
        }
        List<JsonNode> lines = lines(temporary.resolve("journal/2026/11/21/17.ndjson"));
        JsonSchema schema = Contract.schema("journal-line");

        assertThat(lines).hasSameSizeAs(meanings);
        assertThat(lines)
                .allSatisfy(line -> assertThat(Contract.mistakes(schema, line)).isEmpty());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'position':'1-0','op':'create','received':'2026-11-21T17:38:18Z','event':{}}",
                "{'position':'1-0','op':'create','received':'2026-11-21T17:38:18Z','event':null}",
                "{'position':'1-0','op':'create','received':'now','event':{'data':{'id':'a'}}}",
                "{'position':'1-0','op':'heartbeat','received':'2026-11-21T17:38:18Z','event':{'data':{'id':'a'}}}",
                "{'position':'1-0','op':'create','event':{'data':{'id':'a'}}}",
                "{'position':'1-0','op':'create','received':'2026-11-21T17:38:18Z','event':{'data':{'id':'a'}},'x':1}"
            })
    void aLineOfTheJournalIsNothingElse(String line) {
        assertThat(Contract.mistakes(
                        Contract.schema("journal-line"),
                        Contract.json(line.replace('\'', '"').getBytes(UTF_8))))
                .isNotEmpty();
    }

    @ParameterizedTest
    @MethodSource("captures")
    void everyDeadLetterIsAsItsSchemaSays(String capture) throws Exception {
        DeadLetterFiles files = new DeadLetterFiles(temporary, Clock.fixed(RECEIVED, ZoneOffset.UTC));
        List<Meaning> meanings = meanings(capture);
        for (Meaning meaning : meanings) {
            Event event = meaning.event();
            files.keep(DeadLetter.of(event, "kafka", "it is refused", 3));
        }
        List<JsonNode> lines = lines(temporary.resolve("2026-11-21.ndjson"));
        JsonSchema schema = Contract.schema("dead-letter");

        assertThat(lines).hasSameSizeAs(meanings);
        assertThat(lines)
                .allSatisfy(line -> assertThat(Contract.mistakes(schema, line)).isEmpty());
    }

    @Test
    void aDeadLetterOfWhatIsNoEventIsOne() throws Exception {
        DeadLetterFiles files = new DeadLetterFiles(temporary, Clock.fixed(RECEIVED, ZoneOffset.UTC));
        byte[] noText = {(byte) 0xff, (byte) 0xfe};
        for (Optional<Bytes> event : List.of(
                Optional.<Bytes>empty(),
                Optional.of(Bytes.of("")),
                Optional.of(Bytes.of("{\"data\":")),
                Optional.of(Bytes.of("[7]")),
                Optional.of(Bytes.of("7")),
                Optional.of(new Bytes(noText, noText.length)))) {
            files.keep(new DeadLetter("stream", "", "", "", "not JSON", 0, event));
        }
        List<JsonNode> lines = lines(temporary.resolve("2026-11-21.ndjson"));
        JsonSchema schema = Contract.schema("dead-letter");

        assertThat(lines).hasSize(6);
        assertThat(lines)
                .allSatisfy(line -> assertThat(Contract.mistakes(schema, line)).isEmpty());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'time':'x','sink':'kafka','position':null,'id':null,'error':'e','attempts':1,'event':null}",
                "{'time':'2026-11-21T17:38:18Z','sink':'','position':null,'id':null,'error':'e','attempts':1,'event':null}",
                "{'time':'2026-11-21T17:38:18Z','sink':'a','position':'','id':null,'error':'e','attempts':1,'event':null}",
                "{'time':'2026-11-21T17:38:18Z','sink':'a','position':null,'op':'','id':null,'error':'e','attempts':1,'event':null}",
                "{'time':'2026-11-21T17:38:18Z','sink':'a','position':null,'id':null,'error':'e','attempts':-1,'event':null}",
                "{'time':'2026-11-21T17:38:18Z','sink':'a','position':null,'id':null,'error':'e','attempts':1}",
                "{'time':'2026-11-21T17:38:18Z','sink':'a','position':null,'id':null,'error':'e','attempts':1,'event':1,'x':1}"
            })
    void aDeadLetterIsNothingElse(String letter) {
        assertThat(Contract.mistakes(
                        Contract.schema("dead-letter"),
                        Contract.json(letter.replace('\'', '"').getBytes(UTF_8))))
                .isNotEmpty();
    }

    // ---- AsyncAPI

    @Test
    void theTopicsThereAreAreDescribedAndNoOthers() {
        Map<String, String> described = new TreeMap<>();
        ASYNC_API.path("channels").forEach(channel -> {
            JsonNode kafka = channel.path("bindings").path("kafka");
            assertThat(kafka.path("topic")).isEqualTo(channel.path("address"));
            described.put(
                    channel.path("address").asText(),
                    kafka.path("topicConfiguration")
                            .path("cleanup.policy")
                            .path(0)
                            .asText());
        });
        Map<String, String> topics = new TreeMap<>();
        for (Topic topic : Topic.values()) {
            topics.put("opencti." + topic, topic.cleanupPolicy());
        }
        for (TopicPlan plan : List.of(letters().plan(), positions().plan())) {
            topics.put(plan.name(), plan.cleanupPolicy());
        }

        assertThat(described).isEqualTo(topics);
    }

    @Test
    void everyTopicHasAReaderOfAllItsMessages() {
        Set<String> read = new TreeSet<>();
        ASYNC_API.path("operations").forEach(operation -> {
            assertThat(operation.path("action").asText()).isEqualTo("receive");
            operation
                    .path("messages")
                    .forEach(message -> read.add(message.path("$ref").asText()));
        });
        Set<String> messages = new TreeSet<>();
        ASYNC_API.path("channels").properties().forEach(channel -> channel.getValue()
                .path("messages")
                .fieldNames()
                .forEachRemaining(message -> messages.add("#/channels/" + channel.getKey() + "/messages/" + message)));

        assertThat(read).isEqualTo(messages);
    }

    @Test
    void everyReferenceLeadsSomewhere() {
        List<JsonNode> references = ASYNC_API.findValues("$ref");

        assertThat(references).isNotEmpty().allSatisfy(reference -> {
            String at = reference.asText();
            if (at.startsWith("#")) {
                assertThat(ASYNC_API.at(at.substring(1)).isMissingNode()).as(at).isFalse();
            } else {
                assertThat(Path.of("docs").resolve(at)).isRegularFile();
            }
        });
        assertThat(references)
                .extracting(JsonNode::asText)
                .contains("./schemas/change.schema.json", "./schemas/indicator.schema.json");
    }

    @Test
    void aPositionAndADeadLetterAreWhatTheirTopicsSay() throws Exception {
        for (ProducerRecord<byte[], byte[]> record : othersRecords()) {
            JsonNode channel = ASYNC_API
                    .path("channels")
                    .valueStream()
                    .filter(one -> one.path("address").asText().equals(record.topic()))
                    .findFirst()
                    .orElseThrow();
            JsonNode message = resolved(channel.path("messages").elements().next());
            assertThat(Contract.mistakes(schema(message.path("payload")), Contract.json(record.value())))
                    .isEmpty();
        }
    }

    /** A position, and a dead letter with its event and one without. */
    private static List<ProducerRecord<byte[], byte[]>> othersRecords() throws IOException {
        DeadLetterTopic letters = letters();
        letters.keep(new DeadLetter("kafka", "1-0", "create", "tool--1", "too large", 1, Optional.of(Bytes.of("{}"))));
        letters.keep(new DeadLetter("stream", "", "create", "", "larger than it may be", 1, Optional.empty()));
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>(letters.waiting(1 << 20));
        records.add(positions().record(Committed.of(Changes.position(7))));
        return records;
    }

    private static DeadLetterTopic letters() {
        return new DeadLetterTopic(options(), letter -> {}, true, Clock.systemUTC());
    }

    private static PositionTopic positions() {
        return new PositionTopic(options(), "https://opencti.example.org", "live");
    }

    private static KafkaOptions options() {
        return new KafkaOptions("localhost:9092", 16 << 20, "opencti.", Map.of(), Map.of());
    }

    @Test
    void theHeadersThatAreWrittenAreDescribedAndNoOthers() throws Exception {
        Map<String, Set<String>> written = new TreeMap<>();
        for (String capture : captures()) {
            for (ProducerRecord<byte[], byte[]> record : records(capture)) {
                for (Header header : record.headers()) {
                    written.computeIfAbsent(record.topic(), topic -> new TreeSet<>())
                            .add(header.key());
                }
            }
        }
        for (ProducerRecord<byte[], byte[]> record : othersRecords()) {
            Set<String> names = written.computeIfAbsent(record.topic(), topic -> new TreeSet<>());
            record.headers().forEach(header -> names.add(header.key()));
        }
        Map<String, Set<String>> described = new TreeMap<>();
        ASYNC_API.path("channels").forEach(channel -> channel.path("messages").forEach(message -> {
            JsonNode headers = resolved(resolved(message).path("headers"));
            Set<String> names = new TreeSet<>();
            headers.path("properties").properties().forEach(header -> {
                assertThat(resolved(header.getValue()).path("description").asText())
                        .as(header.getKey())
                        .isNotEmpty();
                names.add(header.getKey());
            });
            Set<String> others = described.putIfAbsent(channel.path("address").asText(), names);
            assertThat(others).as("of an object that is gone").isIn(null, names);
        }));

        assertThat(described).isEqualTo(written);
    }

    @ParameterizedTest
    @MethodSource("captures")
    void everyRecordIsOneOfItsTopicsMessages(String capture) throws Exception {
        Map<String, Map<Boolean, List<JsonSchema>>> messages = new TreeMap<>();
        ASYNC_API.path("channels").forEach(channel -> {
            Map<Boolean, List<JsonSchema>> byEnd = new TreeMap<>();
            channel.path("messages").forEach(reference -> {
                JsonNode message = resolved(reference);
                boolean isEnd = message.path("payload").path("type").asText().equals("null");
                byEnd.put(isEnd, List.of(schema(message.path("headers")), schema(message.path("payload"))));
            });
            messages.put(channel.path("address").asText(), byEnd);
        });
        JsonSchema key = schema(ASYNC_API.at("/components/schemas/key"));

        for (ProducerRecord<byte[], byte[]> record : records(capture)) {
            List<JsonSchema> message = messages.get(record.topic()).get(record.value() == null);
            ObjectNode headers = Json.mapper().createObjectNode();
            record.headers().forEach(header -> headers.put(header.key(), new String(header.value(), UTF_8)));
            JsonNode value = record.value() == null ? Json.mapper().nullNode() : Contract.json(record.value());
            assertThat(message).as(record.topic() + headers).isNotNull();
            assertThat(Contract.mistakes(message.get(0), headers))
                    .as(headers.toString())
                    .isEmpty();
            assertThat(Contract.mistakes(message.get(1), value))
                    .as(headers.toString())
                    .isEmpty();
            assertThat(Contract.mistakes(key, Json.mapper().valueToTree(new String(record.key(), UTF_8))))
                    .isEmpty();
        }
    }

    /** That stands in the AsyncAPI document, with what it refers to there, or in a file. */
    private static JsonSchema schema(JsonNode at) {
        String reference = at.path("$ref").asText();
        if (reference.startsWith("./schemas/")) {
            return Contract.schema(reference.replaceFirst("./schemas/(.*)\\.schema\\.json", "$1"));
        }
        ObjectNode document = at.deepCopy();
        document.put("$schema", VersionFlag.V202012.getId());
        document.set("$defs", ASYNC_API.at("/components/schemas"));
        String text = document.toString().replace("#/components/schemas/", "#/$defs/");
        return Contract.schema(Contract.json(text.getBytes(UTF_8)));
    }

    private static JsonNode resolved(JsonNode node) {
        return node.has("$ref") ? ASYNC_API.at(node.path("$ref").asText().substring(1)) : node;
    }

    private static List<ProducerRecord<byte[], byte[]>> records(String capture) throws Exception {
        Map<Topic, String> names = new EnumMap<>(Topic.class);
        for (Topic topic : Topic.values()) {
            names.put(topic, "opencti." + topic);
        }
        KafkaRecords records =
                new KafkaRecords(new KafkaOptions("localhost:9092", 16 << 20, "opencti.", names, Map.of()));
        List<ProducerRecord<byte[], byte[]>> all = new ArrayList<>();
        for (Meaning meaning : meanings(capture)) {
            records.<RuntimeException>handOver(
                    batch(List.of(meaning)), (event, number, record) -> all.add(record), NoneFails::take);
        }
        return all;
    }

    private static List<Meaning> meanings(String capture) throws Exception {
        Readings readings = new Readings();
        List<Meaning> meanings = new ArrayList<>();
        for (Frame frame : Capture.events(capture)) {
            meanings.add(readings.read(frame));
        }
        return meanings;
    }

    private static Batch batch(List<Meaning> meanings) {
        return new Batch(POSITION, POSITION, RECEIVED, meanings);
    }

    private static JsonNode json(Change change) throws IOException {
        return Contract.json(ChangeJson.of(change, POSITION));
    }

    private static List<JsonNode> lines(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.map(line -> Contract.json(line.getBytes(UTF_8))).toList();
        }
    }

    private static Set<String> texts(JsonNode list) {
        Set<String> texts = new TreeSet<>();
        list.forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static Set<String> names(Object[] values) {
        Set<String> names = new TreeSet<>();
        Arrays.stream(values).map(Object::toString).forEach(names::add);
        return names;
    }
}
