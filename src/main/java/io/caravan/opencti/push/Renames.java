package io.caravan.opencti.push;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.Known;
import io.caravan.event.Known.KnownObject;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Finds renames whose new name another object of the destination has already: the upsert would leave both. They are merged
 * instead, the one of the old name into the one of the new. The destination is asked when it is through with what was pushed:
 * what objects bear may have been made of a bearer that came before the rename, and an object that has the new name there may
 * be about to give it up. An object that the source knows is never merged into another. Used by one thread at a time.
 */
final class Renames {

    /** A relation or sighting that is given another time may be given another id. */
    private static final Set<String> LINKS = Set.of("relationship", "sighting");

    private static final Duration AT_MOST = Duration.ofMinutes(10);
    private static final long BETWEEN_MILLIS = 100;

    private final Supplier<Known> known;
    private final Presence presence;
    private final Way way;
    private final Wording wording;
    private final Pace pace;

    /** By what the outcome of the latest push is asked for. */
    private Optional<String> latest = Optional.empty();

    /** Since when a rename waits for what was pushed before it. */
    private Optional<Long> waitingSince = Optional.empty();

    Renames(Supplier<Known> known, Presence presence, Way way, Wording wording, Pace pace) {
        this.known = known;
        this.presence = presence;
        this.way = way;
        this.wording = wording;
        this.pace = pace;
    }

    /** @param work by what its outcome is asked for; the destination works in the order of the pushes */
    void pushed(Optional<String> work) {
        latest = work;
    }

    /**
     * The merge that has to come before an upsert.
     *
     * @throws IOException when the destination does not answer, or has not done yet what was pushed before
     */
    Optional<Item> merge(Item upsert, Batch batch) throws IOException, InterruptedException {
        Optional<String> before = upsert.change().previousId();
        boolean isLink = LINKS.contains(upsert.object().type()); // its id is made of its times, too
        if (before.isEmpty() || isLink || isAnothers(before.get(), upsert, batch) || isTaken(upsert, batch)) {
            return Optional.empty();
        }
        List<String> ids = List.of(before.get(), upsert.object().id());
        boolean isBorne = Runs.BORNE.contains(upsert.object().type());
        if (isBorne || areTwo(ids)) { // what objects bear may be about to be made
            awaitEarlier(upsert);
            if (areTwo(ids)) {
                return Optional.of(wording.merge(upsert.change(), List.of(before.get())));
            }
        }
        return Optional.empty();
    }

    /** An object may be found by an id that it had once: these two have theirs now. */
    private boolean areTwo(List<String> ids) throws IOException, InterruptedException {
        Map<String, Presence.Found> there = presence.find(ids).orElse(Map.of());
        return ids.stream()
                        .allMatch(id -> there.containsKey(id)
                                && there.get(id).standardId().equals(id))
                && there.values().stream().map(Presence.Found::id).distinct().count() == ids.size();
    }

    /** Another object has this id now, or is given it in the batch. */
    private boolean isAnothers(String id, Item upsert, Batch batch) throws IOException {
        for (Change change : batch.changes()) {
            boolean isAnother = !change.object().key().equals(upsert.key());
            if (isAnother
                    && change.type() == Change.Type.UPSERT
                    && change.object().id().equals(id)) {
                return true;
            }
        }
        return isAnother(known.get().withId(id), upsert);
    }

    /** Another object has, or had, the new id: it may have it still at the destination, and is not to be merged into. */
    private boolean isTaken(Item upsert, Batch batch) throws IOException {
        String id = upsert.object().id();
        for (Change change : batch.changes()) {
            boolean isAnother = !change.object().key().equals(upsert.key());
            if (isAnother && change.previousId().filter(id::equals).isPresent()) {
                return true;
            }
        }
        return isAnothers(id, upsert, batch) || isAnother(known.get().withFormerId(id), upsert);
    }

    private static boolean isAnother(Optional<KnownObject> object, Item upsert) {
        return object.filter(one -> !one.object().key().equals(upsert.key())).isPresent();
    }

    private void awaitEarlier(Item rename) throws IOException, InterruptedException {
        long begin = pace.now();
        long since = waitingSince.orElse(begin);
        waitingSince = Optional.of(since);
        while (isUnderWay()) {
            if (pace.isOver(since, AT_MOST)) {
                latest = Optional.empty(); // it may never tell: the next rename does not wait for it again
                break;
            }
            if (pace.isOver(begin, pace.oneWait())) {
                throw new IOException("the destination is not through with what was pushed before the rename of "
                        + rename.object().id()
                        + ", which may have made what it is renamed to: are its workers running?");
            }
            Thread.sleep(BETWEEN_MILLIS);
        }
        waitingSince = Optional.empty();
    }

    private boolean isUnderWay() throws IOException, InterruptedException {
        return latest.isPresent()
                && way.outcome(latest.get())
                        .filter(outcome -> !outcome.isDone())
                        .isPresent();
    }
}
