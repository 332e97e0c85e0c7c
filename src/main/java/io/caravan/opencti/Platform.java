package io.caravan.opencti;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import javax.net.ssl.SSLHandshakeException;

/**
 * An OpenCTI platform as an HTTP/1.1 server: opens its streams, asks for its clock and for the live streams a token may
 * read. Safe for threads. It follows no redirect, because the token would go along, and logs nothing.
 */
public final class Platform {

    private static final ObjectMapper JSON = new ObjectMapper();
    /** What the stream of all that the user may read is called here. */
    private static final String BASE_STREAM = "raw";

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    /** As much of a refusal's body is read as may say why. */
    private static final int REFUSAL_BYTES = 4096;

    private final String url;
    private final Optional<String> authorization;
    private final Optional<String> proxyAuthorization;
    private final HttpClient client;

    /** What to ask of a stream: its path below the platform's address, and the query, in order. */
    public record StreamRequest(String path, Map<String, String> query) {

        /** The path of a stream by its name: {@code live}, {@code raw} or a live stream's id. */
        public static String pathOf(String stream) {
            return stream.equals(BASE_STREAM)
                    ? "/stream"
                    : "/stream/"
                            + URLEncoder.encode(stream, StandardCharsets.UTF_8).replace("+", "%20");
        }
    }

    /**
     * A stream that the platform has begun to send.
     *
     * @param time the platform's clock when it did; empty where it told none
     */
    public record OpenStream(ArrivingBytes body, Optional<Instant> time) {}

    /** A live stream that a token may read. */
    public record LiveStream(String id, String name, boolean started) {}

    /** The platform answered, with something else than what was asked for. */
    public static final class Refused extends IOException {
        private static final long serialVersionUID = 1L;
        private final int status;
        private final transient Optional<Duration> retryAfter;

        Refused(int status, String message, Optional<Duration> retryAfter) {
            super(message);
            this.status = status;
            this.retryAfter = retryAfter;
        }

        public int status() {
            return status;
        }

        /** How long the platform asks to wait before the next request. */
        public Optional<Duration> retryAfter() {
            return retryAfter == null ? Optional.empty() : retryAfter;
        }

        /** True where only a person can mend it: asking again soon is of no use. */
        public boolean needsAPerson() {
            return status >= 300 && status < 500 && status != 408 && status != 425 && status != 429 || status == 200;
        }
    }

    /** What was asked for is larger than it may be. */
    public static final class TooLarge extends IOException {
        private static final long serialVersionUID = 1L;

        TooLarge(long most) {
            super("it is larger than " + most + " bytes");
        }
    }

