package io.caravan.testkit;

import io.caravan.testkit.PlatformState.Recovery;
import io.caravan.testkit.Play.Ending;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * One answer to a stream request: head, {@code connected}, snapshot, log and what is appended to it, heartbeats, and
 * the faults of its script. Runs in its connection's thread; {@link #say} and {@link #end} may be called from any.
 * An empty ending, below, means that the connection is already lost.
 */
final class StreamSession {

    private static final byte[] CRLF = {'\r', '\n'};
    private static final byte[] LAST_CHUNK = "0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final long ONE_MS = 1_000_000;
    private static final long MOST_CAUGHT_UP = 100 * ONE_MS;
    private static final long FOR_EVER = Long.MAX_VALUE;

    private final PlatformState platform;
    private final HttpConnection connection;
    private final String stream;
    private final Play play;
    private final Optional<Instant> recover;
    private final StreamStart start;
    private final boolean withDeletes;
    private final boolean withDependencies;
    private final Coding.Body coded;

    /** A frame to be sent once the log has been read up to a cursor. */
    private record Said(Frame frame, long cursor) {}

    private final Queue<Said> toSay = new ConcurrentLinkedQueue<>();
    private volatile Optional<Ending> endRequested = Optional.empty();

    private List<Frame> searched = List.of();
    private Map<String, Frame> byObject = Map.of();

    private int sent;
    private String lastId;
    private long lastHeartbeat = System.nanoTime();
    private long nextTurn = System.nanoTime();

    /** From this instant on, what is appended to the log is after the stream's start. */
    StreamSession(PlatformState platform, HttpConnection connection, Request request, String stream, Play play) {
        this.platform = platform;
        this.connection = connection;
        this.stream = stream;
        this.play = play;
        this.coded = play.coding().body();
        this.start = StreamStart.of(request, platform.log);
        this.lastId = start.lastId().toString();
        this.recover = platform.recovery == Recovery.IGNORED ? Optional.empty() : StreamStart.recover(request);
        this.withDeletes = !platform.optionsObeyed
                || !request.option("listen-delete", "listen-delete").equals(Optional.of("false"));
        this.withDependencies = !platform.optionsObeyed
                || !request.option("no-dependencies", "no-dependencies").equals(Optional.of("true"));
    }

    /** Sends a frame that is not in the log, after what the log holds now. */
    void say(Frame frame) {
        toSay.add(new Said(frame, platform.log.end()));
        platform.log.wake();
    }

    /** Ends the stream: cleanly before its next frame, otherwise wherever it stands. */
    void end(Ending ending) throws IOException {
        endRequested = Optional.of(ending);
        platform.log.wake();
        switch (ending) {
            case CLEAN -> {}
            case EOF -> connection.close();
            case RESET -> connection.reset();
        }
    }

    /** Serves the stream; afterwards, whether the connection has another request. */
    boolean run() throws IOException, InterruptedException {
        connection.writeHead(Answer.status(200), headers());
        connection.flush();
        connection.watch(platform.log::wake);
        Optional<Ending> ending = serve();
        if (ending.isEmpty()) {
            return false;
        }
        if (ending.get() == Ending.CLEAN) {
            writeCoded(coded.end());
            connection.write(LAST_CHUNK);
        }
        connection.flush();
        if (ending.get() == Ending.RESET) {
            connection.reset();
        }
        return ending.get() == Ending.CLEAN;
    }

    private Map<String, String> headers() {
        Map<String, String> headers = platform.headers();
        if (!lacksStartOfRecovery()) {
            headers.put("Content-Type", "text/event-stream; charset=utf-8");
            headers.put("Cache-Control", "no-cache, no-transform");
        }
        headers.put("Transfer-Encoding", "chunked");
        if (play.coding() != Coding.IDENTITY) {
            headers.put("Content-Encoding", play.coding().header());
        }
        return headers;
    }

    private boolean lacksStartOfRecovery() {
        return recover.isPresent() && !start.asked();
    }

