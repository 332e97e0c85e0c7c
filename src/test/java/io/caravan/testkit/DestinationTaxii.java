package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.testkit.DestinationState.Setback;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** A destination's TAXII 2.1 server, whose collections take pushes. Stateless. */
final class DestinationTaxii {

    private static final String TYPE = "application/taxii+json;version=2.1";
    private static final String UNSUPPORTED = "UNSUPPORTED_ERROR";

    private final DestinationState state;
    private final DestinationWorker worker;

    DestinationTaxii(DestinationState state, DestinationWorker worker) {
        this.state = state;
        this.worker = worker;
    }

    /** @param url the destination's own */
    Answer answer(Request request, String url) {
        if (!state.isAuthorized(request)) {
            return error(401, "AUTH_REQUIRED", "You must be logged in to do this.");
        }
        String[] words = (request.path() + "/").split("/");
        String place = words.length < 4 ? "" : words[3];
        return switch (request.method() + " " + place + " " + words.length) {
            case "GET  2" -> ok(discovery(url + "/taxii2/root/"));
            case "GET  3" -> ok(root());
            case "GET collections 4" ->
                ok(Jackson.object("collections", running().map(this::collection).toList()));
            case "GET collections 5" -> isRunning(words[4]) ? ok(collection(words[4])) : notReadable(words[4]);
            case "POST collections 6" -> push(request, words[4]);
            case "GET status 5" -> status(URLDecoder.decode(words[4], StandardCharsets.UTF_8));
            default -> error(500, UNSUPPORTED, "Unsupported operation");
        };
    }

    private Answer push(Request request, String collection) {
        Optional<Setback> setback = state.nextSetback();
        if (setback.isPresent()) {
            int status = setback.get().status();
            return error(
                    status == 200 ? 500 : status,
                    setback.get().code(),
                    setback.get().message());
        }
        if (!request.header("Content-Type").equals(Optional.of(TYPE))) {
            return error(400, UNSUPPORTED, "Content-Type in request is missing or invalid");
        }
        JsonNode bundle;
        try {
            bundle = Jackson.tree(request.body());
        } catch (IllegalArgumentException e) {
            return json(500, Jackson.object("status", "error", "error", e.getMessage()));
        }
        if (!isRunning(collection)) {
            return error(404, UNSUPPORTED, "Collection not found");
        }
        if (bundle.path("objects").isEmpty()) {
            return error(500, UNSUPPORTED, "Objects required");
        }
        String work = state.works.begin(UUID.nameUUIDFromBytes(collection.getBytes(StandardCharsets.UTF_8))
                .toString());
        int count = bundle.get("objects").size();
        state.pushes.add(bundle);
        worker.pushWhole(bundle, work);
        ObjectNode answer =
                Jackson.object("id", work, "status", "pending", "request_timestamp", Frames.isoMillis(Instant.now()));
        answer.setAll(counts(count, 0, 0));
        return ok(answer);
    }

    private Answer status(String id) {
        Optional<ObjectNode> work = state.works.find(id);
        if (work.isEmpty()) {
            return error(404, UNSUPPORTED, "Work not found");
        }
        int expected = work.get().at("/tracking/import_expected_number").asInt();
        int processed = work.get().at("/tracking/import_processed_number").asInt();
        int failed = work.get().path("errors").size();
        ObjectNode answer =
                Jackson.object("id", id, "status", expected == 0 || processed < expected ? "pending" : "complete");
        answer.setAll(counts(expected, processed - failed, failed));
        return ok(answer);
    }

    private static ObjectNode counts(int total, int succeeded, int failed) {
        return Jackson.object(
                "total_count", total,
                "success_count", succeeded,
                "failure_count", failed,
                "pending_count", total - succeeded - failed);
    }

    private Stream<String> running() {
        return state.collections.keySet().stream().filter(this::isRunning);
    }

    /** A look at one that is not there is answered as at one that this user has no right to; a push is not. */
    private Answer notReadable(String collection) {
        return state.collections.containsKey(collection)
                ? error(404, UNSUPPORTED, "Collection not found")
                : error(403, "FORBIDDEN_ACCESS", "You are not allowed to do this.");
    }

    private boolean isRunning(String collection) {
        return state.collections.getOrDefault(collection, false);
    }

    private static ObjectNode discovery(String root) {
        return Jackson.object(
                "title",
                "OpenCTI TAXII Server",
                "description",
                "This TAXII Server exposes OpenCTI data through taxii protocol",
                "default",
                root,
                "api_roots",
                List.of(root));
    }

    private static ObjectNode root() {
        return Jackson.object(
                "title",
                "OpenCTI TAXII Server",
                "description",
                "A global and natively segregate taxii root",
                "max_content_length",
                104_857_600,
                "versions",
                List.of(TYPE));
    }

    private ObjectNode collection(String id) {
        return Jackson.object(
                "id",
                id,
                "title",
                "capture taxii push",
                "description",
                "d",
                "can_read",
                false,
                "can_write",
                true,
                "media_types",
                List.of("application/stix+json;version=2.1"));
    }

    private static Answer ok(ObjectNode body) {
        return Answer.status(200).body("application/taxii+json; charset=utf-8; version=2.1", body.toString());
    }

    private static Answer error(int status, String code, String title) {
        return json(status, Jackson.object("title", title, "error_code", code, "http_status", status));
    }

    private static Answer json(int status, ObjectNode body) {
        return Answer.status(status).body("application/json; charset=utf-8", body.toString());
    }
}
