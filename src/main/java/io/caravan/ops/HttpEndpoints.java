package io.caravan.ops;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.net.impl.TCPServerBase;
import io.vertx.ext.web.Router;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.camel.CamelContext;
import org.apache.camel.component.micrometer.prometheus.MicrometerPrometheus;
import org.apache.camel.component.platform.http.main.ManagementHttpServer;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpServer;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.main.Main;
import org.apache.camel.support.service.ServiceHelper;

/**
 * Health and metrics over HTTP, by Camel's management server: {@code /observe/health} with {@code /live} and
 * {@code /ready}, and {@code /observe/metrics}. It listens from the program's first moment to its last, so that a start or
 * a stop that waits can be asked why.
 */
final class HttpEndpoints {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpAddress address;

    HttpEndpoints(HttpAddress address) {
        this.address = address;
    }

    /** Before the context is made. */
    void configure(Main main) {
        main.configure()
                .httpManagementServer()
                .withEnabled(true)
                .withHost(address.ip())
                .withPort(address.port())
                .withMetricsEnabled(true);
        main.configure().health().setRoutesEnabled(false); // the consumers' checks say the same
        main.configure().health().setExcludePattern("context"); // ProgramHealthCheck says it in people's words
        main.configure().metrics().setEnabled(true);
        main.bind("metricsService", scrapedMetrics());
        main.bind("vertxOptions", options());
    }

    /** Only what the registry holds: Camel's own meters would cost once an event, and tell nothing that ours do not. */
    private static MicrometerPrometheus scrapedMetrics() {
        MicrometerPrometheus metrics = new MicrometerPrometheus();
        metrics.setSkipCamelInfo(true);
        metrics.setEnableRoutePolicy(false);
        metrics.setEnableExchangeEventNotifier(false);
        metrics.setEnableRouteEventNotifier(false);
        return metrics;
    }

    /** One thread that listens and two that answer; and nothing is written to the disk, which may be read-only. */
    private static VertxOptions options() {
        return new VertxOptions()
                .setEventLoopPoolSize(1)
                .setWorkerPoolSize(2)
                .setInternalBlockingPoolSize(1)
                .setFileSystemOptions(new FileSystemOptions()
                        .setClassPathResolvingEnabled(false)
                        .setFileCachingEnabled(false));
    }

    /**
     * Listens, before anything else starts. Camel only warns where that fails, and goes on.
     *
     * @return why it does not listen, on one line; empty when it does
     */
    Optional<String> listen(CamelContext context) {
        ManagementHttpServer management = context.hasService(ManagementHttpServer.class);
        ServiceHelper.startService(management);
        answerHealth(management.getRouter(), context);
        VertxPlatformHttpServer server = context.hasService(VertxPlatformHttpServer.class);
        if (server.getServer() instanceof TCPServerBase listener && listener.isListening()) {
            return Optional.empty();
        }
        return Optional.of(address.obstacle()
                .orElse("caravan.http-port: nothing could listen at " + address + "; say another, or 0 for none"));
    }

    /** In place of Camel's own answers, which escape a reason twice, and show a stack trace to who asks for one. */
    private static void answerHealth(Router router, CamelContext context) {
        answer(router, HttpAddress.HEALTH, () -> HealthCheckHelper.invoke(context));
        answer(router, HttpAddress.LIVE, () -> HealthCheckHelper.invokeLiveness(context));
        answer(router, HttpAddress.READY, () -> HealthCheckHelper.invokeReadiness(context));
    }

    /** {@code {"status": "UP"}}, or 503 and DOWN with the {@code checks} that are down, each with its reason. */
    private static void answer(Router router, String path, Supplier<Collection<HealthCheck.Result>> checks) {
        router.get(path).blockingHandler(request -> {
            List<HealthCheck.Result> down = checks.get().stream()
                    .filter(result -> result.getState() == HealthCheck.State.DOWN)
                    .toList();
            ObjectNode health = JSON.createObjectNode().put("status", down.isEmpty() ? "UP" : "DOWN");
            for (HealthCheck.Result result : down) {
                health.withArray("checks")
                        .addObject()
                        .put("name", result.getCheck().getId())
                        .put("reason", result.getMessage().orElse("it does not say why"));
            }
            request.response()
                    .setStatusCode(down.isEmpty() ? 200 : 503)
                    .putHeader("Content-Type", "application/json")
                    .end(health.toString());
        });
    }
}
