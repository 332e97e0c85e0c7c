package io.caravan.bench;

import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.KafkaBroker;
import java.io.File;
import java.io.IOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The built program, {@code target/caravan}, as a process that is asked for its metrics over HTTP. It has the settings of its
 * folder and those given here, and none that this process happens to have in its environment. Used by one thread.
 */
final class RunningProgram implements AutoCloseable {

    private static final List<String> SETTINGS = List.of("OPENCTI_", "CARAVAN_", "KAFKA_", "FILES_");
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(50);
    private static final Duration LONGEST = Duration.ofMinutes(3);
    private static final Duration LONGEST_STOP = Duration.ofSeconds(20);

    private final HttpClient http = HttpClient.newHttpClient();
    private final Process process;
    private final long started;
    private final URI metrics;
    private final File log;

    private RunningProgram(Process process, long started, URI metrics, File log) {
        this.process = process;
        this.started = started;
        this.metrics = metrics;
        this.log = log;
    }

    /**
     * What the program has done at a moment.
     *
     * @param nanos the moment
     * @param processors seconds of processor time that the process has had
     */
    record Reading(long nanos, double processors, Map<String, Double> metrics) {

        /** Seconds that batches have spent in it. */
        double inSink(String sink) {
            return of("caravan_sink_delivery_seconds_sum{sink=\"" + sink + "\"}");
        }

        double delivered() {
            return of("caravan_events_delivered_total");
        }

        double batches() {
            return of("caravan_batches_delivered_total");
        }

        private double of(String metric) {
            return metrics.getOrDefault(metric, 0.0);
        }

        private boolean hasDeadLetters() {
            return metrics.entrySet().stream()
                    .anyMatch(metric ->
                            metric.getKey().startsWith("caravan_dead_letters_total") && metric.getValue() > 0);
        }

        /** The same as of the moment at which the position was stored last. */
        private Reading stored() {
            return new Reading(nanos - (long) (of("caravan_position_stored_age_seconds") * 1e9), processors, metrics);
        }
    }

    /** Follows the platform's log from its oldest event; the position, files and log lie in the folder. */
    static RunningProgram start(
            Path home, FakePlatform platform, KafkaBroker broker, String sinks, String topics, String prefix)
            throws IOException {
        int port = freePort();
        File log = home.resolve("log").toFile();
        var program = new ProcessBuilder("target/caravan/caravan", "run")
                .redirectErrorStream(true)
                .redirectOutput(log);
        Map<String, String> environment = program.environment();
        environment.keySet().removeIf(name -> SETTINGS.stream().anyMatch(name::startsWith));
        environment.put("OPENCTI_URL", platform.url());
        environment.put("OPENCTI_TOKEN", FakePlatform.TOKEN);
        environment.put("OPENCTI_START", "0-0");
        environment.put("CARAVAN_DATA_DIR", home.resolve("data").toString());
        environment.put("FILES_DIR", home.resolve("files").toString());
        environment.put("CARAVAN_SINKS", sinks);
        environment.put("CARAVAN_POSITION_STORE", "local"); // as when the table in bench/README.md was measured
        environment.put("KAFKA_BROKERS", broker.brokers());
        environment.put("KAFKA_TOPICS", topics);
        environment.put("KAFKA_TOPIC_PREFIX", prefix);
        environment.put("CARAVAN_HTTP_PORT", String.valueOf(port));
        long started = System.nanoTime();
        Process process = program.start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        return new RunningProgram(process, started, URI.create("http://127.0.0.1:" + port + "/observe/metrics"), log);
    }

    private static int freePort() throws IOException {
        try (var socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    long started() {
        return started;
    }

    /** Before anything is delivered. */
    Reading nothingYet(long nanos) {
        return new Reading(nanos, processors(), Map.of());
    }

    Reading now() throws IOException, InterruptedException {
        var body = http.send(HttpRequest.newBuilder(metrics).build(), BodyHandlers.ofLines())
                .body();
        Map<String, Double> values = new HashMap<>();
        body.filter(line -> !line.startsWith("#")).forEach(line -> {
            int blank = line.lastIndexOf(' ');
            values.put(line.substring(0, blank), Double.parseDouble(line.substring(blank + 1)));
        });
        return new Reading(System.nanoTime(), processors(), values);
    }

    /** Waits until so many events are delivered: the moment is that of storing the position behind them. */
    Reading await(long events) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        while (process.isAlive() && System.nanoTime() - begin < LONGEST.toNanos()) {
            Thread.sleep(BETWEEN_LOOKS.toMillis());
            Reading reading;
            try {
                reading = now();
            } catch (ConnectException notYet) {
                continue;
            }
            if (reading.hasDeadLetters()) {
                break;
            }
            if (reading.delivered() == events) {
                return reading.stored();
            }
        }
        throw new IllegalStateException(events + " events are not delivered, all of them; the program says:\n"
                + Files.readString(log.toPath()));
    }

    private double processors() {
        return process.info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
    }

    @Override
    public void close() {
        process.destroy();
        process.onExit()
                .completeOnTimeout(process, LONGEST_STOP.toSeconds(), TimeUnit.SECONDS)
                .join();
        process.destroyForcibly();
        process.onExit().join();
    }
}
