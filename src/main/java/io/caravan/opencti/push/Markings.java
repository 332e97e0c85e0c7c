package io.caravan.opencti.push;

import io.caravan.event.StixObject;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Keeps back what bears a marking that the destination does not have: its worker would write the object without it, and
 * count that as applied. A marking's definition that was pushed is waited for, as long as the destination may still make it.
 * Used by one thread at a time.
 */
final class Markings {

    private static final String TYPE = "marking-definition";

    /** For so long it is not asked again whether a marking is there. */
    private static final Duration FRESH = Duration.ofMinutes(1);

    /** A definition that failed is pushed again after so long: the right may have been given. */
    private static final Duration AGAIN = Duration.ofMinutes(1);

    /** A worker that works has made a definition by then, where the destination does not tell of its work. */
    private static final Duration TO_MAKE = Duration.ofMinutes(10);

    private static final long BETWEEN_MILLIS = 100;

    private final Presence presence;
    private final Way way;
    private final Pace pace;

    /** By their ids, the definitions that were pushed. */
    private final Map<String, Pushed> definitions = new HashMap<>();

    /**
     * A definition that was pushed, and when.
     *
     * @param failed whether the destination did not make it, then or when it was pushed before
     */
    private record Pushed(String name, Optional<String> work, long at, boolean failed) {
        Pushed made() {
            return new Pushed(name, work, at, false);
        }

        Pushed notMade(long now) {
            return failed ? this : new Pushed(name, work, now, true);
        }
    }

    Markings(Presence presence, Way way, Pace pace) {
        this.presence = presence;
        this.way = way;
        this.pace = pace;
    }

    /** Those of the object itself and of its files, not those of what a relation ends at. */
    static Stream<String> of(StixObject object) {
        return Stream.concat(object.markings().stream(), object.innerMarkings().stream())
                .filter(id -> id.startsWith(TYPE + "--"));
    }

    /** Remembers the definitions among what was pushed, and by which work. */
    void pushed(List<Item> items, Optional<String> work) {
        for (Item item : items) {
            if (!item.object().type().equals(TYPE)) {
                continue;
            }
            if (item.operation() == Item.Operation.UPSERT) {
                String id = item.object().id();
                boolean failed = definitions.containsKey(id) && definitions.get(id).failed;
                definitions.put(id, new Pushed(item.object().name(), work, pace.now(), failed));
            } else {
                definitions.remove(item.sentId());
                presence.forget(item.sentId());
            }
        }
    }

    /** Those of these markings whose definitions have to be pushed, if somebody has them. */
    Set<String> undefined(Set<String> markings) throws IOException, InterruptedException {
        Set<String> absent = presence.absent(markings, FRESH).orElse(Set.of());
        Set<String> undefined = new LinkedHashSet<>();
        for (String marking : absent) {
            Pushed pushed = definitions.get(marking);
            if (pushed == null || pushed.failed && pace.isOver(pushed.at, AGAIN)) {
                undefined.add(marking);
            }
        }
        return undefined;
    }

    /**
     * Asks about upserts.
     *
     * @return why some may not be pushed
     * @throws IOException when the destination does not answer, or has not done yet what was pushed: then none may be
     */
    Map<Item, String> refusals(List<Item> upserts) throws IOException, InterruptedException {
        Set<String> borne = new LinkedHashSet<>();
        upserts.forEach(item -> of(item.object()).forEach(borne::add));
        Map<String, String> reasons = new HashMap<>();
        for (String marking : presence.absent(borne, FRESH).orElse(Set.of())) {
            reasonNotThere(marking).ifPresent(reason -> reasons.put(marking, reason));
        }
        Map<Item, String> refusals = new IdentityHashMap<>();
        if (!reasons.isEmpty()) {
            for (Item item : upserts) {
                of(item.object())
                        .filter(reasons::containsKey)
                        .findFirst()
                        .ifPresent(marking -> refusals.put(item, reasons.get(marking)));
            }
        }
        return refusals;
    }

    /** Nothing where it is there by now. */
    private Optional<String> reasonNotThere(String marking) throws IOException, InterruptedException {
        Optional<Pushed> definition = Optional.ofNullable(definitions.get(marking));
        if (definition.isEmpty()) {
            return Optional.of(reason(marking, "and whose definition is not known here"));
        }
        String name = definition.get().name + " (" + marking + ")";
        long begin = pace.now();
        while (true) {
            Optional<Way.Outcome> outcome = definition.get().work.isPresent()
                    ? way.outcome(definition.get().work.get())
                    : Optional.empty();
            if (isThere(marking)) {
                definitions.put(marking, definition.get().made());
                return Optional.empty();
            }
            boolean isNotMade = outcome.map(Way.Outcome::isDone)
                    .orElse(definition.get().failed || pace.isOver(definition.get().at, TO_MAKE));
            if (isNotMade) {
                definitions.put(marking, definition.get().notMade(pace.now()));
                return Optional.of(reason(name, "and this user could not make it there"));
            }
            if (pace.isOver(begin, pace.oneWait())) {
                throw new IOException("the destination has not yet made the marking " + name
                        + ", which comes before what bears it: are its workers running?");
            }
            Thread.sleep(BETWEEN_MILLIS);
        }
    }

    private boolean isThere(String marking) throws IOException, InterruptedException {
        return presence.absent(Set.of(marking), FRESH)
                .filter(absent -> !absent.isEmpty())
                .isEmpty();
    }

    private static String reason(String name, String because) {
        return "it bears the marking " + name + ", which the destination does not have or does not show to this user, "
                + because + ": it would be written there without it. Make the marking there, or give the user the right"
                + " SETTINGS_SETMARKINGS by a role, and redrive";
    }
}
