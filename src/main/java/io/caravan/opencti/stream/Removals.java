package io.caravan.opencti.stream;

import io.caravan.event.Event;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.PositionStore;
import io.caravan.event.Reconciliation;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiConfiguration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of a reconcile: what is known, was not seen in it, and is not shown by the platform when asked for by its id either,
 * is removed, in batches of events named reconcile. What was removed is known no longer, and what is shown is marked as seen, so
 * after a kill it goes on with what is left. A platform that is unreachable is waited for; where it refuses to answer, nothing is
 * removed. Nothing is either when nothing at all was seen: that is a platform that shows this user nothing, not one where all
 * is gone. Used by the delivering thread.
 */
final class Removals {

    /** Takes one batch to the sinks. */
    interface Delivery {
        /** False when stopped before. */
        boolean of(List<Event> events) throws InterruptedException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(Removals.class);

    private final PositionStore store;
    private final OpenctiConfiguration options;
    private final Persistence persistence;
    private final ExistenceQuery platform;
    private final Counters counters;

    Removals(
            PositionStore store,
            OpenctiConfiguration options,
            Persistence persistence,
            ExistenceQuery platform,
            Counters counters) {
        this.store = store;
        this.options = options;
        this.persistence = persistence;
        this.platform = platform;
        this.counters = counters;
    }

    /**
     * Delivers them all.
     *
     * @param at a position whose reconcile is due
     * @return false when stopped before
     */
    boolean deliver(Position at, Delivery delivery) throws InterruptedException {
        Reconcile due = at.dueReconcile().orElseThrow();
        if (!options.isListenDelete()) {
            LOG.info("What the platform no longer has is left as it is, because opencti.listen-delete is off");
            return true;
        }
        Optional<Boolean> sawAny = ask(() -> store.hasMarks(due.number()));
        if (sawAny.equals(Optional.of(false))) {
            LOG.warn(
                    "The platform's snapshot held nothing at all: nothing is removed. May this user still read the stream?");
        }
        if (!sawAny.orElse(false)) {
            return sawAny.isPresent();
        }
        long unanswered = 0;
        Optional<String> reason = Optional.empty();
        for (Optional<String> last = Optional.empty(); ; ) {
            Optional<String> after = last;
            Optional<List<StixObject>> unseen = ask(
                    () -> store.unmarked(due.number(), after, options.getBatchMaxEvents(), options.getBatchMaxBytes()));
            if (unseen.isEmpty() || unseen.get().isEmpty()) {
                warn(unanswered, reason);
                return unseen.isPresent();
            }
            List<StixObject> page = unseen.get();
            Optional<ExistenceQuery.Answer> answer = askPlatform(due, page);
            if (answer.isEmpty()) {
                return false;
            }
            unanswered += answer.get().unanswered().size();
            reason = reason.or(answer.get()::reason);
            List<Event> gone = page.stream()
                    .filter(answer.get()::saysGone)
                    .map(object -> Reconciliation.event(at.resume(), object))
                    .toList();
            if (!gone.isEmpty() && !delivery.of(gone)) {
                return false;
            }
            last = Optional.of(page.get(page.size() - 1).key());
        }
    }

    /** Asks until the platform answers; empty when stopped before. What it shows is marked as seen. */
    private Optional<ExistenceQuery.Answer> askPlatform(Reconcile due, List<StixObject> page)
            throws InterruptedException {
        Optional<ExistenceQuery.Answer> answer = persistence.untilAnswered(
                "The platform cannot be asked which objects still exist, and nothing is removed before",
                () -> platform.ask(page));
        if (answer.isEmpty()) {
            return answer;
        }
        Set<String> shown = answer.get().shown();
        if (!shown.isEmpty()) {
            Optional<Boolean> isMarked = ask(() -> {
                store.mark(due.number(), shown);
                return true;
            });
            if (isMarked.isEmpty()) {
                return Optional.empty();
            }
            LOG.info(
                    "Not removing {} objects that the snapshot lacked, because the platform still shows them, such as {}",
                    shown.size(),
                    page.stream()
                            .filter(object -> shown.contains(object.key()))
                            .findFirst()
                            .map(StixObject::id)
                            .orElse(""));
        }
        counters.notRemoving(shown.size(), answer.get().unanswered().size());
        return answer;
    }

    private static void warn(long unanswered, Optional<String> reason) {
        if (unanswered > 0) {
            LOG.warn(
                    "Not removing {} objects that the snapshot lacked, because the platform does not say whether they exist:"
                            + " {}. Once it says so, ./caravan reconcile removes what is gone",
                    unanswered,
                    reason.orElse("no reason"));
        }
    }

    /** Asks until the state answers; empty when stopped before. */
    private <T> Optional<T> ask(Persistence.Question<T> question) throws InterruptedException {
        return persistence.untilAnswered("What is gone cannot be read", question);
    }
}
