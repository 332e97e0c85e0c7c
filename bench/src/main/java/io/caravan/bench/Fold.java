package io.caravan.bench;

import io.caravan.testkit.Capture;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Recording;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToDoubleFunction;

/**
 * Measures what it costs to fold a stream into all topics and the mirror, beside the raw topic alone. {@code Fold <times>
 * <directory>}, run where the program's folder is, runs the built program one way and the other in turn, each time as a new
 * process with a new folder and new topics, against a platform that serves a recording and a Kafka broker, both in this JVM,
 * and prints one table.
 *
 * <p>A run folds the recording as it is and then, in the same process, {@link #AGAIN} times more, as if it had happened later
 * to other objects: by then the program's code is compiled. The first fold begins when the program asks for the stream, a
 * later one when the platform has it; it ends when the position behind its last event is stored.
 */
public final class Fold {

    private static final Path RECORDING = Path.of("src/test/resources/captures/volume/vol-all.sse.gz");
    private static final int AGAIN = 5;
    private static final int WARM = 3;

    /** The two ways that are compared: the sinks, and the topics that are written. */
    private enum Way {
        RAW("kafka", "events"),
        ALL("kafka,mirror", "events,changes,objects,indicators");

        private final String sinks;
        private final String topics;

        Way(String sinks, String topics) {
            this.sinks = sinks;
            this.topics = topics;
        }
    }

    /** What one fold took: seconds of the clock, in each sink of that, and of all processors; batches. */
    private record Took(double clock, double kafka, double mirror, double processors, double batches) {

        static Took between(RunningProgram.Reading begin, RunningProgram.Reading end) {
            return new Took(
                    (end.nanos() - begin.nanos()) / 1e9,
                    end.inSink("kafka") - begin.inSink("kafka"),
                    end.inSink("mirror") - begin.inSink("mirror"),
                    end.processors() - begin.processors(),
                    end.batches() - begin.batches());
        }
    }

    /**
     * One run of the program.
     *
     * @param withStart what the first fold took in seconds of the clock, from the start of the process
     */
    private record Run(double withStart, List<Took> folds) {

        Took first() {
            return folds.get(0);
        }

        /** Of the last folds, the one in the middle. */
        double warm(ToDoubleFunction<Took> measure) {
            return median(folds.subList(folds.size() - WARM, folds.size()).stream()
                    .mapToDouble(measure)
                    .toArray());
        }
    }

    private final Path directory;
    private final KafkaBroker broker;
    private final List<Frame> recorded = Capture.events(RECORDING);
    private int runs;

    private Fold(Path directory) {
        this.directory = directory;
        this.broker = new KafkaBroker(directory.resolve("broker"));
    }

    public static void main(String[] args) throws Exception {
        int times = args.length == 2 ? Integer.parseInt(args[0]) : 0;
        if (times < 1) {
            System.err.println("usage: Fold <times, at least 1> <directory>");
            System.exit(2);
        }
        Path directory = Path.of(args[1]).toAbsolutePath().resolve("fold");
        Measures.delete(directory);
        var benchmark = new Fold(directory);
        try {
            benchmark.measure(times);
        } finally {
            benchmark.broker.close();
            Measures.delete(directory);
        }
    }

    private void measure(int times) throws Exception {
        broker.start();
        System.err.println("a run that does not count: the broker's and the platform's code is to be compiled");
        run(Way.ALL);
        List<Run> raw = new ArrayList<>();
        List<Run> all = new ArrayList<>();
        for (int time = 1; time <= times; time++) {
            System.err.println("both ways, " + time + " of " + times);
            raw.add(run(Way.RAW));
            all.add(run(Way.ALL));
        }
        print(raw, all);
    }

