package io.caravan.event;

import java.io.IOException;
import java.util.Optional;

/**
 * A state of an object, and how strictly it is marked.
 *
 * @param tlp the strictest TLP marking of the object itself
 * @param strictest the strictest of all that it shows: attached files; and a relation or sighting bears the names of what
 *     it ends at, and the platform shows it to nobody who may not see both
 */
public record Marked(StixObject object, Optional<Tlp> tlp, Optional<Tlp> strictest) {

    /** By the ids of marking definitions, or by the names of those that are known by them. */
    static Marked of(StixObject object, Known known) throws IOException {
        Optional<Tlp> own = Optional.empty();
        for (String marking : object.markings()) {
            own = Tlp.strictest(own, colour(marking, known));
        }
        Optional<Tlp> all = own;
        for (String marking : object.innerMarkings()) {
            all = Tlp.strictest(all, colour(marking, known));
        }
        return new Marked(object, own, all);
    }

    private static Optional<Tlp> colour(String marking, Known known) throws IOException {
        Optional<Tlp> colour = Tlp.ofMarking(marking);
        if (colour.isPresent()) {
            return colour;
        }
        Optional<Known.KnownObject> definition = marking.contains("--") ? known.withId(marking) : known.object(marking);
        return definition.flatMap(found -> Tlp.ofMarking(found.object().id())
                .or(() -> Tlp.ofName(found.object().name())));
    }
}
