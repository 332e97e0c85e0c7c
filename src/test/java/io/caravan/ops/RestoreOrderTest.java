package io.caravan.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Bytes;
import io.caravan.ops.Holdings.Kind;
import io.caravan.sink.MirroredObjects.Visit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RestoreOrderTest {

    private final Map<String, String> held = new LinkedHashMap<>();
    private final Set<String> gone = new HashSet<>();
    private final List<String> order = new ArrayList<>();
    private final List<String> json = new ArrayList<>();
    private final List<String> unreadable = new ArrayList<>();

    @Test
    void whatAnObjectRefersToComesBeforeIt() throws Exception {
        String author = hold("identity");
        String marking = hold("marking-definition", "created_by_ref", author);
        String actor = hold("intrusion-set", "created_by_ref", author, "object_marking_refs", marking);
        String malware = hold("malware");
        String uses = hold("relationship", "source_ref", actor, "target_ref", malware);
        String report = hold("report", "object_refs", uses);

        order().place(report);
        assertThat(order).containsExactly(author, marking, actor, malware, uses, report);
    }

    @Test
    void aRelationOfARelationComesBehindIt() throws Exception {
        String malware = hold("malware");
        String tool = hold("tool");
        String inner = id("relationship");
        String outer = hold("relationship", "source_ref", inner, "target_ref", tool);
        hold(inner, "source_ref", malware, "target_ref", tool);

        order().place(outer);
        assertThat(order).containsExactly(malware, tool, inner, outer);
    }

    @Test
    void eachGoesOnceAndWhatIsNotHeldIsPassedOver() throws Exception {
        String author = hold("identity");
        gone.add(author);
        String tool = hold("tool", "created_by_ref", author, "object_marking_refs", id("marking-definition"));

        RestoreOrder placing = order();
        placing.place(tool);
        placing.place(tool);
        assertThat(order).containsExactly(tool);
    }

    @Test
    void inACircleOneGoesWithoutWhatIsStillToCome() throws Exception {
        String note = id("note");
        String other = hold("note", "object_refs", note);
        hold(note, "object_refs", other);

        order().place(note);
        assertThat(order).containsExactly(other, note);
        assertThat(json.get(0)).doesNotContain("object_refs");
        assertThat(json.get(1)).contains(other);
    }

    @Test
    void whatRefersToItselfGoesWhole() throws Exception {
        String author = id("identity");
        hold(author, "created_by_ref", author);

        order().place(author);
        assertThat(json).singleElement().asString().contains("created_by_ref");
    }

    @Test
    void aChainMayBeLong() throws Exception {
        String last = hold("directory");
        for (int i = 0; i < 20_000; i++) {
            last = hold("directory", "contains_refs", last);
        }
        order().place(last);
        assertThat(order).hasSize(20_001).endsWith(last);
    }

    @Test
    void saysWhatIsNoObject() throws Exception {
        String tool = id("tool");
        String note = hold("note", "object_refs", tool);
        held.put(tool, "{\"id\": \"to");

        order().place(note);
        assertThat(unreadable).containsExactly(tool);
        assertThat(order).containsExactly(note);
    }

    /** A mirror's files are named in small letters, whatever an object's id is. */
    @Test
    void anObjectWithCapitalsInItsIdGoesOnceByWhicheverName() throws Exception {
        String tool = id("tool").toUpperCase().replace("TOOL", "tool");
        hold(tool);
        held.put(tool.toLowerCase(), held.get(tool));
        String note = hold("note", "object_refs", tool);

        RestoreOrder placing = order();
        placing.place(note);
        placing.place(tool.toLowerCase());
        assertThat(order).containsExactly(tool, note);
        assertThat(unreadable).isEmpty();
    }

    @Test
    void kindsAreToldByTheType() {
        assertThat(Kind.of("identity")).isEqualTo(Kind.GROUND);
        assertThat(Kind.of("label")).isEqualTo(Kind.GROUND);
        assertThat(Kind.of("ipv4-addr")).isEqualTo(Kind.THING);
        assertThat(Kind.of("sighting")).isEqualTo(Kind.RELATION);
        assertThat(Kind.of("x-opencti-case-incident")).isEqualTo(Kind.CONTAINER);
        assertThat(Kind.of("case-rfi")).isEqualTo(Kind.CONTAINER);
        assertThat(Kind.of("grouping")).isEqualTo(Kind.CONTAINER);
    }

    private RestoreOrder order() {
        return new RestoreOrder(new Held(), gone::contains, new Taken());
    }

    private String hold(String typeOrId, String... references) {
        String id = typeOrId.contains("--") ? typeOrId : id(typeOrId);
        StringBuilder object =
                new StringBuilder("{\"id\":\"" + id + "\",\"type\":\"" + id.replaceFirst("--.*", "") + "\"");
        IntStream.range(0, references.length / 2).forEach(i -> {
            String name = references[2 * i];
            String reference = "\"" + references[2 * i + 1] + "\"";
            object.append(",\"" + name + "\":" + (name.endsWith("s") ? "[" + reference + "]" : reference));
        });
        held.put(id, object + "}");
        return id;
    }

    private static String id(String type) {
        return type + "--" + UUID.randomUUID();
    }

    private final class Held implements Holdings {
        @Override
        public Map<String, Long> learn() {
            return Map.of();
        }

        @Override
        public Optional<String> now(String reference) {
            return Optional.of(reference).filter(id -> held.containsKey(id) || gone.contains(id));
        }

        @Override
        public void each(Kind kind, Visit visit) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Optional<Bytes> object(String id) {
            return Optional.ofNullable(held.get(id)).map(Bytes::of);
        }
    }

    private final class Taken implements RestoreOrder.Receiver {
        @Override
        public void take(RestoredObject object) throws IOException {
            gone.add(object.object().id());
            order.add(object.object().id());
            json.add(object.json().toString());
        }

        @Override
        public void unreadable(String id, String why) {
            gone.add(id);
            unreadable.add(id);
        }
    }
}
