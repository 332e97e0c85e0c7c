package io.caravan.bench;

import io.caravan.bench.StateStore.Entry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/**
 * Measures which embedded store should hold Caravan's state. {@code StateStores <store|all> <objects> <directory>}
 * takes each store through the same life and prints one table:
 *
 * <ol>
 *   <li>fill: batches of {@link Sample#BATCH} objects, each on disk before the next; then, once the store has settled,
 *       random reads and scans;
 *   <li>write on, and be killed in the middle of it; open again and look whether every batch acknowledged is there,
 *       whole, and nothing of one that was not finished; {@link #KILLS} times.
 * </ol>
 *
 * Every step runs in a JVM of its own, with {@link #HEAP}, so that memory is one store's and a kill is a real one. A
 * step is this program called with its name as the fourth argument; it answers with lines of a name and a number.
 */
public final class StateStores {

    private static final List<String> STORES = List.of("rocksdb", "mvstore");
    private static final String HEAP = "-Xmx128m";
    private static final int KILLS = 5;
    private static final int BATCHES_BEFORE_KILL = 10;
    private static final long FILLING_AT_MOST = TimeUnit.MINUTES.toNanos(4);
    private static final int LAST = 100;
    private static final long READING = TimeUnit.SECONDS.toNanos(8);

    private final String store;
    private final Sample sample;
    private final long batches;
    private final Path directory;

    private StateStores(String store, long objects, Path directory) {
        this.store = store;
        this.sample = new Sample(objects);
        this.batches = objects / Sample.BATCH;
        this.directory = directory.resolve(store);
    }

    public static void main(String[] args) throws Exception {
        if (args.length < 3) {
            System.err.println("usage: StateStores <all or one of " + STORES + "> <objects> <directory>");
            System.exit(2);
        }
        long objects = Long.parseLong(args[1]);
        if (objects < Sample.BATCH) {
            System.err.println("objects is " + objects + "; it must be at least one batch, " + Sample.BATCH);
            System.exit(2);
        }
        Path directory = Path.of(args[2]).toAbsolutePath();
        if (args.length == 4) {
            new StateStores(args[0], objects, directory).step(args[3]);
            return;
        }
        var results = new LinkedHashMap<String, Map<String, Double>>();
        for (String store : args[0].equals("all") ? STORES : List.of(args[0])) {
            results.put(store, new StateStores(store, objects, directory).measure());
        }
        print(results);
    }

    // The conductor's side

    private Map<String, Double> measure() throws Exception {
        Measures.delete(directory);
        Files.createDirectories(directory);
        try {
            var result = new LinkedHashMap<>(Measures.answers(start("fill")));
            result.put("disk, MB", Measures.size(directory) / 1e6);
            double slowestOpen = 0;
            double lost = 0;
            double torn = 0;
            for (int kill = 0; kill < KILLS; kill++) {
                long acknowledged = writeAndKill(kill);
                Map<String, Double> found = Measures.answers(start("check"));
                slowestOpen = Math.max(slowestOpen, found.get("open, ms"));
                lost += Math.max(0, acknowledged - found.get("position")) + found.get("not whole");
                torn += found.get("too much");
            }
            result.put("open after a kill, ms", slowestOpen);
            result.put("batches lost by " + KILLS + " kills", lost);
            result.put("half batches left by " + KILLS + " kills", torn);
            return result;
        } finally {
            Measures.delete(directory);
        }
    }

