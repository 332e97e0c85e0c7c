package io.caravan.event;

import io.caravan.event.Known.FormerEnds;
import io.caravan.event.Known.KnownObject;
import io.caravan.testkit.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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

    private record Put(KnownObject object) implements Step {
        @Override
        public void applyTo(Known known) throws IOException {
            known.put(object);
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

    private record Told(List<Step> steps, boolean isTakenBack) {}

    private record Batch(List<Told> told, Fate fate) {}

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
                for (Told told : batch.told()) {
                    KnownModel before = model.copy();
                    pending.mark();
                    for (Step step : told.steps()) {
                        step.applyTo(pending);
                        step.applyTo(model);
                        model.assertSameAs(pending, IDS);
                    }
                    if (told.isTakenBack()) {
                        pending.takeBack();
                        model = before;
                        model.assertSameAs(pending, IDS);
                    }
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
            Folders.delete(directory);
        }
    }

    @Provide
    Arbitrary<List<Batch>> batches() {
        Arbitrary<List<Told>> told = Combinators.combine(
                        steps().list().ofMaxSize(4), Arbitraries.of(false, false, true))
                .as(Told::new)
                .list()
                .ofMaxSize(3);
        return Combinators.combine(told, Arbitraries.of(Fate.class))
                .as(Batch::new)
                .list()
                .ofMaxSize(6);
    }

    private static Arbitrary<Step> steps() {
        Arbitrary<String> id = Arbitraries.of(IDS);
        Arbitrary<String> internalId = Arbitraries.oneOf(id, Arbitraries.just(""));
        Arbitrary<List<String>> ids = id.list().ofMaxSize(3);
        Arbitrary<String> type = Arbitraries.of("sighting", "malware");
        Arbitrary<Optional<Tlp>> strictest = Arbitraries.of(Tlp.class).optional();
        Arbitrary<Optional<FormerEnds>> formerEnds = Combinators.combine(
                        Arbitraries.longs().between(0, Long.MAX_VALUE), ids)
                .as((number, ends) -> new FormerEnds(new EventId(number, Long.MAX_VALUE - number), Set.copyOf(ends)))
                .optional();
        Arbitrary<StixObject> object = Combinators.combine(type, internalId, id, ids, ids)
                .as((of, internal, stix, ends, references) ->
                        StixObjects.object(of, internal, stix, ends, references, ""));
        Arbitrary<Step> put = Combinators.combine(object, Arbitraries.of(true, false), strictest, ids, formerEnds)
                .as((one, dependency, tlp, former, ends) ->
                        new Put(new KnownObject(one, dependency, tlp, Set.copyOf(former), ends)));
        return Arbitraries.frequencyOf(Tuple.of(3, put), Tuple.of(1, id.map(Remove::new)));
    }
}
