package io.caravan.testkit;

import io.caravan.testkit.PlatformState.Recovery;
import io.caravan.testkit.Play.Ending;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A stand-in OpenCTI on real sockets of the loopback interface. It serves a log of frames as the platform serves its
 * streams (start positions, recovery, heartbeats, options, refusals) and misbehaves as scripted: {@link #next} for the
 * stream connections to come, one by one, {@link #always} for the rest.
 *
 * <p>Each connection has a daemon thread; every method may be called from any thread, at any time. Settings return the
 * platform and hold for connections made afterwards. {@link #close} ends every connection and frees the port.
 */
public final class FakePlatform implements AutoCloseable {

    public static final String TOKEN = "11111111-2222-4333-8444-555555555555";

    /** The stream that is there until a test says which are. */
    public static final LiveStream STREAM = LiveStream.of("3089c815-2cc4-467b-9e94-8468b6dd060e", "Everything");

    private final PlatformState state = new PlatformState();
    private final Observations observations = state.observations;
    private final PlatformService service = new PlatformService(state);
    private final Listener listener;

    private FakePlatform(int port, Optional<Listener.Tls> tls) {
        listener = new Listener("platform", port, tls, service::serve, observations::failure);
        listener.start();
    }

    /** Listens on a free port. */
    public static FakePlatform start() {
        return start(0);
    }

    public static FakePlatform start(int port) {
        return new FakePlatform(port, Optional.empty());
    }

    public static FakePlatform startTls(TestCertificates certificates) {
        return new FakePlatform(0, Optional.of(new Listener.Tls(certificates.serverContext(), false)));
    }

    /** TLS, and only for clients that show a certificate. */
    public static FakePlatform startMutualTls(TestCertificates certificates) {
        return new FakePlatform(0, Optional.of(new Listener.Tls(certificates.serverContext(), true)));
    }

    public static void main(String[] arguments) throws InterruptedException {
        CommandLine.run(arguments);
    }

    /** The platform's address: {@code opencti.url}. */
    public String url() {
        return (listener.isTls() ? "https" : "http") + "://127.0.0.1:" + port() + state.basePath;
    }

    public int port() {
        return listener.port();
    }

    // What it holds

    public FakePlatform append(Frame... frames) {
        return append(List.of(frames));
    }

    /** Adds to the log, and so to every open stream. */
    public FakePlatform append(Collection<Frame> frames) {
        state.log.append(List.copyOf(frames));
        return this;
    }

    /** Drops the log's frames older than this id, as retention does. */
    public FakePlatform trimTo(String id) {
        state.log.trimTo(EventId.parse(id).orElseThrow(() -> new IllegalArgumentException("not an event id: " + id)));
        return this;
    }

    /** Empties the log, as a flush of Redis does. */
    public FakePlatform clear() {
        state.log.clear();
        return this;
    }

    /**
     * Everything there is, by the times of its ids: of these {@code recover} plays those after {@code from} and up to its date,
     * in this order, before the log after its date. Nothing, unless set. What is set while it plays moves what has not been
     * played yet: an object whose id is another by then is as it is, and not played where that is outside. Asked for an object by
     * GraphQL, the platform shows those of the snapshot.
     */
    public FakePlatform snapshot(Collection<Frame> frames) {
        state.contents(List.copyOf(frames));
        state.recovery = Recovery.SNAPSHOT;
        return this;
    }

    /** What snapshots are made from finds only what was there this long ago, by the platform's clock. */
    public FakePlatform searchLag(Duration lag) {
        state.searchLag = lag;
        return this;
    }

    /** Objects that are there, too, by internal or STIX ids, though no snapshot of this stream has them: they do not match its filter. */
    public FakePlatform showsBesides(String... ids) {
        state.shownBesides = Set.of(ids);
        return this;
    }

    /** Answers no question for an object: this user may read streams, and nothing else. */
    public FakePlatform refuseKnowledge() {
        state.knowledgeRefused = true;
        return this;
    }

    /** Answers {@code recover} with {@code no-recover} and the log after its date. */
    public FakePlatform refuseRecovery() {
        state.recovery = Recovery.REFUSED;
        return this;
    }

    /** Serves a request with {@code recover} as if it had none. */
    public FakePlatform ignoreRecovery() {
        state.recovery = Recovery.IGNORED;
        return this;
    }

    /** The streams there are; any other id is refused. Until this is called, every id is served. */
    public FakePlatform streams(LiveStream... known) {
        state.streams = List.of(known);
        state.anyStream = false;
        return this;
    }

    /** Sends a frame that is not in the log to every open stream, after what the log holds now. */
    public FakePlatform say(Frame frame) {
        service.say(frame);
        return this;
    }

    // How it behaves

    /** Serves under a path, as behind a reverse proxy: {@code /opencti}. */
    public FakePlatform basePath(String path) {
        state.basePath = path;
        return this;
    }

    public FakePlatform token(String token) {
        state.token = token;
        return this;
    }

    /** Every 5 s as a platform does, unless set. */
    public FakePlatform heartbeats(Heartbeats heartbeats) {
        state.heartbeats = heartbeats;
        return this;
    }

    /** Changes the fields of every {@code connected}: put, remove. */
    public FakePlatform connected(Consumer<Map<String, Object>> edit) {
        state.connectedEdit = edit;
        return this;
    }

    /** How far the platform's clock is ahead of this machine's. */
    public FakePlatform clockOffset(Duration ahead) {
        state.clockOffset = ahead;
        return this;
    }

    /** Answers bear no {@code Date}. */
    public FakePlatform withoutDate() {
        state.dated = false;
        return this;
    }

    /** Sends deletions and dependencies whatever {@code listen-delete} and {@code no-dependencies} ask. */
    public FakePlatform ignoreOptions() {
        state.optionsObeyed = false;
        return this;
    }

    /** Answers a path, counted from the base path, by this instead; {@code /graphql} and stream paths too. */
    public FakePlatform route(String path, Function<Request, Answer> answer) {
        service.route(path, answer);
        return this;
    }

    /** How much the system buffers for a client that does not read; the smaller, the sooner a pause shows here. */
    public FakePlatform sendBuffer(int bytes) {
        listener.sendBuffer(bytes);
        return this;
    }

    // What goes wrong

    /** What the next stream connections meet, in this order. */
    public FakePlatform next(Script... scripts) {
        service.next(List.of(scripts));
        return this;
    }

    public FakePlatform next(int times, Script script) {
        service.next(Collections.nCopies(times, script));
        return this;
    }

    /** No connection to come meets a script of its own. */
    public FakePlatform forgetNext() {
        service.forgetNext();
        return this;
    }

    /** What every stream connection meets that has no script of its own. */
    public FakePlatform always(Script script) {
        service.always(script);
        return this;
    }

    /** Ends every open stream. */
    public FakePlatform endStreams(Ending ending) {
        service.endStreams(ending);
        return this;
    }

    /** Refuses new connections; open ones go on. */
    public FakePlatform refuseConnections() {
        listener.refuse();
        return this;
    }

    /** Accepts connections again, at the same port. */
    public FakePlatform acceptConnections() {
        listener.resume();
        return this;
    }

    // What was seen

    /** Every request, in the order of their coming. */
    public List<Request> requests() {
        return observations.requests();
    }

    /** Those that asked for a stream, refused ones included. */
    public List<Request> streamRequests() {
        return observations.streamRequests();
    }

    /** Streams being served. */
    public int openStreams() {
        return observations.openStreams();
    }

    /** Events handed to the sockets, on all connections, dependencies and snapshot included. */
    public long eventsSent() {
        return observations.eventsSent();
    }

    /** Bytes that the sockets have taken, on all connections: stands still while clients do not read. */
    public long bytesWritten() {
        return listener.bytesWritten();
    }

    /** What broke in here, other than by a client's going; empty in a sound test. */
    public List<Throwable> failures() {
        return observations.failures();
    }

    /** Tells of every request, as it comes, in its connection's thread. */
    public FakePlatform onRequest(Consumer<Request> listener) {
        observations.onRequest(listener);
        return this;
    }

    /** Waits until so many stream requests have come since the start; what is appended then, they get. */
    public FakePlatform awaitConnections(int count) {
        observations.await(() -> observations.streamRequests().size() >= count, () -> count + " stream requests");
        return this;
    }

    /** Waits until just so many streams are open. */
    public FakePlatform awaitOpenStreams(int count) {
        observations.await(() -> observations.openStreams() == count, () -> count + " open streams");
        return this;
    }

    public FakePlatform awaitEventsSent(long count) {
        observations.await(() -> observations.eventsSent() >= count, () -> count + " events sent");
        return this;
    }

    @Override
    public void close() {
        listener.close();
    }
}
