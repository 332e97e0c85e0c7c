package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.caravan.event.Json;
import io.caravan.opencti.Platform;
import java.io.IOException;
import java.util.Set;

/** What the HTTP statuses of a destination mean. */
final class Answers {

    /** Those that are about what was sent: the same will never be taken. All others are for the operator, or for later. */
    private static final Set<Integer> OF_THE_CONTENT = Set.of(400, 409, 413, 422);

    private Answers() {}

    /** The same will never be taken; less of it, or each part alone, perhaps. */
    static final class NotTaken extends IOException {
        private static final long serialVersionUID = 1L;

        NotTaken(String message) {
            super(message);
        }
    }

    /** Its body; missing where that is no JSON. */
    static JsonNode json(Platform.Answer answer) {
        try {
            return Json.mapper().readTree(answer.body());
        } catch (IOException noJson) {
            return MissingNode.getInstance();
        }
    }

    /** @param said the destination's own words, or empty */
    static IOException refusal(String url, Platform.Answer answer, String said) {
        String meaning =
                switch (answer.status()) {
                    case 301, 302, 303, 307, 308 ->
                        "it redirects, which is not followed because the token would go along";
                    case 401 -> "the token is missing or wrong";
                    case 403 -> "this user may not write here, or something in between forbids it";
                    case 404 ->
                        "there is no such platform or collection, or it is not running, or this user may not see it";
                    case 400, 409, 413, 422 -> "it does not take this";
                    case 429 -> "too many requests";
                    case 502, 503, 504 -> "it is away, says what stands in front of it";
                    default -> "unexpected";
                };
        String message =
                url + " answers " + answer.status() + ": " + meaning + (said.isEmpty() ? "" : " (" + said + ")");
        return OF_THE_CONTENT.contains(answer.status()) ? new NotTaken(message) : new IOException(message);
    }
}
