package io.caravan;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A user's own sink named hook: a route that posts each event, and the server on the other side, which answers as it is told. */
final class HookSink implements AutoCloseable {

    private static final Pattern OBJECT = Pattern.compile("tool--00000000-0000-4000-8000-0*([0-9]+)");
    private static final int TAKEN = 204;

    private final HttpServer server;
    private final List<Integer> taken = new CopyOnWriteArrayList<>();
    private final AtomicInteger asked = new AtomicInteger();
    private volatile IntUnaryOperator answers = object -> TAKEN;

    HookSink() throws IOException {
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/events", this::answer);
        server.start();
    }

    /** By an object's number, with which status it answers from now on: 204 takes it. */
    HookSink answers(IntUnaryOperator statuses) {
        answers = statuses;
        return this;
    }

    /** The objects' numbers, in the order in which their events were taken. */
    List<Integer> taken() {
        return taken;
    }

    /** How many events were posted, whatever became of them. */
    int asked() {
        return asked.get();
    }

    /** @param saysWhich whether the route says which event is under way */
    void route(Installation caravan, boolean saysWhich) throws IOException {
        caravan.route("sinks/hook.camel.yaml", """
                - route:
                    id: sink-hook
                    routeConfigurationId: sink
                    from:
                      uri: direct:sink-hook
                      steps:
                        - split:
                            expression: {simple: "${body.events}"}
                            stopOnException: true
                            steps:
                %s
                              - setBody: {simple: "${body.raw}"}
                              - setHeader: {name: CamelHttpMethod, constant: POST}
                              - to: {uri: "http://127.0.0.1:%d/events"}
                """.formatted(
                        saysWhich ? "              - setProperty: {name: CaravanEvent, simple: \"${body}\"}" : "",
                        server.getAddress().getPort()));
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        asked.incrementAndGet();
        String event = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        Matcher object = OBJECT.matcher(event);
        int number = object.find() ? Integer.parseInt(object.group(1)) : -1;
        int status = answers.applyAsInt(number);
        if (status == TAKEN) {
            taken.add(number);
        }
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }
}
