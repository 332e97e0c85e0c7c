package io.caravan.ops;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.net.impl.TCPServerBase;
import io.vertx.ext.web.MIMEHeader;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.main.ManagementHttpServer;
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
    private static final String PLAIN = "text/plain";
    private static final String OPEN_METRICS = "application/openmetrics-text";
    private static final List<String> FORMATS = List.of(OPEN_METRICS, PLAIN, "text/*", "*/*");

    private final HttpAddress address;
    private final PrometheusMeterRegistry registry;

    /** @param registry the metrics that are served */
    HttpEndpoints(HttpAddress address, PrometheusMeterRegistry registry) {
        this.address = address;
        this.registry = registry;
    }

    /** Before the context is made. */
    void configure(Main main) {
        main.configure()
                .httpManagementServer()
                .withEnabled(true)
                .withHost(address.ip())
                .withPort(address.port());
        main.configure().health().setRoutesEnabled(false); // the consumers' checks say the same
        main.configure().health().setExcludePattern("context"); // ProgramHealthCheck says it in people's words
        main.bind("vertxOptions", options());
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
        answerMetrics(management.getRouter());
        if (management.getRouter().getServer().getServer() instanceof TCPServerBase listener
                && listener.isListening()) {
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
        route(router, path).blockingHandler(request -> {
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
            send(request, down.isEmpty() ? 200 : 503, "application/json", health.toString());
        });
    }

    /**
     * For whoever asks, whatever they say they accept: in the OpenMetrics format where that is preferred, as by Prometheus, else
     * in Prometheus's text format.
     */
    private void answerMetrics(Router router) {
        route(router, HttpAddress.METRICS).blockingHandler(request -> {
            String format = (prefersOpenMetrics(request) ? OPEN_METRICS + "; version=1.0.0" : PLAIN + "; version=0.0.4")
                    + "; charset=utf-8";
            send(request, 200, format, registry.scrape(format));
        });
    }

    private static boolean prefersOpenMetrics(RoutingContext request) {
        for (MIMEHeader accepted : request.parsedHeaders().accept()) { // the most wanted comes first
            boolean isAccepted = accepted.weight() > 0; // asked first: until then it has no components
            String type = accepted.component() + "/" + accepted.subComponent();
            if (isAccepted && FORMATS.contains(type)) {
                return type.equals(OPEN_METRICS);
            }
        }
        return false;
    }

    private static Route route(Router router, String path) {
        return router.route(path).method(HttpMethod.GET).method(HttpMethod.HEAD);
    }

    /** To HEAD the same status and headers as to GET, and no body. */
    private static void send(RoutingContext request, int status, String type, String text) {
        Buffer body = Buffer.buffer(text);
        HttpServerResponse response = request.response()
                .setStatusCode(status)
                .putHeader("Content-Type", type)
                .putHeader("Content-Length", String.valueOf(body.length()));
        if (request.request().method().equals(HttpMethod.HEAD)) {
            response.end();
        } else {
            response.end(body);
        }
    }
}
