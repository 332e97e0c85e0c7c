package io.caravan.testkit;

/**
 * What a stream connection is to meet: the log, played with or without faults ({@link Play}); an answer instead of a
 * stream ({@link Answer}); bytes in place of HTTP ({@link Bytes}); or no answer at all ({@link Silence}).
 */
public sealed interface Script permits Play, Answer, Script.Bytes, Script.Silence {

    /** Writes these bytes to the socket as they are, status line and framing included, and closes it. */
    static Script bytes(byte[] everything) {
        return new Bytes(everything);
    }

    /** Takes the request and never answers. */
    static Script silence() {
        return new Silence();
    }

    record Bytes(byte[] everything) implements Script {}

    record Silence() implements Script {}
}
