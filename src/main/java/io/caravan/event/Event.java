package io.caravan.event;

import java.nio.charset.StandardCharsets;

/**
 * One frame of data on the stream: what the platform called it, and its envelope byte for byte as it came. Of the
 * envelope only what routing and the position need has been read.
 *
 * @param op the event's name on the wire: {@code create}, {@code update}, {@code delete} or {@code merge}
 * @param envelope what of it has been read
 * @param raw the envelope, valid JSON; nothing where it is withheld from a sink
 * @param kept what a dead letter keeps of it: the envelope, also where it is withheld
 */
public record Event(EventId id, String op, Envelope envelope, Bytes raw, Bytes kept) {

    public Event(EventId id, String op, Envelope envelope, Bytes raw) {
        this(id, op, envelope, raw, raw);
    }

    /** Why the platform sent it, by {@code origin.referer}. */
    public enum Kind {
        /** Something happened to the object. */
        MAIN,
        /** Another event needs the object ({@code init-dependencies}). */
        DEPENDENCY,
        /** The object is part of a snapshot ({@code init-create}). */
        SNAPSHOT
    }

    public Kind kind() {
        return envelope.kind();
    }

    /** The object it is about ({@code data}). */
    public StixObject object() {
        return envelope.object();
    }

    /** Its STIX id. */
    public String objectId() {
        return envelope.object().id();
    }

    /**
     * 64 bits of the name, the STIX id and whether it is a dependency: what tells the events that share one id apart.
     * The same object may come twice under one id and name, first as a dependency and then as itself.
     */
    public long fingerprint() {
        return fingerprint(op, objectId(), kind() == Kind.DEPENDENCY);
    }

    static long fingerprint(String op, String objectId, boolean dependency) {
        long hash = fnv(0xcbf29ce484222325L, op);
        hash = fnv(hash, dependency ? " dependency " : " ");
        return mixed(fnv(hash, objectId));
    }

    /** 64 bits of a text. */
    public static long hash(String text) {
        return mixed(fnv(0xcbf29ce484222325L, text));
    }

    private static long mixed(long fnv) {
        long hash = fnv;
        hash ^= hash >>> 32; // FNV's high bits know little of the last bytes
        hash *= 0xd6e8feb86659fd93L;
        return hash ^ (hash >>> 32);
    }

    private static long fnv(long hash, String text) {
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return hash;
    }

    /** Short, for logs: what happened to which object, and where in the stream. */
    @Override
    public String toString() {
        return op + " " + objectId() + " at " + id;
    }
}
