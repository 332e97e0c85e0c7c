package io.caravan.opencti.push;

import static io.caravan.event.Changes.batch;
import static io.caravan.event.Changes.remove;
import static io.caravan.event.Changes.upsert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Batch;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.Request;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProtectionTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";
    private static final String OTHER = "5bd2ee52-16b5-4a6b-9a01-9d9ee3e1c7d4";

    @TempDir
    private Path folder;

    private final FakeDestination destination = FakeDestination.start();
    private final PushConfiguration options = new PushConfiguration();
    private final PushCounters counters = new PushCounters();
    private final List<DeadLetter> letters = new ArrayList<>();
    private Optional<Outcomes> outcomes = Optional.empty();
    private Optional<Pusher> pusher = Optional.empty();

    @AfterEach
    void close() {
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    @Test
    void removesWhatNobodyElseHasWritten() throws Exception {
        destination.put(json(tool(1)));
        push(batch(1, remove(tool(1))));
        assertThat(destination.objects()).isEmpty();
        assertThat(counters.kept()).isZero();
    }

    @Test
    void keepsWhatOthersHaveWrittenToo() throws Exception {
        destination
                .put(json(tool(1)), FakeDestination.USER, OTHER)
                .put(json(tool(2)), OTHER)
                .put(json(tool(3)));
        push(batch(1, remove(tool(1)), remove(tool(2)), remove(tool(3))));
        assertThat(destination.objects()).containsOnlyKeys(tool(1).id(), tool(2).id());
        assertThat(counters.kept()).isEqualTo(2);
    }

    @Test
    void keepsWhatAnothersReportContains() throws Exception {
        destination.put(json(tool(1))).put(json(tool(2)));
        destination.put(json(report(1, tool(1))), OTHER).put(json(report(2, tool(2))));
        push(batch(1, remove(tool(1)), remove(tool(2))));
        assertThat(destination.objects()).containsKey(tool(1).id()).doesNotContainKey(tool(2).id());
        assertThat(counters.kept()).isEqualTo(1);
    }

    @Test
    void keepsARelationOfOthers() throws Exception {
        StixObject relation = Changes.object("""
                {"type":"relationship","id":"relationship--00000000-0000-4000-8000-000000000001",
                "relationship_type":"related-to","source_ref":"%s","target_ref":"%s"}""".formatted(tool(1).id(), tool(2).id()));
        destination.put(json(tool(1))).put(json(tool(2))).put(json(relation), OTHER);
        push(batch(1, remove(relation)));
        assertThat(destination.objects()).containsKey(relation.id());
    }

    @Test
    void keepsWhatIsInMoreContainersThanAreLookedAt() throws Exception {
        destination.put(json(tool(1)));
        IntStream.rangeClosed(1, 101).forEach(number -> destination.put(json(report(number, tool(1)))));
        push(batch(1, remove(tool(1))));
        assertThat(destination.objects()).containsKey(tool(1).id());
    }

    @Test
    void asksForAllRemovalsOfARunTogether() throws Exception {
        IntStream.rangeClosed(1, 60).forEach(number -> destination.put(json(tool(number))));
        push(batch(
                1,
                IntStream.rangeClosed(1, 60)
                        .mapToObj(number -> remove(tool(number)))
                        .toList()));
        assertThat(destination.objects()).isEmpty();
        assertThat(destination.requests().stream().filter(ProtectionTest::asksForOthers))
                .hasSize(2);
    }

    @Test
    void leavesOutWhatIsGoneThereAlready() throws Exception {
        push(batch(1, upsert(tool(2)))); // nothing that was pushed before it waits any more
        push(batch(2, remove(tool(1)), remove(tool(2))));
        assertThat(destination.pushes()).hasSize(2);
        assertThat(destination.pushes().get(1).path("objects")).hasSize(1);
        assertThat(destination.objects()).isEmpty();
        assertThat(counters.kept()).isZero();
    }

    @Test
    void removesWhatAnEarlierRunOfTheProgramMayHavePushed() throws Exception {
        push(batch(1, remove(tool(1))));
        assertThat(destination.pushes()).hasSize(1);
        assertThat(counters.applied()).isEqualTo(1);
    }

    @Test
    void removesWhatIsStillInTheDestinationsQueue() throws Exception {
        destination.workerBeginsAfter(Duration.ofMillis(500));
        push(batch(1, upsert(tool(1))), batch(2, remove(tool(1))));
        assertThat(destination.objects()).isEmpty();
    }

    @Test
    void aRemovalOfWhatIsNotThereHasNotFailed() throws Exception {
        options.setProtectOthers(false);
        push(batch(1, remove(tool(1))));
        assertThat(counters.failed()).isZero();
        assertThat(counters.applied()).isEqualTo(1);
        assertThat(letters).isEmpty();
    }

    @Test
    void waitsWhereTheDestinationDoesNotAnswer() throws Exception {
        destination.put(json(tool(1)));
        destination.withoutGraphQl();
        assertThatThrownBy(() -> push(batch(1, remove(tool(1))))).isInstanceOf(IOException.class);
        assertThat(destination.objects()).containsKey(tool(1).id());
        assertThat(counters.kept()).isZero();
    }

    @Test
    void aTriedBatchIsNotAskedForAgain() throws Exception {
        destination.put(json(tool(1)), OTHER).put(json(tool(2))).refuse(4, 503);
        Batch batch = batch(1, remove(tool(1)), remove(tool(2)));
        assertThatThrownBy(() -> push(batch)).isInstanceOf(IOException.class);
        push(batch);
        assertThat(destination.objects()).containsOnlyKeys(tool(1).id());
        assertThat(counters.kept()).isEqualTo(1);
        assertThat(destination.requests().stream().filter(ProtectionTest::asksForOthers))
                .hasSize(1);
    }

    @Test
    void removesNothingFromAServerThatCannotBeAsked() throws Exception {
        byTaxii();
        destination.put(json(tool(1))).withoutGraphQl();
        push(batch(1, upsert(tool(2)), remove(tool(1))));
        assertThat(destination.objects()).containsOnlyKeys(tool(1).id(), tool(2).id());
        assertThat(counters.kept()).isEqualTo(1);
    }

    @Test
    void removesFromAServerThatCannotBeAskedWhereOthersAreNotProtected() throws Exception {
        byTaxii();
        options.setProtectOthers(false);
        destination.put(json(tool(1)), OTHER).withoutGraphQl();
        push(batch(1, remove(tool(1))));
        assertThat(destination.objects()).isEmpty();
    }

    @Test
    void waitsWhereTheCollectionIsAwayWithTheApi() throws Exception {
        byTaxii();
        destination.collection(COLLECTION, false).put(json(tool(1))).withoutGraphQl();
        assertThatThrownBy(() -> push(batch(1, remove(tool(1))))).isInstanceOf(IOException.class);
        assertThat(counters.kept()).isZero();
    }

    @Test
    void theQueuesUserIsTheOneThatWrites() throws Exception {
        options.setWay(PushConfiguration.Way.queue);
        options.setUser(OTHER);
        destination.put(json(tool(1)), OTHER).put(json(tool(2)));
        push(batch(1, remove(tool(1)), remove(tool(2))));
        assertThat(destination.objects()).containsOnlyKeys(tool(2).id());
    }

    private void byTaxii() {
        options.setWay(PushConfiguration.Way.taxii);
        options.setCollection(COLLECTION);
        destination.collection(COLLECTION, true);
    }

    private void push(Batch... batches) throws Exception {
        if (pusher.isEmpty()) {
            pusher = Optional.of(pusher());
        }
        for (Batch batch : batches) {
            pusher.get().deliver(batch, "opencti");
        }
        destination.awaitApplied();
        outcomes.orElseThrow().ask();
    }

    private Pusher pusher() {
        OpenctiConfiguration connection = new OpenctiConfiguration();
        connection.setUrl(destination.url());
        connection.setToken(FakeDestination.TOKEN);
        Platform platform = new Platform(connection);
        GraphQl api = new GraphQl(platform, PATIENCE);
        TaxiiWay taxii = new TaxiiWay(platform, options.getApiRoot(), COLLECTION, PATIENCE);
        boolean isByTaxii = options.getWay() == PushConfiguration.Way.taxii;
        Way way = isByTaxii ? taxii : new BundleWay(api, new Connector(api, COLLECTION, "Caravan"));
        Outcomes following = new Outcomes(way, letters::add, counters, new PushedFiles(folder));
        outcomes = Optional.of(following);
        Optional<TaxiiWay> collection = isByTaxii ? Optional.of(taxii) : Optional.empty();
        Protection protection = new Protection(api, options, collection, following::isAllApplied, counters);
        Rules rules = new Rules(
                new Wording(Optional.empty()),
                true,
                Optional.of(protection).filter(on -> options.isProtectOthers()),
                new Files(Optional.empty(), 0));
        return new Pusher(way, rules, letters::add, following, counters);
    }

    private static boolean asksForOthers(Request request) {
        return new String(request.body(), java.nio.charset.StandardCharsets.UTF_8).contains("query Others");
    }

    private static StixObject tool(int number) {
        String id = "%08d-0000-4000-8000-000000000000".formatted(number);
        return Changes.object("tool--" + id, id, "Tool " + number);
    }

    private static StixObject report(int number, StixObject contained) {
        String id = "report--%08d-0000-4000-8000-000000000000".formatted(number);
        return Changes.object("""
                {"type":"report","id":"%s","name":"Report %d","object_refs":["%s"]}""".formatted(id, number, contained.id()));
    }

    private static JsonNode json(StixObject object) {
        try {
            return Json.tree(object.json());
        } catch (IOException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
