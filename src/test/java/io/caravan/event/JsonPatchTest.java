package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Patches do what the RFCs say, and nothing where they do not fit. */
class JsonPatchTest {

    private static final ObjectMapper JSON = Json.mapper();

    /** Names that are not what they look like. */
    private static final List<String> NAMES = List.of(
            "", "0", "1", "2", "00", "01", "-", "-1", "~", "~0", "~1", "~2", "~01", "~10", "/", "a/b", "a~b", "id=x",
            "=", "ключ", "a");

    private static final List<String> OPS = List.of(
            "add", "add", "add", "remove", "remove", "replace", "replace", "replace", "move", "copy", "test", "Add");

    // ---- Recorded patches

    @ParameterizedTest
    @CsvSource({"tests.json, 92", "spec_tests.json, 16", "pointers.json, 53"})
    void doesWhatTheSuiteExpects(String file, int count) throws IOException {
        int done = 0;
        for (JsonNode record : suite(file)) {
            if (!record.path("disabled").asBoolean()) {
                done++;
                Optional<JsonNode> result = Optional.of(record.path("doc").deepCopy());
                for (JsonNode operation : record.path("patch")) {
                    result = result.flatMap(state -> JsonPatch.apply(operation, state));
                }
                assertThat(result).as(record.toString()).isEqualTo(Optional.ofNullable(record.get("expected")));
            }
        }
        assertThat(done).isEqualTo(count);
    }

    @Test
    void reversePatchesTakeEachNameForWhatItIs() throws IOException {
        for (JsonNode record : suite("pointers.json")) {
            ReversePatch.Previous result =
                    ReversePatch.apply(record.path("patch"), record.path("doc").deepCopy());
            assertThat(result.complete()).as(record.toString()).isEqualTo(record.has("expected"));
            JsonNode expected = record.has("expected") ? record.path("expected") : record.path("doc");
            assertThat(result.object()).as(record.toString()).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"tests.json", "spec_tests.json", "pointers.json"})
    void theReferenceDoesWhatTheSuiteExpects(String file) throws IOException {
        for (JsonNode record : suite(file)) {
            if (!record.path("disabled").asBoolean()) {
                Optional<Object> result = plain(record.path("patch"), plain(record.path("doc")));
                assertThat(result.isPresent()).as(record.toString()).isEqualTo(record.has("expected"));
                if (record.has("expected")) {
                    assertThat(result).as(record.toString()).contains(plain(record.path("expected")));
                }
            }
        }
    }

    // ---- Made-up patches

