package io.caravan.opencti.push;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Creation;
import io.caravan.event.DeadLetters;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Meaning;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.Unreadable;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Writes objects to another platform that come from no stream, as they are kept somewhere. Each is what a snapshot tells of it, so
 * that a dead letter can be sent again. One thread sends; another asks what became of it.
 */
public final class Restoration {

    private static final Bytes HEAD = Bytes.of(
            "{\"type\":\"create\",\"message\":\"restored\",\"origin\":{\"referer\":\"init-create\"},\"data\":");
    private static final Bytes TAIL = Bytes.of("}");

    private final String sink;
    private final Way way;
    private final Pusher pusher;
    private final Outcomes outcomes;
    private final PushCounters counters = new PushCounters();
    private Position before;

    /**
     * @param sink whose dead letters those are that are refused
     * @param pushed a folder for what is not told of yet; what is in it already is of no use
     * @throws IllegalArgumentException when the options cannot be used; says which and why
     */
    public Restoration(
            OpenctiConfiguration connection,
            PushConfiguration options,
            String sink,
            DeadLetters deadLetters,
            Path pushed) {
        this.sink = sink;
        Platform platform = new Platform(connection);
        GraphQl api = new GraphQl(platform, Duration.ofMillis(options.getAnswerTimeout()));
        way = Ways.of(connection, platform, options, Connector.idOf("restore", platform.url()));
        outcomes = new Outcomes(way, deadLetters, counters, new PushedFiles(pushed));
        Rules rules = Rules.ofUpserts(Wording.of(options), new Presence(api, collection(), options.isCheckMarkings()));
        pusher = new Pusher(way, rules, deadLetters, outcomes, counters);
        before = Position.startingAt(platform.url(), "restore", EventId.ZERO);
    }

    private Optional<TaxiiWay> collection() {
        return way instanceof TaxiiWay taxii ? Optional.of(taxii) : Optional.empty();
    }

    /** What is sent for an object. */
    public static Event event(Bytes json) throws Unreadable {
        ByteArrayOutputStream raw = new ByteArrayOutputStream(HEAD.length() + json.length() + TAIL.length());
        for (Bytes part : List.of(HEAD, json, TAIL)) {
            raw.write(part.array(), part.offset(), part.length());
        }
        Bytes envelope = new Bytes(raw.toByteArray(), raw.size());
        return new Event(EventId.ZERO, "create", Envelope.read(envelope), envelope);
    }

    /**
     * Sends objects, each once, in bundles of up to 16 MB. They are queued at the destination, or dead letters, when this
     * returns; after a failure the same ones may be sent again.
     */
    public void send(List<Event> objects) throws IOException, InterruptedException {
        List<Meaning> meanings = new ArrayList<>();
        for (Event object : objects) {
            meanings.add(new Creation().of(object, Pending.overNothing(), false));
        }
        Position after = before.afterAnotherBatch();
        pusher.deliver(new Batch(before, after, Instant.now(), meanings), sink);
        before = after;
    }

    /** Tells the destination that something writes; fails where it is away or does not know the token. */
    public void ping(long sent) throws IOException, InterruptedException {
        way.ping("{\"restored\":" + sent + "}");
    }

    /** Asks what became of what waits longest. */
    public void ask() throws InterruptedException {
        outcomes.ask();
    }

    /** Objects of which the destination has not told yet what became of them. */
    public int waiting() {
        return outcomes.waiting();
    }

    public PushCounters counters() {
        return counters;
    }
}
