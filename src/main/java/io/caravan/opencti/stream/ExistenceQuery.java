package io.caravan.opencti.stream;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.StixObject;
import io.caravan.opencti.Platform;
import io.caravan.opencti.push.GraphQl;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Asks the platform which objects it still shows this user, by their ids, many in one request. It asks with
 * {@code stixObjectOrStixRelationship}, because {@code stix} answers from the trash, too. Used by one thread.
 */
final class ExistenceQuery {

    /** Objects a request. */
    private static final int GROUP = 50;

    /** After so many single objects that the platform refuses to answer for, and none that it does, the others are not asked for. */
    private static final int MOST_REFUSALS = 3;

    private static final String FIELDS =
            " { ... on StixObject { id standard_id } ... on StixRelationship { id standard_id } }";

    private final GraphQl api;

    ExistenceQuery(Platform platform, Duration patience) {
        this.api = new GraphQl(platform, patience);
    }

    /**
     * What the platform says of some objects; of those in neither set it says that they are not there.
     *
     * @param shown the keys of those that it shows
     * @param unanswered the keys of those that it refuses to answer for: a right is missing, or there is no such API
     * @param reason why it refuses, where it does
     */
    record Answer(Set<String> shown, Set<String> unanswered, Optional<String> reason) {

        boolean saysGone(StixObject object) {
            return !shown.contains(object.key()) && !unanswered.contains(object.key());
        }
    }

    /** @throws IOException when the platform is unreachable at the moment: then nothing is known of any of them */
    Answer ask(List<StixObject> objects) throws IOException, InterruptedException {
        Asking asking = new Asking();
        for (int from = 0; from < objects.size(); from += GROUP) {
            asking.ask(objects.subList(from, Math.min(from + GROUP, objects.size())));
        }
        return new Answer(asking.shown, asking.unanswered, asking.reason);
    }

    /** One page of objects, group by group. */
    private final class Asking {
        private final Set<String> shown = new HashSet<>();
        private final Set<String> unanswered = new HashSet<>();
        private Optional<String> reason = Optional.empty();
        private boolean isAnswered;
        private int refusals;
        private boolean isGivenUp;

        void ask(List<StixObject> group) throws IOException, InterruptedException {
            if (isGivenUp) {
                group.forEach(object -> unanswered.add(object.key()));
                return;
            }
            try {
                JsonNode data = api.ask(query(group.size()), ids(group), fields(group.size()));
                for (int i = 0; i < group.size(); i++) {
                    if (isShown(group.get(i), data.path("o" + i))) {
                        shown.add(group.get(i).key());
                    }
                }
                isAnswered = true;
            } catch (IOException e) {
                if (!GraphQl.isRefusal(e)) {
                    throw e;
                }
                refused(group, e);
            }
        }

        private void refused(List<StixObject> group, IOException refusal) throws IOException, InterruptedException {
            boolean isOfAll = refusal instanceof GraphQl.Absent
                    || refusal instanceof GraphQl.Failed failed && failed.isForbidden();
            if (group.size() > 1 && !isOfAll) { // one of them may be at fault, or their number
                ask(group.subList(0, group.size() / 2));
                ask(group.subList(group.size() / 2, group.size()));
                return;
            }
            refusals++;
            isGivenUp = isOfAll || !isAnswered && refusals >= MOST_REFUSALS;
            reason = reason.or(() -> Optional.of(Reason.of(refusal)));
            group.forEach(object -> unanswered.add(object.key()));
        }
    }

    private static String query(int size) {
        StringBuilder declared = new StringBuilder();
        StringBuilder asked = new StringBuilder();
        for (int i = 0; i < size; i++) {
            declared.append(i == 0 ? "" : ", ").append("$i").append(i).append(": String!");
            asked.append(" o")
                    .append(i)
                    .append(": stixObjectOrStixRelationship(id: $i")
                    .append(i);
            asked.append(")").append(FIELDS);
        }
        return "query Existing(" + declared + ") {" + asked + " }";
    }

    /** An answer without one of them says of it neither that it is there nor that it is gone. */
    private static String[] fields(int size) {
        return IntStream.range(0, size).mapToObj(i -> "o" + i).toArray(String[]::new);
    }

    private static Map<String, String> ids(List<StixObject> group) {
        Map<String, String> ids = new LinkedHashMap<>();
        for (int i = 0; i < group.size(); i++) {
            ids.put("i" + i, group.get(i).key());
        }
        return ids;
    }

    /** Under the STIX id of what was merged the platform answers with the object that it was merged into. */
    private static boolean isShown(StixObject object, JsonNode answer) {
        if (!answer.isObject()) {
            return false;
        }
        boolean isAnother = object.internalId().isEmpty()
                ? !answer.path("standard_id").asText(object.id()).equals(object.id())
                : !answer.path("id").asText(object.internalId()).equals(object.internalId());
        return !isAnother;
    }
}
