package io.caravan.opencti.push;

import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows what became of what was pushed, behind the stream's back: what failed at the destination becomes a dead letter with
 * the destination's reason. Little is kept of each, and of the oldest nothing when too much waits: then, as where the
 * destination does not tell, the outcome is unknown. Nothing of it survives the end of the program. Safe for threads.
 */
final class Outcomes {

    private static final Logger LOG = LoggerFactory.getLogger(Outcomes.class);

    /** A new connector's first push can take a minute to begin. */
    static final Duration TO_BEGIN = Duration.ofMinutes(2);

    private static final Duration TO_END = Duration.ofHours(1);
    private static final int MOST_OBJECTS = 100_000;
    private static final long MOST_BYTES = 32 << 20;
    /** In the reason of a removal that failed because there is nothing to remove: that is what was wanted. */
    private static final String NOT_THERE = "cannot be found";
    /** So many are asked for at a time. */
    private static final int PAGE = 20;
    /** A work names no more failures. */
    private static final int MOST_TOLD = 100;

    private static final String NOT_TOLD =
            "the destination tells of no more than " + MOST_TOLD + " failures of a push, and this may be another";

    private final Way way;
    private final DeadLetters deadLetters;
    private final PushCounters counters;
    private final Map<String, Pending> pending = new LinkedHashMap<>();
    /** From then on nothing that an earlier run of the program pushed waits unbegun. */
    private final long surelyBegunAt;

    private int objects;
    private long bytes;
    private boolean isUntold;
    /** When something was seen to go on: what waits behind it has not failed to begin. */
    private long movedAt = System.nanoTime();

    /** @param letters what each object would be a dead letter as, by its STIX id */
    private record Pending(
            Map<String, DeadLetter> letters, int objects, long bytes, boolean ofRemovals, long pushedAt) {}

    /** @param earlier how long what an earlier run of the program has pushed may still wait at the destination */
    Outcomes(Way way, DeadLetters deadLetters, PushCounters counters, Duration earlier) {
        surelyBegunAt = System.nanoTime() + earlier.toNanos();
        this.way = way;
        this.deadLetters = deadLetters;
        this.counters = counters;
    }

    /** @param told what the outcome is asked for by; empty where nothing tells */
    synchronized void follow(Run run, String sink, Optional<String> told) {
        if (told.isEmpty()) {
            counters.unknown(run.items().size());
            return;
        }
        Map<String, DeadLetter> letters = new LinkedHashMap<>();
        long size = 0;
        for (Item item : run.items()) {
            DeadLetter letter = Pusher.letter(item, sink, "");
            int length = item.change().event().kept().length();
            boolean hasRoom = bytes + size + length <= MOST_BYTES;
            letters.put(item.sentId(), hasRoom ? letter : letter.withoutEvent());
            size += hasRoom ? length : 0;
        }
        Pending added = new Pending(letters, run.items().size(), size, run.isOfRemovals(), System.nanoTime());
        pending.put(told.get(), added);
        objects += added.objects;
        bytes += size;
        while (objects > MOST_OBJECTS && pending.size() > 1) {
            unknown(pending.keySet().iterator().next());
        }
    }

    /** Asks for those that wait longest. Called now and then, by one thread. */
    void ask() throws InterruptedException {
        for (String work : oldest()) {
            try {
                Optional<Way.Outcome> outcome = way.outcome(work);
                if (outcome.isEmpty()) {
                    untold(work);
                } else {
                    take(work, outcome.get());
                }
            } catch (Unkept e) {
                LOG.warn(
                        "A dead letter cannot be kept, which is tried again: {}",
                        e.getCause().getMessage());
            } catch (IOException e) {
                LOG.debug("What became of {} cannot be asked now", work, e);
                giveUpIfLate(work, false);
            }
        }
    }

    synchronized int waiting() {
        return objects;
    }

    /** Whether it is known of all that was pushed that the destination is through with it. */
    synchronized boolean isAllApplied() {
        return objects == 0 && counters.unknown() == 0 && System.nanoTime() - surelyBegunAt >= 0;
    }

    private synchronized List<String> oldest() {
        return pending.keySet().stream().limit(PAGE).toList();
    }

