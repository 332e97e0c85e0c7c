package io.caravan.ops;

import io.caravan.event.State;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** What a restore keeps on the disk until it is done, apart from its progress: what a journal told, what has gone, what goes again, what is not told of. */
record RestoreFolder(Path root) {

    private Path store() {
        return root.resolve("store");
    }

    private Path circles() {
        return root.resolve("circles");
    }

    Path pushed() {
        return root.resolve("pushed");
    }

    State open() {
        return new State(store());
    }

    boolean isThere() {
        return Files.isDirectory(store());
    }

    boolean isInUse() throws IOException {
        return State.isInUse(store());
    }

    /** Notes objects that have to go again. */
    void goAgain(Collection<String> ids) throws IOException {
        if (!ids.isEmpty()) {
            Files.write(circles(), ids, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }

    Set<String> goingAgain() throws IOException {
        return Files.exists(circles()) ? new LinkedHashSet<>(Files.readAllLines(circles())) : Set.of();
    }

    void remove() throws IOException {
        if (Files.exists(root)) {
            List<Path> all;
            try (Stream<Path> files = Files.walk(root)) {
                all = files.sorted(Comparator.reverseOrder()).toList();
            }
            for (Path file : all) {
                Files.deleteIfExists(file);
            }
        }
    }
}
