package io.caravan.testkit;

import static io.caravan.testkit.Frames.fields;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Answers the few GraphQL queries that a stream's consumer asks, whatever fields they ask for. Stateless. */
final class GraphQl {

    /** As recorded from a platform; the HTTP status is 200. */
    private static final String AUTH_REQUIRED = "{\"errors\":[{\"message\":\"You must be logged in to do this.\","
            + "\"locations\":[{\"line\":1,\"column\":2}],\"path\":[\"me\"],\"extensions\":{\"code\":\"AUTH_REQUIRED\","
            + "\"data\":{\"http_status\":401,\"genre\":\"TECHNICAL\"}},\"name\":\"AUTH_REQUIRED\"}],\"data\":null}";

    private static final Map<String, Object> ABOUT = fields("version", "7.260817.0", "dependencies", List.of());

    private static final Map<String, Object> ME =
            fields("id", "88ec0c6a-13ce-5e39-b486-354fe4a7084f", "name", "admin", "user_email", "admin@example.test");

    private static final String OBJECT = "stixObjectOrStixRelationship";

    private GraphQl() {}

    /** To a token that the platform does not know: no streams and no error, unless it is asked who that is. */
    static Answer toUnknown(String query) {
        return asks(query, "me") || query.contains(OBJECT) ? Answer.json(AUTH_REQUIRED) : streams(query, List.of());
    }

    /** @param query the request's body */
    static Answer answer(String query, PlatformState state) {
        if (query.contains(OBJECT)) {
            return objects(Jackson.tree(query), state);
        }
        return streams(query, state.streams);
    }

    private static Answer streams(String query, List<LiveStream> streams) {
        Map<String, Object> data = new LinkedHashMap<>();
        if (asks(query, "about")) {
            data.put("about", ABOUT);
        }
        if (asks(query, "me")) {
            data.put("me", ME);
        }
        if (asks(query, "streamCollections")) {
            data.put(
                    "streamCollections",
                    fields("edges", streams.stream().map(GraphQl::edge).toList()));
        }
        return Answer.json(Json.write(fields("data", data)));
    }

    /** Of each object that is asked for, whether this user is shown it: by its internal or its STIX id, and not from the trash. */
    private static Answer objects(JsonNode request, PlatformState state) {
        List<GraphQlField> asked = GraphQlField.read(request.path("query").asText(), request.path("variables"));
        Map<String, ObjectNode> shown = new HashMap<>();
        for (Frame frame : state.contents()) {
            JsonNode object = Jackson.tree(frame.data()).path("data");
            show(
                    object.at("/extensions/" + Frames.OPENCTI_EXTENSION + "/id").asText(),
                    object.path("id").asText(),
                    shown);
        }
        state.shownBesides.forEach(id -> show(id, id, shown));
        ObjectNode data = JsonNodeFactory.instance.objectNode();
        ArrayNode errors = JsonNodeFactory.instance.arrayNode();
        for (GraphQlField field : asked) {
            ObjectNode object = state.knowledgeRefused ? null : shown.get(field.text("id"));
            data.set(field.alias(), object == null ? null : field.of(object));
            if (state.knowledgeRefused) {
                errors.add(forbidden(field));
            }
        }
        ObjectNode answer = JsonNodeFactory.instance.objectNode();
        if (!errors.isEmpty()) {
            answer.set("errors", errors);
        }
        answer.set("data", data);
        return Answer.json(answer.toString());
    }

    private static void show(String internalId, String stixId, Map<String, ObjectNode> shown) {
        ObjectNode object =
                JsonNodeFactory.instance.objectNode().put("id", internalId).put("standard_id", stixId);
        shown.put(internalId, object);
        shown.put(stixId, object);
    }

    private static ObjectNode forbidden(GraphQlField field) {
        ObjectNode error = JsonNodeFactory.instance.objectNode().put("message", "You are not allowed to do this.");
        error.putArray("path").add(field.alias());
        error.putObject("extensions").put("code", "FORBIDDEN_ACCESS");
        return error.put("name", "FORBIDDEN_ACCESS");
    }

    private static boolean asks(String query, String field) {
        return Pattern.compile("\\b" + field + "\\b\\s*[({]").matcher(query).find();
    }

    private static Map<String, Object> edge(LiveStream stream) {
        Map<String, Object> node = new LinkedHashMap<>();
        node.put("id", stream.id());
        node.put("name", stream.name());
        node.put("description", stream.description());
        node.put("stream_live", stream.live());
        node.put("stream_public", stream.open());
        return fields("node", node);
    }
}
