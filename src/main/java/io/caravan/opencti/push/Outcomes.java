package io.caravan.opencti.push;

import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.FailureText;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows what became of what was pushed, behind the stream's back: what failed at the destination becomes a dead letter with
 * the destination's reason. What that needs is on the disk until it is told, so that it outlives the program. An object
 * counts as applied only where the destination has counted it: a worker drops messages that it rejects and reports nothing.
 * What is not counted when the push is complete, or in time, becomes a dead letter, too. Where the
 * destination does not tell, and of the oldest when too much waits, the outcome is unknown. Safe for threads.
 */
final class Outcomes {

    private static final Logger LOG = LoggerFactory.getLogger(Outcomes.class);

    /** A new connector's first push can take a minute to begin. */
    private static final Limits LIMITS = new Limits(Duration.ofMinutes(2), Duration.ofHours(1));

    private static final int MOST_OBJECTS = 100_000;
    /** On the disk. */
    private static final long MOST_BYTES = 1L << 30;
    /** In the reason of a removal that failed because there is nothing to remove: that is what was wanted. */
    private static final String NOT_THERE = "cannot be found";
    /** So many are asked for at a time. */
    private static final int PAGE = 20;
    /** A work names no more failures. */
    private static final int MOST_TOLD = 100;

    private static final String NOT_TOLD =
            "the destination tells of no more than " + MOST_TOLD + " failures of a push, and this may be another";

    /**
     * How long a push may take.
     *
     * @param toBegin to begin, from when it was pushed, while nothing else goes on
     * @param toEnd to be counted further once it is its turn: from when it was seen to have begun, or was overtaken by a later
     *     push, or its count last grew. How long it waited before says nothing. Several workers may begin a later push earlier
     *     and hold an earlier one up, so an overtaken push has as long as one that has begun
     */
    record Limits(Duration toBegin, Duration toEnd) {}

    private final Way way;
    private final Limits limits;
    private final DeadLetters deadLetters;
    private final PushCounters counters;
    private final PushedFiles files;
    private final LongSupplier clock;
    private final Map<String, Pending> pending = new LinkedHashMap<>();
    private int objects;
    private long bytes;
    private boolean isUntold;
    /** Whether the destination is through with anything that this run of the program has pushed. */
    private boolean isThroughWithAny;
    /** When the latest of those was pushed that the destination has begun with: it is the turn of all that was pushed before. */
    private Optional<Long> begunSince = Optional.empty();

    private volatile boolean isDeaf;
    private long askedAt;
    /** For how long the destination could not be asked, in all. */
    private long deaf;
    /** When something was seen to go on: what waits behind it has not failed to begin. */
    private long movedAt;
    /** How many dead letters of a work are kept, whose others could not be. */
    private final Map<String, Integer> kept = new HashMap<>();

    /**
     * A push that is followed.
     *
     * @param isOld whether an earlier run of the program has pushed it
     * @param turn since when it is its turn, or its count has not grown; empty while it waits behind others
     * @param counted how much of it was counted then
     */
    private record Pending(
            Path file, int objects, long bytes, boolean isOld, Moment since, Optional<Moment> turn, int counted) {

        Pending atTurn(Moment now, int countedNow) {
            return new Pending(file, objects, bytes, isOld, since, Optional.of(now), countedNow);
        }
    }

    /** @param deafBefore for how long the destination could not be asked, in all, until then */
    private record Moment(long at, long deafBefore) {}

    Outcomes(Way way, DeadLetters deadLetters, PushCounters counters, PushedFiles files) {
        this(way, deadLetters, counters, files, LIMITS, System::nanoTime);
    }

    /** @param clock in nanoseconds, from any start */
    Outcomes(
            Way way,
            DeadLetters deadLetters,
            PushCounters counters,
            PushedFiles files,
            Limits limits,
            LongSupplier clock) {
        this.way = way;
        this.limits = limits;
        this.deadLetters = deadLetters;
        this.counters = counters;
        this.files = files;
        this.clock = clock;
        askedAt = clock.getAsLong();
        movedAt = askedAt;
    }

