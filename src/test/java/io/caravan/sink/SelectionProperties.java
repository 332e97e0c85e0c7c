package io.caravan.sink;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Batch;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Meaning;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.Readings;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import io.caravan.event.Unreadable;
import io.caravan.sink.SmallPlatform.Act;
import io.caravan.sink.SmallPlatform.Moment;
import io.caravan.testkit.Folders;
import io.caravan.testkit.Frame;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
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
import net.jqwik.api.RandomDistribution;

/**
 * Whatever happens on a platform, and however it is cut into batches of which some come twice: at the destination are the
 * reports that the door lets through, and what these contain and need, in their last state, and nothing else, but that
 *
 * <ul>
 *   <li>authors and markings stay when nothing needs them any longer, and then hear of nothing,
 *   <li>of markings, no changes come,
 *   <li>a relation goes with what it ends at when@@ * </ul>
 */
class SelectionProperties {

    private static final Set<String> THAT_STAY = Set.of("identity", "marking-definition");

    private record Step(Act act, int place, int one, int other, Cut cut) {}

    /** Where a batch ends. */
    private enum Cut {
        NONE,
        HERE,
        /** At first, it was delivered with more behind it. */
        AFTER_MORE,
        /** At first, it was delivered without its last events. */
        AFTER_LESS
    }

    @Property(tries = 100, edgeCases = EdgeCasesMode.NONE)
    void theReportsAndWhatTheyContainAreThere(@ForAll("steps") List<Step> steps, @ForAll("doors") Door door)
            throws Exception {
        SmallPlatform platform = new SmallPlatform();
        List<Integer> ends = new ArrayList<>();
        List<Cut> cuts = new ArrayList<>();
        for (Step step : steps) {
            platform.act(step.act, step.place, step.one, step.other);
            if (step.cut != Cut.NONE) {
                ends.add(platform.frames().size());
                cuts.add(step.cut);
            }
        }
        Path directory = Files.createTempDirectory("selection");
        try (State state = new State(directory.resolve("state"))) {
            SmallDestination destination = new SmallDestination(platform, door);
            int from = 0;
            int told = 0;
            for (int i = 0; i < ends.size(); i++) {
                int until = ends.get(i);
                int first =
                        switch (cuts.get(i)) {
                            case AFTER_MORE ->
                                Math.min(until + 3, platform.frames().size());
                            case AFTER_LESS -> (from + until) / 2;
                            default -> from;
                        };
                if (first > from) {
                    deliver(platform.frames().subList(from, first), state, destination, door, told);
                    told = Math.max(told, first);
                }
                state.write(
                        position(until),
                        deliver(platform.frames().subList(from, until), state, destination, door, told));
                told = Math.max(told, until);
                from = until;
                if (told == until) {
                    assertThatAllIsThere(destination, platform.behind(until), door);
                }
            }
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\n" + platform, e);
        } finally {
            Folders.delete(directory);
        }
    }

    private static Pending deliver(List<Frame> frames, State state, SmallDestination destination, Door door, int told)
            throws IOException, Unreadable {
        Pending known = state.begin();
        Readings readings = new Readings(known, false);
        List<Meaning> meanings = new ArrayList<>();
        for (Frame frame : frames) {
            meanings.add(readings.read(frame));
        }
        Batch batch = new Batch(position(0), position(1), Instant.EPOCH, meanings);
        Contents contents = new Contents(state::look, (exchange, sink, event, failure) -> {});
        for (Meaning meaning : contents.of(door.let(batch, NoneFails::take), Set.of("report"), door, NoneFails::take)
                .meanings()) {
            destination.take(meaning, told);
        }
        return known;
    }

    private static void assertThatAllIsThere(SmallDestination destination, Moment moment, Door door)
            throws IOException {
        Set<String> needed = moment.needed(door);
        for (String key : needed) {
            if (destination.lost().contains(key)) {
                continue;
            }
            KnownObject known = moment.known().get(key);
            StixObject object = destination.there().get(key);
            assertThat(object).as("%s is there", key).isNotNull();
            if (!object.type().equals("marking-definition")) {
                assertThat(version(object)).as("%s in its last state", key).isEqualTo(version(known.object()));
            }
        }
        for (StixObject object : destination.there().values()) {
            if (!THAT_STAY.contains(object.type())) {
                assertThat(needed).as("what is needed").contains(object.key());
            }
        }
    }

    private static String version(StixObject object) throws IOException {
        return Json.tree(object.json()).path("description").asText() + " " + object.id();
    }

    private static Position position(int event) {
        return Position.startingAt("selection", "live", new EventId(event, 0));
    }

    @Provide
    Arbitrary<Door> doors() {
        return Arbitraries.of(
                Door.OPEN,
                new Door(Optional.of(Tlp.GREEN), Set.of()),
                new Door(Optional.empty(), Set.of("report", "tool", "malware", "relationship")));
    }

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Integer> number =
                Arbitraries.integers().between(0, (1 << 14) - 1).withoutEdgeCases();
        Arbitrary<Cut> cut = Arbitraries.of(
                Cut.NONE, Cut.NONE, Cut.NONE, Cut.HERE, Cut.HERE, Cut.HERE, Cut.AFTER_MORE, Cut.AFTER_LESS);
        return Combinators.combine(Arbitraries.of(Act.class), number, number, number, cut)
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(60)
                .withSizeDistribution(RandomDistribution.uniform());
    }
}
