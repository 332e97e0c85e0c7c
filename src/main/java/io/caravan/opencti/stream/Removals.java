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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of a reconcile: what is known and was not seen in it is removed, in batches of events named reconcile. What was
 * removed is known no longer, so after a kill it goes on with what is left. Nothing is removed when nothing at all was
 * seen: that is a platform that shows this user nothing, not one where all is gone. Used by the delivering thread.
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

    Removals(PositionStore store, OpenctiConfiguration options, Persistence persistence) {
        this.store = store;
        this.options = options;
        this.persistence = persistence;
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
        for (Optional<String> last = Optional.empty(); ; ) {
            Optional<String> after = last;
            Optional<List<StixObject>> gone = ask(
                    () -> store.unmarked(due.number(), after, options.getBatchMaxEvents(), options.getBatchMaxBytes()));
            if (gone.isEmpty() || gone.get().isEmpty()) {
                return gone.isPresent();
            }
            List<Event> events = gone.get().stream()
                    .map(object -> Reconciliation.event(at.resume(), object))
                    .toList();
            if (!delivery.of(events)) {
                return false;
            }
            last = Optional.of(gone.get().get(gone.get().size() - 1).key());
        }
    }

    /** Asks until the state answers; empty when stopped before. */
    private <T> Optional<T> ask(Persistence.Question<T> question) throws InterruptedException {
        return persistence.untilAnswered("What is gone cannot be read", question);
    }
}
