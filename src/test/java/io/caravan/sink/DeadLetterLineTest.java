package io.caravan.sink;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.Events;
import io.caravan.testkit.Frames;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeadLetterLineTest {

    private static final Instant NOW = Instant.parse("2026-11-21T17:38:18.973Z");
    private static final String TOOL = "tool--6f2f1c1e-7d1a-5b1e-9d1c-0d6c0e1f2a3b";
    private static final String ENVELOPE = "{'type': 'update', 'data': {'id': '" + TOOL + "'}}";

    @Test
    void isReadAsItWasWritten() throws Exception {
        Event event = Events.event(Frames.update("2000-0", Frames.object(TOOL), Frames.object(TOOL)));
        DeadLetter letter = DeadLetter.of(event, "kafka", "it is \"refused\"\n", 3);

        DeadLetterLine line = DeadLetterLine.read(written(letter)).orElseThrow();

        assertThat(line).isEqualTo(new DeadLetterLine(NOW, letter));
        assertThat(line.isEvent()).isTrue();
        assertThat(line.event()).isEqualTo(event);
        assertThat(line.sink()).hasValue("kafka");
    }

    @ParameterizedTest
    @ValueSource(strings = {"create", "update", "delete", "merge", "reconcile", "stream"})
    void whatNoSinkHasIsForAll(String refusedBy) throws IOException {
        assertThat(read("{'time': '2026-11-21T17:38:18Z', 'sink': '" + refusedBy + "'}")
                        .sink())
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "delete, it is bad, delete",
                "stream, merge: unreadable: why: so, merge",
                "kafka, it is bad, update",
                "hook, create: it is bad, update"
            })
    void whatNamedNoEventSaysItOtherwise(String sink, String error, String op) throws IOException {
        DeadLetterLine old = read(
                "{'time': '2026-11-21T17:38:18Z', 'sink': '%s', 'position': '1-0', 'id': null, 'error': '%s', 'attempts': 1, 'event': %s}"
                        .formatted(sink, error, ENVELOPE));

        assertThat(old.letter().op()).isEqualTo(op);
        assertThat(old.isEvent()).isTrue();
    }

    @Test
    void partOfAStateThatWasToldIsACreate() throws IOException {
        assertThat(read("{'time': '2026-11-21T17:38:18Z', 'sink': 'kafka', 'position': '1-0', 'event': "
                                + "{'data': {'id': '" + TOOL + "'}, 'origin': {'referer': 'init-create'}}}")
                        .letter()
                        .op())
                .isEqualTo("create");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'position': '1-0', 'op': 'create', 'event': null",
                "'position': '1-0', 'op': 'create', 'event': 'no JSON'",
                "'position': '1-0', 'op': 'create', 'event': [1]",
                "'position': '1-0', 'op': 'create', 'event': {'base64':'AA=='}",
                "'position': '1-0', 'op': 'restore', 'event': {}",
                "'position': 'somewhere', 'op': 'create', 'event': {}",
                "'position': null, 'op': 'create', 'event': {}"
            })
    void someCanBeNoEvent(String members) throws IOException {
        assertThat(read("{'time': '2026-11-21T17:38:18Z', 'sink': 'stream', " + members + "}")
                        .isEvent())
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "7",
                "{}",
                "{'sink': 'kafka'}",
                "{'time': '2026-11-21T17:38:18Z'}",
                "{'time': 'then', 'sink': 'kafka'}",
                "{'time': null, 'sink': 'kafka'}",
                "{'time': '2026-11-21T17:38:18Z', 'sink': 'kafka', 'attempts': 'many'}",
                "{'time': '2026-11-21T17:38:18Z', 'sink': 'kafka'} {}"
            })
    void someLinesAreNoLetters(String line) throws IOException {
        assertThat(DeadLetterLine.read(bytes(line))).isEmpty();
    }

    @Test
    void attemptsAddUpAndTheNewErrorStands() throws IOException {
        DeadLetterLine line =
                read("{'time': '2026-11-21T17:38:18Z', 'sink': 'kafka', 'position': '1-0', 'op': 'update',"
                        + " 'id': 'a', 'error': 'old', 'attempts': 2, 'event': " + ENVELOPE + "}");

        DeadLetterLine again = line.again(new DeadLetter("kafka", "1-0", "update", "a", "new", 3, Optional.empty()));

        assertThat(again.time()).isEqualTo(line.time());
        assertThat(again.letter())
                .isEqualTo(new DeadLetter(
                        "kafka", "1-0", "update", "a", "new", 5, line.letter().event()));
    }

    private static DeadLetterLine read(String line) throws IOException {
        return DeadLetterLine.read(bytes(line)).orElseThrow();
    }

    private static Bytes bytes(String line) {
        return Bytes.of(line.replace('\'', '"'));
    }

    private static Bytes written(DeadLetter letter) throws IOException {
        StringBuilder line = new StringBuilder();
        for (ByteBuffer part : DeadLetterFiles.line(letter, NOW)) {
            line.append(StandardCharsets.UTF_8.decode(part));
        }
        return Bytes.of(line.toString());
    }
}
