package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EnvelopeTest {

    private static final String STIX_ID = "indicator--6f2f1c1e-7d1a-5b1e-9d1c-0d6c0e1f2a3b";

    @Test
    void namesTheObjectAndWhyItCame() throws Unreadable {
        Envelope created = Envelope.read(bytes(Frames.create("1-0", STIX_ID)));
        Envelope needed = Envelope.read(bytes(Frames.dependency("1-0", STIX_ID)));

        assertThat(created.object().id()).isEqualTo(STIX_ID);
        assertThat(created.kind()).isEqualTo(Event.Kind.MAIN);
        assertThat(needed.object().id()).isEqualTo(STIX_ID);
        assertThat(needed.kind()).isEqualTo(Event.Kind.DEPENDENCY);
    }

    @ParameterizedTest
    @CsvSource({
        "init-dependencies, DEPENDENCY",
        "init-create,       SNAPSHOT",
        "'',                MAIN",
        "background_task,   MAIN"
    })
    void theRefererTellsTheKind(String referer, Event.Kind kind) throws Unreadable {
        assertThat(read("{'origin':{'referer':'" + referer + "'},'data':{'id':'a'}}")
                        .kind())
                .isEqualTo(kind);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'data':{'id':'a'}}",
                "{'data':{'id':'a'},'origin':null}",
                "{'data':{'id':'a'},'origin':'init-create'}",
                "{'data':{'id':'a'},'origin':{'referer':7}}",
                "{'data':{'id':'a'},'origin':{'x':{'referer':'init-create'}}}",
                "{'data':{'id':'a'},'context':{'origin':{'referer':'init-create'}}}",
                "{'data':{'nested':{'id':'b'},'list':[{'id':'c'}],'id':'a'},'id':'d'}",
                "\n\t { \"data\" :\n{ 'id' : 'a' } } \n"
            })
    void onlyDataIdAndOriginRefererCount(String json) throws Unreadable {
        assertThat(read(json).kind()).isEqualTo(Event.Kind.MAIN);
        assertThat(read(json).object().id()).isEqualTo("a");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'extensions':{'extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba':{'x':{'id':'c'},'id':'b'}} | b",
                "'extensions':{'extension-definition--322b8f77-262a-4cb8-a915-1e441e00329b':{'id':'T1059'}} | ''",
                "'extensions':{'extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba':{'id':7}} | ''",
                "'extensions':{'extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba':null} | ''",
                "'extensions':['extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba'] | ''",
                "'extensions':null | ''"
            })
    void theInternalIdIsInThePlatformsOwnExtension(String extensions, String internalId) throws Unreadable {
        StixObject object = read("{'data':{'id':'a',%s,'type':'tool'}}".formatted(extensions))
                .object();

        assertThat(object.internalId()).isEqualTo(internalId);
        assertThat(List.of(object.id(), object.type())).containsExactly("a", "tool");
    }

    @Test
    void theStrictestMarkingCounts() throws Unreadable {
        String red = "'marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed'";
        String amber = "'marking-definition--f88d31f6-486f-44da-b317-01333bde0b82'";
        String statement = "'marking-definition--b6b969a3-670d-5ecc-8030-2aaa8fe7c910'";

        assertThat(tlp("[" + amber + "," + statement + "," + red + "]")).contains(Tlp.RED);
        assertThat(tlp("[" + red + "," + amber + "]")).contains(Tlp.RED);
        assertThat(tlp("[" + statement + "," + amber + ",7,{'id':" + red + "}]"))
                .contains(Tlp.AMBER);
        assertThat(List.of(tlp("[" + statement + "]"), tlp("[]"), tlp("null"))).containsOnly(Optional.empty());
    }

    private static Optional<Tlp> tlp(String markings) throws Unreadable {
        return read("{'data':{'object_marking_refs':" + markings + ",'id':'a'}}")
                .object()
                .tlp();
    }

    @Test
    void everyRecordedObjectHasAnInternalIdAndAType() throws Unreadable {
        for (Frame frame : Capture.events("runA/runA-all.sse")) {
            Envelope envelope = Envelope.read(bytes(frame));
            assertThat(envelope.object().internalId()).as(frame.toString()).matches("[0-9a-f-]{36}");
            assertThat(envelope.object().id()).startsWith(envelope.object().type() + "--");
        }
    }

    @Test
    void readsEveryEventThatWasRecorded() throws Unreadable {
        for (Frame frame : Capture.events("runA/runA-all.sse")) {
            assertThat(Envelope.read(bytes(frame)).object().id())
                    .as(frame.toString())
                    .matches("[a-z0-9-]+--[0-9a-f-]{36}");
        }
    }

    @Test
    void aTextOfManyMegabytesIsNoObstacle() throws Unreadable {
        assertThat(Envelope.read(bytes(Frames.large("1-0", STIX_ID, 24)))
                        .object()
                        .id())
                .isEqualTo(STIX_ID);
    }

    @Test
    void readsNoFurtherThanTheBytesLength() throws Unreadable {
        byte[] json = "{\"data\":{\"id\":\"a\"}}".getBytes(StandardCharsets.UTF_8);
        byte[] buffer = Arrays.copyOf(json, 100);
        Arrays.fill(buffer, json.length, 100, (byte) 'x');

        assertThat(Envelope.read(new Bytes(buffer, json.length)).object().id()).isEqualTo("a");
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "``                            | not a JSON object",
                "[]                            | not a JSON object",
                "'text'                        | not a JSON object",
                "null                          | not a JSON object",
                "{}                            | it has no data.id",
                "{'data':{}}                   | it has no data.id",
                "{'data':null}                 | it has no data.id",
                "{'data':[{'id':'a'}]}         | it has no data.id",
                "{'data':{'id':''}}            | it has no data.id",
                "{'data':{'id':7}}             | it has no data.id",
                "{'data':{'id':'a'}} {}        | something follows after the JSON object",
                "{'data':{'id':'a'}},          | not JSON at byte 19",
                "{'data':{'id':'a'}            | not JSON at byte 18",
                "{'data':{'id':'a'},'x':[1,}   | not JSON at byte 26",
                "no JSON                       | not JSON at byte",
            })
    void saysWhyItIsUnreadable(String json, String why) {
        assertThatThrownBy(() -> read(json)).isInstanceOf(Unreadable.class).hasMessageContaining(why);
    }

    @Test
    void saysWhichLimitIsExceededAndWhere() {
        String before = "{'data':{'id':'a'},'x':";
        assertThatThrownBy(() -> read(before + "[".repeat(1000) + "]".repeat(1000) + "}"))
                .isInstanceOf(Unreadable.class)
                .hasMessage(
                        "beyond a limit at byte 1023: Document nesting depth (1001) exceeds the maximum allowed (1000)");
        assertThatThrownBy(() -> read(before + "1".repeat(10_001) + "}"))
                .isInstanceOf(Unreadable.class)
                .hasMessageMatching(
                        "beyond a limit at byte 100\\d\\d: Number value length \\(10001\\) exceeds the maximum allowed \\(10000\\)");
        assertThatThrownBy(() -> read("{'data':{'id':'a','x':0." + "1".repeat(10_001) + "}}"))
                .isInstanceOf(Unreadable.class)
                .hasMessageMatching("beyond a limit at byte 100\\d\\d: Number value length .*");
    }

    @Test
    void namesAndTextsAreOfAnyLength() throws Exception {
        String long1 = "x".repeat(100_000);
        assertThat(read("{'data':{'id':'a','" + long1 + "':'" + long1.repeat(300) + "'}}")
                        .object()
                        .id())
                .isEqualTo("a");
    }

    @Test
    void whatComesAfterTheFieldsThatCountMustBeJsonToo() {
        byte[] json = "{\"data\":{\"id\":\"a\"},\"message\":\"?\"}".getBytes(StandardCharsets.UTF_8);
        json[json.length - 3] = (byte) 0xff;

        assertThatThrownBy(() -> Envelope.read(new Bytes(json, json.length)))
                .isInstanceOf(Unreadable.class)
                .hasMessageContaining("not JSON");
    }

    /** What is taken goes to sinks as it came, and a line of JSON takes neither. */
    @ParameterizedTest
    @ValueSource(strings = {"UTF-16BE", "UTF-16LE", "UTF-32BE"})
    void otherEncodingsThanUtf8AreUnreadable(String encoding) throws Exception {
        byte[] json = "{\"data\":{\"id\":\"a\"}}".getBytes(encoding);

        assertThatThrownBy(() -> Envelope.read(new Bytes(json, json.length))).isInstanceOf(Unreadable.class);
    }

    @Test
    void aByteOrderMarkIsNoJson() {
        assertThatThrownBy(() -> read("\uFEFF{'data':{'id':'a'}}")).isInstanceOf(Unreadable.class);
    }

    private static Envelope read(String json) throws Unreadable {
        return Envelope.read(Bytes.of(json.replace('\'', '"')));
    }

    private static Bytes bytes(Frame frame) {
        byte[] data = frame.data();
        return new Bytes(data, data.length);
    }
}
