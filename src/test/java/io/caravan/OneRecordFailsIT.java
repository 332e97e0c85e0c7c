package io.caravan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Change;
import io.caravan.event.Changes;
import io.caravan.event.IndicatorState;
import io.caravan.event.Meaning;
import io.caravan.ops.Program;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole program where a sink cannot make its record of one object: that one is put aside, and everything else goes on. */
class OneRecordFailsIT {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final String HUGE = "\"n\":1e99999999999";

    @TempDir
    Path home;

    private final String prefix = "fails-" + UUID.randomUUID() + ".";
    private final Topics topics = Topics.of(KafkaBroker.ofThisRun());
    private FakePlatform platform;
    private Installation caravan;
    private Optional<Program> program = Optional.empty();

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "journal,mirror,kafka")
                .set("kafka.brokers", KafkaBroker.ofThisRun().brokers())
                .set("kafka.topic-prefix", prefix);
    }

    @AfterEach
    void stop() {
        program.ifPresent(Program::close);
        platform.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "kafka"})
    void aNumberThatNoTypeHoldsIsCarriedAsItIsWritten(String positionStore) throws Exception {
        List<Frame> events = List.of(
                Frames.create("1000-0", named("malware", 1, "before")),
                Frames.create("2000-0", named("malware", 2, "hx")),
                huge(Frames.update("3000-0", named("malware", 2, "hx"), named("malware", 2, "hx2"))),
                huge(Frames.create("4000-0", indicator(3, "hugeexp"))),
                Frames.create("5000-0", indicator(4, "after")),
                Frames.create("6000-0", named("malware", 5, "THE END")));
        caravan.set("caravan.position-store", positionStore);
        follow(events);

        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(values("events"))
                .containsExactlyInAnyOrderElementsOf(events.stream()
                        .map(frame -> ByteBuffer.wrap(frame.data()))
                        .toList());
        assertThat(texts("changes"))
                .hasSize(6)
                .filteredOn(change -> change.contains(HUGE))
                .hasSize(2);
        assertThat(texts("changes")).anyMatch(change -> change.contains("\"hx2\"") && change.contains("\"before\":{"));
        assertThat(texts("objects")).hasSize(5);
        assertThat(texts("indicators"))
                .hasSize(2)
                .anyMatch(record -> record.contains("hugeexp"))
                .anyMatch(record -> record.contains("after"));
        assertThat(caravan.journal()).hasSize(6);
        assertThat(caravan.mirror()).hasSize(5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "kafka"})
    void anObjectThatNoRecordCanBeMadeOfIsADeadLetterOfEachSinkAndTheOthersGo(String positionStore) throws Exception {
        caravan.set("caravan.position-store", positionStore)
                .route(
                        "create.camel.yaml",
                        Installation.byType(
                                "create", "{bean: {ref: create, method: changes}}, {bean: {ref: breaking}}"));
        follow(List.of(
                Frames.create("1000-0", indicator(1, "before")),
                Frames.create("2000-0", indicator(2, "broken")),
                Frames.create("3000-0", indicator(3, "after")),
                Frames.create("4000-0", named("malware", 4, "THE END"))));

        assertThat(caravan.deadLetters())
                .extracting(letter -> letter.path("sink").asText() + " "
                        + letter.path("position").asText())
                .containsExactlyInAnyOrder("mirror 2000-0", "kafka 2000-0", "kafka 2000-0", "kafka 2000-0");
        assertThat(caravan.deadLetters()).extracting(OneRecordFailsIT::error).anySatisfy(error -> assertThat(error)
                .startsWith("its record for " + prefix + "indicators cannot be made: "));
        assertThat(values("events")).hasSize(4);
        assertThat(values("changes")).hasSize(3);
        assertThat(values("objects")).hasSize(3);
        assertThat(values("indicators")).hasSize(2);
        assertThat(caravan.journal()).hasSize(4);
        assertThat(caravan.mirror()).hasSize(3);
    }

    @Test
    void anObjectThatTheSinkFilterFailsOnIsADeadLetterOfThatSinkAndTheOthersGo() throws Exception {
        caravan.set("caravan.sink.mirror.max-tlp", "TLP:AMBER")
                .route(
                        "create.camel.yaml",
                        Installation.byType(
                                "create", "{bean: {ref: create, method: changes}}, {bean: {ref: breaking}}"));
        follow(List.of(
                Frames.create("1000-0", named("malware", 1, "before")),
                Frames.create("2000-0", named("malware", 2, "unmarked")),
                Frames.create("3000-0", named("malware", 3, "THE END"))));

        assertThat(caravan.deadLetters()).singleElement().satisfies(letter -> {
            assertThat(letter.path("sink").asText()).isEqualTo("mirror");
            assertThat(letter.path("position").asText()).isEqualTo("2000-0");
            assertThat(error(letter)).startsWith("it cannot be made ready for this sink: ");
        });
        assertThat(caravan.mirror()).hasSize(2);
        assertThat(values("objects")).hasSize(3);
    }

    private static String error(JsonNode letter) {
        return letter.path("error").asText();
    }

    /** Takes from what is called broken the bytes that a sink would write, and from what is called unmarked how it is marked. */
    public static final class Breaking {
        public Meaning broken(Meaning meaning) {
            String name = meaning.event().object().name();
            if (name.equals("unmarked")) {
                List<Change> unmarked =
                        meaning.changes().stream().map(Changes::unmarked).toList();
                return meaning.with(meaning.event(), meaning.isWithheld(), unmarked, meaning.indicators());
            }
            if (!name.equals("broken")) {
                return meaning;
            }
            List<Change> changes =
                    meaning.changes().stream().map(Changes::broken).toList();
            List<IndicatorState> indicators = new ArrayList<>();
            for (IndicatorState state : meaning.indicators()) {
                indicators.add(new IndicatorState(
                        Changes.broken(state.change()),
                        Changes.broken(state.indicator()),
                        state.gone(),
                        state.author(),
                        state.malware(),
                        state.actors(),
                        state.dependency(),
                        state.tlp()));
            }
            return meaning.with(meaning.event(), meaning.isWithheld(), changes, indicators);
        }
    }

    private void follow(List<Frame> events) throws Exception {
        platform.append(events);
        Program started = new Program(caravan.settings());
        program = Optional.of(started);
        started.bind("breaking", new Breaking());
        started.start();
        await().atMost(SOON).until(() -> started.consumers().get(0).counters().delivered() == events.size());
        assertThat(started.consumers().get(0).sinkTrouble()).isEmpty();
    }

    private List<ByteBuffer> values(String topic) {
        return topics.records(prefix + topic).stream()
                .map(ConsumerRecord::value)
                .map(ByteBuffer::wrap)
                .toList();
    }

    private List<String> texts(String topic) {
        return values(topic).stream()
                .map(value -> new String(value.array(), StandardCharsets.UTF_8))
                .toList();
    }

    private static Map<String, Object> named(String type, int number, String name) {
        Map<String, Object> object = Frames.object(type + "--00000000-0000-4000-8000-%012d".formatted(number));
        object.put("name", name);
        return object;
    }

    private static Map<String, Object> indicator(int number, String name) {
        Map<String, Object> indicator = named("indicator", number, name);
        indicator.put("pattern", "[ipv4-addr:value = '198.51.100." + number + "']");
        indicator.put("pattern_type", "stix");
        indicator.put("valid_from", "2026-11-30T10:00:00.000Z");
        return indicator;
    }

    /** With a number in the object that has an exponent beyond 32 bits. */
    private static Frame huge(Frame frame) {
        String data = new String(frame.data(), StandardCharsets.UTF_8);
        return Frame.of(frame.id(), frame.event(), data.replaceFirst("\"modified\":", HUGE + ",$0"));
    }
}
