package io.caravan.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FakeDestinationTest {

    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";

    private final FakeDestination destination = FakeDestination.start();
    private final DestinationClient client = new DestinationClient(destination);

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
        client.register();
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
        client.register();
        String work = client.work();
        JsonNode error = capture("work-errors").get(0).at("/observed/1/errors/0");
        JsonNode refused = Jackson.tree(error.path("source").asText());
        destination.put(refused, "someone").rights("CONNECTORAPI", "KNOWLEDGE_KNUPDATE");
        client.push(work, refused);
        assertThat(client.read(work).path("status").asText()).isEqualTo("complete");
        assertThat(client.read(work).path("tracking"))
                .hasToString("{\"import_expected_number\":1,\"import_processed_number\":1}");
        assertThat(client.read(work).at("/errors/0/message")).isEqualTo(error.path("message"));
        assertThat(Jackson.tree(client.read(work).at("/errors/0/source").asText()))
                .isEqualTo(refused);
        assertThat(destination.objects()).hasSize(1);
    }

    @Test
    void tellsTheFateOfATaxiiPushAsRecorded() throws Exception {
        destination.collection(COLLECTION, true).rights("KNOWLEDGE_KNUPDATE", "TAXIIAPI");
        JsonNode pushed = capture("work-errors").get(0).at("/observed/0/errors/0/source");
        JsonNode refused = Jackson.tree(pushed.asText());
        destination.put(refused);
        String work = Jackson.tree(client.taxii(
                        "collections/" + COLLECTION + "/objects/", Jackson.object("objects", List.of(refused))))
                .path("id")
                .asText();
        destination.awaitApplied();
        String recorded = capture("work-errors").get(1).at("/response/body").asText();
        assertThat(masked(client.taxii("status/" + work + "/", null))).isEqualTo(masked(recorded));
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
        HttpResponse<String> answer = client.send(replay.build());
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

    private void receive(JsonNode message) {
        byte[] content = message.get("content(decoded)").toString().getBytes(UTF_8);
        ObjectNode sent = message.deepCopy();
        sent.put("content", Base64.getEncoder().encodeToString(content));
        destination.receive(sent.toString().getBytes(UTF_8)).awaitApplied();
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
