package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.opencti.PushConfiguration;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps at the destination what not only this program has put there: before a removal is pushed, the destination is asked who
 * has written the object, and who what contains it. A creator is whoever has upserted an object; who only edits it is none.
 * Kept is also what cannot be told for sure: an object in more containers than are looked at, and, on a server that is no
 * platform, every object. Used by one thread at a time.
 *
 * <p>What the destination does not know is gone there already and is left out, unless something pushed before may still wait
 * in its queue: that may be what makes the object, and then the removal has to follow it.
 */
final class Protection {

    private static final Logger LOG = LoggerFactory.getLogger(Protection.class);

    /** Objects a request. */
    private static final int PAGE = 50;

    /** The most containers of an object that are looked at; the platform gives no second page of them. */
    private static final int MOST_CONTAINERS = 100;

    private static final String CREATORS = "creators { id }";
    private static final String CONTAINERS = "containers(first: " + MOST_CONTAINERS
            + ") { pageInfo { hasNextPage } edges { node { " + CREATORS + " } } }";

    /** Of the one or the other kind of object, the same answer. */
    private static final ObjectQuery.Selection OTHERS = ObjectQuery.Selection.of("{ ... on StixObject { " + CREATORS
            + " } ... on StixRelationship { " + CREATORS
            + " } ... on StixCoreObject { " + CONTAINERS + " } ... on StixCoreRelationship { " + CONTAINERS
            + " } ... on StixSightingRelationship { " + CONTAINERS + " } }");

    private final GraphQl api;
    private final PushConfiguration options;
    private final Optional<TaxiiWay> collection;
    private final BooleanSupplier isAllApplied;
    private final PushCounters counters;
    private Optional<ActingUser> user = Optional.empty();
    private boolean isWarned;

    /**
     * @param collection where removals are pushed by TAXII, which servers take that are no platform
     * @param isAllApplied whether nothing that was pushed waits at the destination
     */
    Protection(
            GraphQl api,
            PushConfiguration options,
            Optional<TaxiiWay> collection,
            BooleanSupplier isAllApplied,
            PushCounters counters) {
        this.api = api;
        this.options = options;
        this.collection = collection;
        this.isAllApplied = isAllApplied;
        this.counters = counters;
    }

    /**
     * Asks about removals, all of a page in one request.
     *
     * @return those that may go, in their order
     * @throws IOException when the destination does not answer: then nothing may go
     */
    List<Item> mayGo(List<Item> removals) throws IOException, InterruptedException {
        boolean leavesOutUnknown = isAllApplied.getAsBoolean(); // asked first: what is applied by then, is told
        List<Item> going = new ArrayList<>();
        for (int from = 0; from < removals.size(); from += PAGE) {
            List<Item> page = removals.subList(from, Math.min(from + PAGE, removals.size()));
            List<JsonNode> told;
            try {
                told = ask(page);
            } catch (GraphQl.Absent e) {
                requireCollection(e);
                page.forEach(item -> keep(item, "this server does not tell who else has written it"));
                continue;
            } catch (Answers.Forbidden e) {
                throw new IOException(
                        e.getMessage()
                                + ": so who else has written what is to be removed cannot be asked (that needs OpenCTI; for"
                                + " another server, set destination.protect-others=false)",
                        e);
            }
            for (int i = 0; i < page.size(); i++) {
                Item item = page.get(i);
                boolean isKnown = told.get(i).isObject();
                Optional<String> reason = isKnown ? reasonToKeep(told.get(i)) : Optional.empty();
                if (reason.isPresent()) {
                    keep(item, reason.get());
                } else if (isKnown || !leavesOutUnknown) {
                    going.add(item);
                }
            }
        }
        return going;
    }

    private void keep(Item item, String reason) {
        counters.keeping();
        LOG.info("{} is gone, and stays at the destination: {}", item.object().id(), reason);
    }

    /** A server of TAXII alone knows no users; whatever else has no GraphQL API is away at the moment. */
    private void requireCollection(GraphQl.Absent absent) throws IOException, InterruptedException {
        if (collection.isEmpty() || collection.get().collection().isEmpty()) {
            throw absent;
        }
        if (!isWarned) {
            isWarned = true;
            LOG.warn("The destination cannot be asked who else has written an object, so none is removed there:"
                    + " set destination.protect-others=false to remove what is gone");
        }
    }

    /** What is told of each; no object where nothing is known. */
    private List<JsonNode> ask(List<Item> page) throws IOException, InterruptedException {
        if (user.isEmpty()) {
            user = Optional.of(new ActingUser(api, options));
        }
        return ObjectQuery.ask(api, "Others", page.stream().map(Item::sentId).toList(), id -> OTHERS);
    }

    private Optional<String> reasonToKeep(JsonNode object) {
        if (!isByUserAlone(object)) {
            return Optional.of("others have written it, too");
        }
        JsonNode containers = object.path("containers");
        for (JsonNode edge : containers.path("edges")) {
            if (!isByUserAlone(edge.path("node"))) {
                return Optional.of("what others have written contains it");
            }
        }
        boolean isInMore = containers.at("/pageInfo/hasNextPage").asBoolean();
        return isInMore
                ? Optional.of(
                        "more than " + MOST_CONTAINERS + " others contain it, and not all of them can be looked at")
                : Optional.empty();
    }

    private boolean isByUserAlone(JsonNode object) {
        JsonNode creators = object.path("creators");
        return creators.size() == 1
                && creators.at("/0/id").asText().equals(user.orElseThrow().id());
    }
}
