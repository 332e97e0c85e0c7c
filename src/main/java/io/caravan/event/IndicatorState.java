package io.caravan.event;

import io.caravan.event.Change.Type;
import io.caravan.event.Known.KnownObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * An indicator as detection needs it: with its author's name and the names of what it is known to indicate. Names are those
 * last told; a rename of a malware reaches its indicators when they or their relations are told again.
 *
 * @param change what made this state; of the indicator itself or of a relation that ends at it
 * @param indicator the indicator; its last state where it is gone
 * @param gone whether it is gone
 * @param author who made it
 * @param malware the malware that it indicates, by name
 * @param actors the threat actors, intrusion sets and campaigns that it indicates, by name
 * @param tlp its strictest TLP marking
 */
public record IndicatorState(
        Change change,
        StixObject indicator,
        boolean gone,
        Optional<Named> author,
        List<Named> malware,
        List<Named> actors,
        boolean dependency,
        Optional<Tlp> tlp) {

    /** An object by its name, and the strictest TLP marking that it bears, or the relation that leads to it. */
    public record Named(String type, String name, Optional<Tlp> tlp) {

        static Named of(StixObject object, Known known) throws IOException {
            return new Named(
                    object.type(), object.name(), Marked.of(object, known).strictest());
        }

        static Named of(StixObject object, StixObject relation, Known known) throws IOException {
            return new Named(
                    object.type(),
                    object.name(),
                    Tlp.strictest(
                            Marked.of(object, known).strictest(),
                            Marked.of(relation, known).strictest()));
        }

        /** Of two ways to one name, that which more may see. */
        private static Named milder(Named one, Named other) {
            return Tlp.strictest(one.tlp, other.tlp).equals(one.tlp) ? other : one;
        }
    }

    private static final String INDICATOR = "indicator";
    private static final String MALWARE = "malware";
    private static final String INDICATES = "indicates";
    private static final Set<String> ACTORS = Set.of("threat-actor", "intrusion-set", "campaign");

    /** Those whose state is another after the changes; each once, as it is after the last. */
    static List<IndicatorState> of(List<Change> changes, Known known) throws IOException {
        Map<String, IndicatorState> states = new LinkedHashMap<>();
        for (Change change : changes) {
            StixObject object = change.object();
            if (object.type().equals(INDICATOR)) {
                states.remove(object.key());
                states.put(
                        object.key(),
                        change.type() == Type.REMOVE
                                ? gone(change)
                                : state(change, change.state(), change.dependency(), known));
            } else if (object.relationshipType().equals(INDICATES)) {
                addAt(object, change, known, states);
            } else if (isNamed(object) && isNamedOtherwise(change)) {
                for (KnownObject relation : known.endingAt(object)) {
                    if (relation.object().relationshipType().equals(INDICATES)) {
                        addAt(relation.object(), change, known, states);
                    }
                }
            }
        }
        return List.copyOf(states.values());
    }

    private static void addAt(StixObject relation, Change change, Known known, Map<String, IndicatorState> states)
            throws IOException {
        for (String end : relation.ends()) {
            Optional<KnownObject> indicator = states.containsKey(end)
                    ? Optional.empty()
                    : known.object(end).filter(found -> found.object().type().equals(INDICATOR));
            if (indicator.isPresent()) {
                Marked state = Marked.of(indicator.get().object(), known);
                states.put(end, state(change, state, indicator.get().dependency(), known));
            }
        }
    }

    private static boolean isNamed(StixObject object) {
        return object.type().equals(MALWARE) || ACTORS.contains(object.type());
    }

    /** Whether its indicators say something else of it now: it is told first, by another name or marking, or left the stream's scope. */
    private static boolean isNamedOtherwise(Change change) {
        return change.type() == Type.REMOVE
                || change.told().isEmpty()
                || !change.told().get().object().name().equals(change.object().name())
                || !change.told().get().strictest().equals(change.state().strictest());
    }

    /** Of an indicator that goes. */
    public static IndicatorState gone(Change change) {
        return new IndicatorState(
                change,
                change.object(),
                true,
                Optional.empty(),
                List.of(),
                List.of(),
                change.dependency(),
                change.state().tlp());
    }

    private static IndicatorState state(Change change, Marked state, boolean dependency, Known known)
            throws IOException {
        StixObject indicator = state.object();
        Map<String, Named> malware = new TreeMap<>();
        Map<String, Named> actors = new TreeMap<>();
        for (KnownObject relation : known.endingAt(indicator)) {
            if (relation.object().relationshipType().equals(INDICATES)) {
                for (StixObject indicated : otherEnds(relation.object(), indicator, known)) {
                    if (indicated.type().equals(MALWARE)) {
                        malware.merge(indicated.name(), Named.of(indicated, relation.object(), known), Named::milder);
                    } else if (ACTORS.contains(indicated.type())) {
                        actors.merge(indicated.name(), Named.of(indicated, relation.object(), known), Named::milder);
                    }
                }
            }
        }
        return new IndicatorState(
                change,
                indicator,
                false,
                author(indicator, known),
                List.copyOf(malware.values()),
                List.copyOf(actors.values()),
                dependency,
                state.tlp());
    }

    private static List<StixObject> otherEnds(StixObject relation, StixObject indicator, Known known)
            throws IOException {
        List<StixObject> others = new ArrayList<>();
        for (String end : relation.ends()) {
            if (!indicator.ids().contains(end)) {
                known.object(end).map(KnownObject::object).ifPresent(others::add);
            }
        }
        return others;
    }

    private static Optional<Named> author(StixObject indicator, Known known) throws IOException {
        for (String reference : indicator.references()) {
            if (reference.startsWith("identity--")) {
                Optional<StixObject> author = known.withId(reference)
                        .map(KnownObject::object)
                        .filter(found -> !found.name().isEmpty());
                if (author.isPresent()) {
                    return Optional.of(Named.of(author.get(), known));
                }
            }
        }
        return Optional.empty();
    }
}
