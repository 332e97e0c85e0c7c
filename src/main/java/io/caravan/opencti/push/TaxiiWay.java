package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.opencti.Platform;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** By TAXII 2.1: to a TAXII push ingestion of a platform, or to any TAXII server. There are no connectors there. */
final class TaxiiWay implements Way {

    private static final String TYPE = "application/taxii+json;version=2.1";
    private static final Map<String, String> HEADERS = Map.of("Content-Type", TYPE, "Accept", TYPE);

    private final Platform platform;
    private final String root;
    private final String collection;
    private final Duration patience;

    /** @param root the API root below the platform's address: {@code /taxii2/root} */
    TaxiiWay(Platform platform, String root, String collection, Duration patience) {
        this.platform = platform;
        this.root = root;
        this.collection = URLEncoder.encode(collection, StandardCharsets.UTF_8);
        this.patience = patience;
    }

    @Override
    public Optional<String> push(Run run) throws IOException, InterruptedException, Refused {
        byte[] envelope = Bundles.envelope(run).exactly();
        String path = root + "/collections/" + collection + "/objects/";
        Platform.Answer answer = platform.post(path, HEADERS, envelope, patience);
        JsonNode json = Answers.json(answer);
        if (answer.status() / 100 == 2) {
            return Optional.of(json.path("id").asText()).filter(id -> !id.isEmpty());
        }
        IOException refusal =
                Answers.refusal(platform.url(), answer, json.path("title").asText());
        if (refusal instanceof Answers.NotTaken) {
            throw new Refused(refusal.getMessage());
        }
        throw refusal;
    }

    @Override
    public Optional<Outcome> outcome(String status) throws IOException, InterruptedException {
        String path = root + "/status/" + URLEncoder.encode(status, StandardCharsets.UTF_8) + "/";
        Platform.Answer answer = platform.get(path, Map.of("Accept", TYPE), patience);
        if (answer.status() == 403 || answer.status() == 404) {
            return Optional.empty();
        }
        JsonNode json = Answers.json(answer);
        if (answer.status() != 200) {
            throw Answers.refusal(platform.url(), answer, json.path("title").asText());
        }
        List<Failure> failures = new ArrayList<>();
        for (JsonNode failure : json.path("failures")) { // OpenCTI names none
            failures.add(new Failure(
                    failure.path("id").asText(), failure.path("message").asText()));
        }
        boolean isDone = json.path("status").asText().equals("complete");
        boolean hasBegun =
                json.path("pending_count").asInt() < json.path("total_count").asInt();
        int failed = json.path("failure_count").asInt();
        int counted = json.has("success_count") ? json.path("success_count").asInt() + failed : Integer.MAX_VALUE;
        return Optional.of(new Outcome(hasBegun, isDone, failures, failed, counted));
    }

    /**
     * What the server says of the collection.
     *
     * @return empty where there is none, or it is not running, or this user may not see it
     */
    Optional<JsonNode> collection() throws IOException, InterruptedException {
        Platform.Answer answer =
                platform.get(root + "/collections/" + collection + "/", Map.of("Accept", TYPE), patience);
        if (answer.status() == 404) {
            return Optional.empty();
        }
        JsonNode json = Answers.json(answer);
        if (answer.status() != 200) {
            throw Answers.refusal(platform.url(), answer, json.path("title").asText());
        }
        return Optional.of(json);
    }

    @Override
    public void ping(String state) {
        // nobody to tell
    }
}
