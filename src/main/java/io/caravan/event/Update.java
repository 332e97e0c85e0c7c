package io.caravan.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Change.Reason;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * An event named update: its previous state is what the reverse patch makes of the present one; a renamed object bears its
 * old STIX id there. One that comes without patches (as a dependency) has the state that was last told before it; so has
 * one whose reverse patch is none, but that state is not said to be complete.
 */
public final class Update implements Meaning.Reading {

    @Override
    public Meaning of(Event event, Known known, boolean isFiltered) throws Unreadable, IOException {
        Optional<Telling.Before> before = before(event);
        Telling telling = new Telling(event, known, isFiltered);
        Reason reason = event.kind() == Event.Kind.DEPENDENCY ? Reason.DEPENDENCY : Reason.UPDATED;
        if (before.isPresent()) {
            telling.upsert(reason, event.object(), before.get());
        } else {
            telling.upsert(reason, event.object());
        }
        return telling.told();
    }

    /** Empty where the event has no reverse patch. */
    static Optional<Telling.Before> before(Event event) throws Unreadable, IOException {
        Optional<Bytes> context = event.envelope().context();
        if (context.isEmpty()) {
            return Optional.empty();
        }
        try {
            JsonNode patches = Json.tree(context.get());
            JsonNode reverse = patches.path("reverse_patch");
            if (reverse.isMissingNode() || reverse.isNull()) {
                return Optional.empty();
            }
            if (!reverse.isArray()) {
                return Optional.of(Telling.Before.UNKNOWN);
            }
            ReversePatch.Previous previous =
                    ReversePatch.apply(reverse, Json.tree(event.object().json()));
            JsonNode patch = patches.path("patch");
            return Optional.of(new Telling.Before(
                    Optional.of(StixObject.read(Json.bytes(previous.object()))),
                    previous.complete(),
                    ReversePatch.pointers(patch.isArray() ? patch : reverse),
                    named(patches.path("changes"))));
        } catch (JsonProcessingException e) {
            throw new Unreadable("its patches cannot be read: " + Json.reason(e), e);
        }
    }

    /** The objects that the platform says the names of, in its own list of what changed: {@code "{\"<id>\": \"<name>\"}"}. */
    private static Set<String> named(JsonNode changes) throws IOException {
        Set<String> named = new HashSet<>();
        for (JsonNode change : changes) {
            for (String list : List.of("changes_added", "changes_removed")) {
                for (JsonNode value : change.path(list)) {
                    String translated = value.path("translated").asText();
                    if (!translated.isEmpty()) {
                        named.addAll(idsIn(translated));
                    }
                }
            }
        }
        return named;
    }

    /** Names without the ids of what bears them are those of an object that nobody knows. */
    private static Set<String> idsIn(String translated) throws IOException {
        Set<String> ids = new HashSet<>();
        try {
            Json.tree(Bytes.of(translated)).fieldNames().forEachRemaining(ids::add);
        } catch (JsonProcessingException e) {
            ids.add(translated);
        }
        return ids.isEmpty() ? Set.of(translated) : ids;
    }
}
