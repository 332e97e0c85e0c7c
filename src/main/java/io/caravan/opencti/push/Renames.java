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
import java.util.function.Supplier;

/**
 * Finds renames whose new name another object of the destination has already: the upsert would leave both. They are merged
 * instead, the one of the old name into the one of the new. What objects bear may have been made of a bearer that came before
 * the rename, so there it is asked when the destination is through with what was pushed. Used by one thread at a time.
 */
final class Renames {

    private static final Duration ONE_WAIT = Duration.ofSeconds(5);
    private static final Duration AT_MOST = Duration.ofMinutes(10);
    private static final long BETWEEN_MILLIS = 100;

    private final Supplier<Known> known;
    private final Presence presence;
    private final Way way;
    private final Wording wording;

    /** By what the outcome of the latest push is asked for. */
    private Optional<String> latest = Optional.empty();

    /** Since when a rename waits for what was pushed before it. */
    private Optional<Long> waitingSince = Optional.empty();

    Renames(Supplier<Known> known, Presence presence, Way way, Wording wording) {
        this.known = known;
        this.presence = presence;
        this.way = way;
        this.wording = wording;
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
        if (before.isEmpty() || isAnothersNow(before.get(), upsert, batch)) {
            return Optional.empty();
        }
        if (Runs.BORNE.contains(upsert.object().type())) {
            awaitEarlier(upsert);
        }
        Optional<Map<String, String>> there =
                presence.internalIds(List.of(before.get(), upsert.object().id()));
        boolean areTwo = there.filter(ids -> ids.size() == 2)
                .filter(ids -> ids.values().stream().distinct().count() == 2)
                .isPresent();
        return areTwo ? Optional.of(wording.merge(upsert.change(), List.of(before.get()))) : Optional.empty();
    }

    /** Another object has been given the old name since: it is not to be merged away. */
    private boolean isAnothersNow(String id, Item upsert, Batch batch) throws IOException {
        for (Change change : batch.changes()) {
            boolean isAnother = !change.object().key().equals(upsert.key());
            if (isAnother
                    && change.type() == Change.Type.UPSERT
                    && change.object().id().equals(id)) {
                return true;
            }
        }
        Optional<KnownObject> now = known.get().withId(id);
        return now.filter(object -> !object.object().key().equals(upsert.key())).isPresent();
    }

    private void awaitEarlier(Item rename) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        long since = waitingSince.orElse(begin);
        waitingSince = Optional.of(since);
        while (isUnderWay() && System.nanoTime() - since < AT_MOST.toNanos()) {
            if (System.nanoTime() - begin > ONE_WAIT.toNanos()) {
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