    /** @throws IllegalArgumentException for an address, a file or a proxy that cannot be used; says which and why */
    public Platform(OpenctiConfiguration configuration) {
        url = address(configuration.getUrl());
        authorization = token(configuration).map(token -> "Bearer " + token);
        Optional<Proxy> proxy = Proxy.of(configuration.getProxy(), URI.create(url), System.getenv());
        proxyAuthorization = proxy.flatMap(Proxy::credentials)
                .map(pair -> "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8)));
        HttpClient.Builder builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(CONNECT_TIMEOUT)
                .proxy(proxy.map(Proxy::selector).orElse(HttpClient.Builder.NO_PROXY));
        Tls.context(configuration).ifPresent(builder::sslContext);
        client = builder.build();
    }

    /** The address in the one form that is compared and stored: without a slash at its end. */
    public static String address(String url) {
        if (url == null || url.isBlank()) {
            throw new IllegalArgumentException(
                    "url is not set: say the platform's address, such as https://opencti.example.org");
        }
        String address = url.strip().replaceAll("/+$", "");
        try {
            URI uri = new URI(address);
            if (!"http".equals(uri.getScheme()) && !"https".equals(uri.getScheme())) {
                throw new IllegalArgumentException("url begins with neither http:// nor https://");
            }
            if (uri.getHost() == null || uri.getPort() == 0 || uri.getPort() > 65_535) {
                throw new IllegalArgumentException(
                        "url is no address: its host or port cannot be (a host's name holds no underscore)");
            }
            if (uri.getUserInfo() != null || uri.getQuery() != null || uri.getFragment() != null) {
                throw new IllegalArgumentException(
                        "url is to be an address alone, such as https://opencti.example.org or"
                                + " https://host/opencti, without user, ? or #");
            }
        } catch (java.net.URISyntaxException e) {
            throw new IllegalArgumentException("url is no address: " + e.getReason(), e);
        }
        if (address.endsWith("/stream")) {
            throw new IllegalArgumentException("url ends in /stream: say the platform's address without it");
        }
        return address;
    }

    /** Whether a stream, by its name, can have snapshots; a stream with a filter may still say that it has none. */
    public static boolean hasSnapshots(String stream) {
        return !stream.equals(BASE_STREAM);
    }

    public String url() {
        return url;
    }

    /**
     * Opens a stream.
     *
     * @param patience how long the answer may take to begin; its body may take for ever
     * @throws Refused when the answer is no event stream
     * @throws IOException when the platform cannot be reached
     */
    public OpenStream open(StreamRequest request, Duration patience) throws IOException, InterruptedException {
        String query = request.query().entrySet().stream()
                .map(option -> option.getKey() + "=" + URLEncoder.encode(option.getValue(), StandardCharsets.UTF_8))
                .collect(Collectors.joining("&"));
        HttpRequest get = request(request.path() + "?" + query)
                .header("Accept", "text/event-stream")
                .header("Cache-Control", "no-cache")
                .build();
        HttpResponse<ArrivingBytes> answer = send(get, head -> new ArrivingBytes(), patience);
        // an "error" event comes without a content type
        String type = answer.headers().firstValue("content-type").orElse("text/event-stream");
        if (answer.statusCode() == 200 && type.startsWith("text/event-stream")) {
            return new OpenStream(
                    answer.body(), answer.headers().firstValue("date").flatMap(Platform::httpDate));
        }
        if (answer.body() != null) { // a proxy's refusal to tunnel comes without one
            answer.body().close();
        }
        throw refusal(answer.statusCode(), type, answer.headers());
    }

    /** The platform's own clock, by the {@code Date} header of any answer; empty where it sends none. */
    public Optional<Instant> time(Duration patience) throws IOException, InterruptedException {
        HttpResponse<Void> answer = send(request("/").build(), BodyHandlers.discarding(), patience);
        return answer.headers().firstValue("date").flatMap(Platform::httpDate);
    }

    /** The live streams that the token may read. */
    public List<LiveStream> liveStreams(Duration patience) throws IOException, InterruptedException {
        String query = "{\"query\":\"{ streamCollections(first: 100) { edges { node { id name stream_live } } } }\"}";
        HttpRequest post = request("/graphql")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(query))
                .build();
        HttpResponse<String> answer = send(post, BodyHandlers.ofString(), patience);
        if (answer.statusCode() != 200) {
            throw refusal(answer.statusCode(), "application/json", answer.headers());
        }
        JsonNode json = JSON.readTree(answer.body());
        JsonNode error = json.path("errors").path(0);
        if (error.isObject()) {
            boolean unknownUser = error.path("extensions").path("code").asText().equals("AUTH_REQUIRED");
            throw new Refused(unknownUser ? 401 : 403, error.path("message").asText(), Optional.empty());
        }
        List<LiveStream> streams = new ArrayList<>();
        for (JsonNode edge : json.path("data").path("streamCollections").path("edges")) {
            JsonNode node = edge.path("node");
            streams.add(new LiveStream(
                    node.path("id").asText(),
                    node.path("name").asText(),
                    node.path("stream_live").asBoolean()));
        }
        return streams;
    }

    /**
     * An answer, whatever it says.
     *
     * @param retryAfter how long the platform asks to wait before the next request
     */
    public record Answer(int status, Optional<Duration> retryAfter, byte[] body) {}

    /**
     * Posts a body, once.
     *
     * @param path below the platform's address
     * @throws IOException when the platform cannot be reached, or does not answer in time
     */
    public Answer post(String path, Map<String, String> headers, byte[] body, Duration patience)
            throws IOException, InterruptedException {
        HttpRequest.Builder post = request(path).POST(HttpRequest.BodyPublishers.ofByteArray(body));
        headers.forEach(post::header);
        return answer(post.build(), patience);
    }

    /** As {@link #post}, without a body. */
    public Answer get(String path, Map<String, String> headers, Duration patience)
            throws IOException, InterruptedException {
        HttpRequest.Builder get = request(path);
        headers.forEach(get::header);
        return answer(get.build(), patience);
    }

