package io.caravan.opencti.push;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import io.caravan.event.Durably;
import io.caravan.event.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a destination has queued and not told of yet, on the disk: a folder a destination, and in it a file a run, named by
 * a number, whole or not there. Safe for threads.
 */
public final class PushedFiles {

    private static final Pattern PLAIN = Pattern.compile("[a-z0-9][a-z0-9-]{0,63}");
    private static final Pattern NAME = Pattern.compile("[0-9]{16}\\.json");
    private static final Pattern TORN = Pattern.compile(NAME + "\\.next");
    private static final ObjectReader READER = Json.mapper().readerFor(PushedRun.class);
    private static final ObjectWriter WRITER =
            Json.mapper().writerFor(PushedRun.class).without(JsonGenerator.Feature.AUTO_CLOSE_TARGET);

    private final Path folder;
    private Optional<Long> last = Optional.empty();
    private boolean isLookedAt;

    public PushedFiles(Path folder) {
        this.folder = folder;
    }

    /** Those of a destination: a name that a file could not have, stands there as another. */
    public static PushedFiles of(String destination, Path root) {
        boolean isPlain = PLAIN.matcher(destination).matches();
        return new PushedFiles(root.resolve(
                isPlain
                        ? destination
                        : UUID.nameUUIDFromBytes(destination.getBytes(StandardCharsets.UTF_8))
                                .toString()));
    }

    /** On the disk when it returns; what fails may be tried again. */
    synchronized Path keep(PushedRun run) throws IOException {
        long number = 1 + (last.isPresent() ? last.get() : highest());
        Path file = folder.resolve(String.format(Locale.ROOT, "%016d.json", number));
        Durably.replace(file, out -> WRITER.writeValue(out, run));
        last = Optional.of(number);
        return file;
    }

    /** What an earlier run of the program has left, the oldest first. Whoever asks first takes it, others get nothing. */
    synchronized List<Path> left() throws IOException {
        if (isLookedAt) {
            return List.of();
        }
        isLookedAt = true;
        for (Path torn : files(TORN)) {
            Files.deleteIfExists(torn);
        }
        return files(NAME);
    }

    /** Empty where there is none, or what there is cannot be one. */
    Optional<PushedRun> read(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return Optional.ofNullable(READER.readValue(in));
        } catch (JsonProcessingException | NoSuchFileException e) {
            return Optional.empty();
        }
    }

    void remove(Path file) throws IOException {
        Files.deleteIfExists(file);
    }

    private long highest() throws IOException {
        List<Path> files = files(NAME);
        String name = files.isEmpty()
                ? "0"
                : files.get(files.size() - 1).getFileName().toString();
        return Long.parseLong(name.replaceFirst("\\..*", ""));
    }

    private List<Path> files(Pattern name) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(
                            file -> name.matcher(file.getFileName().toString()).matches())
                    .sorted()
                    .toList();
        }
    }
}
