package io.caravan.ops;

import io.caravan.event.Bytes;
import io.caravan.event.FailureText;
import io.caravan.event.Suggestion;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.stream.OpenctiConsumer;
import io.caravan.ops.RedriveChoice.Fate;
import io.caravan.sink.DeadLetterDay;
import io.caravan.sink.DeadLetterLine;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * {@code ./caravan redrive}: sends dead letters again, in their order, in a program that does not follow the platform. What a sink
 * refused goes to that sink; what a by-type route failed on, or nobody could read, goes the whole way.
 *
 * <p>A letter leaves its file when the file is through: a kill before that leaves all of them, and they are sent again. A
 * stop waits for the batch under way and keeps what has not gone.
 *
 * <p>Used once, by one thread; stopped from any.
 */
public final class Redrive {

    private static final Duration REPORT = Duration.ofSeconds(10);

    private final Settings settings;
    private final RedriveChoice choice;
    private final PrintStream out;
    private final Redelivery redelivery;
    private final Program program;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile Progress progress = Progress.NONE;
    private boolean isStopped;
    private String reported = "";
    private long reportedAt = System.nanoTime();

    /** How far the letters of a day are, or all. */
    private record Progress(String of, long all, long sent, long kept) {
        static final Progress NONE = new Progress("", 0, 0, 0);

        Progress and(Parcel.Outcome outcome) {
            return new Progress(of, all, sent + outcome.sent(), kept + outcome.kept());
        }

        Progress and(Progress other) {
            return new Progress(of, all + other.all, sent + other.sent, kept + other.kept);
        }

        boolean isWhole() {
            return sent == all && kept == 0;
        }

        @Override
        public String toString() {
            return of + sent + " of " + all + " sent, " + kept + " kept";
        }
    }

    /**
     * @param sink whose letters; empty: all
     * @param since none that were kept before; empty: any
     */
    public Redrive(Settings settings, Optional<String> sink, Optional<Instant> since, PrintStream out) {
        this.settings = settings;
        this.choice = new RedriveChoice(sink, since, settings.sinks());
        this.out = out;
        this.redelivery = new Redelivery(settings.countingSinks());
        this.program = new Program(settings, redelivery);
    }

    /** What is wrong with the name of a sink or route whose letters are asked for, on one line; empty when it can have some. */
    public static Optional<String> mistakeIn(String sink, Settings settings) throws IOException {
        Set<String> known = new TreeSet<>(settings.sinks());
        known.addAll(RedrivePlan.BY_ROUTES);
        if (!known.contains(sink)) {
            known.addAll(RedrivePlan.refusers(settings.deadLetters()));
        }
        return known.contains(sink)
                ? Optional.empty()
                : Optional.of("--sink: \"" + sink + "\" is no sink and no by-type route"
                        + Suggestion.didYouMean(sink, known) + "; there are: " + String.join(", ", known));
    }

    /** Says what would be sent. It needs no state and no sink, and sends nothing. */
    public static void show(Settings settings, Optional<String> sink, Optional<Instant> since, PrintStream out)
            throws IOException {
        RedrivePlan.show(settings.deadLetters(), new RedriveChoice(sink, since, settings.sinks()), out);
    }

    /** True when all went that was to be sent. */
    public boolean run() throws Program.Unusable, IOException, InterruptedException {
        ScheduledExecutorService clock = Clocks.daemon("redrive-report");
        try {
            OpenctiConsumer consumer = program.startWithoutFollowing();
            clock.scheduleAtFixedRate(() -> report(consumer), 1, 1, TimeUnit.SECONDS);
            stopAtAFailure();
            return sendAll(consumer);
        } finally {
            clock.shutdownNow();
            program.close();
            ended.countDown();
        }
    }