    private Optional<Ending> serve() throws IOException, InterruptedException {
        if (lacksStartOfRecovery()) {
            write(Frames.error(stream, "Recovery mode is only possible with a start date."));
            return silence();
        }
        if (play.body().isPresent()) {
            write(play.body().get());
            return isDone() ? Optional.of(play.ending()) : silence();
        }
        if (play.hasConnected()) {
            write(platform.connected());
        }
        if (recover.isEmpty()) {
            return follow(start);
        }
        if (platform.recovery == Recovery.REFUSED) {
            String resumeFrom = EventId.at(recover.get()).toString();
            write(Frames.noRecover(EventId.at(platform.now()).toString(), stream, resumeFrom));
        } else if (isDone() || !send(window(recover.get()))) {
            return over();
        }
        return follow(StreamStart.at(recover.get(), platform.log));
    }

    /**
     * Of what the search finds, what was updated after the start and up to then, and what that needs. It is read as it is sent:
     * what is touched meanwhile falls out of it.
     */
    private Iterable<Frame> window(Instant until) {
        EventId end = new EventId(until.toEpochMilli(), Long.MAX_VALUE);
        List<Frame> begun = platform.searchable();
        return () -> begun.stream()
                .filter(frame -> isWithin(frame, end))
                .map(frame -> now(frame, begun))
                .flatMap(Optional::stream)
                .filter(frame -> isWithin(frame, end))
                .iterator();
    }

    private boolean isWithin(Frame frame, EventId end) {
        EventId id = EventId.parse(frame.id()).orElse(EventId.ZERO);
        return id.compareTo(start.after()) > 0 && id.compareTo(end) <= 0;
    }

    /** The same object as the search finds it by now. */
    private Optional<Frame> now(Frame frame, List<Frame> begun) {
        List<Frame> found = platform.searchable();
        if (found == begun) {
            return Optional.of(frame);
        }
        if (found != searched) {
            searched = found;
            byObject = new HashMap<>();
            found.forEach(each -> byObject.put(objectOf(each), each));
        }
        return Optional.ofNullable(byObject.get(objectOf(frame)));
    }

    private static String objectOf(Frame frame) {
        return frame.isDependency() + Frames.internalIdOf(frame);
    }

    private Optional<Ending> follow(StreamStart from) throws IOException, InterruptedException {
        long cursor = from.cursor();
        while (!isInterrupted() && !isDone()) {
            sayWhatIsDue(cursor);
            Instant now = platform.now(); // a heartbeat must not tell of a time at which more was in the log already
            EventLog.Slice slice = platform.log.read(cursor, from.after(), batch(cursor));
            if (slice.next() > cursor) {
                cursor = slice.next();
                for (int copy = 0; copy < play.copies(); copy++) {
                    if (!send(slice.frames())) {
                        return over();
                    }
                }
            } else {
                heartbeatIfDue(true, now);
                connection.flush();
                platform.log.await(cursor, nanosToHeartbeat(), () -> isInterrupted() || !toSay.isEmpty());
            }
        }
        return over();
    }

    private void sayWhatIsDue(long cursor) throws IOException {
        for (Said said = toSay.peek(); said != null && said.cursor() <= cursor; said = toSay.peek()) {
            write(said.frame());
            toSay.remove();
        }
    }

    /** How many frames to read at once: none beyond what is to be said between them. */
    private int batch(long cursor) {
        Said said = toSay.peek();
        return said == null || said.cursor() <= cursor
                ? play.batch()
                : (int) Math.min(play.batch(), said.cursor() - cursor);
    }

    /** Sends frames until the script's end or somebody else's; whether neither has come. */
    private boolean send(Iterable<Frame> frames) throws IOException, InterruptedException {
        for (Frame frame : frames) {
            if (isInterrupted()) {
                return false;
            }
            if (isWanted(frame)) {
                awaitTurn();
                heartbeatIfDue(false, platform.now());
                if (play.isOver(sent)) {
                    byte[] wire = play.wire(frame.wire());
                    write(wire, Math.min(play.bytesOfNext(), wire.length));
                    return false;
                }
                sendWhole(frame);
                if (isDone()) {
                    return false;
                }
            }
        }
        return true;
    }

