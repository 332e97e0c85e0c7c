package io.caravan.opencti.stream;

import io.caravan.event.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * Parses an event stream (WHATWG HTML, 9.2.6 "Interpreting an event stream") from bytes that come in any pieces. It knows
 * no HTTP; one parser reads one connection, on the thread that reads it, and calls its listener on that thread before it
 * goes on: a listener that blocks holds the connection back.
 *
 * <p>Lines end in LF, CR or CRLF and in nothing else, wherever the pieces are cut. The data is handed on as the bytes
 * that came, so an invalid UTF-8 sequence stays as it is for whoever reads the data. An event whose data is larger than
 * the limit is counted and not kept. A last event that no empty line ends is never dispatched.
 */
final class SseParser {

    interface Listener {
        void event(Frame frame);

        /** The {@code retry} field: the platform wishes this wait before a reconnect, in milliseconds. */
        default void retry(long millis) {}
    }

    private enum At {
        /** The stream's first bytes, which may be a byte order mark. */
        START,
        NAME,
        /** Behind the colon, where one space is dropped. */
        COLON,
        DATA,
        /** In the value of event, id or retry. */
        VALUE,
        /** In a comment or an unknown field. */
        IGNORED
    }

    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};
    private static final Bytes NO_DATA = new Bytes(new byte[0], 0);
    private static final int INITIAL_BUFFER = 16 * 1024;
    /** From here on a buffer that an event fills by more than half is handed on instead of copied. */
    private static final int HAND_OVER = 64 * 1024;
    /** Names, ids and times that are longer are taken for an unknown field. */
    private static final int LONGEST_VALUE = 64 * 1024;

    private final int maxDataBytes;
    private final Listener listener;

    private At at = At.START;
    private int markBytes;
    private boolean afterCarriageReturn;

    /** The current line: the field's name, and its value unless it is data. */
    private final byte[] name = new byte[6];

    private int nameLength;
    private byte[] value = new byte[256];
    private int valueLength;

    private Optional<String> lastId = Optional.empty();

    /** The current block. */
    private String event = "";

    private Optional<String> id = Optional.empty();
    private boolean hasData;
    private byte[] data = new byte[INITIAL_BUFFER];
    private int dataLength;
    private long dataSize;

    SseParser(int maxDataBytes, Listener listener) {
        this.maxDataBytes = maxDataBytes;
        this.listener = listener;
    }

    /** The last event id as the standard has it: the block's being dispatched, or else the last one before it. */
    Optional<String> lastId() {
        return lastId;
    }

    /** Takes the next piece of the stream: the bytes from one index up to another. */
    void parse(byte[] bytes, int from, int to) {
        int i = from;
        while (i < to) {
            byte b = bytes[i];
            if (afterCarriageReturn) {
                afterCarriageReturn = false;
                if (b == '\n') {
                    i++;
                    continue;
                }
            }
            if (b == '\n' || b == '\r') {
                afterCarriageReturn = b == '\r';
                endLine();
                i++;
                continue;
            }
            switch (at) {
                case START -> i = byteOrderMark(b, i);
                case NAME -> {
                    i++;
                    if (b == ':') {
                        at = At.COLON;
                    } else if (nameLength < name.length) {
                        name[nameLength++] = b;
                    }
                }
                case COLON -> {
                    beginValue();
                    if (b == ' ') {
                        i++;
                    }
                }
                case DATA -> {
                    int end = endOfLine(bytes, i, to);
                    appendData(bytes, i, end - i);
                    i = end;
                }
                case VALUE -> {
                    appendValue(b);
                    i++;
                }
                case IGNORED -> i = endOfLine(bytes, i, to);
            }
        }
    }

    private int byteOrderMark(byte b, int i) {
        if (b == BYTE_ORDER_MARK[markBytes]) {
            markBytes++;
            if (markBytes == BYTE_ORDER_MARK.length) {
                at = At.NAME;
            }
            return i + 1;
        }
        at = At.NAME;
        if (markBytes > 0) { // half a mark is the start of a name that nobody knows
            Arrays.fill(name, (byte) '?');
            nameLength = name.length;
        }
        return i;
    }

    private void endLine() {
        switch (at) {
            case START, NAME -> {
                if (nameLength == 0 && (at == At.NAME || markBytes == 0)) {
                    dispatch();
                } else {
                    beginValue();
                    endValue();
                }
            }
            case COLON -> {
                beginValue();
                endValue();
            }
            default -> endValue();
        }
        at = At.NAME;
        nameLength = 0;
        valueLength = 0;
    }

    private void beginValue() {
        if (isField("data")) {
            at = At.DATA;
            if (hasData) {
                appendData(new byte[] {'\n'}, 0, 1);
            }
            hasData = true;
        } else if (isField("event") || isField("id") || isField("retry")) {
            at = At.VALUE;
        } else {
            at = At.IGNORED;
        }
    }

    private void endValue() {
        if (at != At.VALUE || valueLength > LONGEST_VALUE) {
            return;
        }
        String text = new String(value, 0, valueLength, StandardCharsets.UTF_8);
        if (isField("event")) {
            event = text;
        } else if (isField("id")) {
            if (text.indexOf('\0') < 0) {
                id = Optional.of(text);
                lastId = id;
            }
        } else if (!text.isEmpty() && text.length() <= 9 && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            listener.retry(Long.parseLong(text));
        }
    }

    private void dispatch() {
        if (hasData) {
            listener.event(new Frame(event.isEmpty() ? "message" : event, id, takeData(), dataSize));
        }
        event = "";
        id = Optional.empty();
        hasData = false;
        dataLength = 0;
        dataSize = 0;
    }

    private Bytes takeData() {
        if (dataSize > maxDataBytes) {
            return NO_DATA;
        }
        if (dataLength < HAND_OVER || dataLength <= data.length / 2) {
            return new Bytes(Arrays.copyOf(data, dataLength), dataLength);
        }
        Bytes whole = new Bytes(data, dataLength);
        data = new byte[INITIAL_BUFFER];
        return whole;
    }

    private void appendData(byte[] bytes, int from, int count) {
        dataSize += count;
        if (dataSize > maxDataBytes) {
            data = data.length > HAND_OVER ? new byte[INITIAL_BUFFER] : data;
            dataLength = 0;
            return;
        }
        if (dataLength + count > data.length) {
            long doubled = Math.max(2L * data.length, dataLength + count);
            data = Arrays.copyOf(data, (int) Math.min(doubled, maxDataBytes));
        }
        System.arraycopy(bytes, from, data, dataLength, count);
        dataLength += count;
    }

    private void appendValue(byte b) {
        if (valueLength == value.length && valueLength <= LONGEST_VALUE) {
            value = Arrays.copyOf(value, 2 * value.length);
        }
        if (valueLength < value.length) {
            value[valueLength++] = b;
        }
    }

    private boolean isField(String field) {
        if (nameLength != field.length()) {
            return false;
        }
        for (int i = 0; i < nameLength; i++) {
            if (name[i] != field.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private static int endOfLine(byte[] bytes, int from, int to) {
        int i = from;
        while (i < to && bytes[i] != '\n' && bytes[i] != '\r') {
            i++;
        }
        return i;
    }
}
