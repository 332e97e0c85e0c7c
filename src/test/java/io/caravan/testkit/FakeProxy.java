package io.caravan.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * An HTTP forward proxy on a real socket of the loopback interface: tunnels for {@code CONNECT}, forwarding for requests
 * in absolute form, and, if asked, Basic credentials, without which it answers 407. Records every request it was sent.
 * Thread-safe; {@code close} ends every connection and tunnel.
 */
public final class FakeProxy implements AutoCloseable {

    private static final Set<String> HOP_BY_HOP = Set.of("connection", "proxy-connection", "proxy-authorization");
    private static final byte[] ESTABLISHED =
            "HTTP/1.1 200 Connection established\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private final Observations observations = new Observations();
    private final Listener listener;
    private final Optional<String> credentials;

    private FakeProxy(Optional<String> credentials) {
        this.credentials = credentials;
        this.listener = new Listener("proxy", 0, Optional.empty(), this::serve, observations::failure);
        listener.start();
    }

    public static FakeProxy start() {
        return new FakeProxy(Optional.empty());
    }

    /** A proxy that serves only requests with these credentials. */
    public static FakeProxy start(String user, String password) {
        String pair = user + ":" + password;
        return new FakeProxy(
                Optional.of("Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8))));
    }

    public int port() {
        return listener.port();
    }

    public String url() {
        return "http://127.0.0.1:" + port();
    }

    /** Its address with user information in it. */
    public String url(String user, String password) {
        return "http://" + user + ":" + password + "@127.0.0.1:" + port();
    }

    /** Every request, refused ones included; those within a tunnel are not seen. */
    public List<Request> requests() {
        return observations.requests();
    }

    /** Whether any request came with credentials, right or wrong. */
    public boolean sawCredentials() {
        return requests().stream()
                .anyMatch(request -> request.header("Proxy-Authorization").isPresent());
    }

    public List<Throwable> failures() {
        return observations.failures();
    }

    /** Refuses new connections; open ones go on. */
    public FakeProxy refuseConnections() {
        listener.refuse();
        return this;
    }

    public FakeProxy acceptConnections() {
        listener.resume();
        return this;
    }

    @Override
    public void close() {
        listener.close();
    }

    private void serve(HttpConnection client) throws IOException, InterruptedException {
        Optional<Request> next = client.read();
        while (next.isPresent() && !isAuthorized(next.get())) {
            observations.request(next.get(), false);
            client.write(Answer.status(407).header("Proxy-Authenticate", "Basic realm=\"proxy\""), Map.of());
            next = client.read();
        }
        if (next.isPresent()) {
            observations.request(next.get(), false);
            pass(client, next.get());
        }
    }

    private boolean isAuthorized(Request request) {
        return credentials.isEmpty() || credentials.equals(request.header("Proxy-Authorization"));
    }

    private static void pass(HttpConnection client, Request request) throws IOException, InterruptedException {
        boolean tunnel = request.method().equals("CONNECT");
        URI target = URI.create(tunnel ? "tunnel://" + request.target() : request.target());
        if (target.getHost() == null) {
            client.write(Answer.status(400, "Not a request to a proxy"), Map.of());
            return;
        }
        try (Socket server = new Socket(target.getHost(), target.getPort() < 0 ? 80 : target.getPort())) {
            server.setTcpNoDelay(true);
            if (tunnel) {
                client.write(ESTABLISHED);
                client.flush();
            } else {
                server.getOutputStream().write(forwarded(request, target));
            }
            exchange(client, server);
        } catch (ConnectException refused) {
            client.write(Answer.status(502), Map.of());
        }
    }

    /** The request as the server is to see it: in origin form, the last one on its connection. */
    private static byte[] forwarded(Request request, URI target) {
        String query = target.getRawQuery() == null ? "" : "?" + target.getRawQuery();
        String path = target.getRawPath().isEmpty() ? "/" : target.getRawPath();
        StringBuilder head = new StringBuilder(request.method() + " " + path + query + " HTTP/1.1\r\n");
        request.headers().forEach((name, value) -> {
            if (!HOP_BY_HOP.contains(name.toLowerCase(Locale.ROOT))) {
                head.append(name).append(": ").append(value).append("\r\n");
            }
        });
        byte[] start = head.append("Connection: close\r\n\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
        byte[] whole = Arrays.copyOf(start, start.length + request.body().length);
        System.arraycopy(request.body(), 0, whole, start.length, request.body().length);
        return whole;
    }

    /** Passes bytes both ways until either side ends. */
    private static void exchange(HttpConnection client, Socket server) throws IOException, InterruptedException {
        Thread upward = Listener.daemon("proxy-up", () -> {
            try (server) {
                client.in().transferTo(server.getOutputStream());
            } catch (IOException oneOfThemHasGone) {
                // closing the server's socket, as happens here, ends the other direction
            }
        });
        try {
            InputStream down = server.getInputStream();
            byte[] buffer = new byte[1 << 14];
            for (int n = down.read(buffer); n >= 0; n = down.read(buffer)) {
                client.write(buffer, 0, n);
                client.flush();
            }
        } finally {
            client.close();
            upward.join();
        }
    }
}
