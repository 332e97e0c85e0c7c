package io.caravan.ops;

import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.FailureText;
import io.caravan.event.Position;
import io.caravan.event.RecordFailedException;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.opencti.push.PushCounters;
import io.caravan.opencti.push.Restoration;
import io.caravan.ops.RestoreProgress.Pass;
import io.caravan.sink.DeadLetterFiles;
import io.caravan.sink.JournalLines;
import io.caravan.sink.MirroredObjects;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * {@code ./caravan restore}: sends what a mirror or a journal holds to the destination. It needs neither the platform that is
 * followed nor the state, which a running program may hold.
 *
 * <p>What has gone is noted on the disk after each bundle, object by object, so that after a kill at most a bundle goes
 * again, which changes nothing there. In memory is one bundle, and the ids on the way from an object to what it needs.
 *
 * <p>Used once, by one thread; stopped from any.
 */
public final class Restore {

    /** Dead letters are the sink's that writes to the same place, so that redrive can send them. */
    private static final String SINK = "opencti";

    private static final int BUNDLE = 1000;
    private static final long BUNDLE_BYTES = 16 << 20;
    /** So many may wait at the destination: more would only make its queue longer than what is remembered of it. */
    private static final int MOST_WAITING = 10 * BUNDLE;

    private static final long LONGEST_WAIT_SECONDS = 60;
    private static final long LOOK_MILLIS = 500;
    private static final long PING_MILLIS = 40_000;
    private static final long REPORT_SECONDS = 3;
    private static final long PATIENCE_SECONDS = 3;
    /** The mark of what has gone, in the store. */
    private static final long GONE = 1;

    private final Settings settings;
    private final RestoreSource source;
    private final PrintStream out;
    private final RestoreFolder folder;
    private final Path file;
    private final Restoration restoration;
    private final Thread thread = Thread.currentThread();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private final List<Event> bundle = new ArrayList<>();
    private final Set<String> inBundle = new HashSet<>();
    private final List<String> incomplete = new ArrayList<>();
    private long bundleBytes;
    private volatile RestoreProgress progress;
    /** What was told of before this start. */
    private final RestoreProgress before;

    private volatile Optional<String> trouble = Optional.empty();
    private volatile String reading = "";
    private String reported = "";

    /**
     * @param from {@code files} or a folder
     * @param until a position or a date; empty: all
     * @param again whether to begin anew, whatever was begun
     */
    public Restore(Settings settings, Optional<String> from, Optional<String> until, boolean again, PrintStream out)
            throws Program.Unusable, IOException {
        this.settings = settings;
        this.out = out;
        source = RestoreSource.of(settings, from, until);
        folder = new RestoreFolder(settings.dataDirectory().resolve("restore"));
        file = settings.dataDirectory().resolve("restore.json");
        restoration = new Restoration(
                settings.destination(),
                settings.push(),
                SINK,
                new DeadLetterFiles(settings.deadLetters(), Clock.systemUTC()),
                folder.pushed());
        progress = goOn(again);
        before = progress;
    }

    /** Says what would be sent, and sends nothing. */
    public static void show(Settings settings, Optional<String> from, Optional<String> until, PrintStream out)
            throws Program.Unusable, IOException, InterruptedException {
        RestoreSource source = RestoreSource.of(settings, from, until);
        Files.createDirectories(settings.dataDirectory());
        RestoreFolder folder =
                new RestoreFolder(Files.createTempDirectory(settings.dataDirectory(), "restore-dry-run-"));
        try (State store = folder.open()) {
            Holdings holdings = new HeldInMirror(new MirroredObjects(source.folder()), new HeldIds(store));
            if (!source.isMirror()) {
                HeldInJournal journal = new HeldInJournal(store);
                try (JournalLines lines = JournalLines.of(source.folder())) {
                    journal.read(lines, source.last(), out::println, events -> {}, () -> false);
                }
                holdings = journal;
            }
            long all = 0;
            for (Map.Entry<String, Long> count : holdings.learn().entrySet()) {
                out.printf("%-24s %d would be sent%n", count.getKey(), count.getValue());
                all += count.getValue();
            }
            out.println(all + " would be sent, from " + source);
        } finally {
            folder.remove();
        }
    }

    /** True when everything was sent and, as far as the destination told, applied. */
    public boolean run() throws IOException, InterruptedException {
        try {
            return sendAll();
        } finally {
            ended.countDown();
        }
    }

