package io.caravan.event;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * In whose name an event came about. It is read from the envelope only where somebody wants to know, and no further than
 * needed: {@code origin} stands before the object there.
 */
public final class Origin {

    private Origin() {}

    /** User ids separated by commas, as the platform writes them. */
    public static Set<String> users(String list) {
        return Arrays.stream(list.split(","))
                .map(user -> user.strip().toLowerCase(java.util.Locale.ROOT))
                .filter(user -> !user.isEmpty())
                .collect(Collectors.toUnmodifiableSet());
    }

    /**
     * Whether these users are behind the event: {@code origin.user_id} or {@code origin.applicant_id} is one of them. What a
     * snapshot or a dependency shows is nobody's doing; it is theirs where nobody else has created the object. Of what tells
     * neither, they are not.
     */
    public static boolean isOf(Set<String> users, Event event) {
        try (JsonParser json = Json.parser(event.raw())) {
            return event.kind() == Event.Kind.MAIN ? isDoneBy(users, json) : isCreatedByAlone(users, json);
        } catch (IOException e) {
            throw new UncheckedIOException("reading from memory failed", e);
        }
    }

    private static boolean isDoneBy(Set<String> users, JsonParser json) throws IOException {
        if (!enter(json, "origin")) {
            return false;
        }
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            boolean isUser = field.equals("user_id") || field.equals("applicant_id");
            if (isUser && users.contains(Json.textOr("", json))) {
                return true;
            }
            json.skipChildren();
        }
        return false;
    }

    private static boolean isCreatedByAlone(Set<String> users, JsonParser json) throws IOException {
        boolean isThere = enter(json, "data") && enterNext(json, "extensions") && enterNext(json, StixObject.OPENCTI);
        if (!isThere || !find(json, "creator_ids") || !json.isExpectedStartArrayToken()) {
            return false;
        }
        int creators = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            creators++;
            if (!users.contains(Json.textOr("", json))) {
                return false;
            }
        }
        return creators > 0;
    }

    private static boolean enter(JsonParser json, String name) throws IOException {
        json.nextToken();
        return enterNext(json, name);
    }

    /** From the begin of an object to that of the object that is this field of it. */
    private static boolean enterNext(JsonParser json, String name) throws IOException {
        return find(json, name) && json.isExpectedStartObjectToken();
    }

    private static boolean find(JsonParser json, String name) throws IOException {
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            if (field.equals(name)) {
                return true;
            }
            json.skipChildren();
        }
        return false;
    }
}
