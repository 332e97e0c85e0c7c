package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is there at the destination, asked by STIX ids, as the token's user sees it. What was there is not asked for again
 * for a while. A server of TAXII alone cannot be asked. Used by one thread at a time.
 */
final class Presence {

    private static final Logger LOG = LoggerFactory.getLogger(Presence.class);

    /** Objects a request. */
    private static final int PAGE = 50;

    /** So many are remembered. */
    private static final int MOST = 50_000;

    private static final String ID = " { ... on StixObject { id } ... on StixRelationship { id } }";

    private final GraphQl api;
    private final Optional<TaxiiWay> collection;
    private boolean isWarned;

    /** By their STIX ids, when those were seen that are there. */
    private final Map<String, Long> seen = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > MOST;
        }
    };

    /** @param collection where is pushed by TAXII, which servers take that are no platform */
    Presence(GraphQl api, Optional<TaxiiWay> collection) {
        this.api = api;
        this.collection = collection;
    }

    /**
     * Those that are not there.
     *
     * @param fresh for how long it is taken for granted that what was there still is
     * @return empty where the destination is no platform, and cannot be asked
     */
    Optional<Set<String>> absent(Collection<String> stixIds, Duration fresh) throws IOException, InterruptedException {
        long now = System.nanoTime();
        Set<String> asked = new LinkedHashSet<>(stixIds);
        asked.removeIf(id -> seen.containsKey(id) && now - seen.get(id) < fresh.toNanos());
        Optional<Map<String, String>> there = internalIds(asked);
        there.ifPresent(found -> asked.removeAll(found.keySet()));
        return there.map(found -> asked);
    }

    /** By their STIX ids, the destination's own ids of those that are there, as it says now; empty where it cannot be asked. */
    Optional<Map<String, String>> internalIds(Collection<String> stixIds) throws IOException, InterruptedException {
        Map<String, String> found = new LinkedHashMap<>();
        List<String> ids = List.copyOf(stixIds);
        for (int from = 0; from < ids.size(); from += PAGE) {
            try {
                found.putAll(ask(ids.subList(from, Math.min(from + PAGE, ids.size()))));
            } catch (GraphQl.Absent e) {
                requireCollection(e);
                return Optional.empty();
            } catch (GraphQl.Failed e) {
                if (e.lacksRight()) {
                    throw new IOException(
                            "which markings and labels the destination has cannot be asked, for which the token's user needs"
                                    + " the right KNOWLEDGE: " + e.getMessage(),
                            e);
                }
                throw e;
            }
        }
        long now = System.nanoTime();
        found.keySet().forEach(id -> seen.put(id, now));
        return Optional.of(found);
    }

    /** What is removed there is asked for again. */
    void forget(String stixId) {
        seen.remove(stixId);
    }

    private Map<String, String> ask(List<String> ids) throws IOException, InterruptedException {
        List<String> declared = new ArrayList<>();
        StringBuilder fields = new StringBuilder();
        Map<String, String> variables = new LinkedHashMap<>();
        for (int i = 0; i < ids.size(); i++) {
            declared.add("$i" + i + ": String!");
            boolean isMarking = ids.get(i).startsWith("marking-definition--");
            fields.append(" o")
                    .append(i)
                    .append(isMarking ? ": markingDefinition(id: $i" : ": stixObjectOrStixRelationship(id: $i")
                    .append(i)
                    .append(isMarking ? ") { id }" : ")" + ID);
            variables.put("i" + i, ids.get(i));
        }
        String query = "query Presence(" + String.join(", ", declared) + ") {" + fields + " }";
        String[] promised =
                IntStream.range(0, ids.size()).mapToObj(i -> "o" + i).toArray(String[]::new);
        JsonNode data = api.ask(query, variables, promised);
        Map<String, String> found = new LinkedHashMap<>();
        for (int i = 0; i < ids.size(); i++) {
            JsonNode object = data.path("o" + i);
            if (object.isObject()) {
                found.put(ids.get(i), object.path("id").asText());
            }
        }
        return found;
    }

    /** A server of TAXII alone has no markings; whatever else has no GraphQL API is away at the moment. */
    private void requireCollection(GraphQl.Absent absent) throws IOException, InterruptedException {
        if (collection.isEmpty() || collection.get().collection().isEmpty()) {
            throw absent;
        }
        if (!isWarned) {
            isWarned = true;
            LOG.warn(
                    "The destination is no OpenCTI and cannot be asked which markings it has: objects are sent with those that"
                            + " they bear, and how it protects them is its own affair");
        }
    }
}
