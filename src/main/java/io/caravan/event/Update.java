package io.caravan.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Change.Reason;
import java.io.IOException;
import java.util.Optional;

/**
 * An event named update: its previous state is what the reverse patch makes of the present one; a renamed object bears its
 * old STIX id there. One that comes without patches (as a dependency) has the state that was last told before it; so has
 * one whose reverse patch is none, but that state is not said to be complete.
 */
public final class Update implements Meaning.Reading {

    @Override
    public Meaning of(Event event, Known known) throws Unreadable, IOException {
        Optional<Telling.Before> before = before(event);
        Telling telling = new Telling(event, known);
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
                    ReversePatch.pointers(patch.isArray() ? patch : reverse)));
        } catch (JsonProcessingException e) {
            throw new Unreadable("its patches cannot be read: " + e.getOriginalMessage(), e);
        }
    }
}
