package io.caravan.event;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** Whatever batches put and remove, are given up and begun anew: what is known is what a plain map says. */
class KnownObjectsProperties {

    /** Few, so that they meet; some that would be one another if keys were put together carelessly. */
    private static final List<String> IDS = List.of(
            "malware--1", "malware--2", "sighting--1", "a", "ab", "b", "position", "\u0000", "a\u0000b", "\ud800", "?");

    private interface Step {
        void applyTo(Known known) throws IOException;
    }

    private record Put(StixObject object, boolean dependency) implements Step {
        @Override
        public void applyTo(Known known) throws IOException {
            known.put(object, dependency);
        }
    }

    private record Remove(String key) implements Step {
        @Override
        public void applyTo(Known known) throws IOException {
            known.remove(key);
        }
    }

    private enum Fate {
        WRITTEN,
        WRITTEN_AND_REOPENED,
        GIVEN_UP
    }

    private record Batch(List<Step> steps, Fate fate) {}

    @Property(tries = 100, edgeCases = EdgeCasesMode.NONE)
    void knowsWhatAPlainMapKnows(@ForAll("batches") List<Batch> batches) throws IOException {
        Path directory = Files.createTempDirectory("known");
        State state = new State(directory.resolve("state"));
        try {
            KnownModel stored = new KnownModel();
            long written = 0;
            for (Batch batch : batches) {
                Pending pending = state.begin();
                KnownModel model = stored.copy();
                for (Step step : batch.steps()) {
                    step.applyTo(pending);
                    step.applyTo(model);
                    model.assertSameAs(pending, IDS);
                }
                if (batch.fate() != Fate.GIVEN_UP) {
                    state.write(KnownWriter.position(++written), pending);
                    stored = model;
                }
                if (batch.fate() == Fate.WRITTEN_AND_REOPENED) {
                    state.close();
                    state = new State(directory.resolve("state"));
                }
                stored.assertSameAs(state.begin(), IDS);
            }
        } finally {
            state.close();
            delete(directory);
        }
    }

    @Provide
    Arbitrary<List<Batch>> batches() {
        Arbitrary<List<Step>> steps = steps().list().ofMaxSize(8);
        return Combinators.combine(steps, Arbitraries.of(Fate.class))
                .as(Batch::new)
                .list()
                .ofMaxSize(6);
    }

    private static Arbitrary<Step> steps() {
        Arbitrary<String> id = Arbitraries.of(IDS);
        Arbitrary<String> internalId = Arbitraries.oneOf(id, Arbitraries.just(""));
        Arbitrary<List<String>> ids = id.list().ofMaxSize(3);
        Arbitrary<String> type = Arbitraries.of("sighting", "malware");
        Arbitrary<Step> put = Combinators.combine(type, internalId, id, ids, ids, Arbitraries.of(true, false))
                .as((of, internal, stix, ends, references, dependency) ->
                        new Put(StixObjects.object(of, internal, stix, ends, references, ""), dependency));
        return Arbitraries.frequencyOf(Tuple.of(3, put), Tuple.of(1, id.map(Remove::new)));
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }
}
