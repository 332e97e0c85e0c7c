package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is there at the destination, asked by STIX ids, as the token's user sees it. What was there is not asked for again
 * for a while. A server of TAXII alone cannot be asked. Used by one thread at a time.
 */
final class Presence {

    private static final Logger LOG = LoggerFactory.getLogger(Presence.class);

    /** By which a person says that the destination cannot be asked. */
    static final String SETTING = "destination.check-markings=false";

    /** Objects a request. */
    private static final int PAGE = 50;

    /** So many are remembered. */
    private static final int MOST = 50_000;

    private static final ObjectQuery.Selection MARKING =
            new ObjectQuery.Selection("markingDefinition", "{ id standard_id }");

    private final GraphQl api;
    private final Optional<TaxiiWay> collection;
    private final boolean isAsked;
    private boolean isWarned;

    /** By their STIX ids, when those were seen that are there. */
    private final Map<String, Long> seen = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > MOST;
        }
    };

    /**
     * What is found by an id.
     *
     * @param id the destination's own
     * @param standardId the STIX id that it has now
     */
    record Found(String id, String standardId) {}

    /**
     * @param collection where is pushed by TAXII, which servers take that are no platform
     * @param isAsked whether the destination can be asked; nobody asks it otherwise
     */
    Presence(GraphQl api, Optional<TaxiiWay> collection, boolean isAsked) {
        this.api = api;
        this.collection = collection;
        this.isAsked = isAsked;
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
        Optional<Map<String, Found>> there = find(asked);
        there.ifPresent(found -> asked.removeAll(found.keySet()));
        return there.map(found -> asked);
    }

    /** By the STIX ids that are asked, what is there, as the destination says now; empty where it cannot be asked. */
    Optional<Map<String, Found>> find(Collection<String> stixIds) throws IOException, InterruptedException {
        if (!isAsked) {
            return Optional.empty();
        }
        Map<String, Found> found = new LinkedHashMap<>();
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
            } catch (IOException e) {
                throw withSetting(e);
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

    private Map<String, Found> ask(List<String> ids) throws IOException, InterruptedException {
        List<JsonNode> objects = ObjectQuery.ask(
                api, "Presence", ids, id -> id.startsWith("marking-definition--") ? MARKING : ObjectQuery.IDS);
        Map<String, Found> found = new LinkedHashMap<>();
        for (int i = 0; i < ids.size(); i++) {
            JsonNode object = objects.get(i);
            if (object.isObject()) {
                found.put(ids.get(i), new Found(api.text(object, "/id"), api.text(object, "/standard_id")));
            }
        }
        return found;
    }

    /** Where the collection is there all the same, it may be a server of TAXII alone: only a person knows. */
    private IOException withSetting(IOException failure) throws InterruptedException {
        try {
            if (collection.isPresent() && collection.get().collection().isPresent()) {
                return new IOException(
                        "which markings the destination has cannot be asked, although its TAXII collection answers: "
                                + failure.getMessage() + "; if the destination is no OpenCTI, set " + SETTING,
                        failure);
            }
        } catch (IOException away) {
            failure.addSuppressed(away);
        }
        return failure;
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
