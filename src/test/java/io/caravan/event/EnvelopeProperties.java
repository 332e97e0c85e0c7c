package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.sink.Door;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Whatever becomes of a recorded envelope, it is read, or said to be unreadable; nothing else happens. */
class EnvelopeProperties {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final List<Frame> RECORDED = Capture.events("runA/runA-all.sse");
    private static final List<String> OPS = List.of("create", "update", "delete", "merge");

    private final Readings readings = new Readings();

    @Property(tries = 3000)
    void bytesThatWereDamaged(@ForAll Random random) throws Exception {
        byte[] bytes = any(random).data().clone();
        for (int damage = random.nextInt(4); damage >= 0; damage--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) random.nextInt();
                case 1 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
                case 2 -> bytes[at] = (byte) "{}[]\",:\\0".charAt(random.nextInt(9));
                default -> System.arraycopy(any(random).data(), 0, bytes, 0, Math.min(at, 20));
            }
        }
        read(new Bytes(bytes, bytes.length), random);
    }

    @Property(tries = 3000)
    void valuesOfOtherKinds(@ForAll Random random) throws Exception {
        JsonNode envelope = JSON.readTree(any(random).data());
        for (int change = random.nextInt(4); change >= 0; change--) {
            change(envelope, random);
        }
        byte[] bytes = JSON.writeValueAsBytes(envelope);
        Optional<Event> event = read(new Bytes(bytes, bytes.length), random);

        JsonNode id = envelope.path("data").path("id");
        assertThat(event.isPresent())
                .isEqualTo(id.isTextual() && !id.textValue().isEmpty());
        if (event.isPresent()) {
            assertThat(event.get().objectId()).isEqualTo(id.textValue());
            assertThat(JSON.readTree(event.get().object().json().exactly())).isEqualTo(envelope.path("data"));
        }
    }

    private Optional<Event> read(Bytes raw, Random random) throws IOException {
        try {
            String op = OPS.get(random.nextInt(OPS.size()));
            Event event = new Event(new EventId(1, 0), op, Envelope.read(raw), raw);
            mean(event);
            return Optional.of(event);
        } catch (Unreadable e) {
            assertThat(e.getMessage()).isNotBlank();
            return Optional.empty();
        }
    }

    private void mean(Event event) throws IOException {
        try {
            Meaning meaning = readings.read(event);
            Position position = Changes.position(0);
            Batch batch = new Batch(position, position, Instant.EPOCH, List.of(meaning));
            new Door(Optional.of(Tlp.GREEN), Set.of("malware")).let(batch, (withheld, failure) -> {
                throw new AssertionError(withheld.toString(), failure);
            });
        } catch (Unreadable e) {
            assertThat(e.getMessage()).isNotBlank();
        }
    }

    private static Frame any(Random random) {
        return RECORDED.get(random.nextInt(RECORDED.size()));
    }

    /** Goes down to a random place, and puts something else there. */
    private static void change(JsonNode root, Random random) {
        JsonNode at = root;
        while (true) {
            List<String> names = new ArrayList<>();
            at.fieldNames().forEachRemaining(names::add);
            if (at instanceof ObjectNode object && !names.isEmpty()) {
                String name = names.get(random.nextInt(names.size()));
                if (!object.get(name).isContainerNode() || random.nextInt(4) == 0) {
                    object.set(name, other(random));
                    return;
                }
                at = object.get(name);
            } else if (at instanceof ArrayNode array && !array.isEmpty()) {
                int index = random.nextInt(array.size());
                if (!array.get(index).isContainerNode() || random.nextInt(4) == 0) {
                    array.set(index, other(random));
                    return;
                }
                at = array.get(index);
            } else {
                return;
            }
        }
    }

    private static JsonNode other(Random random) {
        return switch (random.nextInt(7)) {
            case 0 -> NODES.nullNode();
            case 1 -> NODES.numberNode(random.nextLong());
            case 2 -> NODES.textNode(random.nextBoolean() ? "" : "/a/~1/" + (char) random.nextInt(0xd800));
            case 3 ->
                NODES.arrayNode().add(NODES.nullNode()).add(NODES.objectNode().put("id", 7));
            case 4 -> NODES.objectNode().put("", "").putNull("op");
            case 5 -> NODES.booleanNode(random.nextBoolean());
            default -> NODES.textNode("malware--" + random.nextInt(3));
        };
    }
}