    private void take(String work, Way.Outcome outcome) throws IOException {
        if (outcome.hasBegun()) {
            movedAt = System.nanoTime();
        }
        if (!outcome.isDone()) {
            giveUpIfLate(work, outcome.hasBegun());
            return;
        }
        Optional<Pending> done = pending(work);
        if (done.isEmpty()) {
            return; // there was no room for it any more
        }
        List<Way.Failure> failures = outcome.failures().stream()
                .filter(failure -> !(done.get().ofRemovals && failure.reason().contains(NOT_THERE)))
                .toList();
        int failed = outcome.failed() - (outcome.failures().size() - failures.size());
        List<DeadLetter> letters = new ArrayList<>(named(done.get(), failures));
        if (outcome.failures().size() >= MOST_TOLD) {
            letters.addAll(unnamed(done.get(), outcome.failures()));
        } else if (outcome.failures().isEmpty() && failed > 0) {
            letters.addAll(untold(done.get(), failed, work));
        }
        for (DeadLetter letter : letters) {
            LOG.warn(
                    "Dead letter, position {}: {} was not applied: {}", letter.position(), letter.id(), letter.error());
            keep(letter);
        }
        end(work, Math.max(failed, letters.size()));
    }

    private static List<DeadLetter> named(Pending done, List<Way.Failure> failures) {
        List<DeadLetter> letters = new ArrayList<>();
        for (Way.Failure failure : failures) {
            boolean isTheOnlyOne = failure.object().isEmpty() && done.letters.size() == 1;
            DeadLetter letter =
                    isTheOnlyOne ? done.letters.values().iterator().next() : done.letters.get(failure.object());
            if (letter != null) {
                letters.add(letter.because(failure.reason()));
            } else {
                LOG.warn("The destination did not apply {}: {}", failure.object(), failure.reason());
            }
        }
        return letters;
    }

    /** Where as many are named as can be: all others. */
    private static List<DeadLetter> unnamed(Pending done, List<Way.Failure> failures) {
        Set<String> told = failures.stream().map(Way.Failure::object).collect(Collectors.toSet());
        return done.letters.entrySet().stream()
                .filter(letter -> !told.contains(letter.getKey()))
                .map(letter -> letter.getValue().because(NOT_TOLD))
                .toList();
    }

    /** Where it is told how many failed, and not which. */
    private static List<DeadLetter> untold(Pending done, int failed, String work) {
        if (done.letters.size() == 1) {
            return List.of(done.letters.values().iterator().next().because("the destination does not say why"));
        }
        LOG.warn(
                "The destination did not apply {} of {} objects, and does not say which: {}",
                failed,
                done.objects,
                work);
        return List.of();
    }

    private synchronized Optional<Pending> pending(String work) {
        return Optional.ofNullable(pending.get(work));
    }

    private synchronized void end(String work, int failed) {
        if (pending.containsKey(work)) {
            Pending done = remove(work);
            int wrong = Math.min(failed, done.objects);
            counters.failed(wrong);
            counters.applied(done.objects - wrong);
        }
    }

    private void keep(DeadLetter letter) throws Unkept {
        try {
            deadLetters.keep(letter);
        } catch (IOException e) {
            throw new Unkept(e);
        }
    }

    /** What failed stays to be told of. */
    private static final class Unkept extends IOException {
        private static final long serialVersionUID = 1L;

        Unkept(IOException cause) {
            super(cause);
        }
    }

    private synchronized void giveUpIfLate(String work, boolean hasBegun) {
        long now = System.nanoTime();
        if (!pending.containsKey(work)) {
            return;
        }
        long sincePush = now - pending.get(work).pushedAt;
        Duration waited = Duration.ofNanos(hasBegun ? sincePush : Math.min(sincePush, now - movedAt));
        if (waited.compareTo(hasBegun ? TO_END : TO_BEGIN) > 0) {
            unknown(work);
        }
    }

    private synchronized void untold(String work) {
        if (!isUntold) {
            isUntold = true;
            LOG.warn(
                    "The destination does not tell this user what becomes of what is pushed: ./caravan check says which right that"
                            + " needs");
        }
        unknown(work);
    }

    private synchronized void unknown(String work) {
        if (pending.containsKey(work)) {
            counters.unknown(remove(work).objects);
        }
    }

    private Pending remove(String work) {
        Pending done = pending.remove(work);
        objects -= done.objects;
        bytes -= done.bytes;
        return done;
    }
}
