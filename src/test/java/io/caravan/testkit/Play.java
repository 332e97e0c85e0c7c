package io.caravan.testkit;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Plays the log on one connection, with the faults that its methods add; each returns a changed copy. Of the faults
 * that end it (cut, silent, error) the last one set counts. Events are counted from 1, dependencies and snapshot
 * included, and {@code connected}, heartbeats and metrics not. Immutable.
 */
public final class Play implements Script, Cloneable {

    /** How a connection ends. */
    public enum Ending {
        /** The body's last chunk; the connection stays open for another request, as when a stream is stopped. */
        CLEAN,
        /** TCP's FIN without a last chunk, as when the platform is killed. Everything sent arrives. */
        EOF,
        /** TCP's RST, as from a proxy. What the client has not read by then may be lost to it. */
        RESET
    }

    /** What happens once the counted events are out. */
    enum Then {
        GO_ON,
        CUT,
        SILENCE,
        ERROR
    }

    private int events = Integer.MAX_VALUE;
    private int bytesOfNext;
    private Then then = Then.GO_ON;
    private Ending ending = Ending.CLEAN;
    private String error = "";
    private int chunk;
    private int resend;
    private double rate;
    private boolean heartbeatsWithinGroups;
    private boolean connected = true;
    private String lineEnd = "\n";
    private Optional<byte[]> body = Optional.empty();
    private Coding coding = Coding.IDENTITY;

    private Play() {}

    /** The log, and no fault. */
    public static Play play() {
        return new Play();
    }

    /** Ends cleanly after so many events, at once. */
    public Play cutAfter(int events) {
        return cutAfter(events, Ending.CLEAN);
    }

    public Play cutAfter(int events, Ending ending) {
        return cutWithin(events + 1, 0, ending);
    }

    /** Sends only the first bytes of an event, counted from 1, and closes without an end of the body. */
    public Play cutWithin(int event, int bytes) {
        return cutWithin(event, bytes, Ending.EOF);
    }

    public Play cutWithin(int event, int bytes, Ending ending) {
        return with(copy -> {
            copy.events = event - 1;
            copy.bytesOfNext = bytes;
            copy.then = Then.CUT;
            copy.ending = ending;
        });
    }

    /** Not a byte after so many events, not even heartbeats; the connection stays open. */
    public Play silentAfter(int events) {
        return with(copy -> {
            copy.events = events;
            copy.bytesOfNext = 0;
            copy.then = Then.SILENCE;
        });
    }

    /** An {@code error} frame after so many events, then nothing but heartbeats. */
    public Play errorAfter(int events, String message) {
        return with(copy -> {
            copy.events = events;
            copy.bytesOfNext = 0;
            copy.then = Then.ERROR;
            copy.error = message;
        });
    }

    /** So many bytes in an HTTP chunk, each flushed; without it, a frame in a chunk. */
    public Play chunk(int bytes) {
        return with(copy -> copy.chunk = bytes);
    }

    /** Every batch of so many events (fewer at the log's end) comes twice. */
    public Play resend(int events) {
        return with(copy -> copy.resend = events);
    }

    public Play rate(double eventsPerSecond) {
        return with(copy -> copy.rate = eventsPerSecond);
    }

    /** Between two events of one id, a heartbeat and metrics of that id. */
    public Play heartbeatsWithinGroups() {
        return with(copy -> copy.heartbeatsWithinGroups = true);
    }

    public Play withoutConnected() {
        return with(copy -> copy.connected = false);
    }

    /** Ends every line of every frame in this, CR or CR LF, instead of LF. */
    public Play lineEnd(String lineEnd) {
        return with(copy -> copy.lineEnd = lineEnd);
    }

    /** Compresses the stream, as what stands in front of a platform may do, asked or not; every write is flushed. */
    public Play coding(Coding coding) {
        return with(copy -> copy.coding = coding);
    }

    /** These bytes as the body of a stream in place of the log; what follows them is silence. */
    public Play body(byte[] bytes) {
        return with(copy -> copy.body = Optional.of(bytes));
    }

    /** These bytes as the body of a stream in place of the log, and its end. */
    public Play body(byte[] bytes, Ending ending) {
        return cutAfter(0, ending).body(bytes);
    }

    boolean isOver(int sent) {
        return then != Then.GO_ON && sent >= events;
    }

    int bytesOfNext() {
        return bytesOfNext;
    }

    Then then() {
        return then;
    }

    Ending ending() {
        return ending;
    }

    String error() {
        return error;
    }

    int chunk() {
        return chunk;
    }

    int copies() {
        return resend == 0 ? 1 : 2;
    }

    /** Events taken from the log at a time: without resending, as the platform reads. */
    int batch() {
        return resend == 0 ? 100 : resend;
    }

    double rate() {
        return rate;
    }

    boolean hasHeartbeatsWithinGroups() {
        return heartbeatsWithinGroups;
    }

    boolean hasConnected() {
        return connected;
    }

    Optional<byte[]> body() {
        return body;
    }

    Coding coding() {
        return coding;
    }

    byte[] wire(byte[] lines) {
        if (lineEnd.equals("\n")) {
            return lines;
        }
        String text = new String(lines, StandardCharsets.ISO_8859_1);
        return text.replace("\n", lineEnd).getBytes(StandardCharsets.ISO_8859_1);
    }

    private Play with(Consumer<Play> change) {
        Play copy = clone();
        change.accept(copy);
        return copy;
    }

    @Override
    protected Play clone() {
        try {
            return (Play) super.clone();
        } catch (CloneNotSupportedException e) {
            throw new AssertionError(e);
        }
    }
}
