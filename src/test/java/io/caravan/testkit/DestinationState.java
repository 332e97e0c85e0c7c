package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** What a destination's connections and its worker share: what it knows, its settings, what it was sent. Thread-safe. */
final class DestinationState {

    /** What the next push meets: an HTTP status or, with 200, an error of GraphQL. */
    record Setback(int status, String code, String message) {}

    final DestinationObjects objects = new DestinationObjects();
    final Works works = new Works();

    /** Registered connectors by id: what they said of themselves, and the state that they last sent. */
    final Map<String, ObjectNode> connectors = new ConcurrentHashMap<>();

    /** What others than the token's user may do, by their ids. */
    final Map<String, List<String>> users = new ConcurrentHashMap<>();

    final Map<String, Boolean> collections = new ConcurrentSkipListMap<>();
    final List<FakeDestination.Ping> pings = new CopyOnWriteArrayList<>();
    final List<JsonNode> pushes = new CopyOnWriteArrayList<>();

    volatile String token = FakeDestination.TOKEN;
    volatile Set<String> rights = FakeDestination.RIGHTS;
    volatile boolean worksReadable = true;
    volatile boolean hasGraphQl = true;
    volatile boolean synchronizing = true;
    volatile Predicate<JsonNode> refused = object -> false;
    volatile CountDownLatch pingsHeld = new CountDownLatch(0);
    volatile Consumer<FakeDestination.Written> told = written -> {};
    volatile Duration workerDelay = Duration.ZERO;
    volatile ObjectNode broker = broker("127.0.0.1", 5672, false, "guest", "guest");

    /** Answers in place of what the destination does: so many, to such requests. */
    private record Instead(AtomicInteger left, Predicate<Request> requests, Answer answer) {}

    private final List<Instead> insteads = new CopyOnWriteArrayList<>();
    private final Queue<Setback> setbacks = new ConcurrentLinkedQueue<>();

    static ObjectNode broker(String host, int port, boolean tls, String user, String password) {
        return Jackson.object("host", host, "vhost", "/", "use_ssl", tls, "port", port, "user", user, "pass", password);
    }

    void awaitPings() {
        try {
            pingsHeld.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    void next(int times, Setback setback) {
        setbacks.addAll(Collections.nCopies(times, setback));
    }

    Optional<Setback> nextSetback() {
        return Optional.ofNullable(setbacks.poll());
    }

    void instead(int times, Predicate<Request> requests, Answer answer) {
        insteads.add(new Instead(new AtomicInteger(times), requests, answer));
    }

    void nothingInstead() {
        insteads.clear();
    }

    Optional<Answer> answerInstead(Request request) {
        return insteads.stream()
                .filter(instead ->
                        instead.requests.test(request) && instead.left.getAndUpdate(left -> Math.max(0, left - 1)) > 0)
                .map(Instead::answer)
                .findFirst();
    }

    boolean isAuthorized(Request request) {
        return request.header("Authorization").equals(Optional.of("Bearer " + token));
    }

    /** Whether the user has it: {@code KNOWLEDGE_KNUPDATE_KNDELETE} is KNDELETE and the rights that this needs. */
    boolean has(String right) {
        return rights.contains("BYPASS")
                || rights.stream()
                        .anyMatch(name -> Arrays.asList(name.split("_")).contains(right));
    }

    void need(String right) throws Refused {
        if (!has(right)) {
            throw Refused.forbidden();
        }
    }
}
