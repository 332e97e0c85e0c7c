package io.caravan.testkit;

import io.caravan.testkit.Play.Ending;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Answers the platform's requests: recognises what is asked, checks the token, takes the next script, opens streams. Its
 * public half is {@link FakePlatform}. Owns the scripts to come and the open streams; connections call it in their own
 * threads, tests in theirs.
 */
final class PlatformService {

    private static final String NOT_AUTHORIZED = "You are not authorized, please check your credentials";

    private final PlatformState state;
    private final Set<StreamSession> sessions = ConcurrentHashMap.newKeySet();
    private final Map<String, Function<Request, Answer>> routes = new ConcurrentHashMap<>();
    private final Queue<Script> next = new ArrayDeque<>();
    private Script always = Play.play();

    PlatformService(PlatformState state) {
        this.state = state;
    }

    void next(Collection<Script> scripts) {
        synchronized (next) {
            next.addAll(scripts);
        }
    }

    void forgetNext() {
        synchronized (next) {
            next.clear();
        }
    }

    void always(Script script) {
        synchronized (next) {
            always = script;
        }
    }

    void route(String path, Function<Request, Answer> answer) {
        routes.put(path, answer);
    }

    void say(Frame frame) {
        sessions.forEach(session -> session.say(frame));
    }

    void endStreams(Ending ending) {
        for (StreamSession session : sessions) {
            try {
                session.end(ending);
            } catch (IOException e) {
                throw new UncheckedIOException("cannot end a stream with " + ending, e);
            }
        }
    }

    /** Serves a connection until its client or an answer ends it. */
    void serve(HttpConnection connection) throws IOException, InterruptedException {
        boolean open = true;
        while (open) {
            Optional<Request> request = connection.read();
            open = request.isPresent() && serve(connection, request.get());
        }
    }

    /** Answers a request; whether the connection can take another. */
    private boolean serve(HttpConnection connection, Request request) throws IOException, InterruptedException {
        String path = pathBelowBase(request);
        boolean forStream = path.equals("/stream") || path.startsWith("/stream/");
        Function<Request, Answer> route = routes.get(path);
        if (route == null && forStream && request.method().equals("GET")) {
            return serveStream(connection, request, path.equals("/stream") ? "" : path.substring("/stream/".length()));
        }
        state.observations.request(request, false);
        if (route == null && forStream && request.method().equals("HEAD")) {
            return hang(connection);
        }
        return answer(connection, request, route == null ? ordinary(request, path) : route.apply(request));
    }

    /** What follows the base path; for a path that is not below it, one that nothing answers. */
    private String pathBelowBase(Request request) {
        String path = request.path();
        return path.startsWith(state.basePath + "/") ? path.substring(state.basePath.length()) : "outside " + path;
    }

    private boolean answer(HttpConnection connection, Request request, Answer answer) throws IOException {
        connection.write(answer, state.headers());
        return !"close".equalsIgnoreCase(request.header("Connection").orElse(""));
    }

    private Answer ordinary(Request request, String path) {
        return switch (request.method() + " " + path) {
            case "GET /" -> page();
            case "POST /graphql" ->
                state.isAuthorized(request) ? GraphQl.answer(request.text(), state) : GraphQl.toUnknown(request.text());
            default -> path.startsWith("/") && request.method().equals("GET") ? unknown(path) : Answer.status(404);
        };
    }

    /** A platform answers whatever path is asked for with its page, for the browser to make sense of, but for its files. */
    private static Answer unknown(String path) {
        return path.startsWith("/storage/")
                ? Answer.status(503)
                        .body(
                                "application/json; charset=utf-8",
                                "{\"status\":\"error\",\"error\":\"File not found or restricted\"}")
                : page();
    }

    private static Answer page() {
        return Answer.html("<!doctype html><title>OpenCTI</title>");
    }

    private boolean serveStream(HttpConnection connection, Request request, String stream)
            throws IOException, InterruptedException {
        Script script = nextScript();
        if (script instanceof Play play) {
            Optional<Answer> refusal = refusal(request, stream);
            if (refusal.isEmpty()) {
                return play(connection, request, stream, play);
            }
            script = refusal.get();
        }
        state.observations.request(request, true);
        if (script instanceof Answer answer) {
            return answer(connection, request, answer);
        }
        if (script instanceof Script.Bytes bytes) {
            connection.write(bytes.everything());
            connection.flush();
            return false;
        }
        return hang(connection);
    }

    private boolean play(HttpConnection connection, Request request, String stream, Play play)
            throws IOException, InterruptedException {
        StreamSession session = new StreamSession(state, connection, request, stream, play);
        sessions.add(session);
        state.observations.opened();
        state.observations.request(request, true);
        boolean ended;
        try {
            ended = session.run();
        } finally {
            sessions.remove(session);
            state.observations.closed();
        }
        return ended && connection.awaitNextRequest();
    }

    private Optional<Answer> refusal(Request request, String id) {
        Optional<LiveStream> stream =
                state.streams.stream().filter(known -> known.id().equals(id)).findAny();
        if (stream.isPresent() && !stream.get().live()) {
            return Optional.of(Answer.status(410));
        }
        if (stream.isPresent() && stream.get().open()) {
            return Optional.empty();
        }
        if (!state.isAuthorized(request)) {
            return Optional.of(Answer.status(401));
        }
        boolean known = state.anyStream || stream.isPresent() || id.isEmpty() || id.equals("live");
        return known ? Optional.empty() : Optional.of(Answer.status(401, NOT_AUTHORIZED));
    }

    private Script nextScript() {
        synchronized (next) {
            return next.isEmpty() ? always : next.remove();
        }
    }

    /** Never answers; over when the client, or a test, closes. */
    private static boolean hang(HttpConnection connection) throws IOException {
        while (connection.read().isPresent()) {
            // a further request on this connection waits as well
        }
        return false;
    }
}
