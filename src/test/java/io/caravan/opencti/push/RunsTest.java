package io.caravan.opencti.push;

import static io.caravan.event.Changes.batch;
import static io.caravan.event.Changes.object;
import static io.caravan.event.Changes.remove;
import static io.caravan.event.Changes.removed;
import static io.caravan.event.Changes.renamed;
import static io.caravan.event.Changes.upsert;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.Changes;
import io.caravan.event.Json;
import io.caravan.event.RecordFailedException;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RunsTest {

    private static final StixObject ALPHA = object("malware--00000000-0000-4000-8000-00000000000a", "a", "Alpha");
    private static final StixObject ALPHA_CHANGED = object(ALPHA.id(), "a", "Alpha, changed");
    private static final StixObject ALPHA_RENAMED =
            object("malware--00000000-0000-4000-8000-0000000000aa", "a", "Another");
    private static final StixObject BETA = object("tool--00000000-0000-4000-8000-00000000000b", "b", "Beta");
    private static final StixObject LINK = object("""
            {"id":"relationship--00000000-0000-4000-8000-00000000000c","type":"relationship","source_ref":"%s","target_ref":"%s"}""".formatted(ALPHA.id(), BETA.id()));

    @Test
    void anUpsertGoesAsItCame() throws IOException {
        Run run = only(batch(1, upsert(ALPHA)));
        assertThat(run.items().get(0).json()).isSameAs(ALPHA.json());
    }

    @Test
    void whatIsNeededComesBefore() throws IOException {
        assertThat(ids(only(batch(1, upsert(LINK), upsert(BETA), upsert(ALPHA)))))
                .containsExactly(ALPHA.id(), BETA.id(), LINK.id());
    }

    @Test
    void aCircleIsBrokenSomewhere() throws IOException {
        StixObject one = object("""
                {"id":"note--1","type":"note","object_refs":["note--2"]}""");
        StixObject other = object("""
                {"id":"note--2","type":"note","object_refs":["note--1"]}""");
        assertThat(ids(only(batch(1, upsert(one), upsert(other))))).containsExactlyInAnyOrder("note--1", "note--2");
    }

    @Test
    void aLongChainIsNoTrouble() throws IOException {
        List<Change> chain = IntStream.range(0, 20_000)
                .mapToObj(n -> upsert(object("""
                        {"id":"note--%d","type":"note","object_refs":["note--%d"]}""".formatted(n, n + 1))))
                .toList();
        assertThat(ids(only(batch(1, chain)))).startsWith("note--19999").endsWith("note--0");
    }

    @Test
    void anObjectStandsOnceInItsLastState() throws IOException {
        Run run = only(batch(1, upsert(ALPHA), upsert(BETA), upsert(ALPHA_CHANGED)));
        assertThat(ids(run)).containsExactly(BETA.id(), ALPHA.id());
        assertThat(run.items().get(1).json()).isEqualTo(ALPHA_CHANGED.json());
    }

    @Test
    void aRemovalClosesTheRun() throws IOException {
        List<Run> runs = runs(batch(1, upsert(ALPHA), remove(ALPHA), remove(BETA), upsert(ALPHA_CHANGED)));
        assertThat(runs)
                .extracting(RunsTest::ids)
                .containsExactly(List.of(ALPHA.id()), List.of(ALPHA.id(), BETA.id()), List.of(ALPHA.id()));
        assertThat(opencti(runs.get(1).items().get(0)).path("opencti_operation").asText())
                .isEqualTo("delete");
    }

    @Test
    void removalsStayInTheOrderInWhichTheyCame() throws IOException {
        assertThat(ids(only(batch(1, remove(LINK), remove(ALPHA), remove(BETA)))))
                .containsExactly(LINK.id(), ALPHA.id(), BETA.id());
    }

    @Test
    void aRemovalIsLeftOutWhereItIsNotWanted() throws IOException {
        assertThat(Runs.of(batch(1, remove(ALPHA)), new Wording(Optional.empty()), false, RunsTest::noneFails))
                .isEmpty();
    }

    @Test
    void whatNoObjectCanBeMadeOfIsSaidAndTheOthersGo() throws IOException {
        List<String> failed = new ArrayList<>();
        List<Run> runs = Runs.of(
                batch(1, remove(ALPHA), Changes.broken(remove(BETA)), remove(LINK)),
                new Wording(Optional.empty()),
                true,
                (change, failure) -> failed.add(change.object().id() + ": " + failure.getMessage()));

        assertThat(runs).extracting(RunsTest::ids).containsExactly(List.of(ALPHA.id(), LINK.id()));
        assertThat(failed).singleElement().asString().startsWith(BETA.id() + ": an error in Caravan: ");
    }

    @Test
    void whatWasToldByAnotherIdIsRemovedByThat() throws IOException {
        Run run = only(batch(1, removed("malware--told", ALPHA)));
        assertThat(Json.tree(run.items().get(0).json()).path("id").asText()).isEqualTo("malware--told");
    }

    @Test
    void whatOthersBearGoesInARunOfItsOwnBeforeThem() throws IOException {
        StixObject label = object("""
                {"id":"label--1","type":"label","value":"l"}""");
        StixObject marking = object("""
                {"id":"marking-definition--1","type":"marking-definition"}""");
        assertThat(runs(batch(1, upsert(ALPHA), upsert(label), upsert(BETA), upsert(marking))))
                .extracting(RunsTest::ids)
                .containsExactly(List.of(label.id(), marking.id()), List.of(ALPHA.id(), BETA.id()));
    }

    @Test
    void aRemovalNamesTheEndsOfWhatIsRemoved() throws IOException {
        StixObject sighting = object("""
                {"id":"sighting--1","type":"sighting","sighting_of_ref":"%s","where_sighted_refs":["identity--1"],"count":3}""".formatted(ALPHA.id()));
        JsonNode removal =
                Json.tree(only(batch(1, remove(sighting))).items().get(0).json());
        assertThat(removal.path("sighting_of_ref").asText()).isEqualTo(ALPHA.id());
        assertThat(removal.path("where_sighted_refs")).hasSize(1);
        assertThat(removal.has("count")).isFalse();
        JsonNode other = Json.tree(only(batch(1, remove(LINK))).items().get(0).json());
        assertThat(other.path("source_ref").asText()).isEqualTo(ALPHA.id());
        assertThat(other.path("target_ref").asText()).isEqualTo(BETA.id());
    }

    @Test
    void aRenameCarriesTheIdBeforeAndStandsInARunOfItsOwn() throws IOException {
        List<Run> runs =
                runs(batch(1, upsert(ALPHA), renamed(ALPHA.id(), ALPHA_RENAMED), upsert(ALPHA_RENAMED), upsert(BETA)));
        assertThat(runs)
                .extracting(RunsTest::ids)
                .containsExactly(
                        List.of(ALPHA.id()), List.of(ALPHA_RENAMED.id()), List.of(ALPHA_RENAMED.id(), BETA.id()));
        assertThat(opencti(runs.get(1).items().get(0)).path("stix_ids").toString())
                .isEqualTo("[\"" + ALPHA.id() + "\"]");
    }

    @Test
    void anAuthorIsSetWhereThereIsNone() throws IOException {
        String author = "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff";
        StixObject authored = object("""
                {"id":"tool--1","type":"tool","created_by_ref":"identity--x"}""");
        StixObject identity = object("identity--2", "i", "Somebody");
        List<Run> runs = Runs.of(
                batch(1, upsert(ALPHA), upsert(authored), upsert(identity)),
                new Wording(Optional.of(author)),
                true,
                RunsTest::noneFails);
        assertThat(runs.get(0).items())
                .extracting(
                        item -> Json.tree(item.json()).path("created_by_ref").asText())
                .containsExactly(author, "identity--x", "");
    }

    private static JsonNode opencti(Item item) throws IOException {
        return Json.tree(item.json()).path("extensions").path(StixObject.OPENCTI);
    }

    private static Run only(Batch batch) throws IOException {
        List<Run> runs = runs(batch);
        assertThat(runs).hasSize(1);
        return runs.get(0);
    }

    private static List<Run> runs(Batch batch) throws IOException {
        return Runs.of(batch, new Wording(Optional.empty()), true, RunsTest::noneFails);
    }

    static void noneFails(Change change, RecordFailedException failure) {
        throw new AssertionError(change.toString(), failure);
    }

    private static List<String> ids(Run run) {
        return run.items().stream().map(item -> item.object().id()).toList();
    }
}
