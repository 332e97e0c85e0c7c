package io.caravan.ops;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code ./caravan health}: asks the program that runs with these settings, one line a finding. Made to be asked every few
 * seconds: it starts nothing of Camel, and gives up after 5 s.
 */
public final class HealthQuestion {

    private static final int TO_CONNECT = 2_000;
    private static final int TO_ANSWER = 3_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpAddress address;
    private final PrintStream out;

    public HealthQuestion(Settings settings, PrintStream out) {
        this.address = settings.http();
        this.out = out;
    }

    /** True when it is ready: when it follows the platform and delivers. */
    public boolean isReady() {
        return ask(HttpAddress.READY, "ready");
    }

    /** True when it answers, whatever it waits for. */
    public boolean isLive() {
        return ask(HttpAddress.LIVE, "live");
    }

    /** True when it is a Caravan that answers here. */
    static boolean isAnswered(HttpAddress address) {
        try {
            return get(address.uri(HttpAddress.LIVE)).path("status").isTextual();
        } catch (IOException e) {
            return false;
        }
    }

    private boolean ask(String path, String hoped) {
        if (!address.isServed()) {
            out.println("unknown: caravan.http-port is 0, so there is no health to ask for");
            return false;
        }
        URI uri = address.uri(path);
        try {
            JsonNode health = get(uri);
            boolean isUp = health.path("status").asText().equals("UP");
            if (isUp) {
                out.println(hoped);
            } else {
                reasons(health).forEach(reason -> out.println("not " + hoped + ": " + reason));
            }
            return isUp;
        } catch (NoCaravan e) {
            out.println("not " + hoped + ": " + e.getMessage());
        } catch (IOException e) {
            out.println(
                    "not " + hoped + ": nothing answers at " + uri + " (" + e.getMessage() + "): does Caravan run?");
        }
        return false;
    }

    private static JsonNode get(URI uri) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection(Proxy.NO_PROXY);
        connection.setConnectTimeout(TO_CONNECT);
        connection.setReadTimeout(TO_ANSWER);
        connection.setInstanceFollowRedirects(false);
        int status = connection.getResponseCode();
        try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            JsonNode health = body == null ? JSON.missingNode() : JSON.readTree(body);
            if (health.path("status").isTextual()) {
                return health;
            }
        } catch (com.fasterxml.jackson.core.JacksonException e) {
            throw new NoCaravan(uri, status, e);
        } finally {
            connection.disconnect();
        }
        throw new NoCaravan(uri, status, null);
    }

    private static List<String> reasons(JsonNode health) {
        List<String> reasons = new ArrayList<>();
        for (JsonNode check : health.path("checks")) {
            reasons.add(check.path("reason").asText().replaceAll("\\R", " "));
        }
        return reasons.isEmpty() ? List.of("it does not say why") : reasons;
    }

    /** Something else answers. */
    private static final class NoCaravan extends IOException {
        private static final long serialVersionUID = 1L;

        NoCaravan(URI uri, int status, Throwable cause) {
            super("what answers at " + uri + " is no Caravan (HTTP " + status + ")", cause);
        }
    }
}
