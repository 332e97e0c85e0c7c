package io.caravan.opencti.stream;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.DurationText;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Origin;
import io.caravan.event.Position.Snapshot;
import io.caravan.event.Unreadable;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Platform.StreamRequest;
import io.caravan.opencti.stream.Counters.Ending;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a stream for as long as it is followed: connects at the position, reads until the connection ends, connects
 * again. What arrives goes into the {@link Inbox}, which blocks this thread while the sinks are behind. Runs on a thread
 * of its own, which nobody interrupts: {@link #stop()} closes the connection under it.
 */
final class Reader implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(Reader.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Frames whose id is a clock, and no event's place in the log. */
    private static final Set<String> CLOCKS = Set.of("heartbeat", "consumer_metrics", "no-recover");

    private static final Duration LOOK_AT_CLOCK = Duration.ofSeconds(2);

    private final String stream;
    private final OpenctiConfiguration options;
    private final Platform platform;
    private final PlatformClock clock;
    private final Inbox inbox;
    private final Counters counters;
    private final Health health;
    private final ScheduledExecutorService watchdog;

    /** Whose writing is not carried. */
    private final Set<String> ignoredUsers;

    private final Stopping stopping;
    private final Object connecting = new Object();
    private Optional<Connection> connection = Optional.empty();
    private final AtomicBoolean reconcileAsked = new AtomicBoolean();
    private Backoff firstWait = Backoff.FIRST;
    private Duration warnedLead = Arrivals.TOLERATED_LEAD;

    Reader(
            String stream,
            OpenctiConfiguration options,
            Platform platform,
            PlatformClock clock,
            Inbox inbox,
            Counters counters,
            Health health,
            Stopping stopping,
            ScheduledExecutorService watchdog) {
        this.stream = stream;
        this.options = options;
        this.platform = platform;
        this.clock = clock;
        this.inbox = inbox;
        this.counters = counters;
        this.health = health;
        this.ignoredUsers =
                Origin.users(Optional.ofNullable(options.getIgnoreUsers()).orElse(""));
        this.stopping = stopping;
        this.watchdog = watchdog;
    }

    /** Ends the reading from any thread, at once unless an event waits for room in the inbox: close that too. */
    void stop() {
        stopping.ask();
        synchronized (connecting) {
            connection.ifPresent(Connection::close);
        }
    }

    /** Reconciles as soon as no snapshot is read and no reconcile is under way, from any thread. */
    void askReconcile() {
        if (inbox.reconcile().isEmpty()) {
            reconcileAsked.set(true);
        }
    }

    @Override
    public void run() {
        Backoff backoff = firstWait;
        try {
            while (!stopping.isAsked()) {
                Conversation conversation = new Conversation();
                IOException end = conversation.hold();
                if (stopping.isAsked()) {
                    return;
                }
                if (end instanceof Gap gap) {
                    end = bridge(gap);
                } else if (isReconcileDue()) {
                    end = reconcile(end);
                }
                if (end instanceof Unfollowable) {
                    health.failed(end);
                    return;
                }
                if (conversation.wasAlive) {
                    backoff = firstWait;
                }
                boolean isOver = end instanceof Over over && over.ending.isIntended();
                Duration wait = isOver || conversation.madeProgress() ? Duration.ZERO : backoff.after(end);
                counters.ending(endingOf(end));
                health.away(end, wait);
                stopping.pause(wait);
                backoff = backoff.next();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (OutOfMemoryError e) {
            health.failed(Unfollowable.heapTooSmall(
                    "the events that came", "caravan.event-max-bytes and caravan.batch-max-bytes", e));
        } catch (RuntimeException | Error e) { // or the stream would stand still and nobody know
            health.failed(new Unfollowable("reading the stream failed: " + e, e));
        }
    }

    private static Ending endingOf(IOException end) {
        if (end instanceof Over over) {
            return over.ending;
        }
        if (end instanceof Platform.Refused) {
            return Ending.REFUSED;
        }
        return end instanceof Connection.Silent ? Ending.SILENT : Ending.CUT;
    }

    private StreamRequest request() {
        Map<String, String> query = new LinkedHashMap<>();
        Optional<Snapshot> snapshot = inbox.snapshot();
        query.put("from", snapshot.map(Snapshot::from).orElseGet(inbox::resume).toString());
        snapshot.ifPresent(s -> query.put("recover", s.window().toString()));
        query.put("listen-delete", String.valueOf(options.isListenDelete()));
        query.put("no-dependencies", String.valueOf(options.isNoDependencies()));
        query.put("with-inferences", String.valueOf(options.isWithInferences()));
        return new StreamRequest(StreamRequest.pathOf(stream), query);
    }

    private boolean isReconcileDue() {
        return reconcileAsked.get()
                && inbox.snapshot().isEmpty()
                && inbox.reconcile().isEmpty();
    }

    /** Begins the reconcile that is asked for; what then stands before the next connection, if not what did. */
    private IOException reconcile(IOException end) throws InterruptedException {
        try {
            awaitSearchable();
            Instant until = endOfSnapshot();
            LOG.info("Reconciling: a snapshot of everything up to {} is read, and what is not in it goes", until);
            inbox.beginReconcile(false, until);
            reconcileAsked.set(false);
            return end;
        } catch (IOException e) {
            return e;
        }
    }

    /** What to do about a gap: a reconcile, the log from its start, or nothing at all. */
    private IOException bridge(Gap gap) throws InterruptedException {
        Instant until;
        try {
            awaitSearchable();
            until = endOfSnapshot();
        } catch (IOException e) {
            return e; // the next connection meets the gap again
        }
        if (!gap.isLoss) {
            LOG.info("{}; a snapshot of everything up to {} is read for it", gap.getMessage(), until);
            inbox.beginReconcile(false, until);
            return gap;
        }
        boolean isRecovered = options.getOnGap() == OpenctiConfiguration.OnGap.recover && Platform.hasSnapshots(stream);
        if (isRecovered && gap.begin.time().isAfter(until)) {
            return new Over(
                    Ending.EARLY, gap.getMessage() + "; a snapshot shows what is older than a minute, so it waits");
        }
        counters.gap(gap.length);
        if (options.getOnGap() == OpenctiConfiguration.OnGap.fail) {
            return new Unfollowable(gap.getMessage() + "; on-gap is fail, so it is not followed any further", null);
        }
        if (!Platform.hasSnapshots(stream)) {
            LOG.warn("{}; the log is read again from its start", gap.getMessage());
            inbox.beginLogAgain();
        } else {
            LOG.warn(
                    "{}; a snapshot of everything up to {} is read and reconciled: what happened meanwhile is told by its"
                            + " outcome alone",
                    gap.getMessage(),
                    until);
            inbox.beginReconcile(true, until);
        }
        return gap;
    }

    /**
     * Waits until the platform's search is sure to find what was delivered of the log last, a minute at most: a snapshot that is
     * read earlier may show objects as they were before, also those that are gone, and the log does not tell of that again.
     */
    private void awaitSearchable() throws IOException, InterruptedException {
        Instant searchable = inbox.newestArrived().time().plus(StartPosition.SEARCHABLE_AFTER);
        long begun = System.nanoTime();
        while (!stopping.isAsked()
                && System.nanoTime() - begun < StartPosition.SEARCHABLE_AFTER.toNanos()
                && clock.now().isBefore(searchable)) {
            stopping.pause(LOOK_AT_CLOCK);
        }
    }

    private Instant endOfSnapshot() throws IOException, InterruptedException {
        return clock.now().minus(StartPosition.SEARCHABLE_AFTER);
    }

    /** One connection, from asking for it to its end. */
    private final class Conversation implements SseParser.Listener {

        private final SseParser parser = new SseParser(options.getEventMaxBytes(), this);
        private boolean broughtEvents;
        private Optional<String> clockId = Optional.empty();
        private boolean wasAlive;
        private boolean wasHeard;
        private final Standstill standstill = new Standstill(System::nanoTime);
        private Optional<IOException> end = Optional.empty();

        /** Reads until the connection ends; why it did. */
        IOException hold() throws InterruptedException {
            inbox.connecting();
            StreamRequest request = request();
            Duration silence = Duration.ofMillis(options.getHeartbeatTimeout());
            try (Connection opened = new Connection(platform, request, silence, watchdog)) {
                synchronized (connecting) {
                    connection = Optional.of(opened);
                }
                opened.openedAt().ifPresent(counters::platformClock);
                health.opened();
                while (!stopping.isAsked() && opened.readInto(parser)) {
                    if (end.isPresent()) {
                        return end.get();
                    }
                    if (isReconcileDue()) {
                        return new Over(Ending.RECONCILE, "is asked for a snapshot to reconcile");
                    }
                }
                return new Over(
                        Ending.ENDED,
                        wasHeard
                                ? "ended the connection"
                                : "ended the connection without having sent an event: is url the platform's address, and does"
                                        + " nothing in between answer for it?");
            } catch (IOException e) {
                return e;
            } finally {
                synchronized (connecting) {
                    connection = Optional.empty();
                }
            }
        }

        /** True when the next connection starts further on: then there is no reason to wait for it. */
        boolean madeProgress() {
            return broughtEvents && wasAlive && inbox.snapshot().isEmpty();
        }

        @Override
        public void event(Frame frame) {
            wasHeard = true;
            if (end.isPresent() || stopping.isAsked()) {
                return; // the connection is about to be given up: what follows comes again on the next
            }
            if (CLOCKS.contains(frame.name())) {
                clockId = frame.id().or(() -> clockId);
            }
            switch (frame.name()) {
                case "create", "update", "delete", "merge" -> object(frame);
                case "heartbeat" -> heartbeat(frame);
                case "connected" -> connected(frame);
                case "no-recover" -> noRecover(frame);
                case "error" -> error(frame);
                case "consumer_metrics" -> counters.other(frame.name());
                default -> unknown(frame);
            }
            if (end.isEmpty() && inbox.isConnectionDone()) {
                end = Optional.of(new Over(Ending.WINDOW, "has sent what was asked for of its snapshot"));
            }
        }

        @Override
        public void retry(long millis) {
            long least = Backoff.FIRST.delay().toMillis();
            firstWait = new Backoff(Duration.ofMillis(Math.min(Math.max(millis, least), Backoff.LONGEST.toMillis())));
        }

        /** Its place in the log: its own id, or the one carried over, unless a clock set that. */
        private Optional<EventId> idOf(Frame frame) {
            return frame.id()
                    .or(() -> parser.lastId().filter(last -> !last.equals(clockId.orElse(""))))
                    .flatMap(EventId::of);
        }

        private void object(Frame frame) {
            Optional<EventId> id = idOf(frame);
            if (id.isEmpty()) {
                note(
                        inbox.add(letter(frame, "", "its id is no event id, so its place in the stream is unknown")),
                        true);
                return;
            }
            if (frame.isTooLarge()) {
                String error = "its " + frame.size() + " bytes are more than caravan.event-max-bytes, "
                        + options.getEventMaxBytes();
                refuse(frame, id.get(), "", error, Long.hashCode(frame.size()));
                return;
            }
            try {
                Envelope envelope = Envelope.read(frame.data());
                Event event = new Event(id.get(), frame.name(), envelope, frame.data());
                if (frame.name().equals("delete") && !options.isListenDelete()) {
                    inbox.skip(event);
                    counters.leftOut();
                    return;
                }
                if (!ignoredUsers.isEmpty() && Origin.isOf(ignoredUsers, event)) {
                    Inbox.Receipt receipt = inbox.skip(event);
                    note(receipt, false);
                    if (receipt.isNew()) {
                        counters.ignored();
                    }
                    return;
                }
                Inbox.Receipt receipt = inbox.add(event);
                note(receipt, false);
                if (receipt.isNew()) {
                    counters.event(frame.name(), frame.size());
                    readTo(event.id());
                    warnOfClocks();
                }
            } catch (Unreadable e) {
                refuse(
                        frame,
                        id.get(),
                        "",
                        "unreadable: " + e.getMessage(),
                        frame.data().hashCode());
            }
        }

        private void unknown(Frame frame) {
            counters.other("unknown");
            Optional<EventId> id = idOf(frame);
            if (frame.isTooLarge() && id.isPresent()) {
                refuse(
                        frame,
                        id.get(),
                        "",
                        "nobody knows such an event, and its " + frame.size() + " bytes are too many",
                        frame.size());
                return;
            }
            try {
                Envelope envelope = Envelope.read(frame.data());
                String error = "nobody knows an event named " + frame.name();
                if (id.isPresent()) {
                    refuse(
                            frame,
                            id.get(),
                            envelope.object().id(),
                            error,
                            frame.data().hashCode());
                } else {
                    note(inbox.add(letter(frame, envelope.object().id(), error)), true);
                }
            } catch (Unreadable e) {
                LOG.debug("An event named {} carries no object: {}", frame.name(), e.getMessage());
            }
        }

        private void refuse(Frame frame, EventId id, String objectId, String error, long distinction) {
            long fingerprint = 31L * frame.name().hashCode() + distinction;
            note(inbox.add(id, fingerprint, letter(frame, objectId, error)), true);
        }

        private DeadLetter letter(Frame frame, String objectId, String error) {
            Optional<Bytes> event = frame.isTooLarge() ? Optional.empty() : Optional.of(frame.data());
            return new DeadLetter(
                    "stream",
                    idOf(frame).map(EventId::toString).or(frame::id).orElse(""),
                    frame.name(),
                    objectId,
                    frame.name() + ": " + error,
                    1,
                    event);
        }

        private void note(Inbox.Receipt receipt, boolean isLetter) {
            if (receipt.waited() || receipt.isNew()) {
                standstill.moved();
            }
            if (!receipt.isNew()) {
                if (!inbox.isConnectionDone()) {
                    counters.repetition();
                }
                return;
            }
            broughtEvents = true;
            wasAlive = true;
            if (isLetter) {
                counters.deadLetter();
            }
            health.connected();
        }

        private void heartbeat(Frame frame) {
            wasAlive = true;
            counters.other(frame.name());
            Optional<EventId> id = frame.id().flatMap(EventId::of);
            id.ifPresent(inbox::heartbeat);
            id.filter(clock -> clock.isAbove(inbox.newestArrived())).ifPresent(this::readTo);
            if (standstill.isReachedBy(id)) {
                end = Optional.of(new Over(Ending.STILL, standstill.toString()));
            }
            health.connected();
        }

        private void readTo(EventId id) {
            if (inbox.snapshot().isEmpty()) {
                counters.readTo(id);
            } else {
                counters.readsSnapshot();
            }
        }

        private void connected(Frame frame) {
            JsonNode log = json(frame);
            Optional<EventId> first = EventId.ofJson(log.path("firstEventId"));
            Optional<EventId> last = EventId.ofJson(log.path("lastEventId"));
            LOG.debug("Connected: {}", log);
            health.connected();
            Optional<EventId> newest = inbox.newest();
            EventId delivered = inbox.delivered();
            if (newest.isPresent() && last.isPresent() && newest.get().isAbove(last.get())) {
                EventId begin = first.orElse(last.get());
                Duration length = lengthOfGap(delivered, begin);
                end = Optional.of(new Gap(
                        begin,
                        length,
                        "the platform's log ends at " + last.get() + ", before our position " + newest.get()
                                + ": it was reset" + (length.isZero() ? "" : ", a gap of " + DurationText.of(length)),
                        true));
            } else if (first.isPresent() && first.get().isAbove(delivered) && !delivered.equals(EventId.ZERO)) {
                logBeginsLater(first.get(), delivered);
            } else if (first.isPresent()
                    && inbox.unseen().filter(first.get()::isAbove).isPresent()) {
                String message =
                        "the platform's log begins at " + first.get() + ", too late for the reconcile under way";
                end = Optional.of(new Gap(first.get(), Duration.ZERO, message, false));
            }
        }

        private void logBeginsLater(EventId first, EventId delivered) {
            boolean isFirstSnapshot =
                    inbox.snapshot().filter(s -> !s.isFollowUp()).isPresent()
                            && inbox.reconcile().isEmpty()
                            && inbox.taken().batches() == 0;
            if (isFirstSnapshot) { // the platform is new: nothing lies before its log
                Instant until = first.time().minusMillis(1);
                LOG.info("The platform's log begins at {}: the snapshot is of everything up to there", first);
                inbox.endSnapshotAt(until);
                return;
            }
            Duration length = lengthOfGap(delivered, first);
            String message = "the platform's log begins at " + first + " and no longer keeps our position " + delivered
                    + ": a gap of " + DurationText.of(length);
            if (!Platform.hasSnapshots(stream) && options.getOnGap() == OpenctiConfiguration.OnGap.recover) {
                counters.gap(length);
                LOG.warn("{}; the base stream has no snapshot, so what lay in the gap is lost", message);
            } else {
                end = Optional.of(new Gap(first, length, message, true));
            }
        }

        /** None where the log that was begun anew begins before our position. */
        private Duration lengthOfGap(EventId position, EventId first) {
            return first.isAbove(position) ? Duration.between(position.time(), first.time()) : Duration.ZERO;
        }

        private void noRecover(Frame frame) {
            JsonNode data = json(frame);
            Optional<EventId> resumeFrom = EventId.ofJson(data.path("resume_from"));
            if (resumeFrom.isEmpty()) {
                end = Optional.of(new Over(Ending.ERROR, "sent a no-recover without resume_from: " + frame.data()));
                return;
            }
            LOG.warn(
                    "This stream has no snapshot, {}: {}",
                    inbox.reconcile().isPresent() ? "so nothing is reconciled" : "it goes on from " + resumeFrom.get(),
                    data.path("message").asText());
            inbox.noRecover(resumeFrom.get());
        }

        private void error(Frame frame) {
            String message = json(frame).path("message").asText(frame.data().toString());
            boolean isEmptyLog = message.contains("no such key");
            wasAlive = false; // the connection never brings anything, so the wait between tries grows
            end = Optional.of(new Over(
                    Ending.ERROR,
                    isEmptyLog
                            ? "has an empty log (" + message + "): it is new, or its Redis was flushed"
                            : "sent an error event: " + message));
        }

        private void warnOfClocks() {
            Duration lead = inbox.heartbeatLead();
            if (lead.compareTo(warnedLead) > 0) {
                warnedLead = lead;
                LOG.warn(
                        "An event came {} s below an earlier heartbeat's id: the clocks of the platform's nodes and its Redis"
                                + " disagree. The position keeps that much more distance from heartbeats",
                        lead.toSeconds());
            }
        }
    }

    private static JsonNode json(Frame frame) {
        try {
            return JSON.readTree(
                    frame.data().array(), frame.data().offset(), frame.data().length());
        } catch (JsonProcessingException e) {
            LOG.debug("A {} event that is no JSON", frame.name(), e);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException("reading from memory failed", e);
        }
        return JSON.missingNode();
    }

    /** A connection that came to an end without breaking. */
    private static class Over extends IOException {
        private static final long serialVersionUID = 1L;
        private final Ending ending;

        Over(Ending ending, String message) {
            super(message);
            this.ending = ending;
        }
    }

    /** The log no longer holds what comes after our position. */
    private static final class Gap extends Over {
        private static final long serialVersionUID = 1L;
        private final EventId begin;
        private final Duration length;
        private final boolean isLoss;

        /**
         * @param begin the first id that the log keeps
         * @param isLoss false where all that is gone was delivered
         */
        Gap(EventId begin, Duration length, String message, boolean isLoss) {
            super(Ending.GAP, message);
            this.begin = begin;
            this.length = length;
            this.isLoss = isLoss;
        }
    }
}
