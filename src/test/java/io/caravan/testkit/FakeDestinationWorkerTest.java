package io.caravan.testkit;

import static io.caravan.testkit.DestinationClient.CONNECTOR;
import static io.caravan.testkit.DestinationClient.malware;
import static io.caravan.testkit.DestinationClient.operation;
import static io.caravan.testkit.DestinationClient.relation;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a destination does with what is not in a capture of its own. */
class FakeDestinationWorkerTest {

    private static final String MALWARE = "malware--00000000-0000-4000-8000-000000000001";
    private static final String OTHER = "malware--00000000-0000-4000-8000-000000000002";
    private static final String THIRD = "malware--00000000-0000-4000-8000-000000000003";
    private static final String USES = "relationship--00000000-0000-4000-8000-000000000004";
    private static final String ABOUT = "relationship--00000000-0000-4000-8000-000000000005";

    private final FakeDestination destination = FakeDestination.start();
    private final DestinationClient client = new DestinationClient(destination);

    @AfterEach
    void close() {
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    @Test
    void ofTwoStatesInABundleTheLastIsApplied() throws Exception {
        client.register();
        client.push("", malware(MALWARE, "first"), malware(MALWARE, "last"));
        assertThat(destination.objects().get(MALWARE).path("name").asText()).isEqualTo("last");
        assertThat(destination.objects()).hasSize(1);
    }

    @Test
    void tellsWhatItWrites() throws Exception {
        List<FakeDestination.Written> told = new CopyOnWriteArrayList<>();
        destination.onWrite(told::add);
        client.register();
        client.push("", malware(MALWARE, "first"));
        client.push("", operation(malware(MALWARE, ""), "delete"));
        assertThat(told).extracting(FakeDestination.Written::isGone).containsExactly(false, true);
        assertThat(told).allSatisfy(written -> {
            assertThat(written.object().path("name").asText()).isEqualTo("first");
            assertThat(written.user()).isEqualTo(FakeDestination.USER);
        });
    }

    @Test
    void aRenameIsKnownByTheIdBefore() throws Exception {
        client.register();
        client.push("", malware(MALWARE, "before"), malware(THIRD, "third"), relation(USES, MALWARE, THIRD));
        ObjectNode renamed = malware(OTHER, "after");
        StixFields.extension(renamed).putArray("stix_ids").add(MALWARE);
        client.push("", renamed);
        assertThat(destination.objects()).containsOnlyKeys(THIRD, USES, OTHER);
        client.push("", operation(malware(OTHER, "after"), "delete"));
        assertThat(destination.objects()).containsOnlyKeys(THIRD);
    }

    @Test
    void deletionTakesWhatEndsThereAndWhatEndsAtThat() throws Exception {
        client.register();
        client.push(
                "",
                malware(MALWARE, "a"),
                malware(OTHER, "b"),
                relation(USES, MALWARE, OTHER),
                relation(ABOUT, USES, OTHER));
        client.push("", operation(malware(MALWARE, "a"), "delete"));
        assertThat(destination.objects()).containsOnlyKeys(OTHER);
    }

    @Test
    void mergeMovesRelationsButForThoseThatTheTargetHasWithoutDates() throws Exception {
        merge(
                relation(USES, MALWARE, THIRD),
                relation(ABOUT, OTHER, THIRD).put("start_time", "2026-05-01T00:00:00.000Z"));
        assertThat(destination.objects()).containsOnlyKeys(MALWARE, THIRD, USES);
    }

    @Test
    void mergeMovesRelationsAlsoWhereTheTargetHasTheSameWithDates() throws Exception {
        merge(
                relation(USES, MALWARE, THIRD).put("start_time", "2026-05-01T00:00:00.000Z"),
                relation(ABOUT, OTHER, THIRD).put("start_time", "2026-05-01T00:00:00.000Z"));
        assertThat(destination.objects()).containsOnlyKeys(MALWARE, THIRD, USES, ABOUT);
        assertThat(destination.objects().get(ABOUT).path("source_ref").asText()).isEqualTo(MALWARE);
    }

    @Test
    void mergeMovesOfSeveralRelationsThatAreAlikeTheOneWithTheSmallestId() throws Exception {
        merge(
                relation(USES, OTHER, THIRD),
                relation(ABOUT, OTHER, THIRD).put("start_time", "2026-05-01T00:00:00.000Z"));
        assertThat(destination.objects()).containsOnlyKeys(MALWARE, THIRD, USES.compareTo(ABOUT) < 0 ? USES : ABOUT);
    }

    private void merge(ObjectNode... relations) throws Exception {
        client.register();
        client.push("", malware(MALWARE, "a"), malware(OTHER, "b"), malware(THIRD, "c"));
        client.push("", relations);
        ObjectNode merge = operation(malware(MALWARE, "a"), "merge").put("merge_target_id", MALWARE);
        merge.putArray("merge_source_ids").add(OTHER);
        client.push("", merge);
    }

    @Test
    void aMissingReferenceIsAnErrorOfTheWork() throws Exception {
        client.register();
        String work = client.work();
        client.push(work, relation(USES, MALWARE, OTHER), malware(MALWARE, "a"));
        assertThat(client.read(work).at("/errors/0/message").asText()).contains("MISSING_REFERENCE_ERROR");
        assertThat(destination.objects()).containsOnlyKeys(MALWARE);
        client.push(work, relation(USES, MALWARE, OTHER), malware(OTHER, "b"));
        assertThat(client.read(work).path("errors")).hasSize(1);
        assertThat(destination.objects()).containsOnlyKeys(MALWARE, OTHER, USES);
    }

    @Test
    void aRelationWithoutItsEndsIsRejectedAndNobodySaysSo() throws Exception {
        client.register();
        client.push("", malware(MALWARE, "a"), malware(OTHER, "b"), relation(USES, MALWARE, OTHER));
        String work = client.work();
        ObjectNode bare = Jackson.object("type", "relationship", "id", USES);
        client.push(work, operation(bare, "delete"), malware(THIRD, "c"));
        assertThat(destination.objects()).containsKeys(USES, THIRD);
        assertThat(client.read(work).path("status").asText()).isEqualTo("progress");
        assertThat(client.read(work).path("errors")).isEmpty();
        client.push("", operation(relation(USES, MALWARE, OTHER), "delete"));
        assertThat(destination.objects()).doesNotContainKey(USES);
    }

    @Test
    void aWorkersOwnSplitLosesAllOfABundleByARelationWithoutEnds() throws Exception {
        destination.collection(CONNECTOR, true);
        ObjectNode bare = Jackson.object("type", "relationship", "id", USES);
        String pushed = client.taxii(
                "collections/" + CONNECTOR + "/objects/",
                Jackson.object("objects", List.of(malware(MALWARE, "a"), operation(bare, "delete"))));
        destination.awaitApplied();
        assertThat(destination.objects()).isEmpty();
        String status = client.taxii("status/" + Jackson.tree(pushed).path("id").asText() + "/", null);
        assertThat(Jackson.tree(status).path("status").asText()).isEqualTo("pending");
    }

    @Test
    void aMarkingThatIsNotThereIsLeftOutAndCountsAsSuccess() throws Exception {
        client.register();
        String work = client.work();
        ObjectNode marked = malware(MALWARE, "a");
        marked.putArray("object_marking_refs")
                .add("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed")
                .add("marking-definition--00000000-0000-4000-8000-000000000009");
        client.push(work, marked);
        assertThat(client.read(work).path("errors")).isEmpty();
        assertThat(destination.objects().get(MALWARE).path("object_marking_refs"))
                .hasToString("[\"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed\"]");
    }

    @Test
    void aLabelThatABearerBringsIsMadeInAnotherColourAndKeepsARenameOut() throws Exception {
        assertThat(FakeDestination.labelId("paper-otter-0")) // as in the recordings
                .isEqualTo("label--6752aad9-5eda-5c83-bc57-8fa4dba1610d");
        client.register();
        ObjectNode old = Jackson.object("type", "label", "id", "label--old", "value", "old", "color", "#111111");
        ObjectNode labelled = malware(MALWARE, "a");
        labelled.putArray("labels").add("new");
        client.push("", old);
        client.push("", labelled);
        ObjectNode renamed = Jackson.object("type", "label", "id", "label--new", "value", "new", "color", "#111111");
        StixFields.extension(renamed).putArray("stix_ids").add("label--old");
        client.push("", renamed);
        assertThat(destination.objects().values())
                .filteredOn(object -> object.path("type").asText().equals("label"))
                .extracting(label ->
                        label.path("value").asText() + label.path("color").asText())
                .containsExactlyInAnyOrder("old#111111", "new" + DestinationObjects.MADE_UP_COLOUR);
    }

    @Test
    void theTimesOfARelationStayAtAnUpsertAndChangeByAPatch() throws Exception {
        client.register();
        client.push("", malware(MALWARE, "a"), malware(OTHER, "b"), relation(USES, MALWARE, OTHER));
        client.push("", relation(USES, MALWARE, OTHER).put("stop_time", "2026-01-01T00:00:00.000Z"));
        assertThat(destination.objects().get(USES).has("stop_time")).isFalse();
        ObjectNode patch = operation(relation(USES, MALWARE, OTHER), "patch");
        patch.putArray("opencti_field_patch")
                .addObject()
                .put("key", "stop_time")
                .put("operation", "replace")
                .putArray("value")
                .add("2026-01-01T00:00:00.000Z");
        client.push("", patch);
        assertThat(destination.objects().get(USES).path("stop_time").asText()).isEqualTo("2026-01-01T00:00:00.000Z");
    }

    @Test
    void whatRulesHaveMadeIsPassedOverAndCountsAsSuccess() throws Exception {
        client.register();
        String work = client.work();
        ObjectNode inferred = malware(MALWARE, "a");
        StixFields.extension(inferred).put("is_inferred", true);
        client.push(work, inferred);
        assertThat(destination.objects()).isEmpty();
        assertThat(client.read(work).path("status").asText()).isEqualTo("complete");
    }

    @Test
    void labelsVanishWithoutAWord() throws Exception {
        destination.rights("CONNECTORAPI", "KNOWLEDGE_KNUPDATE");
        client.register();
        String work = client.work();
        ObjectNode labelled = malware(MALWARE, "a");
        labelled.putArray("labels").add("apt");
        client.push(work, labelled);
        assertThat(client.read(work).path("errors")).isEmpty();
        assertThat(destination.objects().get(MALWARE).path("labels")).isEmpty();
    }

    @Test
    void tellsWhoWroteAnObjectAndWhatContainsIt() throws Exception {
        ObjectNode report = Jackson.object("type", "report", "id", "report--1", "object_refs", List.of(MALWARE));
        destination.put(malware(MALWARE, "a"), "someone").put(report, FakeDestination.USER);
        client.register();
        client.push("", malware(MALWARE, "a"));
        JsonNode answer = client.ask(
                "query Q($id: String!) { it: stixObjectOrStixRelationship(id: $id) { ... on StixCoreObject {"
                        + " standard_id creators { id } containers(first: 10) { edges { node { creators { name } } } } } } }",
                Map.of("id", MALWARE));
        assertThat(answer.path("data"))
                .hasToString("{\"it\":{\"standard_id\":\"" + MALWARE
                        + "\",\"creators\":[{\"id\":\"someone\"},{\"id\":\"" + FakeDestination.USER
                        + "\"}],\"containers\":{\"edges\":[{\"node\":{\"creators\":[{\"name\":\"pusher\"}]}}]}}}");
    }

    @Test
    void misbehavesAsAsked() throws Exception {
        client.register();
        destination.refuse(1, 503).failPushes(1, "LOCK_ERROR", "Execution timeout");
        String mutation = "mutation { stixBundlePush(connectorId: \"" + CONNECTOR + "\", bundle: \"{}\") }";
        assertThat(client.post(mutation).statusCode()).isEqualTo(503);
        assertThat(client.post(mutation).body()).contains("LOCK_ERROR");
        destination.refuseObjects(object -> object.path("name").asText().equals("bad"));
        String work = client.work();
        client.push(work, malware(MALWARE, "bad"), malware(OTHER, "good"));
        assertThat(client.read(work).path("errors")).hasSize(1);
        assertThat(destination.objects()).containsOnlyKeys(OTHER);
        assertThat(destination.pushes()).hasSize(1);
    }

    @Test
    void keepsPingsAndTellsTheBroker() throws Exception {
        destination.broker("localhost", 5671, true, "carrier", "secret");
        client.register();
        client.ask("mutation { pingConnector(id: \"" + CONNECTOR + "\", state: \"{}\") { id } }", Map.of());
        assertThat(destination.pings()).containsExactly(new FakeDestination.Ping(CONNECTOR, "{}"));
        assertThat(client.register()
                        .at("/data/registerConnector/config/connection/pass")
                        .asText())
                .isEqualTo("secret");
    }
}
