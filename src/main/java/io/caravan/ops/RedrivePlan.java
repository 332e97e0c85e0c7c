package io.caravan.ops;

import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.ops.RedriveChoice.Fate;
import io.caravan.sink.DeadLetterDay;
import io.caravan.sink.DeadLetterLine;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a redrive does with the dead letters of one day: how many of whom are sent, how many stay and why. */
final class RedrivePlan {

    /** Who refuses events besides the sinks: the by-type routes, and whoever reads the stream. */
    static final List<String> BY_ROUTES = List.of("create", "update", "delete", "merge", "reconcile", "stream");

    private static final int SHOWN = 20;
    private static final String NOBODY = "?";
    private static final int ERROR_SHOWN = 160;

    /** By who refused them; lines that are no dead letter by nobody. */
    private final Map<String, Map<Fate, Long>> counts = new TreeMap<>();

    private final List<DeadLetter> first = new ArrayList<>();

    /** Reads the file, which may grow meanwhile, and touches nothing. */
    RedrivePlan(DeadLetterDay day, RedriveChoice choice) throws IOException {
        try (DeadLetterDay.Lines lines = day.read()) {
            for (Optional<Bytes> next = lines.next(); next.isPresent(); next = lines.next()) {
                Optional<DeadLetterLine> line = DeadLetterLine.read(next.get());
                Fate fate = choice.fateOf(line);
                counts.computeIfAbsent(
                                line.map(read -> read.letter().sink()).orElse(NOBODY), any -> new EnumMap<>(Fate.class))
                        .merge(fate, 1L, Long::sum);
                if (fate == Fate.SENT && first.size() < SHOWN) {
                    first.add(line.orElseThrow().letter());
                }
            }
        }
    }

    long count(Fate fate) {
        return counts.values().stream()
                .mapToLong(fates -> fates.getOrDefault(fate, 0L))
                .sum();
    }

    /** Who has refused what is kept as dead letters. */
    static Set<String> refusers(Path directory) throws IOException {
        Set<String> names = new TreeSet<>();
        RedriveChoice all = new RedriveChoice(Optional.empty(), Optional.empty(), List.of());
        for (DeadLetterDay day : DeadLetterDay.in(directory)) {
            names.addAll(new RedrivePlan(day, all).counts.keySet());
        }
        names.remove(NOBODY);
        return names;
    }

    /** By the sinks that are no longer there. */
    Map<String, Long> withoutSink() {
        Map<String, Long> letters = new TreeMap<>();
        counts.forEach((sink, fates) -> {
            if (fates.containsKey(Fate.NO_SINK)) {
                letters.put(sink, fates.get(Fate.NO_SINK));
            }
        });
        return letters;
    }

    /** Says of every day and sink what a redrive would do, and of the first letters what they are. */
    static void show(Path directory, RedriveChoice choice, PrintStream out) throws IOException {
        List<DeadLetter> examples = new ArrayList<>();
        long all = 0;
        for (DeadLetterDay day : DeadLetterDay.in(directory)) {
            RedrivePlan plan = new RedrivePlan(day, choice);
            plan.counts.forEach((sink, fates) -> fates.forEach((fate, count) -> {
                if (fate != Fate.LEFT) {
                    out.printf("%s  %-8s  %d %s%n", day, shown(sink), count, said(fate));
                }
            }));
            all += plan.count(Fate.SENT);
            plan.first.stream().limit(SHOWN - examples.size()).forEach(examples::add);
        }
        for (DeadLetter letter : examples) {
            out.printf("%s  %s  %s: %s%n", letter.position(), shown(letter.id()), letter.sink(), shown(letter.error()));
        }
        if (all > examples.size()) {
            out.println("...");
        }
        out.println(all + " would be sent");
    }

    static String said(Fate fate) {
        return switch (fate) {
            case SENT -> "would be sent";
            case LEFT -> "not asked for";
            case CANNOT -> "cannot be sent again";
            case NO_SINK -> "stay: caravan.sinks does not name it";
        };
    }

    /** What came from outside, for a terminal. */
    private static String shown(String text) {
        String plain = text.replaceAll("\\p{Cntrl}", " ");
        return plain.length() > ERROR_SHOWN ? plain.substring(0, ERROR_SHOWN) + "..." : plain;
    }
}
