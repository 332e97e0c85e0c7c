package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.opencti.PushConfiguration;
import java.io.IOException;
import java.util.Map;

/**
 * In whose name the destination writes what is pushed: the token's user, the one that the way queue names, or the
 * collection's, which only some may see.
 */
final class ActingUser {

    private static final String ME = "query Me { me { id } }";
    private static final String OF_COLLECTION =
            "query Collection($id: String!) { ingestionTaxiiCollection(id: $id) { id user { id } } }";

    private final String id;
    private final boolean isCertain;

    /** @throws GraphQl.Absent where the destination is no platform */
    ActingUser(GraphQl api, PushConfiguration options) throws IOException, InterruptedException {
        boolean isNamed = options.getUser() != null && !options.getUser().isBlank();
        String found =
                options.getWay() == PushConfiguration.Way.taxii ? ofCollection(api, options.getCollection()) : "";
        if (options.getWay() == PushConfiguration.Way.queue && isNamed) {
            found = options.getUser();
        }
        isCertain = options.getWay() != PushConfiguration.Way.taxii || !found.isEmpty();
        id = found.isEmpty() ? api.text(api.ask(ME, Map.of(), "me"), "/me/id") : found;
    }

    /** A user's, on the destination. */
    String id() {
        return id;
    }

    /** False where the collection's user may not be seen, and the token's stands for it. */
    boolean isCertain() {
        return isCertain;
    }

    private static String ofCollection(GraphQl api, String collection) throws IOException, InterruptedException {
        try {
            JsonNode told = api.ask(OF_COLLECTION, Map.of("id", collection), "ingestionTaxiiCollection");
            return told.at("/ingestionTaxiiCollection/user/id").asText();
        } catch (GraphQl.Failed e) {
            if (e.isForbidden()) {
                return "";
            }
            throw e;
        }
    }
}