    /** Follows what an earlier run of the program has pushed, too. What cannot be read stays where it is. */
    void goOn() {
        try {
            files.left().forEach(this::goOn);
        } catch (IOException e) {
            LOG.warn("What was pushed before the start, and not told of, cannot be read: {}", FailureText.of(e));
        }
    }

    private void goOn(Path file) {
        try {
            Optional<PushedRun> run = files.read(file);
            if (run.isPresent()) {
                add(run.get(), file, true);
            } else {
                LOG.warn("{} is left out: what was pushed cannot be read in it", file);
            }
        } catch (IOException e) {
            LOG.warn("{} is left out: {}", file, FailureText.withoutPath(e));
        }
    }

    /**
     * Follows a run that is pushed; it is on the disk when this returns.
     *
     * @param told what the outcome is asked for by; empty where nothing tells
     */
    void follow(Run run, String sink, Optional<String> told) throws IOException {
        if (told.isEmpty()) {
            counters.unknown(run.items().size());
            return;
        }
        PushedRun pushed = PushedRun.of(told.get(), sink, run);
        add(pushed, files.keep(pushed), false);
    }

    private synchronized void add(PushedRun run, Path file, boolean isOld) {
        Pending added =
                new Pending(file, run.objects().size(), file.toFile().length(), isOld, now(), Optional.empty(), 0);
        pending.put(run.work(), added);
        objects += added.objects;
        bytes += added.bytes;
        while ((objects > MOST_OBJECTS || bytes > MOST_BYTES) && pending.size() > 1) {
            unknown(pending.keySet().iterator().next());
        }
    }

    /** Asks for those that wait longest. Called now and then, by one thread. */
    void ask() throws InterruptedException {
        countAsked();
        List<String> underWay = new ArrayList<>();
        for (String work : oldest()) {
            Optional<Way.Outcome> outcome = told(work);
            if (outcome.isPresent() && !outcome.get().isDone()) {
                underWay.add(work);
            }
        }
        for (String work : underWay) { // when it is known what goes on
            if (isLate(work)) {
                // what was told before a later push was seen to have begun is old by now
                Optional<Way.Outcome> now = told(work);
                if (now.isPresent() && !now.get().isDone() && isLate(work)) {
                    giveUp(work, now.get());
                }
            }
        }
    }

    /** What the destination says of a push now, taken in; empty where that cannot be asked, or it does not tell. */
    private Optional<Way.Outcome> told(String work) throws InterruptedException {
        try {
            Optional<Way.Outcome> outcome = way.outcome(work);
            if (outcome.isPresent()) {
                take(work, outcome.get());
            } else {
                untold(work);
            }
            return outcome;
        } catch (Unkept e) {
            unkept(e);
        } catch (IOException e) {
            LOG.debug("What became of {} cannot be asked now", work, e);
            isDeaf = true;
        }
        return Optional.empty();
    }

    private static void unkept(Unkept e) {
        LOG.warn("A dead letter cannot be kept, which is tried again: {}", FailureText.of(e.getCause()));
    }

    /** Time in which the destination cannot be asked is none in which it may have begun or ended. */
    private synchronized void countAsked() {
        long now = clock.getAsLong();
        if (isDeaf) {
            deaf += now - askedAt;
        }
        isDeaf = false;
        askedAt = now;
    }

    synchronized int waiting() {
        return objects;
    }

    /**
     * Whether it is known of all that was pushed that the destination is through with it. It works in the order of the pushes: what an
     * earlier run of the program pushed, and nobody could note, is done when something of this run is.
     */
    synchronized boolean isAllApplied() {
        return objects == 0 && counters.unknown() == 0 && isThroughWithAny;
    }

    private synchronized List<String> oldest() {
        return pending.keySet().stream().limit(PAGE).toList();
    }