    /** Kills the writer some time after its first batches; returns the last position it acknowledged. */
    private long writeAndKill(int seed) throws Exception {
        Process writer = start("write");
        long acknowledged = 0;
        try (var lines = writer.inputReader()) {
            for (int i = 0; i < BATCHES_BEFORE_KILL; i++) {
                acknowledged = Long.parseLong(lines.readLine());
            }
            Thread.sleep(new SplittableRandom(seed).nextInt(200));
            // Process.destroyForcibly() would also close the pipe, and with it what the writer said last.
            writer.toHandle().destroyForcibly();
            writer.waitFor();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                acknowledged = Long.parseLong(line);
            }
        }
        return acknowledged;
    }

    private Process start(String step) throws IOException {
        System.err.println(store + ": " + step);
        long objects = batches * Sample.BATCH;
        var command = new ProcessBuilder(
                ProcessHandle.current().info().command().orElse("java"),
                HEAP,
                "-classpath",
                System.getProperty("java.class.path"),
                StateStores.class.getName(),
                store,
                Long.toString(objects),
                directory.getParent().toString(),
                step);
        // RocksDB unpacks its library at every start, and a killed process cannot remove its copy.
        command.environment().put("ROCKSDB_SHAREDLIB_DIR", directory.getParent().toString());
        return command.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    private static void print(Map<String, Map<String, Double>> results) {
        List<String> stores = List.copyOf(results.keySet());
        boolean ratio = stores.size() == 2;
        System.out.print("| |");
        stores.forEach(store -> System.out.printf(" %s |", store));
        System.out.println(ratio ? " " + String.join(" : ", stores) + " |" : "");
        System.out.println("| --- |" + " ---: |".repeat(stores.size() + (ratio ? 1 : 0)));
        for (String measure : results.get(stores.get(0)).keySet()) {
            System.out.printf("| %s |", measure);
            stores.forEach(store -> System.out.printf(
                    " %s |", Measures.number(results.get(store).get(measure))));
            if (ratio) {
                double other = results.get(stores.get(1)).get(measure);
                System.out.printf(
                        " %s |",
                        other == 0
                                ? ""
                                : Measures.number(results.get(stores.get(0)).get(measure) / other));
            }
            System.out.println();
        }
    }

    // The steps, each in its own JVM

    private void step(String step) throws Exception {
        switch (step) {
            case "fill" -> fill();
            case "write" -> writeForEver();
            case "check" -> check();
            default -> throw new IllegalArgumentException("step is " + step + "; it may be fill, write or check");
        }
    }

    private StateStore open() throws Exception {
        return switch (store) {
            case "rocksdb" -> new RocksStore(directory);
            case "mvstore" -> new MvStore(directory);
            default -> throw new IllegalArgumentException("store is " + store + "; it may be one of " + STORES);
        };
    }

    private void fill() throws Exception {
        try (StateStore state = open()) {
            var nanos = new long[(int) batches];
            long began = System.nanoTime();
            int written = 0;
            while (written < batches && System.nanoTime() - began < FILLING_AT_MOST) {
                List<Entry> batch = sample.batch(written);
                long start = System.nanoTime();
                state.write(batch);
                nanos[written++] = System.nanoTime() - start;
            }
            Measures.answer("objects written", (double) written * Sample.BATCH);
            Measures.answer("batches/s", rate(nanos, 0, written));
            Measures.answer("batches/s, the last " + LAST, rate(nanos, Math.max(0, written - LAST), written));
            Arrays.sort(nanos, 0, written);
            Measures.answer("p50, ms a batch", nanos[written / 2] / 1e6);
            Measures.answer("p99, ms a batch", nanos[written * 99 / 100] / 1e6);
            Measures.answer("longest, ms", nanos[written - 1] / 1e6);
            long settling = System.nanoTime();
            state.settle();
            Measures.answer("settling afterwards, s", (System.nanoTime() - settling) / 1e9);
            read(state, (long) written * Sample.BATCH);
            Measures.answer("peak memory (VmHWM), MB", Measures.peakMemory() / 1e6);
            Measures.answer("live heap at the end, MB", Measures.liveHeap() / 1e6);
        }
    }

    private static double rate(long[] nanos, int from, int to) {
        return (to - from) * 1e9 / Arrays.stream(nanos, from, to).sum();
    }

    private void read(StateStore state, long written) throws Exception {
        var random = new SplittableRandom(1);
        long gets = 0;
        long start = System.nanoTime();
        while (System.nanoTime() - start < READING) {
            if (state.get(Sample.objectKey(random.nextLong(written))) == null) {
                throw new IllegalStateException(store + ": an object that was written is not there");
            }
            gets++;
        }
        Measures.answer("random gets/s", gets * 1e9 / (System.nanoTime() - start));

        long scans = 0;
        long keys = 0;
        start = System.nanoTime();
        while (System.nanoTime() - start < READING) {
            keys += state.scan(Sample.referencesTo(sample.randomThing(random)));
            scans++;
        }
        Measures.answer("prefix scans/s", scans * 1e9 / (System.nanoTime() - start));
        Measures.answer("keys a scan", (double) keys / scans);
    }

    private void writeForEver() throws Exception {
        try (StateStore state = open()) {
            for (long position = position(state); ; position++) {
                state.write(sample.batch(position));
                System.out.println(position + 1);
                System.out.flush();
            }
        }
    }

    private void check() throws Exception {
        long start = System.nanoTime();
        try (StateStore state = open()) {
            Measures.answer("open, ms", (System.nanoTime() - start) / 1e6);
            long position = position(state);
            Measures.answer("position", position);
            int notWhole = 0;
            for (long batch = position - BATCHES_BEFORE_KILL; batch < position; batch++) {
                notWhole += present(state, batch) == 4 * Sample.BATCH ? 0 : 1;
            }
            Measures.answer("not whole", notWhole);
            Measures.answer("too much", present(state, position) == 0 ? 0 : 1);
        }
    }

    /** How many of a batch's keys, its position aside, have exactly the value the batch gave them. */
    private int present(StateStore state, long batch) throws Exception {
        int present = 0;
        for (Entry entry : sample.batch(batch)) {
            boolean same = Arrays.equals(state.get(entry.key()), entry.value());
            present += same && entry.key() != Sample.POSITION ? 1 : 0;
        }
        return present;
    }

    private static long position(StateStore state) throws Exception {
        byte[] position = state.get(Sample.POSITION);
        return position == null ? 0 : ByteBuffer.wrap(position).getLong();
    }
}
