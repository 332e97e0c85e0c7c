package io.caravan.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FakeDestinationTest {

    private static final String CONNECTOR = "eba48f28-488b-410b-b455-a605335bc1e8";
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";
    private static final String TAXII = "application/taxii+json;version=2.1";
    private static final String MALWARE = "malware--00000000-0000-4000-8000-000000000001";
    private static final String OTHER = "malware--00000000-0000-4000-8000-000000000002";
    private static final String THIRD = "malware--00000000-0000-4000-8000-000000000003";
    private static final String USES = "relationship--00000000-0000-4000-8000-000000000004";
    private static final String ABOUT = "relationship--00000000-0000-4000-8000-000000000005";

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final FakeDestination destination = FakeDestination.start();

    @AfterEach
    void close() {
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    @Test
    void answersGraphQlAsRecorded() throws Exception {
        destination.mayReadWorks(false);
        for (JsonNode exchange : capture("bundle-push-and-queue")) {
            if (exchange.has("response")) {
                destination.rights(exchange.path("as").asText().equals("reader") ? "KNOWLEDGE" : "CONNECTORAPI");
                assertAnswersAsRecorded(exchange);
            }
        }
    }

    @Test
    void answersTaxiiAsRecorded() throws Exception {
        destination.collection(COLLECTION, false);
        for (JsonNode exchange : capture("taxii-push")) {
            if (exchange.path("name").asText().equals("start the collection")) {
                destination.collection(COLLECTION, true).workerBeginsAfter(Duration.ofHours(1));
            }
            boolean isAMember = !exchange.path("as").asText().equals("reader");
            String path = exchange.at("/request/path").asText();
            if (path.startsWith("/taxii2") && !path.contains("/status/") && isAMember) {
                assertAnswersAsRecorded(exchange);
            }
        }
    }

    @Test
    void appliesPushedOperationsWithTheRecordedEffects() throws Exception {
        register();
        destination.collection(COLLECTION, true);
        for (JsonNode exchange : capture("operations-with-worker-and-direct")) {
            String name = exchange.path("name").asText();
            if (name.equals("taxii pushed indicator exists before")) {
                break; // what follows changes objects directly, which no way in does
            }
            boolean mayDelete = !exchange.path("as").asText().equals("pusher");
            destination.rights(
                    "CONNECTORAPI",
                    "KNOWLEDGE_KNUPDATE_KNMERGE",
                    mayDelete ? "KNOWLEDGE_KNUPDATE_KNDELETE" : "KNOWLEDGE_KNUPDATE");
            if (exchange.has("request") && !name.startsWith("patch")) {
                assertAnswersAsRecorded(exchange);
                destination.awaitApplied();
            }
        }
        assertThat(destination.objects().keySet())
                .extracting(id -> id.substring(9, 17))
                .containsExactly("a4563a24", "d2887a47", "bd790b1e"); // refused its deletion, merge's target, upserted
        JsonNode upserted = destination.objects().get("malware--bd790b1e-2eba-414b-a2de-04e586c7d18d");
        assertThat(upserted.path("description").asText()).isEqualTo("older description");
        JsonNode target = destination.objects().get("malware--d2887a47-426a-48a8-9fea-34b154baef50");
        assertThat(target.path("aliases")).hasToString("[\"Dest op c170e9\",\"Dest op 97263b\"]");
    }

    @Test
    void replacesOnlyWhatIsSynchronized() throws Exception {
        List<JsonNode> exchanges = capture("queue-events-sync-upsert-and-import");
        for (JsonNode exchange : exchanges) {
            if (exchange.has("message")) {
                receive(exchange.get("message"));
            } else if (exchange.at("/observed/now").isObject()) {
                JsonNode now = destination.objects().get("malware--e67f820f-f251-4a32-9efe-e30ab31438bb");
                assertThat(now.path("description").asText("null"))
                        .isEqualTo(
                                now.has("description")
                                        ? exchange.at("/observed/now/description")
                                                .asText()
                                        : "null");
                assertThat(texts(now.path("aliases"))).isEqualTo(texts(exchange.at("/observed/now/aliases")));
            }
        }
        assertThat(destination.objects())
                .containsOnlyKeys(
                        "malware--a344cd96-cfb6-4498-8494-12577194dacd",
                        "malware--e67f820f-f251-4a32-9efe-e30ab31438bb");
    }

    @Test
    void tellsARefusalAsRecorded() throws Exception {
        register();
        String work = work();
        JsonNode error = capture("work-errors").get(0).at("/observed/1/errors/0");
        JsonNode refused = Jackson.tree(error.path("source").asText());
        destination.put(refused, "someone").rights("CONNECTORAPI", "KNOWLEDGE_KNUPDATE");
        push(work, refused);
        assertThat(read(work).path("status").asText()).isEqualTo("complete");
        assertThat(read(work).path("tracking"))
                .hasToString("{\"import_expected_number\":1,\"import_processed_number\":1}");
        assertThat(read(work).at("/errors/0/message")).isEqualTo(error.path("message"));
        assertThat(Jackson.tree(read(work).at("/errors/0/source").asText())).isEqualTo(refused);
        assertThat(destination.objects()).hasSize(1);
    }

    @Test
    void tellsTheFateOfATaxiiPushAsRecorded() throws Exception {
        destination.collection(COLLECTION, true).rights("KNOWLEDGE_KNUPDATE", "TAXIIAPI");
        JsonNode pushed = capture("work-errors").get(0).at("/observed/0/errors/0/source");
        JsonNode refused = Jackson.tree(pushed.asText());
        destination.put(refused);
        String work = Jackson.tree(
                        taxii("collections/" + COLLECTION + "/objects/", Jackson.object("objects", List.of(refused))))
                .path("id")
                .asText();
        destination.awaitApplied();
        String recorded = capture("work-errors").get(1).at("/response/body").asText();
        assertThat(masked(taxii("status/" + work + "/", null))).isEqualTo(masked(recorded));
    }

    @Test
    void ofTwoStatesInABundleTheLastIsApplied() throws Exception {
        register();
        push("", malware(MALWARE, "first"), malware(MALWARE, "last"));
        assertThat(destination.objects().get(MALWARE).path("name").asText()).isEqualTo("last");
        assertThat(destination.objects()).hasSize(1);
    }

    @Test
    void aRenameIsKnownByTheIdBefore() throws Exception {
        register();
        push("", malware(MALWARE, "before"), malware(THIRD, "third"), relation(USES, MALWARE, THIRD));
        ObjectNode renamed = malware(OTHER, "after");
        StixFields.extension(renamed).putArray("stix_ids").add(MALWARE);
        push("", renamed);
        assertThat(destination.objects()).containsOnlyKeys(THIRD, USES, OTHER);
        push("", operation(malware(OTHER, "after"), "delete"));
        assertThat(destination.objects()).containsOnlyKeys(THIRD);
    }

    @Test
    void deletionTakesWhatEndsThereAndWhatEndsAtThat() throws Exception {
        register();
        push(
                "",
                malware(MALWARE, "a"),
                malware(OTHER, "b"),
                relation(USES, MALWARE, OTHER),
                relation(ABOUT, USES, OTHER));
        push("", operation(malware(MALWARE, "a"), "delete"));
        assertThat(destination.objects()).containsOnlyKeys(OTHER);
    }

    @Test
    void mergeMovesRelationsAndKeepsOneOfTwoThatBecomeTheSame() throws Exception {
        register();
        push("", malware(MALWARE, "a"), malware(OTHER, "b"), malware(THIRD, "c"));
        push("", relation(USES, MALWARE, THIRD), relation(ABOUT, OTHER, THIRD));
        ObjectNode merge = operation(malware(MALWARE, "a"), "merge").put("merge_target_id", MALWARE);
        merge.putArray("merge_source_ids").add(OTHER);
        push("", merge);
        assertThat(destination.objects()).containsOnlyKeys(MALWARE, THIRD, USES);
    }

    @Test
    void aMissingReferenceIsAnErrorOfTheWork() throws Exception {
        register();
        String work = work();
        push(work, relation(USES, MALWARE, OTHER), malware(MALWARE, "a"));
        assertThat(read(work).at("/errors/0/message").asText()).contains("MISSING_REFERENCE_ERROR");
        assertThat(destination.objects()).containsOnlyKeys(MALWARE);
        push(work, relation(USES, MALWARE, OTHER), malware(OTHER, "b"));
        assertThat(read(work).path("errors")).hasSize(1);
        assertThat(destination.objects()).containsOnlyKeys(MALWARE, OTHER, USES);
    }

    @Test
    void labelsVanishWithoutAWord() throws Exception {
        destination.rights("CONNECTORAPI", "KNOWLEDGE_KNUPDATE");
        register();
        String work = work();
        ObjectNode labelled = malware(MALWARE, "a");
        labelled.putArray("labels").add("apt");
        push(work, labelled);
        assertThat(read(work).path("errors")).isEmpty();
        assertThat(destination.objects().get(MALWARE).path("labels")).isEmpty();
    }

    @Test
    void tellsWhoWroteAnObjectAndWhatContainsIt() throws Exception {
        ObjectNode report = Jackson.object("type", "report", "id", "report--1", "object_refs", List.of(MALWARE));
        destination.put(malware(MALWARE, "a"), "someone").put(report, FakeDestination.USER);
        register();
        push("", malware(MALWARE, "a"));
        JsonNode answer = ask(
                "query Q($id: String!) { it: stixObjectOrStixRelationship(id: $id) { ... on StixCoreObject {"
                        + " standard_id creators { id } containers(first: 10) { edges { node { creators { name } } } } } } }",
                Map.of("id", MALWARE));
        assertThat(answer.path("data"))
                .hasToString("{\"it\":{\"standard_id\":\"" + MALWARE
                        + "\",\"creators\":[{\"id\":\"someone\"},{\"id\":\"" + FakeDestination.USER
                        + "\"}],\"containers\":{\"edges\":[{\"node\":{\"creators\":[{\"name\":\"pusher\"}]}}]}}}");
    }

    @Test
    void misbehavesAsAsked() throws Exception {
        register();
        destination.refuse(1, 503).failPushes(1, "LOCK_ERROR", "Execution timeout");
        String mutation = "mutation { stixBundlePush(connectorId: \"" + CONNECTOR + "\", bundle: \"{}\") }";
        assertThat(post(mutation).statusCode()).isEqualTo(503);
        assertThat(post(mutation).body()).contains("LOCK_ERROR");
        destination.refuseObjects(object -> object.path("name").asText().equals("bad"));
        String work = work();
        push(work, malware(MALWARE, "bad"), malware(OTHER, "good"));
        assertThat(read(work).path("errors")).hasSize(1);
        assertThat(destination.objects()).containsOnlyKeys(OTHER);
        assertThat(destination.pushes()).hasSize(1);
    }

    @Test
    void keepsPingsAndTellsTheBroker() throws Exception {
        destination.broker("localhost", 5671, true, "carrier", "secret");
        register();
        ask("mutation { pingConnector(id: \"" + CONNECTOR + "\", state: \"{}\") { id } }", Map.of());
        assertThat(destination.pings()).containsExactly(new FakeDestination.Ping(CONNECTOR, "{}"));
        assertThat(register()
                        .at("/data/registerConnector/config/connection/pass")
                        .asText())
                .isEqualTo("secret");
    }

    private void assertAnswersAsRecorded(JsonNode exchange) throws Exception {
        JsonNode request = exchange.get("request");
        String path = request.path("path").asText();
        HttpRequest.Builder replay = HttpRequest.newBuilder(URI.create(destination.url() + path));
        JsonNode body = request.path("body");
        String text = body.isTextual() ? body.asText() : body.toString();
        replay.method(
                request.path("method").asText(),
                body.isNull() ? BodyPublishers.noBody() : BodyPublishers.ofString(text));
        request.path("headers")
                .properties()
                .forEach(header ->
                        replay.header(header.getKey(), header.getValue().asText()));
        if (request.path("headers").has("Authorization")) {
            boolean isWrong = exchange.path("as").asText().equals("wrong token");
            replay.setHeader("Authorization", "Bearer " + (isWrong ? "wrong" : FakeDestination.TOKEN));
        }
        HttpResponse<String> answer = http.send(replay.build(), BodyHandlers.ofString());
        JsonNode recorded = exchange.get("response");
        String name = exchange.path("name").asText();
        assertThat(answer.statusCode())
                .as(name)
                .isEqualTo(recorded.path("status").asInt());
        assertThat(answer.headers().firstValue("Content-Type"))
                .as(name)
                .hasValue(recorded.at("/headers/Content-Type").asText());
        if (!name.equals("POST malformed json")) { // says what V8 says
            assertThat(masked(answer.body()))
                    .as(name)
                    .isEqualTo(masked(recorded.path("body").asText()));
        }
    }

    /** Without what is another each time: addresses, times, the works' own connectors. */
    private static String masked(String body) {
        return body.replaceAll("http://127.0.0.1:[0-9]+", "URL")
                .replaceAll("work_[-0-9a-f]+_", "WORK_")
                .replaceAll("20[0-9-]{8}T[0-9:.]+Z", "TIME");
    }

    private String taxii(String path, JsonNode posted) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(destination.url() + "/taxii2/root/" + path))
                .header("Authorization", "Bearer " + FakeDestination.TOKEN)
                .header("Content-Type", TAXII);
        if (posted != null) {
            request.POST(BodyPublishers.ofString(posted.toString()));
        }
        return http.send(request.build(), BodyHandlers.ofString()).body();
    }

    private JsonNode register() throws Exception {
        return ask(
                "mutation R($input: RegisterConnectorInput!) { registerConnector(input: $input) { id config {"
                        + " connection { host port pass } push_exchange push_routing } } }",
                Map.of("input", Map.of("id", CONNECTOR, "name", "carrier", "type", "EXTERNAL_IMPORT")));
    }

    private String work() throws Exception {
        return ask("mutation { workAdd(connectorId: \"" + CONNECTOR + "\", friendlyName: \"w\") { id } }", Map.of())
                .at("/data/workAdd/id")
                .asText();
    }

    private JsonNode read(String work) throws Exception {
        return ask(
                        "query W($id: ID!) { work(id: $id) { id status errors { message source } tracking {"
                                + " import_expected_number import_processed_number } } }",
                        Map.of("id", work))
                .at("/data/work");
    }

    private void push(String work, JsonNode... objects) throws Exception {
        String bundle =
                Jackson.object("type", "bundle", "objects", List.of(objects)).toString();
        JsonNode answer = ask(
                "mutation P($c: String!, $b: String!, $w: String) { stixBundlePush(connectorId: $c, bundle: $b, work_id: $w) }",
                Map.of("c", CONNECTOR, "b", bundle, "w", work));
        assertThat(answer).hasToString("{\"data\":{\"stixBundlePush\":true}}");
        destination.awaitApplied();
    }

    private JsonNode ask(String query, Map<String, ?> variables) throws Exception {
        return Jackson.tree(post(query, variables).body());
    }

    private HttpResponse<String> post(String query) throws Exception {
        return post(query, Map.of());
    }

    private HttpResponse<String> post(String query, Map<String, ?> variables) throws Exception {
        String body = Jackson.object("query", query, "variables", variables).toString();
        return http.send(
                HttpRequest.newBuilder(URI.create(destination.url() + "/graphql"))
                        .header("Authorization", "Bearer " + FakeDestination.TOKEN)
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }

    private void receive(JsonNode message) {
        byte[] content = message.get("content(decoded)").toString().getBytes(UTF_8);
        ObjectNode sent = message.deepCopy();
        sent.put("content", Base64.getEncoder().encodeToString(content));
        destination.receive(sent.toString().getBytes(UTF_8)).awaitApplied();
    }

    private static ObjectNode malware(String id, String name) {
        return Jackson.object("type", "malware", "id", id, "name", name);
    }

    private static ObjectNode relation(String id, String from, String to) {
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

    private static ObjectNode operation(ObjectNode object, String operation) {
        return object.put("opencti_operation", operation);
    }

    private static List<String> texts(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    private static List<JsonNode> capture(String name) throws IOException {
        String resource = "/captures/destination/" + name + ".json.gz";
        try (InputStream in = new GZIPInputStream(FakeDestinationTest.class.getResourceAsStream(resource))) {
            return StreamSupport.stream(Jackson.tree(in.readAllBytes()).spliterator(), false)
                    .toList();
        }
    }
}