    private void take(String work, Way.Outcome outcome) throws Unkept {
        Optional<Pending> asked = pending(work); // empty where there was no room for it any more
        if (asked.isPresent() && outcome.hasBegun()) {
            begun(work, asked.get(), outcome.counted());
        }
        if (asked.isPresent() && outcome.isDone()) {
            end(work, asked.get(), outcome, "the destination was through with the push and has not counted");
        }
    }

    private void giveUp(String work, Way.Outcome outcome) {
        Optional<Pending> late = pending(work);
        try {
            if (late.isPresent() && late.get().turn.isPresent()) {
                end(work, late.get(), outcome, "the destination has not reported in time on");
            } else if (late.isPresent()) {
                LOG.warn(
                        "The destination has not begun with a push of {} objects within {}, which counts as unknown: are its"
                                + " workers running? {}",
                        late.get().objects,
                        limits.toBegin,
                        work);
                unknown(work);
            }
        } catch (Unkept e) {
            unkept(e);
        }
    }

    private synchronized void begun(String work, Pending begun, int counted) {
        movedAt = clock.getAsLong();
        if (begun.turn.isEmpty() || counted > begun.counted) {
            pending.computeIfPresent(work, (name, same) -> same.atTurn(now(), counted));
        }
        if (!begun.isOld
                && begunSince.filter(latest -> latest >= begun.since.at).isEmpty()) {
            begunSince = Optional.of(begun.since.at);
        }
    }

    /** Whether something is begun with that was pushed later. */
    private synchronized boolean isOvertaken(Pending work) {
        return begunSince.filter(latest -> work.since.at < latest).isPresent();
    }

    /** @param uncounted what is said of those that the destination has not counted */
    private void end(String work, Pending pushed, Way.Outcome outcome, String uncounted) throws Unkept {
        int lost = Math.max(0, pushed.objects - outcome.counted());
        boolean hasFailures = outcome.failed() > 0 || !outcome.failures().isEmpty();
        int failed = 0;
        if (hasFailures || lost > 0) {
            PushedRun run = read(pushed);
            Map<PushedRun.Sent, String> reasons = new LinkedHashMap<>();
            failed = hasFailures ? failed(work, run, pushed, outcome, reasons) : 0;
            if (lost > 0) {
                String said = uncounted + " "
                        + (pushed.objects == 1
                                ? "it"
                                : lost + " of its " + pushed.objects
                                        + " objects, and does not say which: this may be one");
                LOG.warn("{} of {} objects of a push may be lost: {} {}", lost, pushed.objects, uncounted, work);
                addOneAnEvent(run, said, reasons);
            }
            keep(work, run, reasons);
        }
        end(work, failed, lost);
    }

    /** How many have failed, and why. */
    private int failed(
            String work, PushedRun run, Pending done, Way.Outcome outcome, Map<PushedRun.Sent, String> reasons) {
        List<Way.Failure> failures = outcome.failures().stream()
                .filter(failure -> !(run.ofRemovals() && failure.reason().contains(NOT_THERE)))
                .toList();
        int failed = outcome.failed() - (outcome.failures().size() - failures.size());
        int unnamed = failed;
        for (Way.Failure failure : failures) {
            Optional<PushedRun.Sent> object = run.failed(failure);
            if (object.isPresent()) {
                reasons.putIfAbsent(object.get(), failure.reason());
                unnamed--;
            } else {
                LOG.warn("The destination did not apply {}: {}", failure.object(), failure.reason());
            }
        }
        if (outcome.failures().size() >= MOST_TOLD && !run.ofRemovals()) {
            addOneAnEvent(run, NOT_TOLD, reasons);
            failed = Math.max(failed, reasons.size());
        } else if (unnamed > 0) {
            LOG.warn(
                    "The destination did not apply {} of {} objects, and does not say which: {}",
                    unnamed,
                    done.objects,
                    work);
            if (!run.ofRemovals()) { // of those, one of what is not there fails, too
                addOneAnEvent(run, unnamed(unnamed, done.objects), reasons);
            }
        }
        return failed;
    }