    /** Ends it in order; what has not gone stays. Returns when it has ended. */
    public void stop() {
        program.close();
        try {
            ended.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean sendAll(OpenctiConsumer consumer) throws IOException, InterruptedException {
        Progress all = Progress.NONE;
        long cannot = 0;
        Map<String, Long> withoutSink = new TreeMap<>();
        for (DeadLetterDay day : DeadLetterDay.in(settings.deadLetters())) {
            RedrivePlan plan = new RedrivePlan(day, choice);
            cannot += plan.count(Fate.CANNOT);
            plan.withoutSink().forEach((sink, count) -> withoutSink.merge(sink, count, Long::sum));
            if (plan.count(Fate.SENT) > 0) {
                progress = new Progress(day + ": ", plan.count(Fate.SENT), 0, 0);
                if (!isStopped) {
                    send(day, consumer);
                    out.println(progress);
                }
                all = all.and(progress);
            }
        }
        withoutSink.forEach((sink, count) -> out.println(sink + ": " + count + " " + RedrivePlan.said(Fate.NO_SINK)));
        out.println((all.all() == 0 ? "nothing to send" : all)
                + (cannot == 0 ? "" : ", " + cannot + " " + RedrivePlan.said(Fate.CANNOT))
                + (isStopped ? "; stopped" : ""));
        if (program.failure().isPresent()) {
            throw new IOException(
                    program.failure().get().getMessage(), program.failure().get());
        }
        return all.isWhole();
    }

    private void send(DeadLetterDay day, OpenctiConsumer consumer) throws IOException, InterruptedException {
        OpenctiConfiguration limits = settings.opencti();
        try (DeadLetterDay.Lines lines = day.read();
                DeadLetterDay.Rewriting file = day.rewrite()) {
            Parcel parcel = new Parcel();
            for (Optional<Bytes> next = lines.next(); next.isPresent(); next = lines.next()) {
                Optional<DeadLetterLine> letter = isStopped ? Optional.empty() : toSend(next.get());
                boolean goesToo = letter.isEmpty() || parcel.goesTo(letter.get().sink());
                if (!goesToo || !parcel.hasRoomFor(next.get(), limits.getBatchMaxEvents(), limits.getBatchMaxBytes())) {
                    send(parcel, file, consumer);
                    parcel = new Parcel();
                }
                parcel.add(next.get(), letter);
            }
            send(parcel, file, consumer);
            file.finish();
        } catch (IOException e) {
            throw new IOException(
                    "the dead letters of " + day + " stay, and will be sent again: " + FailureText.of(e), e);
        }
    }

    private Optional<DeadLetterLine> toSend(Bytes line) throws IOException {
        Optional<DeadLetterLine> letter = DeadLetterLine.read(line);
        return choice.fateOf(letter) == Fate.SENT ? letter : Optional.empty();
    }

    private void send(Parcel parcel, DeadLetterDay.Rewriting file, OpenctiConsumer consumer)
            throws IOException, InterruptedException {
        redelivery.begin(parcel.sink());
        boolean isSent =
                !isStopped && (parcel.events().isEmpty() || consumer.carry(parcel.events()) && program.awaitOutcomes());
        if (isSent) {
            progress = progress.and(parcel.keep(file, redelivery.refused()));
        } else {
            isStopped = true;
            parcel.keep(file);
        }
    }

    /** Where no batch can be delivered any more, as where another Caravan delivers into the same topics. */
    private void stopAtAFailure() {
        Thread waiting = new Thread(
                () -> {
                    try {
                        program.awaitFailure();
                        program.close();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "redrive-failure");
        waiting.setDaemon(true);
        waiting.start();
    }

    /** Says how far it is: now and then, and at once what keeps a sink from taking a batch. */
    private void report(OpenctiConsumer consumer) {
        Optional<String> trouble = consumer.sinkTrouble();
        String line = progress + trouble.map(reason -> "; waits: " + reason).orElse("");
        boolean isDue = trouble.isPresent() || System.nanoTime() - reportedAt > REPORT.toNanos();
        if (isDue && !line.equals(reported)) {
            reported = line;
            reportedAt = System.nanoTime();
            out.println(line);
        }
    }
}
