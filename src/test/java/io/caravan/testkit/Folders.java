package io.caravan.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Folders of tests. Stateless. */
public final class Folders {

    private Folders() {}

    /** With all that is in it. */
    public static void delete(Path folder) throws IOException {
        for (Path file : deepestFirst(folder)) {
            Files.delete(file);
        }
    }

    private static List<Path> deepestFirst(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.sorted(Comparator.reverseOrder()).toList();
        }
    }
}