    private boolean sendAll() throws IOException, InterruptedException {
        ScheduledExecutorService clock = Clocks.daemon("restore-report");
        ScheduledExecutorService asking = Clocks.daemon("restore-outcomes");
        try (State store = folder.open()) {
            clock.scheduleAtFixedRate(this::report, REPORT_SECONDS, REPORT_SECONDS, TimeUnit.SECONDS);
            restoration.ping(progress.sent());
            asking.scheduleWithFixedDelay(this::ask, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
            asking.scheduleWithFixedDelay(this::ping, PING_MILLIS, PING_MILLIS, TimeUnit.MILLISECONDS);
            progress.write(file);
            restore(store);
            awaitOutcomes();
        } catch (InterruptedException e) {
            if (!isStopped()) {
                throw e;
            }
        } finally {
            clock.shutdownNow();
            asking.shutdownNow();
        }
        return end();
    }

    private boolean end() throws IOException {
        progress = told(progress);
        boolean isDone = !isStopped();
        if (isDone) {
            Files.deleteIfExists(file);
            folder.remove();
        }
        if (progress.refused() + progress.failed() > 0) {
            out.println("what was refused or failed is in " + settings.deadLetters()
                    + ", as far as the destination says what");
        }
        out.println(progress + (isDone ? "" : "; stopped, start it again to go on"));
        return isDone && progress.isClean();
    }

    /** Ends it; the next start goes on. Returns when it has ended. */
    public void stop() {
        stopped.countDown();
        try {
            if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                thread.interrupt();
                ended.await();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isStopped() {
        return stopped.getCount() == 0;
    }

    /** What was begun with the same arguments, or a beginning. */
    private RestoreProgress goOn(boolean again) throws Program.Unusable, IOException {
        if (folder.isInUse()) {
            throw new Program.Unusable(
                    List.of("caravan.data-dir: another restore runs on " + settings.dataDirectory()), null);
        }
        RestoreProgress beginning = RestoreProgress.beginning(
                source.toString(), settings.destination().getUrl());
        Optional<RestoreProgress> begun = again ? Optional.empty() : RestoreProgress.read(file);
        boolean isAnother = begun.filter(one -> !one.source().equals(beginning.source())
                        || !one.destination().equals(beginning.destination()))
                .isPresent();
        if (isAnother) {
            throw new Program.Unusable(
                    List.of("--from: a restore from " + begun.get().source() + " to "
                            + begun.get().destination() + " was begun and is not through: go on with that, or delete "
                            + file
                            + ", or say --again to give it up"),
                    null);
        }
        if (begun.isEmpty() || begun.get().pass() == Pass.READING || !folder.isThere()) {
            Files.deleteIfExists(file);
            folder.remove();
            return beginning;
        }
        out.println("goes on at " + begun.get());
        return begun.get();
    }

    private void restore(State store) throws IOException, InterruptedException {
        Holdings holdings = holdings(store);
        RestoreOrder order = new RestoreOrder(holdings, id -> hasGone(id, store), new Receiver(store));
        if (before.pass() != Pass.READING) {
            sendMarkingsAgain(holdings, order, store);
        }
        for (Holdings.Kind kind : Holdings.Kind.values()) {
            if (progress.pass().compareTo(Pass.of(kind)) <= 0) {
                progress = progress.in(Pass.of(kind), progress.all());
                holdings.each(kind, id -> {
                    endIfStopped();
                    order.place(id);
                });
                flush(store);
            }
        }
        Set<String> again = folder.goingAgain();
        progress = progress.in(Pass.CIRCLES, progress.sent() + again.size());
        Receiver receiver = new Receiver(store);
        for (String id : again) {
            endIfStopped();
            Optional<StixObject> object = order.read(id);
            if (object.isPresent()) {
                receiver.take(new RestoredObject(object.get(), Set.of()));
            }
        }
        flush(store);
    }

    /** Those that went before may wait in the destination's queue: what bears them waits for them only if they went from here. */
    private void sendMarkingsAgain(Holdings holdings, RestoreOrder order, State store)
            throws IOException, InterruptedException {
        Receiver receiver = new Receiver(store);
        holdings.each(Holdings.Kind.GROUND, id -> {
            if (id.startsWith("marking-definition--") && store.isMarked(GONE, id)) {
                endIfStopped();
                Optional<StixObject> marking = order.read(id);
                if (marking.isPresent()) {
                    progress = progress.in(progress.pass(), progress.all() + 1);
                    receiver.take(new RestoredObject(marking.get(), Set.of()));
                }
            }
        });
        flush(store);
    }

    private Holdings holdings(State store) throws IOException, InterruptedException {
        HeldInJournal journal = new HeldInJournal(store);
        Holdings holdings = source.isMirror()
                ? new HeldInMirror(new MirroredObjects(source.folder()), new HeldIds(store))
                : journal;
        if (progress.pass() != Pass.READING) {
            return holdings;
        }
        store.write(Position.startingAt("restore", "live", EventId.ZERO));
        reading = "reading " + source;
        if (!source.isMirror()) {
            try (JournalLines lines = JournalLines.of(source.folder())) {
                journal.read(
                        lines,
                        source.last(),
                        line -> out.println("passed over, " + line),
                        events -> reading = "reading " + source + ": " + events + " events",
                        this::isStopped);
            }
        }
        endIfStopped();
        long all = holdings.learn().values().stream().mapToLong(Long::longValue).sum();
        progress = progress.in(Pass.GROUND, all);
        reading = "";
        progress.write(file);
        return holdings;
    }

    private boolean hasGone(String id, State store) throws IOException {
        return inBundle.contains(id) || store.isMarked(GONE, id);
    }

    /** Puts objects into bundles, in the order in which they come. */
    private final class Receiver implements RestoreOrder.Receiver {
        private final State store;

        Receiver(State store) {
            this.store = store;
        }

        @Override
        public void take(RestoredObject object) throws IOException, InterruptedException {
            String id = object.object().id();
            Event event;
            try {
                event = RecordFailedException.during(() -> Restoration.event(object.json()));
            } catch (RecordFailedException e) {
                unreadable(id, e.getMessage());
                return;
            }
            if (bundle.size() == BUNDLE || bundleBytes + event.raw().length() > BUNDLE_BYTES) {
                flush(store);
            }
            bundle.add(event);
            inBundle.add(id);
            bundleBytes += event.raw().length();
            if (!object.missing().isEmpty()) {
                incomplete.add(id);
            }
        }

        @Override
        public void unreadable(String id, String why) {
            out.println(id + " cannot be sent: " + why);
            inBundle.add(id);
            progress = progress.andUnreadable();
        }
    }

    /** Sends the bundle, and notes that it has gone. */
    private void flush(State store) throws IOException, InterruptedException {
        if (!bundle.isEmpty()) {
            while (restoration.waiting() >= MOST_WAITING) {
                endIfStopped();
                stopped.await(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            }
            send();
            progress = told(progress)
                    .sent(bundle.size(), bundle.get(bundle.size() - 1).objectId());
        }
        folder.goAgain(incomplete);
        store.mark(GONE, inBundle);
        progress.write(file);
        bundle.clear();
        inBundle.clear();
        incomplete.clear();
        bundleBytes = 0;
    }

    /** However long the destination is away, once it has been there. */
    private void send() throws IOException, InterruptedException {
        long wait = 1;
        while (true) {
            endIfStopped();
            try {
                restoration.send(bundle);
                trouble = Optional.empty();
                return;
            } catch (IOException e) {
                if (restoration.counters().pushed() == 0) {
                    throw e;
                }
                trouble = Optional.of(FailureText.of(e));
                stopped.await(wait, TimeUnit.SECONDS);
                wait = Math.min(2 * wait, LONGEST_WAIT_SECONDS);
            }
        }
    }

    private void awaitOutcomes() throws InterruptedException {
        while (restoration.waiting() > 0) {
            endIfStopped();
            stopped.await(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private void endIfStopped() throws InterruptedException {
        if (isStopped()) {
            throw new InterruptedException("stopped");
        }
    }

    private RestoreProgress told(RestoreProgress now) {
        PushCounters counters = restoration.counters();
        return now.told(
                before.refused() + counters.refused(),
                before.applied() + counters.applied(),
                before.failed() + counters.failed());
    }

    private void ask() {
        try {
            restoration.ask();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            out.println("what became of what was sent cannot be asked: " + e);
        }
    }

    private void ping() {
        try {
            restoration.ping(progress.sent());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | RuntimeException e) {
            // sending says so, too
        }
    }

    /** Says how far it is, where that is news. */
    private void report() {
        RestoreProgress now = told(progress);
        String far = now.sent() + " of " + now.all() + " sent, " + now.applied() + " applied";
        String line = (reading.isEmpty() ? far : reading)
                + trouble.map(reason -> "; waits: " + reason).orElse("");
        if (!line.equals(reported)) {
            reported = line;
            out.println(line);
        }
    }
}
