package io.caravan.opencti;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
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
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * An OpenCTI platform as an HTTP/1.1 server: opens its streams, asks for its clock and for the live streams a token may
 * read. Safe for threads. It follows no redirect, because the token would go along, and logs nothing. It asks for answers that
 * are not compressed, and reads gzip and deflate where they come all the same.
 */
public final class Platform {

    private static final ObjectMapper JSON = new ObjectMapper();
    /** What the stream of all that the user may read is called here. */
    private static final String BASE_STREAM = "raw";

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    /** As much of a refusal's body is read as may say why. */
    private static final int REFUSAL_BYTES = 4096;
    /** So long is waited for it. */
    private static final Duration REFUSAL_PATIENCE = Duration.ofSeconds(5);
    /** An answer of the API is small; one that is larger is none. */
    private static final long MOST_BYTES = 64 << 20;

    private static final String ANY_401 =
            "the token is missing, wrong or without the right to read streams, or this user may not read this stream, or there is"
                    + " no such stream";

    private static final String UNKNOWN_TOKEN =
            "the platform does not know this token, or its user may use none: copy it from the user's profile";

    private final String url;
    private final ConnectionFailure failures;
    private final Excerpt excerpt;
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
            return status >= 200 && status < 500 && status != 408 && status != 425 && status != 429;
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
        Optional<String> token = token(configuration);
        authorization = token.map(secret -> "Bearer " + secret);
        excerpt = new Excerpt(token);
        Optional<Proxy> proxy = Proxy.of(configuration.getProxy(), URI.create(url), System.getenv());
        failures = new ConnectionFailure(URI.create(url), proxy, CONNECT_TIMEOUT);
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

    /** The address in the one form that is compared and stored: its scheme in small letters, no slash at its end. */
    public static String address(String url) {
        return PlatformAddress.of(url);
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
        HttpResponse<ArrivingBytes> answer = send(get, patience);
        boolean isReadable = ContentCoding.of(answer.headers()).isReadable();
        if (answer.statusCode() == 200 && isReadable && isEventStream(answer.headers())) {
            return new OpenStream(answer.body(), date(answer.headers()));
        }
        Answer refusal = readRefusal(answer, patience);
        if (refusal.status() == 401) {
            throw refused(refusal, whose401(patience));
        }
        throw refused(refusal, meaning(refusal));
    }

    /** An {@code error} event comes without a content type. */
    private static boolean isEventStream(HttpHeaders headers) {
        String type = headers.firstValue("content-type").orElse("text/event-stream");
        return type.replaceAll(";.*", "").strip().equalsIgnoreCase("text/event-stream");
    }

    /** The platform's own clock, by the {@code Date} header of any answer; empty where it sends none. */
    public Optional<Instant> time(Duration patience) throws IOException, InterruptedException {
        HttpResponse<ArrivingBytes> answer = send(request("/").build(), patience);
        close(answer); // its end may never come
        return date(answer.headers());
    }

    /**
     * The live streams that the token may read.
     *
     * @throws Refused when the platform does not know the token, or answers otherwise than a platform does
     */
    public List<LiveStream> liveStreams(Duration patience) throws IOException, InterruptedException {
        // a platform answers an unknown token with no streams and no error; who that is, it does not answer
        JsonNode data =
                ask("{ me { id } streamCollections(first: 100) { edges { node { id name stream_live } } } }", patience);
        JsonNode edges = data.at("/streamCollections/edges");
        if (!edges.isArray()) {
            throw new Refused(200, "answers /graphql without the streams that it was asked for", Optional.empty());
        }
        List<LiveStream> streams = new ArrayList<>();
        for (JsonNode edge : edges) {
            JsonNode node = edge.path("node");
            streams.add(new LiveStream(
                    node.path("id").asText(),
                    node.path("name").asText(),
                    node.path("stream_live").asBoolean()));
        }
        return streams;
    }

    /** What a 401 to a stream means: the platform says it of a token and of a stream alike. */
    private String whose401(Duration patience) throws InterruptedException {
        if (authorization.isEmpty()) {
            return "no token is set, and this stream is not public";
        }
        try {
            String name = ask("{ me { id name } }", patience).at("/me/name").asText();
            return "the token is " + (name.isBlank() ? "known" : excerpt.legible(name) + "'s")
                    + ", and this user lacks the right to read streams, or may not read this one, or there is no such stream";
        } catch (Refused e) {
            return e.status() == 401 ? UNKNOWN_TOKEN : ANY_401;
        } catch (IOException e) {
            return ANY_401;
        }
    }

