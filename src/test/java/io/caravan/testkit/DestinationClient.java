package io.caravan.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.Map;

/** Asks a fake destination what a connector asks, for the tests of the fake. Stateless. */
final class DestinationClient {

    static final String CONNECTOR = "eba48f28-488b-410b-b455-a605335bc1e8";

    private static final String TAXII = "application/taxii+json;version=2.1";

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final FakeDestination destination;

    DestinationClient(FakeDestination destination) {
        this.destination = destination;
    }

    HttpResponse<String> send(HttpRequest request) throws Exception {
        return http.send(request, BodyHandlers.ofString());
    }

    String taxii(String path, JsonNode posted) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(destination.url() + "/taxii2/root/" + path))
                .header("Authorization", "Bearer " + FakeDestination.TOKEN)
                .header("Content-Type", TAXII);
        if (posted != null) {
            request.POST(BodyPublishers.ofString(posted.toString()));
        }
        return http.send(request.build(), BodyHandlers.ofString()).body();
    }

    JsonNode register() throws Exception {
        return ask(
                "mutation R($input: RegisterConnectorInput!) { registerConnector(input: $input) { id config {"
                        + " connection { host port pass } push_exchange push_routing } } }",
                Map.of("input", Map.of("id", CONNECTOR, "name", "carrier", "type", "EXTERNAL_IMPORT")));
    }

    String work() throws Exception {
        return ask("mutation { workAdd(connectorId: \"" + CONNECTOR + "\", friendlyName: \"w\") { id } }", Map.of())
                .at("/data/workAdd/id")
                .asText();
    }

    JsonNode read(String work) throws Exception {
        return ask(
                        "query W($id: ID!) { work(id: $id) { id status errors { message source } tracking {"
                                + " import_expected_number import_processed_number } } }",
                        Map.of("id", work))
                .at("/data/work");
    }

    void push(String work, JsonNode... objects) throws Exception {
        String bundle =
                Jackson.object("type", "bundle", "objects", List.of(objects)).toString();
        JsonNode answer = ask(
                "mutation P($c: String!, $b: String!, $w: String) { stixBundlePush(connectorId: $c, bundle: $b, work_id: $w) }",
                Map.of("c", CONNECTOR, "b", bundle, "w", work));
        assertThat(answer).hasToString("{\"data\":{\"stixBundlePush\":true}}");
        destination.awaitApplied();
    }

    JsonNode ask(String query, Map<String, ?> variables) throws Exception {
        return Jackson.tree(post(query, variables).body());
    }

    HttpResponse<String> post(String query) throws Exception {
        return post(query, Map.of());
    }

    HttpResponse<String> post(String query, Map<String, ?> variables) throws Exception {
        String body = Jackson.object("query", query, "variables", variables).toString();
        return http.send(
                HttpRequest.newBuilder(URI.create(destination.url() + "/graphql"))
                        .header("Authorization", "Bearer " + FakeDestination.TOKEN)
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }

    static ObjectNode malware(String id, String name) {
        return Jackson.object("type", "malware", "id", id, "name", name);
    }

    static ObjectNode relation(String id, String from, String to) {
        return Jackson.object(
                "type",
                "relationship",
                "id",
                id,
                "relationship_type",
                "related-to",
                "source_ref",
                from,
                "target_ref",
                to);
    }

    static ObjectNode operation(ObjectNode object, String operation) {
        return object.put("opencti_operation", operation);
    }
}
