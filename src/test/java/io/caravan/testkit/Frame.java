package io.caravan.testkit;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;

/**
 * One frame of the stream, with the exact bytes that go over the wire, its closing empty line included. Immutable as
 * long as nobody writes into {@code wire}.
 *
 * @param id the {@code id:} line's value; empty for a frame without one
 * @param event the {@code event:} line's value; empty for a frame without one
 */
public record Frame(String id, String event, byte[] wire) {

    private static final Set<String> EVENTS = Set.of("create", "update", "delete", "merge");
    private static final byte[] DEPENDENCY = utf8("\"referer\":\"init-dependencies\"");
    private static final byte[] SNAPSHOT = utf8("\"referer\":\"init-create\"");

    public static Frame of(String id, String event, String data) {
        return of(id, event, utf8(data));
    }

    /** A frame as the platform writes it: id (unless empty), event, one line of data. */
    public static Frame of(String id, String event, byte[] data) {
        byte[] head = utf8((id.isEmpty() ? "" : "id: " + id + "\n") + "event: " + event + "\ndata: ");
        byte[] wire = Arrays.copyOf(head, head.length + data.length + 2);
        System.arraycopy(data, 0, wire, head.length, data.length);
        wire[wire.length - 2] = '\n';
        wire[wire.length - 1] = '\n';
        return new Frame(id, event, wire);
    }

    /** Bytes to be sent as they are; id and event are read from its lines, which end in LF. */
    public static Frame raw(byte[] wire) {
        return new Frame(lastField(wire, "id"), lastField(wire, "event"), wire);
    }

    /** The payload: the {@code data:} lines, joined by LF. */
    public byte[] data() {
        return field(wire, "data");
    }

    /** Whether it is a create, update, delete or merge, dependencies and snapshot included. */
    public boolean isEvent() {
        return EVENTS.contains(event);
    }

    public boolean isDependency() {
        return contains(wire, DEPENDENCY);
    }

    public boolean isSnapshot() {
        return contains(wire, SNAPSHOT);
    }

    /** An event that is neither a dependency nor from a snapshot. */
    public boolean isMain() {
        return isEvent() && !isDependency() && !isSnapshot();
    }

    @Override
    public String toString() {
        return "Frame[" + id + " " + event + ", " + wire.length + " bytes]";
    }

    private static String lastField(byte[] wire, String name) {
        String values = new String(field(wire, name), StandardCharsets.UTF_8);
        return values.substring(values.lastIndexOf('\n') + 1);
    }

    private static byte[] field(byte[] wire, String name) {
        byte[] key = utf8(name + ":");
        ByteArrayOutputStream values = new ByteArrayOutputStream();
        boolean found = false;
        for (int start = 0, end; start < wire.length; start = end + 1) {
            end = lineEnd(wire, start);
            if (startsWith(wire, start, key)) {
                if (found) {
                    values.write('\n');
                }
                found = true;
                int value = start + key.length;
                int blank = value < end && wire[value] == ' ' ? 1 : 0;
                values.write(wire, value + blank, end - value - blank);
            }
        }
        return values.toByteArray();
    }

    private static int lineEnd(byte[] bytes, int start) {
        int end = start;
        while (end < bytes.length && bytes[end] != '\n') {
            end++;
        }
        return end;
    }

    private static boolean contains(byte[] bytes, byte[] part) {
        for (int at = 0; at <= bytes.length - part.length; at++) {
            if (startsWith(bytes, at, part)) {
                return true;
            }
        }
        return false;
    }

    private static boolean startsWith(byte[] bytes, int at, byte[] part) {
        return at + part.length <= bytes.length && Arrays.equals(bytes, at, at + part.length, part, 0, part.length);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