    /** What the platform's GraphQL API answers, {@code data}. */
    private JsonNode ask(String query, Duration patience) throws IOException, InterruptedException {
        HttpRequest post = request("/graphql")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"query\":\"" + query + "\"}"))
                .build();
        Answer answer = exchange(post, patience);
        if (answer.status() != 200) {
            throw refused(answer, answer.status() == 500 ? "the platform failed" : meaning(answer));
        }
        JsonNode json = answer.json();
        JsonNode error = json.at("/errors/0");
        if (error.isObject()) {
            boolean isUnknown = error.at("/extensions/code").asText().equals("AUTH_REQUIRED");
            throw new Refused(
                    isUnknown ? 401 : 403,
                    isUnknown
                            ? UNKNOWN_TOKEN
                            : "says: " + excerpt.legible(error.path("message").asText()),
                    Optional.empty());
        }
        if (!json.path("data").isObject()) {
            throw new Refused(
                    200,
                    "does not answer /graphql as a platform does: the answer is " + kind(answer)
                            + ": is url the platform's address, base path included?",
                    Optional.empty());
        }
        return json.path("data");
    }

    /** An answer, whatever it says; its body is decompressed. */
    public record Answer(int status, HttpHeaders headers, byte[] body) {

        /** A header's first value, or nothing. */
        public String header(String name) {
            return headers.firstValue(name).orElse("");
        }

        /** The body; missing where that is no JSON. */
        public JsonNode json() {
            try {
                return JSON.readTree(body);
            } catch (IOException noJson) {
                return MissingNode.getInstance();
            }
        }
    }

    /** Why an answer says no, in its own words, on one line; empty where it gives no reason. */
    public Optional<String> reason(Answer answer) {
        return excerpt.reason(answer.header("content-type"), answer.body());
    }

    /** What an answer's body is, for one that is not what was asked for: {@code an HTML page ("Sign in")}. */
    public String kind(Answer answer) {
        return excerpt.kind(answer.header("content-type"), answer.body());
    }

    /** As {@link #kind}, without any of the body but a page's title. */
    public String form(Answer answer) {
        return excerpt.form(answer.header("content-type"), answer.body());
    }

    /**
     * Posts a body, once.
     *
     * @param path below the platform's address
     * @param patience how long the whole answer may take
     * @throws IOException when the platform cannot be reached, does not answer in time or in a way that can be read; names it
     */
    public Answer post(String path, Map<String, String> headers, byte[] body, Duration patience)
            throws IOException, InterruptedException {
        HttpRequest.Builder post = request(path).POST(HttpRequest.BodyPublishers.ofByteArray(body));
        headers.forEach(post::header);
        return exchangeNamed(post.build(), patience);
    }

    /** As {@link #post}, without a body. */
    public Answer get(String path, Map<String, String> headers, Duration patience)
            throws IOException, InterruptedException {
        HttpRequest.Builder get = request(path);
        headers.forEach(get::header);
        return exchangeNamed(get.build(), patience);
    }

    /**
     * Gets what may be large.
     *
     * @param most of a body that is larger, the rest is not read; of a refusal's body only the beginning is
     * @param patience how long the answer may take to begin, and how long its body may pause
     * @throws TooLarge when the body is larger
     */
    public Answer getAtMost(String path, long most, Duration patience) throws IOException, InterruptedException {
        try {
            HttpResponse<ArrivingBytes> answer = send(request(path).build(), patience);
            return answer.statusCode() == 200 ? read(answer, most, () -> patience) : readRefusal(answer, patience);
        } catch (TooLarge e) {
            throw e;
        } catch (IOException e) {
            throw named(e);
        }
    }

    private Answer exchangeNamed(HttpRequest request, Duration patience) throws IOException, InterruptedException {
        try {
            return exchange(request, patience);
        } catch (IOException e) {
            throw named(e);
        }
    }

    private IOException named(IOException e) {
        return new IOException(url + " " + e.getMessage(), e);
    }

    private Answer exchange(HttpRequest request, Duration patience) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        HttpResponse<ArrivingBytes> answer = send(request, patience);
        try {
            return read(answer, MOST_BYTES, () -> Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
        } catch (TooLarge e) {
            throw new IOException("answers with more than " + MOST_BYTES + " bytes", e);
        }
    }

    /** As much as may say why; what cannot be read of it says nothing. */
    private Answer readRefusal(HttpResponse<ArrivingBytes> answer, Duration patience) throws InterruptedException {
        int status = answer.statusCode();
        if (answer.body() == null || !ContentCoding.of(answer.headers()).isReadable()) {
            close(answer);
            return new Answer(status, answer.headers(), new byte[0]);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        long deadline = System.nanoTime() + Math.min(patience.toNanos(), REFUSAL_PATIENCE.toNanos());
        try (ArrivingBytes body = answer.body()) {
            while (bytes.size() < REFUSAL_BYTES) {
                List<ByteBuffer> next = body.take(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
                if (next.isEmpty()) {
                    break;
                }
                next.forEach(piece -> write(piece, bytes));
            }
        } catch (InterruptedIOException e) {
            throw interrupted(e);
        } catch (IOException e) {
            return new Answer(status, answer.headers(), bytes.toByteArray()); // the status says the most
        }
        return new Answer(status, answer.headers(), bytes.toByteArray());
    }

    /** @param pause how long nothing may come, asked each time */
    private Answer read(HttpResponse<ArrivingBytes> answer, long most, Supplier<Duration> pause)
            throws IOException, InterruptedException {
        int status = answer.statusCode();
        ContentCoding coding = ContentCoding.of(answer.headers());
        if (answer.body() == null) { // a proxy's refusal to tunnel comes without one
            return new Answer(status, answer.headers(), new byte[0]);
        }
        try (ArrivingBytes body = answer.body()) {
            if (!coding.isReadable()) {
                if (status / 100 != 2) {
                    return new Answer(status, answer.headers(), new byte[0]);
                }
                throw new Refused(status, "answers " + status + ": " + coding.complaint(), Optional.empty());
            }
            long told = answer.headers().firstValueAsLong("content-length").orElse(0);
            if (told > most) {
                throw new TooLarge(most);
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream((int) Math.max(1024, Math.min(told, most)));
            for (List<ByteBuffer> next = body.take(pause.get()); !next.isEmpty(); next = body.take(pause.get())) {
                next.forEach(piece -> write(piece, bytes));
                if (bytes.size() > most) {
                    throw new TooLarge(most);
                }
            }
            return new Answer(status, answer.headers(), bytes.toByteArray());
        } catch (InterruptedIOException e) {
            throw interrupted(e);
        }
    }

    private static void write(ByteBuffer piece, ByteArrayOutputStream bytes) {
        byte[] copy = new byte[piece.remaining()];
        piece.get(copy);
        bytes.writeBytes(copy);
    }

    private static InterruptedException interrupted(InterruptedIOException cause) {
        Thread.interrupted(); // said by the exception from here on
        InterruptedException interruption = new InterruptedException(cause.getMessage());
        interruption.initCause(cause);
        return interruption;
    }

    private static void close(HttpResponse<ArrivingBytes> answer) {
        if (answer.body() != null) { // a proxy's refusal to tunnel comes without one
            answer.body().close();
        }
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path))
                .header("User-Agent", "caravan")
                .header("Accept-Encoding", ContentCoding.ACCEPTED);
        authorization.ifPresent(value -> request.header("Authorization", value));
        proxyAuthorization.ifPresent(value -> request.header("Proxy-Authorization", value));
        return request;
    }

    private HttpResponse<ArrivingBytes> send(HttpRequest request, Duration patience)
            throws IOException, InterruptedException {
        CompletableFuture<HttpResponse<ArrivingBytes>> answer =
                client.sendAsync(request, head -> new ArrivingBytes(ContentCoding.of(head.headers())));
        try {
            return answer.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            answer.thenAccept(Platform::close);
            throw new IOException("has not answered within " + patience.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            answer.cancel(true);
            answer.thenAccept(Platform::close);
            throw e;
        } catch (ExecutionException e) {
            throw new IOException(failures.describe(e.getCause()), e.getCause());
        }
    }

    private Refused refused(Answer answer, String meaning) {
        String said = answer.status() / 100 == 2
                ? ""
                : reason(answer).map(reason -> ", and says: " + reason).orElse("");
        return new Refused(
                answer.status(),
                "answers " + answer.status() + ": " + meaning + said,
                answer.headers().firstValue("retry-after").flatMap(Platform::retryAfter));
    }

    /** What a status means where a stream was asked for. */
    private String meaning(Answer answer) {
        ContentCoding coding = ContentCoding.of(answer.headers());
        return switch (answer.status()) {
            case 200 ->
                coding.isReadable()
                        ? "the answer is not an event stream but " + kind(answer)
                                + ": is url the platform's address, base path included?"
                        : coding.complaint();
            case 301, 302, 303, 307, 308 ->
                "it redirects to "
                        + answer.headers()
                                .firstValue("location")
                                .map(this::withoutQuery)
                                .orElse("nowhere")
                        + ", which is not followed because the token would go along: set url to where the platform is";
            case 400 ->
                "it does not understand the request"
                        + (url.startsWith("http:") ? ": is url to begin with https://?" : "");
            case 401 -> "the token is missing or wrong";
            case 403 -> "this user may not read this stream, or something between here and the platform forbids it";
            case 404 -> "there is no platform at this address: is its base path part of url?";
            case 407 -> "the proxy wants other credentials: set proxy to http://user:secret@host:port";
            case 410 -> "the stream is stopped: start it in the platform, under Data sharing";
            case 429 -> "too many requests";
            case 500 -> "the platform could not begin the stream";
            case 502, 503, 504 -> "the platform is away, says what stands in front of it";
            default -> "unexpected";
        };
    }

    private String withoutQuery(String location) {
        return excerpt.legible(location.replaceAll("[?#].*", "").replaceFirst("//[^/]*@", "//"));
    }

    private static Optional<Instant> date(HttpHeaders headers) {
        return headers.firstValue("date").flatMap(Platform::httpDate);
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
