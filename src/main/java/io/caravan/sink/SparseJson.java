package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import io.caravan.event.Json;
import java.io.IOException;
import java.io.StringWriter;
import java.time.Instant;
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

    /** What is the same for one value and for several. */
    private interface Value<T> {
        void write(T value) throws IOException;
    }

    /** How each of the texts is called, and what it is. */
    record Pair<T>(String first, Function<T, String> firstOf, String second, Function<T, String> secondOf) {}

    private final StringWriter text = new StringWriter();
    private final JsonGenerator json = Json.mapper().getFactory().createGenerator(text);
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
            json.writeString(value);
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

    void time(String name, Optional<Instant> value) throws IOException {
        text(name, value.map(Instant::toString).orElse(""));
    }

    void texts(String name, Collection<String> values) throws IOException {
        if (!values.isEmpty()) {
            field(name);
            json.writeStartArray();
            for (String value : values) {
                json.writeString(value);
            }
            json.writeEndArray();
        }
    }

    /** The value itself where there is one; a list where there are several. */
    void textOrTexts(String name, List<String> values) throws IOException {
        oneOrMore(name, values, json::writeString);
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
                json.writeStringField(pair.first, pair.firstOf.apply(value));
                json.writeStringField(pair.second, pair.secondOf.apply(value));
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

    byte[] toBytes() throws IOException {
        json.writeEndObject();
        json.flush();
        return text.toString().getBytes(UTF_8);
    }

    @Override
    public void close() throws IOException {
        json.close();
    }
}
