package io.caravan.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.JsonTokenId;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.util.RawValue;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/** How JSON is read and written here: of any length, numbers as they are written. */
public final class Json {

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE) // an event's size is bounded before it comes here
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxNumberLength(10_000)
                    .build())
            .build();

    /** Numbers stay what they are: 1.10 is not 1.1 to whoever compares texts. */
    private static final ObjectMapper TREES = JsonMapper.builder(FACTORY)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    /** An object without members. */
    public static final Bytes EMPTY = Bytes.of("{}");

    private Json() {}

    public static JsonParser parser(Bytes json) throws IOException {
        return FACTORY.createParser(json.array(), json.offset(), json.length());
    }

    static JsonParser parser(InputStream json) throws IOException {
        return FACTORY.createParser(json);
    }

    /** A number that no type holds, such as {@code 1e99999999999}, is in the tree as it is written. */
    public static JsonNode tree(Bytes json) throws IOException {
        try {
            return TREES.readTree(json.array(), json.offset(), json.length());
        } catch (JsonProcessingException | ArithmeticException | NumberFormatException e) {
            try (JsonParser parser = new NumbersAsWritten(parser(json))) {
                return TREES.readTree(parser);
            }
        }
    }

    public static Bytes bytes(JsonNode tree) throws IOException {
        byte[] json = TREES.writeValueAsBytes(tree);
        return new Bytes(json, json.length);
    }

    public static ObjectMapper mapper() {
        return TREES;
    }

    /** Numbers with a fraction or an exponent that are beyond BigDecimal come as their text. */
    private static final class NumbersAsWritten extends JsonParserDelegate {

        NumbersAsWritten(JsonParser json) {
            super(json);
        }

        @Override
        public JsonToken nextToken() throws IOException {
            super.nextToken();
            return currentToken();
        }

        @Override
        public JsonToken currentToken() {
            return isBeyondItsType() ? JsonToken.VALUE_EMBEDDED_OBJECT : super.currentToken();
        }

        @Override
        public int currentTokenId() {
            return isBeyondItsType() ? JsonTokenId.ID_EMBEDDED_OBJECT : super.currentTokenId();
        }

        @Override
        public Object getEmbeddedObject() throws IOException {
            return isBeyondItsType() ? new RawValue(getText()) : super.getEmbeddedObject();
        }

        private boolean isBeyondItsType() {
            if (super.currentToken() != JsonToken.VALUE_NUMBER_FLOAT) {
                return false;
            }
            try {
                getDecimalValue();
                return false;
            } catch (IOException | ArithmeticException | NumberFormatException e) {
                return true;
            }
        }
    }

    /** Why JSON cannot be read, for a person: without names from the library's code. */
    static String reason(JsonProcessingException e) {
        return e.getOriginalMessage().replaceFirst(" \\(start marker at .*", "").replaceFirst(", from `[^`]*`", "");
    }

    /** The text the parser stands at; something else is passed over. */
    public static String textOr(String otherwise, JsonParser json) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_STRING) {
            return json.getText();
        }
        json.skipChildren();
        return otherwise;
    }

    /** The bytes of the object that the parser stands at; empty for something else. Both are passed over. */
    public static Optional<Bytes> object(JsonParser json, Bytes source) throws IOException {
        long from = json.currentTokenLocation().getByteOffset();
        boolean isObject = json.isExpectedStartObjectToken();
        json.skipChildren();
        return isObject
                ? Optional.of(source.piece(from, json.currentTokenLocation().getByteOffset() + 1))
                : Optional.empty();
    }
}
