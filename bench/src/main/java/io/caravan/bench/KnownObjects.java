package io.caravan.bench;

import io.caravan.event.EventId;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/**
 * Measures how the program's own state holds known objects. {@code KnownObjects all <objects> <directory>} runs the steps
 * one after the other, each in a JVM of its own with {@link #HEAP}, and prints one table:
 *
 * <ol>
 *   <li>positions: writes of the position alone, which what follows is compared with;
 *   <li>fill: batches of {@link KnownSample#BATCH} objects, looked up and put as the by-type routes do, each on disk with
 *       its position before the next;
 *   <li>update: batches of objects that are there;
 *   <li>read: by key, by what relations end at, and how many refer.
 * </ol>
 */
public final class KnownObjects {

    private static final String HEAP = "-Xmx256m";
    private static final List<String> STEPS = List.of("positions", "fill", "update", "read");
    private static final int POSITIONS = 300;
    private static final int UPDATES = 100;
    private static final int LAST = 100;
    private static final long READING = TimeUnit.SECONDS.toNanos(8);

    private final KnownSample sample;
    private final long batches;
    private final Path directory;

    private KnownObjects(long objects, Path directory) {
        this.batches = objects / KnownSample.BATCH;
        this.sample = new KnownSample(batches * KnownSample.BATCH);
        this.directory = directory.resolve("known-objects");
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            System.err.println("usage: KnownObjects <all or one of " + STEPS + "> <objects> <directory>");
            System.exit(2);
        }
        long objects = Long.parseLong(args[1]);
        if (objects < KnownSample.BATCH) {
            System.err.println("objects is " + objects + "; it must be at least one batch, " + KnownSample.BATCH);
            System.exit(2);
        }
        Path directory = Path.of(args[2]).toAbsolutePath();
        var benchmark = new KnownObjects(objects, directory);
        if (args[0].equals("all")) {
            benchmark.measure(args);
        } else {
            benchmark.step(args[0]);
        }
    }

    private void measure(String[] args) throws Exception {
        Measures.delete(directory);
        try {
            var results = new LinkedHashMap<String, Double>();
            for (String step : STEPS) {
                System.err.println(step);
                var java = ProcessHandle.current().info().command().orElse("java");
                var process = new ProcessBuilder(
                                java,
                                HEAP,
                                "-classpath",
                                System.getProperty("java.class.path"),
                                KnownObjects.class.getName(),
                                step,
                                args[1],
                                args[2])
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
                results.putAll(Measures.answers(process));
                if (!step.equals("positions") && !step.equals("read")) {
                    results.put(step + ": disk, MB", Measures.size(directory) / 1e6);
                }
            }
            print(results);
        } finally {
            Measures.delete(directory);
        }
    }

    private static void print(Map<String, Double> results) {
        double position = results.get("positions: p50, ms a write");
        System.out.println("| | | : a position alone |");
        System.out.println("| --- | ---: | ---: |");
        results.forEach((measure, value) -> System.out.printf(
                "| %s | %s | %s |%n",
                measure, Measures.number(value), measure.contains("p50") ? Measures.number(value / position) : ""));
    }

    private void step(String step) throws Exception {
        Files.createDirectories(directory);
        long opening = System.nanoTime();
        try (var state = new State(directory.resolve("state"))) {
            long at = state.read().map(Position::batches).orElse(0L);
            Measures.answer(step + ": open, ms", (System.nanoTime() - opening) / 1e6);
            switch (step) {
                case "positions" -> positions(state);
                case "fill" -> fill(state);
                case "update" -> update(state, at);
                case "read" -> read(state);
                default -> throw new IllegalArgumentException("step is " + step + "; it may be one of " + STEPS);
            }
            Measures.answer(step + ": peak memory (VmHWM), MB", Measures.peakMemory() / 1e6);
            Measures.answer(step + ": live heap at the end, MB", Measures.liveHeap() / 1e6);
        }
    }

    private static void positions(State state) throws Exception {
        var nanos = new long[POSITIONS];
        for (int i = 0; i < POSITIONS; i++) {
            long start = System.nanoTime();
            state.write(position(0));
            nanos[i] = System.nanoTime() - start;
        }
        Arrays.sort(nanos);
        Measures.answer("positions: p50, ms a write", nanos[POSITIONS / 2] / 1e6);
    }

    private void fill(State state) throws Exception {
        var nanos = new long[(int) batches];
        for (int i = 0; i < batches; i++) {
            nanos[i] = write(state, sample.batch(i), i + 1);
        }
        Measures.answer("fill: objects", (double) batches * KnownSample.BATCH);
        answer("fill", nanos);
    }

    private void update(State state, long at) throws Exception {
        var random = new SplittableRandom(2);
        var nanos = new long[UPDATES];
        for (int i = 0; i < UPDATES; i++) {
            nanos[i] = write(state, sample.updates(random), at + i + 1);
        }
        answer("update", nanos);
    }

    private static void answer(String step, long[] nanos) {
        Measures.answer(step + ": objects/s", rate(nanos, 0));
        Measures.answer(step + ": objects/s, the last " + LAST + " batches", rate(nanos, nanos.length - LAST));
        Arrays.sort(nanos);
        Measures.answer(step + ": p50, ms a batch", nanos[nanos.length / 2] / 1e6);
        Measures.answer(step + ": p99, ms a batch", nanos[nanos.length * 99 / 100] / 1e6);
    }

    private static double rate(long[] nanos, int from) {
        int first = Math.max(0, from);
        return (nanos.length - first)
                * KnownSample.BATCH
                * 1e9
                / Arrays.stream(nanos, first, nanos.length).sum();
    }

    /** What a batch of creates or updates asks and tells. */
    private static long write(State state, List<StixObject> batch, long number) throws Exception {
        long start = System.nanoTime();
        Pending known = state.begin();
        for (StixObject object : batch) {
            known.object(object.key());
            known.withId(object.id());
            known.put(new KnownObject(object, false, Optional.empty()));
        }
        state.write(position(number), known);
        return System.nanoTime() - start;
    }

    private void read(State state) throws Exception {
        var random = new SplittableRandom(1);
        long objects = batches * KnownSample.BATCH;
        long reads = 0;
        long start = System.nanoTime();
        while (System.nanoTime() - start < READING) {
            state.begin().object(KnownSample.key(random.nextLong(objects))).orElseThrow();
            reads++;
        }
        Measures.answer("read: reads/s", reads * 1e9 / (System.nanoTime() - start));

        long asked = 0;
        long relations = 0;
        start = System.nanoTime();
        while (System.nanoTime() - start < READING) {
            relations += state.begin().endingAt(sample.randomEnd(random)).size();
            asked++;
        }
        Measures.answer("read: endingAt/s", asked * 1e9 / (System.nanoTime() - start));
        Measures.answer("read: relations a time", (double) relations / asked);

        start = System.nanoTime();
        long referring = state.begin().referringTo(List.of(KnownSample.label(random)));
        Measures.answer("read: referring to a label", referring);
        Measures.answer("read: ms for that", (System.nanoTime() - start) / 1e6);
        start = System.nanoTime();
        referring = state.begin().referringTo(List.of(KnownSample.AUTHOR, "none"));
        Measures.answer("read: referring to the author", referring);
        Measures.answer("read: ms for the author", (System.nanoTime() - start) / 1e6);
    }

    private static Position position(long batches) {
        Position start = Position.startingAt("https://opencti.example.org", "live", new EventId(batches, 0));
        return new Position(
                start.platform(),
                start.stream(),
                start.resume(),
                start.open(),
                start.snapshot(),
                batches,
                start.margin());
    }
}
