package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import io.caravan.event.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Writes one JSON object and leaves out what is absent: an empty text, an empty list, and an object in which nothing
 * stands. Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark. Used by one thread.
 */
final class SparseJson implements AutoCloseable {

    /** Of most records. */
    private static final int SIZE = 4096;

    /** What is the same for one value and for several. */
    private interface Value<T> {
        void write(T value) throws IOException;
    }

    /** How each of the texts is called, and what it is. */
    record Pair<T>(String first, Function<T, String> firstOf, String second, Function<T, String> secondOf) {}

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(SIZE);
    private final JsonGenerator json = Json.mapper()
            .getFactory()
            .createGenerator(bytes)
            .enable(JsonGenerator.Feature.COMBINE_UNICODE_SURROGATES_IN_UTF8);
    /** Objects that begin with their first member, outermost first. */
    private final Deque<String> unopened = new ArrayDeque<>();

    SparseJson() throws IOException {
        json.writeStartObject();
    }

    /** All until {@link #end} stands in an object of this name. */
    void object(String name) {
        unopened.addLast(name);
    }

    void end() throws IOException {
        if (unopened.pollLast() == null) {
            json.writeEndObject();
        }
    }

    void text(String name, String value) throws IOException {
        if (!value.isEmpty()) {
            field(name);
            writeText(value);
        }
    }

    void flag(String name, boolean value) throws IOException {
        field(name);
        json.writeBoolean(value);
    }

    void number(String name, Optional<Long> value) throws IOException {
        if (value.isPresent()) {
            field(name);
            json.writeNumber(value.get());
        }
    }

    void texts(String name, Collection<String> values) throws IOException {
        if (!values.isEmpty()) {
            field(name);
            json.writeStartArray();
            for (String value : values) {
                writeText(value);
            }
            json.writeEndArray();
        }
    }

    /** The value itself where there is one; a list where there are several. */
    void textOrTexts(String name, List<String> values) throws IOException {
        oneOrMore(name, values, this::writeText);
    }

    void numberOrNumbers(String name, List<Long> values) throws IOException {
        oneOrMore(name, values, json::writeNumber);
    }

    private <T> void oneOrMore(String name, List<T> values, Value<T> value) throws IOException {
        if (values.isEmpty()) {
            return;
        }
        boolean several = values.size() > 1;
        field(name);
        if (several) {
            json.writeStartArray();
        }
        for (T one : values) {
            value.write(one);
        }
        if (several) {
            json.writeEndArray();
        }
    }

    /** A list of objects of two texts each. */
    <T> void pairs(String name, Collection<T> values, Pair<T> pair) throws IOException {
        if (!values.isEmpty()) {
            field(name);
            json.writeStartArray();
            for (T value : values) {
                json.writeStartObject();
                json.writeFieldName(pair.first);
                writeText(pair.firstOf.apply(value));
                json.writeFieldName(pair.second);
                writeText(pair.secondOf.apply(value));
                json.writeEndObject();
            }
            json.writeEndArray();
        }
    }

    private void field(String name) throws IOException {
        while (!unopened.isEmpty()) {
            json.writeObjectFieldStart(unopened.pollFirst());
        }
        json.writeFieldName(name);
    }

    private void writeText(String text) throws IOException {
        json.writeString(hasHalfPair(text) ? new String(text.getBytes(UTF_8), UTF_8) : text);
    }

    private static boolean hasHalfPair(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                boolean isPair = i + 1 < text.length() && Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1));
                if (!isPair) {
                    return true;
                }
                i++;
            }
        }
        return false;
    }

    byte[] toBytes() throws IOException {
        json.writeEndObject();
        json.flush();
        return bytes.toByteArray();
    }

    @Override
    public void close() throws IOException {
        json.close();
    }
}
