package io.caravan.testkit;

import static io.caravan.testkit.Frames.fields;

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

    private GraphQl() {}

    /** To a token that the platform does not know: no streams and no error, unless it is asked who that is. */
    static Answer toUnknown(String query) {
        return asks(query, "me") ? Answer.json(AUTH_REQUIRED) : answer(query, List.of());
    }

    static Answer answer(String query, List<LiveStream> streams) {
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