    /** A letter brings again all that its event meant. */
    private static void addOneAnEvent(PushedRun run, String reason, Map<PushedRun.Sent, String> reasons) {
        Set<Integer> events = new HashSet<>();
        reasons.keySet().forEach(named -> events.add(named.event()));
        for (PushedRun.Sent object : run.objects()) {
            if (events.add(object.event())) {
                reasons.put(object, reason);
            }
        }
    }

    private static String unnamed(int failed, int all) {
        return all == 1
                ? "the destination does not say why"
                : failed + " of " + all + " objects of a push were not applied, and the destination does not say which:"
                        + " this may be one";
    }

    /** Where it fails, it is tried again, and goes on behind those that are kept. */
    private void keep(String work, PushedRun run, Map<PushedRun.Sent, String> reasons) throws Unkept {
        List<DeadLetter> letters = reasons.entrySet().stream()
                .map(reason -> run.letter(reason.getKey(), reason.getValue()))
                .toList();
        for (DeadLetter letter : letters.subList(kept.getOrDefault(work, 0), letters.size())) {
            try {
                deadLetters.keep(letter);
            } catch (IOException e) {
                throw new Unkept(e);
            }
            kept.merge(work, 1, Integer::sum);
            LOG.warn(
                    "Dead letter, position {}: {} was not applied: {}", letter.position(), letter.id(), letter.error());
        }
        kept.remove(work);
    }

    /** Of nothing, where the file is gone or was spoilt meanwhile. */
    private PushedRun read(Pending done) throws Unkept {
        try {
            return files.read(done.file).orElse(PushedRun.NOTHING);
        } catch (IOException e) {
            throw new Unkept(new IOException(done.file + " cannot be read: " + FailureText.withoutPath(e), e));
        }
    }

    private synchronized Optional<Pending> pending(String work) {
        return Optional.ofNullable(pending.get(work));
    }

    private synchronized void end(String work, int failed, int lost) {
        if (pending.containsKey(work)) {
            Pending done = remove(work);
            int wrong = Math.min(failed, done.objects - lost);
            counters.failed(wrong);
            counters.unknown(lost);
            counters.applied(done.objects - lost - wrong);
            isThroughWithAny |= !done.isOld;
        }
    }

    /** What failed stays to be told of. */
    private static final class Unkept extends IOException {
        private static final long serialVersionUID = 1L;

        Unkept(IOException cause) {
            super(cause);
        }
    }

    /** Whether it has had its turn for too long, or has not got it though nothing else goes on. */
    private synchronized boolean isLate(String name) {
        Pending work = pending.get(name);
        if (work == null) {
            return false;
        }
        if (work.turn.isEmpty() && isOvertaken(work)) {
            work = work.atTurn(now(), 0);
            pending.put(name, work);
        }
        if (work.turn.isPresent()) {
            return isOver(limits.toEnd, since(work.turn.get()));
        }
        return isOver(limits.toBegin, Math.min(since(work.since), clock.getAsLong() - movedAt));
    }

    private static boolean isOver(Duration limit, long nanos) {
        return Duration.ofNanos(nanos).compareTo(limit) > 0;
    }

    private Moment now() {
        return new Moment(clock.getAsLong(), deaf);
    }

    /** For how long the destination could be asked since then. */
    private long since(Moment then) {
        return clock.getAsLong() - then.at - (deaf - then.deafBefore);
    }

    private synchronized void untold(String work) {
        if (!isUntold) {
            isUntold = true;
            LOG.warn(
                    "The destination does not tell what became of what was pushed: it does not know the push any more, or this"
                            + " user may not know, and ./caravan check says which right that needs");
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
        try {
            files.remove(done.file);
        } catch (IOException e) {
            LOG.warn("{} stays, and is followed again after the next start: {}", done.file, FailureText.withoutPath(e));
        }
        return done;
    }
}
