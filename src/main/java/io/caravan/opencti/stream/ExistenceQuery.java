package io.caravan.opencti.stream;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.StixObject;
import io.caravan.opencti.Platform;
import io.caravan.opencti.push.GraphQl;
import io.caravan.opencti.push.ObjectQuery;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Asks the platform which objects it still shows this user, by their ids, many in one request. Used by one thread.
 */
final class ExistenceQuery {

    /** Objects a request. */
    private static final int GROUP = 50;

    /** After so many single objects that the platform refuses to answer for, and none that it does, the others are not asked for. */
    private static final int MOST_REFUSALS = 3;

    /** An object for which the platform fails, while it answers for others, is asked for so often again. */
    private static final int MOST_TRIES = 3;

    private static final Duration WAIT = Duration.ofSeconds(1);

    /** Waits before a question is asked again. */
    @FunctionalInterface
    interface Pause {
        void of(Duration time) throws InterruptedException;
    }

    private final GraphQl api;
    private final Pause pause;

    ExistenceQuery(Platform platform, Duration patience, Pause pause) {
        this.api = new GraphQl(platform, patience);
        this.pause = pause;
    }

    /**
     * What the platform says of some objects; of those in neither set it says that they are not there.
     *
     * @param shown the keys of those that it shows
     * @param unanswered the keys of those that it refuses to answer for: a right is missing, there is no such API, or it fails for
     *     these again and again while it answers for others
     * @param reason why it refuses, where it does, and what would help
     */
    record Answer(Set<String> shown, Set<String> unanswered, Optional<String> reason) {

        boolean saysGone(StixObject object) {
            return !shown.contains(object.key()) && !unanswered.contains(object.key());
        }
    }

    /** @throws IOException when the platform is unreachable at the moment, or fails for every object: then nothing is known of any of them */
    Answer ask(List<StixObject> objects) throws IOException, InterruptedException {
        Asking asking = new Asking();
        for (int from = 0; from < objects.size(); from += GROUP) {
            asking.ask(objects.subList(from, Math.min(from + GROUP, objects.size())));
        }
        asking.askAgain();
        return new Answer(asking.shown, asking.unanswered, asking.reason);
    }

    /** One page of objects, group by group. */
    private final class Asking {
        private final Set<String> shown = new HashSet<>();
        private final Set<String> unanswered = new HashSet<>();
        /** Those for which the platform failed, each asked for alone. */
        private final List<StixObject> failed = new ArrayList<>();

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
                answer(group);
            } catch (IOException e) {
                if (!GraphQl.isRefusal(e)) {
                    throw e;
                }
                if (group.size() > 1 && !GraphQl.isOfEveryQuestion(e)) { // one of them may be at fault, or their number
                    ask(group.subList(0, group.size() / 2));
                    ask(group.subList(group.size() / 2, group.size()));
                } else if (GraphQl.isLasting(e)) {
                    refused(group, e);
                } else {
                    failed.addAll(group);
                    requireThatOthersAreAnswered(e);
                }
            }
        }

        /** Asks again for those for which the platform failed, which may be of the moment; the others are answered by now. */
        void askAgain() throws IOException, InterruptedException {
            for (int tries = MOST_TRIES; !failed.isEmpty(); tries--) {
                pause.of(WAIT);
                List<StixObject> again = List.copyOf(failed);
                failed.clear();
                for (StixObject object : again) {
                    askAgain(object, tries == 1);
                }
            }
        }

        private void askAgain(StixObject object, boolean isLastTry) throws IOException, InterruptedException {
            try {
                answer(List.of(object));
            } catch (IOException e) {
                if (!GraphQl.isRefusal(e)) {
                    throw e;
                }
                if (isLastTry || GraphQl.isLasting(e)) {
                    refused(List.of(object), e);
                } else {
                    failed.add(object);
                }
            }
        }

        private void answer(List<StixObject> group) throws IOException, InterruptedException {
            List<JsonNode> answers = look(group.stream().map(StixObject::key).toList());
            for (int i = 0; i < group.size(); i++) {
                if (isShown(group.get(i), answers.get(i))) {
                    shown.add(group.get(i).key());
                }
            }
            isAnswered = true;
        }

        private List<JsonNode> look(List<String> ids) throws IOException, InterruptedException {
            return ObjectQuery.ask(api, "Existing", ids, id -> ObjectQuery.IDS);
        }

        /** Else the platform is at fault, and not one object: then it is as unreachable as one that does not answer. */
        private void requireThatOthersAreAnswered(IOException failure) throws IOException, InterruptedException {
            if (!isAnswered) {
                try {
                    look(List.of(UUID.randomUUID().toString()));
                } catch (IOException e) {
                    e.addSuppressed(failure);
                    throw e;
                }
                isAnswered = true;
            }
        }

        private void refused(List<StixObject> group, IOException refusal) {
            refusals++;
            isGivenUp = GraphQl.isOfEveryQuestion(refusal) || !isAnswered && refusals >= MOST_REFUSALS;
            reason = reason.or(() -> Optional.of(Reason.of(refusal) + remedy(refusal)));
            group.forEach(object -> unanswered.add(object.key()));
        }

        private String remedy(IOException refusal) {
            if (refusal instanceof GraphQl.Failed failure) {
                return failure.isForbidden() ? ". This user needs the right KNOWLEDGE" : "";
            }
            return ". Caravan needs the address /graphql of the platform";
        }
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
