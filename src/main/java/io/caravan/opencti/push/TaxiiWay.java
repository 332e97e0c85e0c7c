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
import java.util.Set;

/** By TAXII 2.1: to a TAXII push ingestion of a platform, or to any TAXII server. There are no connectors there. */
final class TaxiiWay implements Way {

    private static final String TYPE = "application/taxii+json;version=2.1";
    private static final Map<String, String> HEADERS = Map.of("Content-Type", TYPE, "Accept", TYPE);

    private static final byte[] NOTHING = "{\"objects\":[]}".getBytes(StandardCharsets.US_ASCII);
    /** By which a server says that an envelope must not be empty; a platform answers 500. */
    private static final Set<Integer> EMPTY_REFUSED = Set.of(400, 409, 422, 500);

    private static final String COLLECTION = "collection";
    private static final String CAN_WRITE = "can_write";

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
        Platform.Answer answer =
                platform.post(objects(), HEADERS, Bundles.envelope(run).exactly(), patience);
        if (answer.status() / 100 == 2) {
            return Optional.of(status(answer).path("id").textValue());
        }
        IOException refusal = Answers.refusal(platform, answer, COLLECTION);
        if (refusal instanceof Answers.NotTaken) {
            throw new Refused(refusal.getMessage());
        }
        throw refusal;
    }

    /** An envelope of nothing is answered with a status or with an error of TAXII, unless all that is sent there is refused. */
    @Override
    public boolean answersOthers(Answers.Forbidden refusal) throws IOException, InterruptedException {
        Platform.Answer answer = platform.post(objects(), HEADERS, NOTHING, patience);
        boolean isRead = answer.status() / 100 == 2 || EMPTY_REFUSED.contains(answer.status());
        return isRead
                && answer.status() != refusal.status()
                && answer.json().isObject()
                && collection().filter(told -> told.path(CAN_WRITE).asBoolean()).isPresent();
    }

    @Override
    public Optional<Outcome> outcome(String status) throws IOException, InterruptedException {
        String path = root + "/status/" + URLEncoder.encode(status, StandardCharsets.UTF_8) + "/";
        Platform.Answer answer = platform.get(path, Map.of("Accept", TYPE), patience);
        boolean isUnknown = answer.status() == 403 || answer.status() == 404;
        if (isUnknown && answer.json().isObject()) {
            return Optional.empty();
        }
        if (answer.status() != 200) {
            throw Answers.refusal(platform, answer, COLLECTION);
        }
        JsonNode told = status(answer);
        boolean isDone = told.path("status").asText().equals("complete");
        if (isDone && !told.path("failure_count").isIntegralNumber()) {
            throw Answers.unpromised(platform, answer, "the failure_count of a TAXII status");
        }
        List<Failure> failures = new ArrayList<>();
        for (JsonNode failure : told.path("failures")) { // OpenCTI names none
            failures.add(new Failure(
                    failure.path("id").asText(), failure.path("message").asText()));
        }
        boolean hasBegun =
                told.path("pending_count").asInt() < told.path("total_count").asInt();
        int failed = told.path("failure_count").asInt();
        int counted = told.has("success_count") ? told.path("success_count").asInt() + failed : Integer.MAX_VALUE;
        return Optional.of(new Outcome(hasBegun, isDone, failures, failed, counted));
    }

    /** A TAXII status (section 4.3 of the specification); anything else has taken nothing, whatever it answers. */
    private JsonNode status(Platform.Answer answer) throws IOException {
        JsonNode told = answer.json();
        for (String field : List.of("id", "status")) {
            if (!told.path(field).isTextual() || told.path(field).textValue().isBlank()) {
                throw Answers.unpromised(platform, answer, "the " + field + " of a TAXII status");
            }
        }
        return told;
    }

    /**
     * What the server says of the collection.
     *
     * @return empty where there is none, or it is not running, or this user may not see it
     */
    Optional<JsonNode> collection() throws IOException, InterruptedException {
        Platform.Answer answer =
                platform.get(root + "/collections/" + collection + "/", Map.of("Accept", TYPE), patience);
        if (answer.status() == 403 || answer.status() == 404) {
            return Optional.empty();
        }
        if (answer.status() != 200) {
            throw Answers.refusal(platform, answer, COLLECTION);
        }
        JsonNode told = answer.json();
        if (!told.path("id").isTextual() || !told.path(CAN_WRITE).isBoolean()) {
            throw Answers.unpromised(platform, answer, "the id and can_write of a TAXII collection");
        }
        return Optional.of(told);
    }

    private String objects() {
        return root + "/collections/" + collection + "/objects/";
    }

    @Override
    public void ping(String state) {
        // nobody to tell
    }
}
