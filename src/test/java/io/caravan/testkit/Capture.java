package io.caravan.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * Reads a recorded stream body, {@code .sse} or {@code .sse.gz}, into frames that keep its bytes. Concatenated, the
 * frames are the body again, but for a last frame that the recording cut off. Stateless.
 */
public final class Capture {

    private Capture() {}

    /** Every frame of a file. */
    public static List<Frame> read(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return read(in, file.toString());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the capture " + file, e);
        }
    }

    /** Every frame of {@code captures/<name>} on the class path, gzipped there or not: {@code runA/runA-all.sse}. */
    public static List<Frame> read(String name) {
        String resource = "/captures/" + name;
        URL found = Stream.of(resource, resource + ".gz")
                .map(Capture.class::getResource)
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(resource + " is not on the class path"));
        try (InputStream in = found.openStream()) {
            return read(in, found.getPath());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the capture " + resource, e);
        }
    }

    /** Only its events, dependencies and snapshot included: what a platform's log holds. */
    public static List<Frame> events(Path file) {
        return read(file).stream().filter(Frame::isEvent).toList();
    }

    public static List<Frame> events(String name) {
        return read(name).stream().filter(Frame::isEvent).toList();
    }

    private static List<Frame> read(InputStream in, String name) throws IOException {
        return frames(name.endsWith(".gz") ? new GZIPInputStream(in).readAllBytes() : in.readAllBytes());
    }

    private static List<Frame> frames(byte[] body) {
        List<Frame> frames = new ArrayList<>();
        int start = 0;
        for (int i = 1; i < body.length; i++) {
            if (body[i] == '\n' && body[i - 1] == '\n') {
                frames.add(Frame.raw(Arrays.copyOfRange(body, start, i + 1)));
                start = i + 1;
                i++;
            }
        }
        return List.copyOf(frames);
    }
}
