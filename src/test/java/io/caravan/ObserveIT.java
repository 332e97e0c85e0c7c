package io.caravan;

import static io.caravan.testkit.Frames.create;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.caravan.event.Batch;
import io.caravan.ops.Program;
import io.caravan.testkit.Answer;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Play;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a running program says of itself over HTTP: to a probe, to Prometheus, and to {@code ./caravan health}. */
class ObserveIT {

    private static final Duration SOON = Patience.SOON;
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final String SINK_ROUTE = """
            - route:
                id: sink-test
                %s
                from:
                  uri: direct:sink-test
                  steps: [{to: {uri: "bean:test?method=accept"}}]
            """;

    @TempDir
    Path home;

    private FakePlatform platform;
    private Installation caravan;
    private Program program;
    private Process process;
    private int port;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        port = freePort();
        caravan = new Installation(home, platform).set("caravan.http-port", String.valueOf(port));
    }

    @AfterEach
    void stop() {
        if (program != null) {
            program.close();
        }
        if (process != null) {
            process.destroyForcibly();
        }
        platform.close();
    }

    @Test
    void isReadyWhileThePlatformIsHeardAndElseSaysWhyNot() throws Exception {
        platform.always(Answer.status(503));
        program = caravan.start();
        await().atMost(SOON).until(() -> get("/observe/health/ready").body().contains("the platform answers 503"));
        assertThat(get("/observe/health/ready").statusCode()).isEqualTo(503);
        assertThat(get("/observe/health").statusCode()).isEqualTo(503);
        assertThat(get("/observe/health/live").statusCode()).isEqualTo(200);
        assertThat(metrics()).containsEntry("caravan_platform_up", 0.0).containsEntry("caravan_ready", 0.0);

        platform.always(Play.play());
        awaitReady();
        assertThat(get("/observe/health").statusCode()).isEqualTo(200);
        assertThat(metrics()).containsEntry("caravan_platform_up", 1.0).containsEntry("caravan_ready", 1.0);
        assertThat(metrics().get("caravan_reconnects_total{cause=\"refused\"}")).isPositive();

        platform.refuseConnections().endStreams(Play.Ending.EOF);
        await().atMost(SOON).until(() -> get("/observe/health/ready").body().contains("Connection refused"));
        platform.acceptConnections();
        awaitReady();
    }

    @ParameterizedTest
    @CsvSource({"routeConfigurationId: sink", "errorHandler: {noErrorHandler: {}}"})
    void isNotReadyWhileASinkIsAwayAndSaysWhichAndWhy(String errors) throws Exception {
        AtomicBoolean isAway = new AtomicBoolean(true);
        platform.append(create("1000-0", anObject(1)));
        program = startWithSink(errors, batch -> {
            if (isAway.get()) {
                throw new IllegalStateException("the \"index\" at http://siem/events is away");
            }
        });
        await().atMost(SOON)
                .until(() -> get("/observe/health/ready").body().contains("index\\\" at http://siem/events is away"));
        assertThat(get("/observe/health/ready").statusCode()).isEqualTo(503);
        assertThat(get("/observe/health/live").statusCode()).isEqualTo(200);
        assertThat(metrics())
                .containsEntry("caravan_sink_up{sink=\"test\"}", 0.0)
                .containsEntry("caravan_sink_up{sink=\"journal\"}", 1.0)
                .containsEntry("caravan_sink_delivery_seconds_count{sink=\"test\"}", 0.0)
                .containsEntry("caravan_platform_up", 1.0)
                .containsEntry("caravan_ready", 0.0);

        isAway.set(false);
        awaitReady();
        assertThat(metrics())
                .containsEntry("caravan_sink_up{sink=\"test\"}", 1.0)
                .containsEntry("caravan_sink_delivery_seconds_count{sink=\"test\"}", 1.0)
                .containsEntry("caravan_sink_failures_total{sink=\"journal\"}", 0.0)
                .containsEntry("caravan_ready", 1.0);
        assertThat(metrics().get("caravan_sink_failures_total{sink=\"test\"}")).isPositive();
        assertThat(metrics().get("caravan_sink_delivery_seconds_max{sink=\"test\"}"))
                .isPositive();
    }

    @Test
    void countsWhatItFollowed() throws Exception {
        List<Frame> events = Capture.events("runA/runA-all.sse");
        platform.append(events);
        program = caravan.start();
        await().atMost(SOON).until(() -> metrics().get("caravan_events_delivered_total") == events.size());
        Map<String, Double> metrics = metrics();
        for (String op : List.of("create", "update", "delete", "merge")) {
            double count = events.stream().filter(e -> e.event().equals(op)).count();
            assertThat(metrics).containsEntry("caravan_events_received_total{op=\"" + op + "\"}", count);
        }
        double bytes = events.stream().mapToLong(event -> event.data().length).sum();
        double batches = metrics.get("caravan_batches_delivered_total");
        assertThat(batches).isBetween(1.0, (double) events.size());
        assertThat(metrics)
                .containsEntry("caravan_received_bytes_total", bytes)
                .containsKey("caravan_stale_references_total")
                .containsEntry("caravan_events_repeated_total", 0.0)
                .containsEntry("caravan_deletions_left_out_total", 0.0)
                .containsEntry("caravan_dead_letters_total{sink=\"stream\"}", 0.0)
                .containsEntry("caravan_reconnects_total{cause=\"cut\"}", 0.0)
                .containsEntry("caravan_snapshot_reading", 0.0)
                .containsEntry("caravan_sink_delivery_seconds_count{sink=\"journal\"}", batches);
        assertThat(metrics).containsKeys("caravan_heartbeats_received_total", "jvm_memory_used_bytes{area=\"heap\"}");
        assertThat(metrics.get("caravan_sink_delivery_seconds_sum{sink=\"journal\"}"))
                .isBetween(0.0, 30.0);
        assertThat(metrics.get("caravan_position_stored_age_seconds")).isBetween(0.0, 30.0);
        double age = (System.currentTimeMillis() - millis(events.get(events.size() - 1))) / 1000.0;
        assertThat(metrics.get("caravan_position_age_seconds")).isBetween(age - 60, age + 60);
        assertThat(metrics.get("caravan_lag_seconds")).isBetween(age - 60, age + 60);
        assertThat(metrics.keySet()).anyMatch(name -> name.startsWith("caravan_build_info{"));
        assertThat(metrics.keySet()).noneMatch(name -> name.startsWith("camel_"));
    }

    @Test
    void saysNothingOfAgeAndLagWhileItReadsASnapshot() throws Exception {
        platform.snapshot(List.of(io.caravan.testkit.Frames.snapshot("1000-0", anObject(1))));
        program = caravan.set("opencti.start", "").start();
        await().atMost(SOON).until(() -> metrics().get("caravan_events_delivered_total") == 1);
        assertThat(metrics())
                .containsEntry("caravan_snapshot_reading", 1.0)
                .containsEntry("caravan_position_age_seconds", Double.NaN)
                .containsEntry("caravan_lag_seconds", Double.NaN);
    }

    @Test
    void countsDeadLettersByWhoRefusedThemAndTakesNoLabelFromTheStream() throws Exception {
        platform.append(
                Frame.of("1000-0", "create", "{\"data\": {\"id\": \"tool--1\"}"),
                Frame.of("2000-0", "weather", "{\"data\": {\"id\": \"" + anObject(2) + "\"}}"),
                create("3000-0", anObject(3)));
        program = caravan.start();
        await().atMost(SOON).until(() -> metrics().get("caravan_dead_letters_total{sink=\"stream\"}") == 2);
        assertThat(metrics()).containsEntry("caravan_events_received_total{op=\"unknown\"}", 1.0);
        assertThat(get("/observe/metrics").body()).doesNotContain("weather");
    }

    @Test
    void tellsNoSecretAndNoStackTraceWhateverItIsAsked() throws Exception {
        platform.always(Answer.status(401));
        program = caravan.start();
        await().atMost(SOON).until(() -> get("/observe/health").body().contains("answers 401"));
        for (String path : List.of("/observe/health", "/observe/health/live", "/observe/health/ready")) {
            String body =
                    get(path + "?exposureLevel=full&stackTrace=true&data=true").body();
            assertThat(body)
                    .doesNotContain(FakePlatform.TOKEN)
                    .doesNotContain("\tat ")
                    .doesNotContain("stacktrace");
        }
        assertThat(get("/observe/metrics").body()).doesNotContain(FakePlatform.TOKEN);
    }

    @Test
    void answersHeadWithTheStatusAndHeadersOfGetAndNoBody() throws Exception {
        platform.always(Answer.status(503));
        program = caravan.start();
        await().atMost(SOON).until(() -> get("/observe/health").body().contains("answers 503"));
        for (String path : List.of("/observe/health", "/observe/health/live", "/observe/health/ready")) {
            HttpResponse<String> head = head(path);
            HttpResponse<String> get = get(path);
            assertThat(head.statusCode()).isEqualTo(get.statusCode());
            assertThat(head.headers()).isEqualTo(get.headers());
            assertThat(head.body()).isEmpty();
        }
        HttpResponse<String> head = head("/observe/metrics");
        assertThat(head.statusCode()).isEqualTo(200);
        assertThat(head.headers().firstValue("Content-Type"))
                .isEqualTo(get("/observe/metrics").headers().firstValue("Content-Type"));
        assertThat(head.headers().firstValueAsLong("Content-Length").orElse(0)).isPositive();
        assertThat(head.body()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "*/* | text/plain; version=0.0.4",
                "text/plain | text/plain; version=0.0.4",
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1 | text/plain; version=0.0.4",
                "text/plain, application/openmetrics-text;q=0.3 | text/plain; version=0.0.4",
                "application/openmetrics-text;q=0 | text/plain; version=0.0.4",
                "text/html,application/xhtml+xml;q=0.9 | text/plain; version=0.0.4",
                "application/json | text/plain; version=0.0.4",
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily | text/plain; version=0.0.4",
                "anything | text/plain; version=0.0.4",
                ";;,q=/ | text/plain; version=0.0.4",
                "application/openmetrics-text | application/openmetrics-text; version=1.0.0",
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.1 | application/openmetrics-text; version=1.0.0",
            })
    void servesMetricsWhateverIsAccepted(String accepted, String served) throws Exception {
        program = caravan.start();
        HttpResponse<String> answer =
                HTTP.send(request("/observe/metrics").header("Accept", accepted).build(), BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Content-Type").orElse("")).startsWith(served);
        assertThat(answer.body()).contains("caravan_ready ");
        assertThat(answer.body().endsWith("# EOF\n")).isEqualTo(served.contains("openmetrics"));
        HttpResponse<String> health = HTTP.send(
                request("/observe/health/live").header("Accept", accepted).build(), BodyHandlers.ofString());
        assertThat(health.statusCode()).isEqualTo(200);
    }

    @Test
    void answersUntilTheLastMomentOfAStop() throws Exception {
        CountDownLatch isBack = new CountDownLatch(1);
        CountDownLatch isHanging = new CountDownLatch(1);
        platform.append(create("1000-0", anObject(1)));
        program = startWithSink("routeConfigurationId: sink", batch -> {
            isHanging.countDown();
            awaitLatch(isBack);
        });
        isHanging.await();
        Thread closing = new Thread(program::close);
        closing.start();
        await().atMost(SOON).until(() -> get("/observe/health/ready").body().contains("Caravan is stopping"));
        assertThat(get("/observe/health/live").statusCode()).isEqualTo(200);
        isBack.countDown();
        closing.join();
        assertThatThrownBy(() -> get("/observe/health/live")).isInstanceOf(IOException.class);
    }

    @Test
    void servesNothingWherePortIsZero() throws Exception {
        program = caravan.set("caravan.http-port", "0").start();
        assertThatThrownBy(() -> get("/observe/health/live")).isInstanceOf(IOException.class);
    }

    @Test
    void doesNotStartWhereItsPortIsInUse() throws Exception {
        try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            caravan.set("caravan.http-port", String.valueOf(other.getLocalPort()));
            String line = "caravan.http-port: 127.0.0.1:" + other.getLocalPort()
                    + " is in use by another program; say another, or 0 for none\n";
            assertThat(said("run", 2)).isEqualTo(line);
            assertThat(home.resolve("data")).doesNotExist();
            assertThat(said("check", 2)).contains("mistake  caravan.http-port");
        }
    }

    @ParameterizedTest
    @CsvSource({"192.0.2.1,is no address of this machine", "no.such.host.invalid,leads to no address"})
    void doesNotStartWhereItsHostIsNotThisMachine(String host, String reason) throws Exception {
        caravan.set("caravan.http-host", host);
        assertThatThrownBy(() -> caravan.start())
                .isInstanceOf(Program.Unusable.class)
                .hasMessageStartingWith("caravan.http-host: ")
                .hasMessageContaining(reason);
    }

    @Test
    void canBeAskedFromTheCommandLine() throws Exception {
        assertThat(said("health", 1)).contains("not ready: nothing answers at").contains("does Caravan run?");
        platform.always(Answer.status(503));
        program = caravan.start();
        await().atMost(SOON).until(() -> get("/observe/health").body().contains("answers 503"));
        assertThat(said("health", 1)).startsWith("not ready: the platform answers 503");
        assertThat(said("health --live", 0)).isEqualTo("live\n");
        platform.always(Play.play());
        awaitReady();
        assertThat(said("health", 0)).isEqualTo("ready\n");
        assertThat(said("check", 0)).contains("is in use by a Caravan");
    }

    @Test
    void canBeAskedWhateverElseIsWrongWithTheSettings() throws Exception {
        program = caravan.start();
        awaitReady();
        Files.writeString(home.resolve("application.properties"), "opencti.strat=now\n");
        caravan.set("opencti.url", "").set("opencti.token", "").set("caravan.http-host", "0.0.0.0");
        assertThat(said("health", 0)).isEqualTo("ready\n");
        caravan.set("caravan.http-port", "http");
        assertThat(said("health", 2))
                .isEqualTo("caravan.http-port (from CARAVAN_HTTP_PORT): \"http\" is no number from 0 to 65535\n");
        caravan.set("caravan.http-port", "0");
        assertThat(said("health", 1)).contains("caravan.http-port is 0");
    }

    @Test
    void takesNobodyElseForItself() throws Exception {
        caravan.set("caravan.http-port", String.valueOf(platform.port()));
        assertThat(said("health", 1)).contains("is no Caravan");
    }

    /** All that the command says, once it has ended with this code. */
    private String said(String command, int code) throws Exception {
        int before = caravan.log().length();
        process = caravan.run(command);
        assertThat(Patience.ends(process, Patience.SOON)).isTrue();
        String said = caravan.log().substring(before);
        assertThat(process.exitValue()).as(said).isEqualTo(code);
        return said;
    }

    private void awaitReady() {
        await().atMost(SOON).until(() -> get("/observe/health/ready").statusCode() == 200);
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return HTTP.send(request(path).build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> head(String path) throws IOException, InterruptedException {
        return HTTP.send(request(path).method("HEAD", BodyPublishers.noBody()).build(), BodyHandlers.ofString());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    }

    /** Each series with its value; the JVM's without what lies behind their first label. */
    private Map<String, Double> metrics() throws Exception {
        HttpResponse<String> answer = get("/observe/metrics");
        assertThat(answer.headers().firstValue("content-type").orElse("")).startsWith("text/plain; version=0.0.4");
        Map<String, Double> metrics = new TreeMap<>();
        answer.body().lines().filter(line -> !line.startsWith("#")).forEach(line -> {
            int space = line.lastIndexOf(' ');
            String series = line.substring(0, space).replaceFirst("^(jvm_[a-z_]+\\{[a-z]+=\"[^\"]*\").*", "$1}");
            metrics.put(series, Double.parseDouble(line.substring(space + 1)));
        });
        return metrics;
    }

    private Program startWithSink(String errors, Consumer<Batch> sink) throws Exception {
        caravan.route("sinks/test.camel.yaml", SINK_ROUTE.formatted(errors)).set("caravan.sinks", "journal,test");
        Program started = new Program(caravan.settings());
        started.bind("test", new FollowIT.Bean(body -> sink.accept((Batch) body)));
        started.start();
        return started;
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException("a thread that carries a batch is never interrupted", e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static long millis(Frame frame) {
        return Long.parseLong(frame.id().substring(0, frame.id().indexOf('-')));
    }

    private static String anObject(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }
}