    private void sendWhole(Frame frame) throws IOException {
        if (play.hasHeartbeatsWithinGroups() && sent > 0 && frame.id().equals(lastId)) {
            heartbeat(lastId);
        }
        write(frame);
        sent++;
        if (!frame.id().isEmpty()) {
            lastId = frame.id();
        }
        platform.observations.eventSent();
    }

    private boolean isWanted(Frame frame) {
        return (withDeletes || !frame.event().equals("delete")) && (withDependencies || !frame.isDependency());
    }

    /** The client is gone, or a test ended the stream. */
    private boolean isInterrupted() {
        return connection.isGone() || endRequested.isPresent();
    }

    /** The script's events are out, and no part of another is to follow. */
    private boolean isDone() {
        return play.isOver(sent) && play.bytesOfNext() == 0;
    }

    private Optional<Ending> over() throws IOException, InterruptedException {
        if (isInterrupted()) {
            return endRequested;
        }
        return switch (play.then()) {
            case CUT -> Optional.of(play.ending());
            case SILENCE -> silence();
            case ERROR -> error();
            case GO_ON -> throw new IllegalStateException("a stream without a script ended by itself");
        };
    }

    private Optional<Ending> silence() throws IOException, InterruptedException {
        connection.flush();
        platform.log.await(FOR_EVER, FOR_EVER, this::isInterrupted);
        return endRequested;
    }

    private Optional<Ending> error() throws IOException, InterruptedException {
        write(Frames.error(stream, play.error()));
        while (!isInterrupted()) {
            heartbeatIfDue(true, platform.now());
            connection.flush();
            platform.log.await(FOR_EVER, nanosToHeartbeat(), this::isInterrupted);
        }
        return endRequested;
    }

    /** Keeps to the script's events a second; short delays are made good, longer ones are not. */
    private void awaitTurn() throws IOException, InterruptedException {
        if (play.rate() <= 0) {
            return;
        }
        for (long left = nextTurn - System.nanoTime(); left > ONE_MS; left = nextTurn - System.nanoTime()) {
            heartbeatIfDue(false, platform.now());
            connection.flush();
            platform.log.await(FOR_EVER, Math.min(left, nanosToHeartbeat()), this::isInterrupted);
            if (isInterrupted()) {
                return;
            }
        }
        nextTurn = Math.max(nextTurn, System.nanoTime() - MOST_CAUGHT_UP) + (long) (1e9 / play.rate());
    }

    private void heartbeatIfDue(boolean idle, Instant now) throws IOException {
        if (nanosToHeartbeat() <= 0) {
            heartbeat(platform.heartbeats.id().of(lastId, idle, now));
            lastHeartbeat = System.nanoTime();
        }
    }

    private long nanosToHeartbeat() {
        Duration period = platform.heartbeats.period();
        return period.isZero() ? FOR_EVER : lastHeartbeat + period.toNanos() - System.nanoTime();
    }

    private void heartbeat(String id) throws IOException {
        write(Frames.heartbeat(id));
        write(Frames.consumerMetrics(id));
    }

    private void write(Frame frame) throws IOException {
        write(play.wire(frame.wire()));
    }

    private void write(byte[] bytes) throws IOException {
        write(bytes, bytes.length);
    }

    private void write(byte[] bytes, int length) throws IOException {
        if (length > 0) {
            writeCoded(coded.flushed(bytes, length));
        }
    }

    private void writeCoded(byte[] bytes) throws IOException {
        int length = bytes.length;
        int piece = play.chunk() > 0 ? play.chunk() : length;
        for (int at = 0; at < length; at += piece) {
            int size = Math.min(piece, length - at);
            connection.write((Integer.toHexString(size) + "\r\n").getBytes(StandardCharsets.US_ASCII));
            connection.write(bytes, at, size);
            connection.write(CRLF);
            if (play.chunk() > 0) {
                connection.flush();
            }
        }
    }
}