    @Test
    @DisplayName("300,000 random patches do what the reference does")
    void randomPatchesDoWhatTheReferenceDoes() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        int fitting = 0;
        for (int n = 0; n < 300_000; n++) {
            Map<String, Object> document = object(2, random);
            Object state = document;
            List<Map<String, Object>> patch = new ArrayList<>();
            boolean complete = true;
            for (int operations = random.nextInt(3) == 0 ? 2 : 1; operations > 0; operations--) {
                Map<String, Object> operation = operation(state, random);
                patch.add(operation);
                try {
                    Object next = PlainPatch.apply(operation, state);
                    complete &= next instanceof Map; // no other can be an object's state
                    state = next instanceof Map ? next : state;
                } catch (PlainPatch.Misfit e) {
                    complete = false;
                }
            }
            ReversePatch.Previous result = ReversePatch.apply(tree(patch), tree(document));
            if (result.complete() != complete || !result.object().equals(tree(state))) {
                throw new AssertionError("seed " + seed + ": " + patch + " on " + document + " gave " + result
                        + ", and not " + state + ", complete " + complete);
            }
            fitting += complete ? 1 : 0;
        }
        assertThat(fitting).isBetween(75_000, 250_000); // else they show little
    }

    private static Map<String, Object> operation(Object document, Random random) {
        Map<String, Object> operation = new LinkedHashMap<>();
        operation.put("op", OPS.get(random.nextInt(OPS.size())));
        operation.put("path", pointer(document, random));
        if (random.nextInt(20) > 0) {
            operation.put("value", value(2, random));
        }
        if (random.nextInt(20) > 0) {
            operation.put("from", pointer(document, random));
        }
        return operation;
    }

    /** Mostly of something that is there, at times of what is beside it, and at times none. */
    private static String pointer(Object document, Random random) {
        StringBuilder pointer = new StringBuilder();
        Object at = document;
        while (at != null && (pointer.isEmpty() ? random.nextInt(50) > 0 : random.nextInt(3) > 0)) {
            String name = NAMES.get(random.nextInt(NAMES.size()));
            boolean isThere = random.nextInt(6) > 0;
            Object next = null;
            if (at instanceof Map<?, ?> map && isThere && !map.isEmpty()) {
                name = (String) List.copyOf(map.keySet()).get(random.nextInt(map.size()));
                next = map.get(name);
            } else if (at instanceof List<?> list && isThere) {
                int index = random.nextInt(list.size() + 1);
                name = String.valueOf(index);
                next = index < list.size() ? list.get(index) : null;
            }
            pointer.append('/').append(name.replace("~", "~0").replace("/", "~1"));
            at = next;
        }
        if (random.nextInt(30) == 0) {
            pointer.insert(
                    random.nextInt(pointer.length() + 1),
                    List.of("~", "/", "~2", "x").get(random.nextInt(4)));
        }
        return pointer.toString();
    }

    private static Object value(int depth, Random random) {
        return switch (random.nextInt(depth > 0 ? 6 : 4)) {
            case 0 -> null;
            case 1 -> random.nextInt(3);
            case 2 -> NAMES.get(random.nextInt(NAMES.size()));
            case 3 -> random.nextBoolean();
            case 4 -> object(depth - 1, random);
            default -> {
                List<Object> list = new ArrayList<>();
                for (int size = random.nextInt(4); size > 0; size--) {
                    list.add(value(depth - 1, random));
                }
                yield list;
            }
        };
    }

    private static Map<String, Object> object(int depth, Random random) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int size = 1 + random.nextInt(4); size > 0; size--) {
            object.put(NAMES.get(random.nextInt(NAMES.size())), value(depth, random));
        }
        return object;
    }

    private static JsonNode tree(Object plain) {
        if (plain instanceof Map<?, ?> map) {
            ObjectNode object = JSON.createObjectNode();
            map.forEach((name, value) -> object.set((String) name, tree(value)));
            return object;
        }
        if (plain instanceof List<?> list) {
            ArrayNode array = JSON.createArrayNode();
            list.forEach(value -> array.add(tree(value)));
            return array;
        }
        if (plain instanceof String text) {
            return TextNode.valueOf(text);
        }
        if (plain instanceof Integer number) {
            return IntNode.valueOf(number);
        }
        return plain == null ? NullNode.instance : BooleanNode.valueOf((Boolean) plain);
    }

    // ---- Values

    @ParameterizedTest
    @CsvSource({"1, 1.0, true", "1.10, 1.1, true", "100, 1e2, true", "1, 2, false", "1, '\"1\"', false"})
    void aTestComparesNumbersByValue(String there, String value, boolean fits) throws IOException {
        JsonNode patch = JSON.readTree("[{\"op\":\"test\",\"path\":\"/a\",\"value\":[" + value + "]}]");
        assertThat(ReversePatch.apply(patch, JSON.readTree("{\"a\":[" + there + "]}"))
                        .complete())
                .isEqualTo(fits);
    }

    @Test
    void whatIsAddedIsNotThePatchesOwn() throws IOException {
        JsonNode patch = JSON.readTree(
                "[{\"op\":\"add\",\"path\":\"/a\",\"value\":{}}," + "{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]");
        String text = patch.toString();

        ReversePatch.apply(patch, JSON.readTree("{}"));

        assertThat(patch).hasToString(text);
    }

    private static JsonNode suite(String file) throws IOException {
        try (InputStream json = JsonPatchTest.class.getResourceAsStream("/json-patch/" + file)) {
            return JSON.readTree(json);
        }
    }

    private static Object plain(JsonNode json) throws IOException {
        return JSON.treeToValue(json, Object.class);
    }

    /** Empty where an operation does not fit. */
    private static Optional<Object> plain(JsonNode patch, Object document) throws IOException {
        Object state = document;
        try {
            for (JsonNode operation : patch) {
                state = PlainPatch.apply((Map<?, ?>) plain(operation), state);
            }
        } catch (PlainPatch.Misfit e) {
            return Optional.empty();
        }
        return Optional.of(state);
    }
}
