package io.caravan.opencti.push;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Event;
import io.caravan.event.RecordFailedException;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pushes batches, run by run, files along with their objects. What the destination refuses for good is found by halving,
 * becomes a dead letter, and the rest goes on; what goes without its files does too. A batch that is tried again goes on at
 * the run that failed; after a restart its runs go again, and change nothing.
 * Called by one thread at a time.
 */
final class Pusher {

    private static final Logger LOG = LoggerFactory.getLogger(Pusher.class);

    /** A destination behind a load balancer is away for a moment, now and then; longer is for the batch's own tries. */
    private static final int TRIES = 4;

    private static final long FIRST_WAIT_MILLIS = 250;

    private final Way way;
    private final Rules rules;
    private final DeadLetters deadLetters;
    private final Outcomes outcomes;
    private final PushCounters counters;

    /** The batch that is being tried, by its number, and which of its runs are through. */
    private long tried = -1;

    private final Set<UUID> through = new HashSet<>();

    /** By what is pushed of it, what the outcomes are asked for by: what cannot be noted of a run does not push it again. */
    private final Map<UUID, Optional<String>> pushed = new HashMap<>();

    /** By its runs of removals, what of each may go. */
    private final Map<UUID, List<Item>> allowed = new HashMap<>();

    /** The subjects of the dead letters of which no object could be made. */
    private final Set<DeadLetter> notMade = new HashSet<>();

    Pusher(Way way, Rules rules, DeadLetters deadLetters, Outcomes outcomes, PushCounters counters) {
        this.way = way;
        this.rules = rules;
        this.deadLetters = deadLetters;
        this.outcomes = outcomes;
        this.counters = counters;
    }

    /** Queued at the destination when this returns. */
    void deliver(Batch batch, String sink) throws IOException, InterruptedException {
        if (tried != batch.before().batches()) {
            tried = batch.before().batches();
            through.clear();
            pushed.clear();
            allowed.clear();
            notMade.clear();
        }
        for (Run run : Runs.of(
                batch, rules.wording(), rules.withDeletions(), (change, failure) -> refuse(change, sink, failure))) {
            List<Item> items = allowed(run);
            Run left = new Run(items);
            if (items.stream().anyMatch(Files::mayBeIn)) {
                pushWithFiles(left, sink);
            } else if (!items.isEmpty()) {
                push(left, sink);
            }
        }
    }

    /** Asked once a batch: what is pushed of the run may be gone when the batch is tried again. */
    private List<Item> allowed(Run run) throws IOException, InterruptedException {
        if (rules.protection().isEmpty() || !run.isOfRemovals()) {
            return run.items();
        }
        if (!allowed.containsKey(run.id())) {
            allowed.put(run.id(), rules.protection().get().mayGo(run.items()));
        }
        return allowed.get(run.id());
    }

    private void refuse(Change change, String sink, RecordFailedException failure) throws IOException {
        DeadLetter letter =
                letter(change, sink, "it cannot be made ready for the destination: " + failure.getMessage());
        if (!notMade.contains(letter.subject())) {
            LOG.debug("Not made ready", failure);
            counters.refusal();
            keep(letter);
            notMade.add(letter.subject());
        }
    }

    static DeadLetter letter(Item item, String sink, String error) {
        return letter(item.change(), sink, error);
    }

    private static DeadLetter letter(Change change, String sink, String error) {
        Event event = change.event();
        return new DeadLetter(
                sink, event.id().toString(), event.op(), change.object().id(), error, 1, Optional.of(event.kept()));
    }

    /** Files are fetched again for what is not through, and for nothing else. */
    private void pushWithFiles(Run run, String sink) throws IOException, InterruptedException {
        List<Item> rest = run.items().stream()
                .filter(item -> !through.contains(Run.of(item).id()))
                .toList();
        rules.files().load(new Run(rest), part -> {
            push(part.run(), sink);
            for (Files.Lacking lacking : part.lacking()) {
                counters.filesLeftOut(lacking.lack().files());
                if (!lacking.lack().failures().isEmpty()) {
                    String files = String.join("; ", lacking.lack().failures());
                    keep(letter(lacking.item(), sink, "it went without its file " + files));
                }
            }
            part.whole().forEach(item -> through.add(Run.of(item).id()));
        });
    }

    private void push(Run run, String sink) throws IOException, InterruptedException {
        if (through.contains(run.id())) {
            return;
        }
        Optional<String> refusal = pushOnce(run, sink);
        if (refusal.isPresent()) {
            if (run.items().size() > 1) {
                push(run.half(true), sink);
                push(run.half(false), sink);
            } else {
                pushBare(run.items().get(0), sink, refusal.get());
            }
        }
        through.add(run.id());
    }

    /** What is refused with its files, may be taken without: a platform limits the size of a request. */
    private void pushBare(Item item, String sink, String refusal) throws IOException, InterruptedException {
        Optional<String> error = Optional.of(refusal);
        if (!item.files().isEmpty()) {
            error = pushOnce(Run.of(item.withoutFiles()), sink);
        }
        if (error.isPresent()) {
            counters.refusal();
            keep(letter(item, sink, error.get()));
        } else {
            counters.filesLeftOut(item.files().size());
            String files = String.join(", ", item.files());
            keep(letter(item, sink, "it went without its files " + files + ", with which it is refused: " + refusal));
        }
    }

    /** Why it is refused, or nothing. */
    private Optional<String> pushOnce(Run run, String sink) throws IOException, InterruptedException {
        try {
            if (!pushed.containsKey(run.id())) {
                pushed.put(run.id(), tryToPush(run));
                counters.pushed(run.items().size());
                counters.files(run.items().stream()
                        .mapToInt(item -> item.files().size())
                        .sum());
            }
            outcomes.follow(run, sink, pushed.get(run.id()));
            return Optional.empty();
        } catch (Way.Refused e) {
            return Optional.of(e.getMessage());
        }
    }

    private void keep(DeadLetter letter) throws IOException {
        deadLetters.keep(letter);
        LOG.warn("Dead letter, position {}: {}: {}", letter.position(), letter.id(), letter.error());
    }

    private Optional<String> tryToPush(Run run) throws IOException, InterruptedException, Way.Refused {
        long wait = FIRST_WAIT_MILLIS;
        boolean answersOthers = false;
        for (int tries = 1; ; tries++) {
            try {
                return way.push(run);
            } catch (Answers.Forbidden e) {
                if (answersOthers) { // and yet refuses this
                    throw new Way.Refused(e.getMessage());
                }
                answersOthers = way.answersOthers(e);
                if (!answersOthers) {
                    throw e;
                }
            } catch (IOException e) {
                if (tries == TRIES) {
                    throw e;
                }
                LOG.debug("Try {} failed", tries, e);
                Thread.sleep(wait);
                wait *= 2;
            }
        }
    }
}
