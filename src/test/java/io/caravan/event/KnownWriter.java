package io.caravan.event;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A program that writes batches of known objects until it is killed, and says the number of each that it has written.
 * What a batch puts and removes follows from its number.
 */
final class KnownWriter {

    /** Each is a key, a STIX id, an end and what is referred to. */
    static final List<String> IDS =
            IntStream.range(0, 200).mapToObj(n -> "sighting--" + n).toList();

    private static final int STEPS = 300;

    private KnownWriter() {}

    public static void main(String[] arguments) throws IOException {
        try (State state = new State(Path.of(arguments[0]))) {
            for (long number = state.read().map(Position::batches).orElse(0L) + 1; ; number++) {
                Pending batch = state.begin();
                apply(number, batch);
                state.write(position(number), batch);
                System.out.println(number);
                System.out.flush();
            }
        }
    }

    static void apply(long number, Known known) throws IOException {
        Random random = new Random(number);
        for (int step = 0; step < STEPS; step++) {
            if (random.nextInt(4) == 0) {
                known.remove(any(random));
            } else {
                String text = Long.toHexString(random.nextLong()).repeat(random.nextInt(100));
                StixObject object =
                        StixObjects.object("sighting", any(random), any(random), some(random), some(random), text);
                known.put(new Known.KnownObject(object, random.nextBoolean(), Optional.empty()));
            }
        }
    }

    static Position position(long batches) {
        return new Position(
                "https://opencti.example.org",
                "live",
                new EventId(batches, 0),
                Optional.empty(),
                Optional.empty(),
                batches,
                Position.MARGIN);
    }

    private static String any(Random random) {
        return IDS.get(random.nextInt(IDS.size()));
    }

    private static List<String> some(Random random) {
        List<String> ids = new ArrayList<>();
        for (int n = random.nextInt(4); n > 0; n--) {
            ids.add(any(random));
        }
        return ids;
    }
}
