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
    private static final Set<Integer> NOT_SERVED = Set.of(404, 405, 501);

    /** Of the server's codes, those by which it says that it does not understand the question: ours, not the content. */
    private static final String NOT_UNDERSTOOD = "GRAPHQL_";

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

    /**
     * There is no GraphQL API at the address: it is another kind of server, or something in between answers for it, perhaps for
     * the moment. To a push it is an outage.
     */
    public static final class Absent extends IOException {
        private static final long serialVersionUID = 1L;

        Absent(String message) {
            super(message);
        }
    }

    /** Whether an answer came, and the same question will get none other; else the platform is unreachable at the moment. */
    public static boolean isRefusal(IOException failure) {
        return failure instanceof Failed
                || failure instanceof Absent
                || failure instanceof Answers.Forbidden
                || failure instanceof Answers.NotTaken;
    }

    /** Whether a refusal lasts: of another one, such as of an overloaded database, the API says no more than that it has failed. */
    public static boolean isLasting(IOException failure) {
        return failure instanceof Failed failed
                ? failed.isForbidden() || failed.code.startsWith(NOT_UNDERSTOOD)
                : isRefusal(failure);
    }

    /** Whether every question of this user is refused. */
    public static boolean isOfEveryQuestion(IOException refusal) {
        return refusal instanceof Failed failed
                ? failed.isForbidden()
                : refusal instanceof Absent || refusal instanceof Answers.Forbidden;
    }

    public GraphQl(Platform platform, Duration patience) {
        this.platform = platform;
        this.patience = patience;
    }

    /**
     * Asks.
     *
     * @param variables texts, numbers, truth values, maps of such, or {@link Bytes}, whose text is written as it is
     * @param promised the fields of {@code data} that the answer must have, be they null
     * @return {@code data}
     * @throws IOException where the answer is none, or lacks a field
     */
    public JsonNode ask(String query, Map<String, ?> variables, String... promised)
            throws IOException, InterruptedException {
        return ask(query, variables, true, promised);
    }

    /** As {@link #ask}, where the answer holds a secret: no message repeats any of it. */
    JsonNode askForSecret(String query, Map<String, ?> variables, String... promised)
            throws IOException, InterruptedException {
        return ask(query, variables, false, promised);
    }

    private JsonNode ask(String query, Map<String, ?> variables, boolean isShown, String... promised)
            throws IOException, InterruptedException {
        Platform.Answer answer = platform.post("/graphql", HEADERS, request(query, variables), patience);
        JsonNode json = answer.json();
        JsonNode error = json.at("/errors/0");
        boolean isNotUnderstood = error.at("/extensions/code").asText().startsWith(NOT_UNDERSTOOD);
        if (answer.status() != 200 && !isNotUnderstood) {
            IOException refusal = Answers.refusal(platform, answer, "platform");
            throw NOT_SERVED.contains(answer.status()) ? new Absent(refusal.getMessage()) : refusal;
        }
        if (error.isObject()) {
            throw failed(error);
        }
        JsonNode data = json.path("data");
        if (!data.isObject()) {
            throw unpromised(answer, "the data of a GraphQL API", isShown);
        }
        for (String field : promised) {
            if (!data.has(field)) {
                throw unpromised(answer, field + ", which was asked for", isShown);
            }
        }
        return data;
    }

    private IOException unpromised(Platform.Answer answer, String promised, boolean isShown) {
        return isShown
                ? Answers.unpromised(platform, answer, promised)
                : Answers.unpromisedSecret(platform, answer, promised);
    }

    /** A text that an answer must have. */
    String text(JsonNode told, String pointer) throws IOException {
        JsonNode text = told.at(pointer);
        if (!text.isTextual() || text.textValue().isBlank()) {
            throw unpromised("without " + pointer.substring(1).replace('/', '.'));
        }
        return text.textValue();
    }

    /** What the API answers, as a predicate, that is not what it promises. */
    IOException unpromised(String answers) {
        return new IOException(platform.url() + " answers " + answers
                + ": something else than a destination answers there, or stands in front of it");
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