    private Run run(Way way) throws Exception {
        String name = "run" + ++runs;
        Path home = Files.createDirectories(directory.resolve(name));
        var asked = new AtomicLong();
        try (FakePlatform platform = FakePlatform.start()) {
            platform.onRequest(
                    request -> asked.compareAndSet(0, request.path().contains("/stream") ? System.nanoTime() : 0));
            // heartbeats that tell nothing of the clock: what is told later may be as old as the recording
            platform.heartbeats(Heartbeats.ofLastId(Duration.ofSeconds(5))).append(recorded);
            try (var program = RunningProgram.start(home, platform, broker, way.sinks, way.topics, name + ".")) {
                return folds(program, platform, asked);
            }
        } finally {
            Measures.delete(home);
        }
    }

    private Run folds(RunningProgram program, FakePlatform platform, AtomicLong asked) throws Exception {
        List<Took> folds = new ArrayList<>();
        platform.awaitConnections(1);
        var begin = program.nothingYet(asked.get());
        var end = program.await(recorded.size());
        double withStart = (end.nanos() - program.started()) / 1e9;
        folds.add(Took.between(begin, end));
        var recording = new Recording(recorded);
        List<Frame> last = recorded;
        for (int round = 1; round <= AGAIN; round++) {
            last = recording.round(round, after(last), Duration.ofMillis(1)).stream()
                    .flatMap(List::stream)
                    .toList();
            begin = program.now();
            platform.append(last);
            end = program.await((round + 1L) * recorded.size());
            folds.add(Took.between(begin, end));
        }
        return new Run(withStart, folds);
    }

    /** The millisecond behind these frames. */
    private static Instant after(List<Frame> frames) {
        String id = frames.get(frames.size() - 1).id();
        return Instant.ofEpochMilli(Long.parseLong(id.substring(0, id.indexOf('-'))) + 1);
    }

    private void print(List<Run> raw, List<Run> all) {
        System.out.printf("| %,d events | raw | events/s | all | events/s | all : raw |%n", recorded.size());
        System.out.println("| --- | ---: | ---: | ---: | ---: | ---: |");
        row("first, with the program's start, s", true, raw, all, Run::withStart);
        row("first, s", true, raw, all, run -> run.first().clock());
        row("- in the Kafka sink, s", false, raw, all, run -> run.first().kafka());
        row("- in the mirror, s", false, raw, all, run -> run.first().mirror());
        row("- of processor time, s", false, raw, all, run -> run.first().processors());
        row("- batches", false, raw, all, run -> run.first().batches());
        row("warm, s", true, raw, all, run -> run.warm(Took::clock));
        row("- in the Kafka sink, s", false, raw, all, run -> run.warm(Took::kafka));
        row("- in the mirror, s", false, raw, all, run -> run.warm(Took::mirror));
        row("- of processor time, s", false, raw, all, run -> run.warm(Took::processors));
        row("- batches", false, raw, all, run -> run.warm(Took::batches));
    }

    /** The middle of all runs; for the ratio, of each two that followed each other, also the least and the greatest. */
    private void row(String name, boolean isTime, List<Run> raw, List<Run> all, ToDoubleFunction<Run> measure) {
        double[] ofRaw = raw.stream().mapToDouble(measure).toArray();
        double[] ofAll = all.stream().mapToDouble(measure).toArray();
        var ratios = new double[ofRaw.length];
        Arrays.setAll(ratios, i -> ofAll[i] / ofRaw[i]);
        Arrays.sort(ratios);
        System.out.printf(
                "| %s | %s | %s | %s | %s | %s |%n",
                name,
                Measures.number(median(ofRaw)),
                isTime ? Measures.number(Math.rint(recorded.size() / median(ofRaw))) : "",
                Measures.number(median(ofAll)),
                isTime ? Measures.number(Math.rint(recorded.size() / median(ofAll))) : "",
                median(ofRaw) == 0
                        ? ""
                        : "%.2f (%.2f to %.2f)".formatted(median(ratios), ratios[0], ratios[ratios.length - 1]));
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }
}
