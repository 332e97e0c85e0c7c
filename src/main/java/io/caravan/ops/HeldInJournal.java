package io.caravan.ops;

import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Creation;
import io.caravan.event.Deletion;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Meaning;
import io.caravan.event.Merge;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.Reconciliation;
import io.caravan.event.RecordFailedException;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.event.Unreadable;
import io.caravan.event.Update;
import io.caravan.sink.JournalLines;
import io.caravan.sink.MirroredObjects.Visit;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * The objects that existed after a journal's events, up to one of them: its events are read again with the program's own meanings,
 * over a store that is made for it, so that deletions, merges and renames leave behind what they left then.
 */
final class HeldInJournal implements Holdings {

    private static final Map<String, Meaning.Reading> BY_NAME = Map.of(
            "create",
            new Creation(),
            "update",
            new Update(),
            "delete",
            new Deletion(),
            "merge",
            new Merge(),
            Reconciliation.OP,
            new Reconciliation());

    /** Events that are written to the store together. */
    private static final int BATCH = 1000;

    private static final int PAGE = 500;
    private static final long PAGE_BYTES = 8 << 20;
    /** No reconcile has this number: nothing is marked as seen in it. */
    private static final long NEVER = 0;

    private final State store;
    private final HeldIds ids;

    HeldInJournal(State store) {
        this.store = store;
        this.ids = new HeldIds(store);
    }

    /**
     * Reads the journal into the store.
     *
     * @param until the last event's id, inclusive. A snapshot's ids are in no order: what it told of a later state is left out
     * @param unreadable told of each line that means nothing
     * @param read told now and then how many events are read
     * @param isStopped whether to end before
     */
    void read(
            JournalLines journal,
            Optional<EventId> until,
            Consumer<String> unreadable,
            LongConsumer read,
            BooleanSupplier isStopped)
            throws IOException {
        Position position = Position.startingAt("restore", "live", EventId.ZERO);
        long events = 0;
        boolean isThrough = false;
        while (!isThrough && !isStopped.getAsBoolean()) {
            Pending known = store.begin();
            for (int i = 0; i < BATCH && !isThrough; i++) {
                try {
                    Optional<Event> event = journal.next();
                    isThrough = event.isEmpty() || isBeyond(event.get(), until);
                    if (!isThrough && until.filter(event.get().id()::isAbove).isEmpty()) {
                        read(event.get(), known);
                        events++;
                    }
                } catch (Unreadable e) {
                    unreadable.accept(journal.place() + ": " + e.getMessage());
                }
            }
            position = position.afterAnotherBatch();
            store.write(position, known);
            read.accept(events);
        }
    }

    /** Whether all that follows is later, too. */
    private static boolean isBeyond(Event event, Optional<EventId> until) {
        return event.kind() == Event.Kind.MAIN
                && until.filter(event.id()::isAbove).isPresent();
    }

    private static void read(Event event, Pending known) throws IOException, Unreadable {
        Meaning.Reading reading = BY_NAME.get(event.op());
        if (reading == null) {
            throw new Unreadable("nobody knows an event named " + event.op());
        }
        known.mark();
        try {
            Meaning meaning = RecordFailedException.during(() -> reading.of(event, known, false));
            for (Change change : meaning.changes()) {
                HeldIds.learn(change, known);
            }
        } catch (RecordFailedException e) {
            known.takeBack();
            throw new Unreadable(e.getMessage(), e);
        }
    }

    @Override
    public Map<String, Long> learn() throws IOException, InterruptedException {
        Map<String, Long> counts = new TreeMap<>();
        each(object -> {
            counts.merge(object.type(), 1L, Long::sum);
            ids.learn(object, true);
        });
        ids.write();
        return counts;
    }

    @Override
    public Optional<String> now(String reference) throws IOException {
        return ids.now(reference);
    }

    @Override
    public void each(Kind kind, Visit visit) throws IOException, InterruptedException {
        each(object -> {
            if (Kind.of(object.type()) == kind) {
                visit.at(object.id());
            }
        });
    }

    private interface ObjectVisit {
        void at(StixObject object) throws IOException, InterruptedException;
    }

    private void each(ObjectVisit visit) throws IOException, InterruptedException {
        Optional<String> last = Optional.empty();
        for (List<StixObject> page = page(last); !page.isEmpty(); page = page(last)) {
            for (StixObject object : page) {
                if (!object.type().equals(HeldIds.FORMER)) {
                    visit.at(object);
                }
            }
            last = Optional.of(page.get(page.size() - 1).key());
        }
    }

    private List<StixObject> page(Optional<String> after) throws IOException {
        return store.unmarked(NEVER, after, PAGE, PAGE_BYTES);
    }

    /** By the id that it had then. */
    @Override
    public Optional<Bytes> object(String id) throws IOException {
        return store.begin().withId(id).map(found -> found.object().json());
    }
}
