package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * This program as a connector of the destination: registered once, pinged, and with a work a batch, by which the
 * destination tells what became of it. Safe for threads.
 */
final class Connector {

    private static final String REGISTER =
            "mutation Register($input: RegisterConnectorInput!) { registerConnector(input: $input) {"
                    + " id connector_user_id config { connection { host vhost use_ssl port user pass } push push_routing push_exchange } } }";
    private static final String PING =
            "mutation Ping($id: ID!, $state: String) { pingConnector(id: $id, state: $state) { id connector_state } }";
    private static final String WORK =
            "mutation Work($id: String!, $name: String!) { workAdd(connectorId: $id, friendlyName: $name) { id } }";
    private static final String EXPECT = "mutation Expect($id: ID!, $expectations: Int) {"
            + " workEdit(id: $id) { addExpectations(expectations: $expectations) } }";
    private static final String OUTCOME = "query Work($id: ID!) { work(id: $id) { id status errors { message source }"
            + " tracking { import_expected_number import_processed_number } } }";

    private static final Pattern IN_A_SENTENCE = Pattern.compile("Element ([a-z0-9-]+--[0-9a-fA-F-]{36}) ");

    private final GraphQl api;
    private final String id;
    private final String name;
    private Optional<JsonNode> registration = Optional.empty();

    /** @param id a UUID, the same in every run */
    Connector(GraphQl api, String id, String name) {
        this.api = api;
        this.id = id;
        this.name = name;
    }

    /** The same in every run that writes from here to there. */
    static String idOf(String destination, String source) {
        String identity = "caravan " + destination + " " + source;
        return UUID.nameUUIDFromBytes(identity.getBytes(StandardCharsets.UTF_8)).toString();
    }

    String id() {
        return id;
    }

    /** In whose name the destination has registered this. */
    String user() throws IOException, InterruptedException {
        return api.text(registered(), "/connector_user_id");
    }

    /** What the destination answered when this was registered; it is, if it was not. */
    synchronized JsonNode registered() throws IOException, InterruptedException {
        if (registration.isEmpty()) {
            Map<String, Object> input = new LinkedHashMap<>();
            input.put("id", id);
            input.put("name", name);
            input.put("type", "STREAM");
            input.put("scope", List.of("stix2"));
            input.put("auto", false);
            JsonNode told = api.askForSecret(REGISTER, Map.of("input", input), "registerConnector");
            api.text(told, "/registerConnector/id");
            registration = Optional.of(told.path("registerConnector"));
        }
        return registration.get();
    }

    /** The destination knows it no longer. */
    synchronized void forget() {
        registration = Optional.empty();
    }

    void ping(String state) throws IOException, InterruptedException {
        api.text(ask(PING, Map.of("id", id, "state", state), "pingConnector"), "/pingConnector/id");
    }

    /** A new work's id. */
    String work(String friendlyName) throws IOException, InterruptedException {
        return api.text(ask(WORK, Map.of("id", id, "name", friendlyName), "workAdd"), "/workAdd/id");
    }

    /** As what is registered, and again so at the next time where that fails. */
    private JsonNode ask(String query, Map<String, ?> variables, String promised)
            throws IOException, InterruptedException {
        registered();
        try {
            return api.ask(query, variables, promised);
        } catch (GraphQl.Failed e) {
            forget(); // somebody may have deleted it in the platform, which then fails in some way or other
            throw e;
        }
    }

    /** Tells of how many more objects the work will be: it is complete when so many have been reported. */
    void expect(String work, int objects) throws IOException, InterruptedException {
        JsonNode told = api.ask(EXPECT, Map.of("id", work, "expectations", objects), "workEdit");
        if (!told.at("/workEdit").has("addExpectations")) {
            throw api.unpromised("without saying that it expects " + objects + " objects of the work");
        }
    }

    /** Empty where this user may not read works, or there is no such work. */
    Optional<Way.Outcome> outcome(String work) throws IOException, InterruptedException {
        JsonNode told;
        try {
            told = api.ask(OUTCOME, Map.of("id", work), "work").path("work");
        } catch (GraphQl.Failed e) {
            if (e.lacksRight()) {
                return Optional.empty();
            }
            throw e;
        }
        if (told.isNull()) {
            return Optional.empty();
        }
        api.text(told, "/status");
        if (!told.has("errors")) {
            throw api.unpromised("without the errors of the work");
        }
        List<Way.Failure> failures = new ArrayList<>();
        for (JsonNode error : told.path("errors")) {
            failures.add(new Way.Failure(
                    objectOf(error.path("source").asText()),
                    error.path("message").asText()));
        }
        boolean isDone = told.path("status").asText().equals("complete");
        int counted = told.at("/tracking/import_processed_number").asInt();
        return Optional.of(new Way.Outcome(isDone || counted > 0, isDone, failures, failures.size(), counted));
    }

    /** The error's source is the object, as JSON in a text; of one that was not looked at, a sentence with its id. */
    private static String objectOf(String source) {
        try {
            JsonNode object = new ObjectMapper().readTree(source);
            return object instanceof ObjectNode ? object.path("id").asText() : "";
        } catch (IOException notJson) {
            Matcher sentence = IN_A_SENTENCE.matcher(source);
            return sentence.lookingAt() ? sentence.group(1) : "";
        }
    }
}