    /**
     * Gets what may be large.
     *
     * @param most of a body that is larger, the rest is not read; of a refusal's body only the beginning is
     * @param patience how long the answer may take to begin, and how long its body may pause
     * @throws TooLarge when the body is larger
     */
    public Answer getAtMost(String path, long most, Duration patience) throws IOException, InterruptedException {
        HttpResponse<ArrivingBytes> answer = send(request(path).build(), head -> new ArrivingBytes(), patience);
        Optional<Duration> retryAfter =
                answer.headers().firstValue("retry-after").flatMap(Platform::retryAfter);
        if (answer.body() == null) { // a proxy's refusal to tunnel comes without one
            return new Answer(answer.statusCode(), retryAfter, new byte[0]);
        }
        try (ArrivingBytes body = answer.body()) {
            boolean isRefusal = answer.statusCode() != 200;
            long told = answer.headers().firstValueAsLong("content-length").orElse(0);
            if (!isRefusal && told > most) {
                throw new TooLarge(most);
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream((int) Math.max(1024, Math.min(told, most)));
            for (List<ByteBuffer> next = body.take(patience); !next.isEmpty(); next = body.take(patience)) {
                for (ByteBuffer piece : next) {
                    byte[] copy = new byte[piece.remaining()];
                    piece.get(copy);
                    bytes.writeBytes(copy);
                }
                if (isRefusal && bytes.size() > REFUSAL_BYTES) {
                    break;
                }
                if (!isRefusal && bytes.size() > most) {
                    throw new TooLarge(most);
                }
            }
            return new Answer(answer.statusCode(), retryAfter, bytes.toByteArray());
        }
    }

    private Answer answer(HttpRequest request, Duration patience) throws IOException, InterruptedException {
        HttpResponse<byte[]> answer = send(request, BodyHandlers.ofByteArray(), patience);
        return new Answer(
                answer.statusCode(),
                answer.headers().firstValue("retry-after").flatMap(Platform::retryAfter),
                Optional.ofNullable(answer.body()).orElse(new byte[0]));
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(url + path)).header("User-Agent", "caravan");
        authorization.ifPresent(value -> request.header("Authorization", value));
        proxyAuthorization.ifPresent(value -> request.header("Proxy-Authorization", value));
        return request;
    }

    private <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler, Duration patience)
            throws IOException, InterruptedException {
        CompletableFuture<HttpResponse<T>> answer = client.sendAsync(request, handler);
        try {
            return answer.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            answer.thenAccept(late -> {
                if (late.body() instanceof ArrivingBytes body) {
                    body.close();
                }
            });
            throw new IOException("no answer within " + patience.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            throw new IOException(reason(e.getCause()), e.getCause());
        }
    }

    /** A connection's failure in words; many of the JDK's exceptions have none. */
    private static String reason(Throwable failure) {
        String message = failure.getMessage();
        for (Throwable cause = failure; message == null && cause != null; cause = cause.getCause()) {
            message = cause.getMessage();
        }
        if (failure instanceof SSLHandshakeException) {
            return "TLS: " + message + " (a private certificate authority is named by ca-file)";
        }
        if (failure instanceof java.net.http.HttpConnectTimeoutException) {
            return "cannot be reached within " + CONNECT_TIMEOUT.toSeconds() + " s";
        }
        if (failure instanceof java.net.ConnectException) {
            boolean unknown = failure.getCause() instanceof java.nio.channels.UnresolvedAddressException
                    || failure.getCause() != null
                            && failure.getCause().getCause() instanceof java.nio.channels.UnresolvedAddressException;
            return unknown
                    ? "cannot be found: its host name is unknown"
                    : "cannot be reached: " + (message == null ? "connection refused" : message);
        }
        return message == null ? failure.getClass().getSimpleName() : message;
    }

    private static Refused refusal(int status, String type, HttpHeaders headers) {
        String meaning =
                switch (status) {
                    case 200 ->
                        "the answer is " + type
                                + ", not an event stream: is url the platform's address, base path included?";
                    case 301, 302, 303, 307, 308 ->
                        "it redirects to "
                                + headers.firstValue("location")
                                        .map(Platform::withoutQuery)
                                        .orElse("nowhere")
                                + ", which is not followed because the token would go along: set url to where the platform is";
                    case 401 ->
                        "the token is missing, wrong or without the right to read streams, or this user may not read this"
                                + " stream, or there is no such stream";
                    case 403 ->
                        "this user may not read this stream, or something between here and the platform forbids it";
                    case 404 -> "there is no platform at this address: is its base path part of url?";
                    case 407 -> "the proxy wants other credentials: set proxy to http://user:secret@host:port";
                    case 410 -> "the stream is stopped: start it in the platform, under Data sharing";
                    case 429 -> "too many requests";
                    case 500 -> "the platform could not begin the stream";
                    case 502, 503, 504 -> "the platform is away, says what stands in front of it";
                    default -> "unexpected";
                };
        return new Refused(
                status,
                "answers " + status + ": " + meaning,
                headers.firstValue("retry-after").flatMap(Platform::retryAfter));
    }

    private static String withoutQuery(String location) {
        return location.replaceAll("[?#].*", "");
    }

    private static Optional<Duration> retryAfter(String value) {
        if (value.matches("[0-9]{1,6}")) {
            return Optional.of(Duration.ofSeconds(Long.parseLong(value)));
        }
        return httpDate(value)
                .map(date -> Duration.between(Instant.now(), date))
                .filter(wait -> !wait.isNegative());
    }

    private static Optional<Instant> httpDate(String value) {
        try {
            return Optional.of(ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toInstant());
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> token(OpenctiConfiguration configuration) {
        return Secrets.read("token", configuration.getToken(), "token-file", configuration.getTokenFile());
    }
}
