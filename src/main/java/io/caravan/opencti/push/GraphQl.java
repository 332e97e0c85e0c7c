package io.caravan.opencti.push;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Bytes;
import io.caravan.event.Json;
import io.caravan.opencti.Platform;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/** A platform's GraphQL API. It answers 200 to failures too, and says so in {@code errors}. Safe for threads. */
public final class GraphQl {

    private static final Map<String, String> HEADERS = Map.of("Content-Type", "application/json");

    /** What servers answer to a path that they have not. */
    private static final Set<Integer> NOT_SERVED = Set.of(403, 404, 405, 501);

    private final Platform platform;
    private final Duration patience;

    /** The API refused what it was asked. */
    public static final class Failed extends IOException {
        private static final long serialVersionUID = 1L;
        private final String code;

        Failed(String message, String code) {
            super(message);
            this.code = code;
        }

        /** Whether a right is missing, or the token is wrong. */
        public boolean isForbidden() {
            return lacksRight() || code.equals("AUTH_REQUIRED");
        }

        boolean lacksRight() {
            return code.equals("FORBIDDEN_ACCESS");
        }

        /**
         * Whether it is the bundle that is wrong. Whatever else fails in a push, its queue or its database, the platform calls an
         * invalid bundle, too, and only the cause tells.
         */
        boolean isOfTheBundle() {
            return getMessage().contains("Invalid stix bundle");
        }
    }

    /** There is no GraphQL API at the address: it is another kind of server, or something in between answers for it. */
    public static final class Absent extends IOException {
        private static final long serialVersionUID = 1L;

        Absent(String message) {
            super(message);
        }
    }

    /** Whether an answer came, and the same question will get none other; else the platform is unreachable at the moment. */
    public static boolean isRefusal(IOException failure) {
        return failure instanceof Failed || failure instanceof Absent || failure instanceof Answers.NotTaken;
    }

    public GraphQl(Platform platform, Duration patience) {
        this.platform = platform;
        this.patience = patience;
    }

    /**
     * Asks.
     *
     * @param variables texts, numbers, truth values, maps of such, or {@link Bytes}, whose text is written as it is
     * @return {@code data}
     */
    public JsonNode ask(String query, Map<String, ?> variables) throws IOException, InterruptedException {
        Platform.Answer answer = platform.post("/graphql", HEADERS, request(query, variables), patience);
        JsonNode json = Answers.json(answer);
        if (answer.status() != 200) {
            IOException refusal = Answers.refusal(
                    platform.url(), answer, json.at("/errors/0/message").asText());
            throw NOT_SERVED.contains(answer.status()) ? new Absent(refusal.getMessage()) : refusal;
        }
        JsonNode error = json.at("/errors/0");
        if (error.isObject()) {
            throw failed(error);
        }
        if (!json.path("data").isObject()) {
            throw new Absent(platform.url() + " does not answer as a platform does: is its base path part of url?");
        }
        return json.path("data");
    }

    private Failed failed(JsonNode error) {
        String code = error.at("/extensions/code").asText();
        JsonNode cause = error.at("/extensions/data/cause/message");
        String message = error.path("message").asText() + (cause.isTextual() ? ": " + cause.asText() : "");
        String said = platform.url() + " says: " + message + (code.isEmpty() ? "" : " (" + code + ")");
        return new Failed(said, code);
    }

    private static byte[] request(String query, Map<String, ?> variables) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = Json.mapper().createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField("query", query);
            json.writeObjectFieldStart("variables");
            for (Map.Entry<String, ?> variable : variables.entrySet()) {
                json.writeFieldName(variable.getKey());
                if (variable.getValue() instanceof Bytes text) {
                    json.writeUTF8String(text.array(), text.offset(), text.length());
                } else {
                    json.writeObject(variable.getValue());
                }
            }
            json.writeEndObject();
            json.writeEndObject();
        }
        return bytes.toByteArray();
    }
}
