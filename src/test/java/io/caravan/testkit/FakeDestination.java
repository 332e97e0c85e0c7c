package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.testkit.DestinationState.Setback;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A stand-in OpenCTI that takes knowledge, on a real socket of the loopback interface: GraphQL and TAXII answer as recorded
 * from a platform (captures/destination), a worker applies what was pushed, and messages of its queue can be handed to it.
 * Push and effect are two things, as there: {@link #awaitApplied} before looking at {@link #objects}.
 *
 * <p>Every method may be called from any thread, at any time. Settings return the destination and hold from then on.
 * {@link #close} ends every connection and what the worker has not begun.
 */
public final class FakeDestination implements AutoCloseable {

    public static final String TOKEN = "66666666-7777-4888-8999-aaaaaaaaaaaa";

    /** Whom the token is of, in whose name bundles and TAXII's collections write. */
    public static final String USER = "dd11bb69-a9d8-472c-8261-854db2c62ecf";

    /** All that the ways in need, short of {@code BYPASS}; what the user has until a test says otherwise. */
    public static final Set<String> RIGHTS = Set.of(
            "KNOWLEDGE_KNUPDATE_KNDELETE",
            "KNOWLEDGE_KNUPDATE_KNMERGE",
            "SETTINGS_SETLABELS",
            "SETTINGS_SETMARKINGS",
            "SETTINGS_SETKILLCHAINPHASES",
            "CONNECTORAPI",
            "TAXIIAPI");

    /** @param state as sent; empty, if none was */
    public record Ping(String connector, String state) {}

    /**
     * What the worker has done.
     *
     * @param object as it is there now or, gone, as it was
     * @param user in whose name
     */
    public record Written(JsonNode object, boolean isGone, String user) {}

    private final DestinationState state = new DestinationState();
    private final Observations observations = new Observations();
    private final DestinationWorker worker = new DestinationWorker(state, observations::failure);
    private final DestinationGraphQl graphQl = new DestinationGraphQl(state, worker);
    private final DestinationTaxii taxii = new DestinationTaxii(state, worker);
    private final Listener listener;

    private FakeDestination(int port, Optional<Listener.Tls> tls) {
        listener = new Listener("destination", port, tls, this::serve, observations::failure);
        listener.start();
    }

    /** Listens on a free port. */
    public static FakeDestination start() {
        return start(0);
    }

    public static FakeDestination start(int port) {
        return new FakeDestination(port, Optional.empty());
    }

    public static FakeDestination startTls(TestCertificates certificates) {
        return new FakeDestination(0, Optional.of(new Listener.Tls(certificates.serverContext(), false)));
    }

    static String nameOf(String user) {
        return user.equals(USER) ? "pusher" : user;
    }

    /** The STIX id that every platform gives to the label of this name, and that the worker's own labels have. */
    public static String labelId(String value) {
        return DestinationObjects.labelId(value);
    }

    /** The destination's address: {@code destination.url}. */
    public String url() {
        return (listener.isTls() ? "https" : "http") + "://127.0.0.1:" + listener.port();
    }

    public int port() {
        return listener.port();
    }

    // How it behaves

    public FakeDestination token(String token) {
        state.token = token;
        return this;
    }

    /** What the user may do, by the platform's names: {@code KNOWLEDGE_KNUPDATE_KNDELETE}; {@code BYPASS} is all. */
    public FakeDestination rights(String... names) {
        state.rights = new LinkedHashSet<>(List.of(names));
        return this;
    }

    /** Another user, whose name is the id. The token's user may ask for others with {@code SETTINGS_SETACCESSES}. */
    public FakeDestination user(String id, String... rights) {
        state.users.put(id, List.of(rights));
        return this;
    }

    /** Whether {@code work(id)} answers; for most users of a platform it does not. It does, unless set. */
    public FakeDestination mayReadWorks(boolean may) {
        state.worksReadable = may;
        return this;
    }

    /** Whether {@code synchronized} messages replace, or are taken as any other without a word. They replace, unless set. */
    public FakeDestination synchronizing(boolean replaces) {
        state.synchronizing = replaces;
        return this;
    }

    /** Is a TAXII server and nothing else. */
    public FakeDestination withoutGraphQl() {
        state.hasGraphQl = false;
        return this;
    }

    /** Where connectors are told that RabbitMQ is. */
    public FakeDestination broker(String host, int port, boolean tls, String user, String password) {
        state.broker = DestinationState.broker(host, port, tls, user, password);
        return this;
    }

    /** Of the broker that connectors are told; {@code /}, unless set. */
    public FakeDestination virtualHost(String name) {
        state.broker = state.broker.deepCopy().put("vhost", name);
        return this;
    }

    /** A TAXII collection that takes pushes, or does not run; there is none, unless set. */
    public FakeDestination collection(String id, boolean running) {
        state.collections.put(id, running);
        return this;
    }

    /** The worker begins with a push so long after it came; at once, unless set. */
    public FakeDestination workerBeginsAfter(Duration delay) {
        state.workerDelay = delay;
        return this;
    }

    /** The worker begins with nothing any more, until it is let go on. */
    public FakeDestination haltWorker() {
        worker.halt(true);
        return this;
    }

    public FakeDestination letWorkerGoOn() {
        worker.halt(false);
        return this;
    }

    // What goes wrong

    /** Answers the next pushes, bundle or TAXII, with an HTTP status; then those after it as they were set before. */
    public FakeDestination refuse(int times, int status) {
        state.next(times, new Setback(status, "REFUSED_BY_TEST", "Refused by the test"));
        return this;
    }

    /** Answers the next pushes with 200 and an error of GraphQL; TAXII's with a 500 that says the same. */
    public FakeDestination failPushes(int times, String code, String message) {
        state.next(times, new Setback(200, code, message));
        return this;
    }

    /** Answers the next such requests by this, and does nothing else with them; before anything that is set above. */
    public FakeDestination answer(int times, Predicate<Request> requests, Answer answer) {
        state.instead(times, requests, answer);
        return this;
    }

    /** Answers every such request by this, as {@link #answer(int, Predicate, Answer)}, until {@link #answerAgain}. */
    public FakeDestination answerAll(Predicate<Request> requests, Answer answer) {
        return answer(Integer.MAX_VALUE, requests, answer);
    }

    /** Answers as it would have. */
    public FakeDestination answerAgain() {
        state.nothingInstead();
        return this;
    }

    /** Answers no ping until it is closed. */
    public FakeDestination holdPings() {
        state.pingsHeld = new CountDownLatch(1);
        return this;
    }

    /** What somebody does in the list of connectors, with every one. */
    public FakeDestination deleteConnectors() {
        state.connectors.clear();
        return this;
    }

    /** The worker refuses these objects, whatever is to be done with them; it shows in the work's errors. */
    public FakeDestination refuseObjects(Predicate<JsonNode> refused) {
        state.refused = refused;
        return this;
    }

    /** Refuses new connections; open ones go on. */
    public FakeDestination refuseConnections() {
        listener.refuse();
        return this;
    }

    /** Accepts connections again, at the same port. */
    public FakeDestination acceptConnections() {
        listener.resume();
        return this;
    }

    // What it holds, and what it was sent

    /** Knowledge that is there already, written by these users, or by the token's; references must be there before. */
    public FakeDestination put(JsonNode object, String... creators) {
        try {
            for (String creator : creators.length == 0 ? new String[] {USER} : creators) {
                state.objects.upsert((ObjectNode) object.deepCopy(), creator, false, "");
            }
        } catch (Refused e) {
            throw new IllegalArgumentException(e.getMessage() + ": " + object, e);
        }
        return this;
    }

    /** Takes a message as the queue carries it, of type {@code bundle} or {@code event}, content in base64. */
    public FakeDestination receive(byte[] message) {
        state.pushes.add(worker.receive(message));
        return this;
    }

    /** Tells of every upsert and removal as it is applied, in the worker's thread; of merges it does not. */
    public FakeDestination onWrite(Consumer<Written> told) {
        state.told = told;
        return this;
    }

    /** Waits until everything pushed is applied or refused; after 20 s that is an AssertionError. */
    public FakeDestination awaitApplied() {
        worker.awaitApplied();
        return this;
    }

    /** Everything there is, by STIX id, as the pushes have left it. */
    public Map<String, JsonNode> objects() {
        return state.objects.all();
    }

    /** What was accepted, in the order of its coming: bundles, TAXII envelopes, and the content of the queue's messages. */
    public List<JsonNode> pushes() {
        return List.copyOf(state.pushes);
    }

    /** Connectors by id: what they last registered as. */
    public Map<String, JsonNode> connectors() {
        return Map.copyOf(state.connectors);
    }

    public List<Ping> pings() {
        return List.copyOf(state.pings);
    }

    /** Every request, in the order of their coming. */
    public List<Request> requests() {
        return observations.requests();
    }

    /** What broke in here, other than by a client's going; empty in a sound test. */
    public List<Throwable> failures() {
        return observations.failures();
    }

    @Override
    public void close() {
        state.pingsHeld.countDown();
        listener.close();
        worker.close();
    }

    private void serve(HttpConnection connection) throws IOException {
        boolean open = true;
        while (open) {
            Optional<Request> request = connection.read();
            if (request.isPresent()) {
                observations.request(request.get(), false);
                connection.write(answer(request.get()), Map.of("Connection", "keep-alive"));
            }
            open = request.flatMap(one -> one.header("Connection"))
                            .filter("close"::equalsIgnoreCase)
                            .isEmpty()
                    && request.isPresent();
        }
    }

    private Answer answer(Request request) {
        Optional<Answer> instead = state.answerInstead(request);
        if (instead.isPresent()) {
            return instead.get();
        }
        if (request.method().equals("POST") && request.path().equals("/graphql")) {
            return graphQl.answer(request);
        }
        return request.path().startsWith("/taxii2") ? taxii.answer(request, url()) : Answer.status(404);
    }
}
