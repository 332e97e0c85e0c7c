package io.caravan.event;

import static io.caravan.event.StixObjects.json;
import static io.caravan.event.StixObjects.tree;
import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.extension;
import static io.caravan.testkit.Frames.internalId;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.relation;
import static io.caravan.testkit.Frames.sighting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What events named merge mean: sources go, the target is what it is now, and what ended at a source ends at the target. */
class MergeTest {

    private static final String TARGET = "malware--target";
    private static final String SOURCE = "malware--source";
    private static final String OTHER = "malware--other";
    private static final String AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82";

    private static final String MAY = "2026-05-01T00:00:00.000Z";

    private final Readings readings = new Readings();

    @Test
    void sourcesGoIntoTheTarget() throws Exception {
        Map<String, Object> after = object(TARGET);
        after.put("aliases", List.of(SOURCE, OTHER));
        List<Change> changes = readings.read(
                        Frames.merge("1-0", object(TARGET), after, List.of(object(SOURCE), object(OTHER))))
                .changes();

        assertThat(changes)
                .hasToString("[remove malware--source (merged-into), remove malware--other (merged-into),"
                        + " upsert malware--target (merged)]");
        assertThat(changes.subList(0, 2)).allSatisfy(change -> {
            assertThat(change.type()).isEqualTo(Type.REMOVE);
            assertThat(change.mergedInto()).contains(TARGET);
            assertThat(change.before()).contains(change.object());
            assertThat(change.beforeComplete()).isTrue();
        });
        assertThat(changes.get(2)).satisfies(change -> {
            assertThat(change.mergedInto()).isEmpty();
            assertThat(change.previousId()).isEmpty();
            assertThat(tree(change.before().orElseThrow())).isEqualTo(tree(object(TARGET)));
            assertThat(change.beforeComplete()).isTrue();
            assertThat(tree(change.object())).isEqualTo(tree(after));
            assertThat(change.changed()).containsExactly("/aliases");
        });
    }

    @Test
    void whatWasASourceIsKnownNoMore() throws Exception {
        readings.read(create("1-0", SOURCE));
        readings.read(merge());

        assertThat(readings.known().withId(SOURCE)).isEmpty();
        assertThat(readings.known().withId(TARGET)).isPresent();
    }

    @Test
    void aTargetThatIsRenamedNamesItsOldId() throws Exception {
        List<Change> changes = readings.read(Frames.merge(
                        "1-0", object(TARGET, "1"), object("malware--renamed", "1"), List.of(object(SOURCE))))
                .changes();

        assertThat(changes.get(0).mergedInto()).contains("malware--renamed");
        assertThat(changes.get(1).reason()).isEqualTo(Reason.MERGED);
        assertThat(changes.get(1).previousId()).contains(TARGET);
    }

    @Test
    void ofAReversePatchThatDoesNotFitIsKeptWhatFits() throws Exception {
        Change target =
                last(merge("[{'op':'remove','path':'/granted_refs'},{'op':'replace','path':'/name','value':'x'}]"));

        assertThat(tree(target.before().orElseThrow()).path("name").textValue()).isEqualTo("x");
        assertThat(target.beforeComplete()).isFalse();
    }

    @Test
    void withAReversePatchThatIsNoListTheTargetsStateBeforeIsTheOneLastTold() throws Exception {
        readings.read(create("1-0", TARGET));
        Change target = last(merge("{}"));

        assertThat(target.before()).isPresent();
        assertThat(target.beforeComplete()).isFalse();
    }

    @Test
    void whatRefersToASourceIsCountedAndLeft() throws Exception {
        Map<String, Object> report = object("report--a");
        report.put("object_refs", List.of(SOURCE, TARGET));
        readings.read(create("1-0", report));

        assertThat(readings.read(merge()).staleReferences()).isEqualTo(1);
    }

    @Test
    void aSourceIsTheDependencyThatItWas() throws Exception {
        readings.read(Frames.dependency("1-0", SOURCE));

        assertThat(readings.read(merge()).changes())
                .extracting(Change::dependency)
                .containsExactly(true, false);
    }

    // ---- Relations

    @Test
    void relationsFromAndToASourceAreTheTargets() throws Exception {
        readings.read(create("1-0", relation("relationship--from", "uses", SOURCE, "tool--a")));
        readings.read(create("1-0", relation("relationship--to", "indicates", "indicator--a", SOURCE)));
        readings.read(create("1-0", relation("relationship--elsewhere", "uses", OTHER, "tool--a")));
        List<Change> changes = readings.read(merge()).changes();

        assertThat(changes)
                .extracting(Change::toString)
                .startsWith("remove malware--source (merged-into)", "upsert malware--target (merged)")
                .containsExactlyInAnyOrder(
                        "remove malware--source (merged-into)",
                        "upsert malware--target (merged)",
                        "upsert relationship--from (merged)",
                        "upsert relationship--to (merged)");
        Map<String, Object> from = relation("relationship--from", "uses", TARGET, "tool--a");
        Map<String, Object> to = relation("relationship--to", "indicates", "indicator--a", TARGET);
        assertThat(tree(known("relationship--from"))).isEqualTo(tree(from));
        assertThat(tree(known("relationship--to"))).isEqualTo(tree(to));
    }

    @Test
    void aMovedRelationHasItsStateBeforeAndSaysWhatMoved() throws Exception {
        readings.read(Frames.dependency("1-0", relation("relationship--1", "uses", SOURCE, "tool--a")));

        assertThat(last(merge())).satisfies(change -> {
            assertThat(tree(change.before().orElseThrow()))
                    .isEqualTo(tree(relation("relationship--1", "uses", SOURCE, "tool--a")));
            assertThat(change.beforeComplete()).isTrue();
            assertThat(change.changed())
                    .containsExactly("/source_ref", "/extensions/" + StixObject.OPENCTI + "/source_ref");
            assertThat(change.dependency()).isTrue();
            assertThat(change.previousId()).isEmpty();
            assertThat(change.mergedInto()).isEmpty();
        });
    }

    @Test
    void theMovedEndHasTheTargetsNameAndMarkings() throws Exception {
        Map<String, Object> relation = relation("relationship--1", "indicates", "indicator--a", SOURCE);
        extension(relation).put("source_value", "an indicator");
        extension(relation).put("source_ref_object_marking_refs", List.of());
        extension(relation).put("target_value", "Source");
        extension(relation).put("target_type", "Malware");
        extension(relation).put("target_ref_object_marking_refs", List.of("marking-definition--old"));
        readings.read(create("1-0", relation));
        Map<String, Object> target = object(TARGET);
        target.put("name", "Target");
        target.put("object_marking_refs", List.of(AMBER));
        Change moved = last(Frames.merge("2-0", target, target, List.of(object(SOURCE))));

        JsonNode extension = tree(moved.object()).path("extensions").path(StixObject.OPENCTI);
        assertThat(extension.path("source_value").textValue()).isEqualTo("an indicator");
        assertThat(extension.path("source_ref_object_marking_refs").isEmpty()).isTrue();
        assertThat(extension.path("target_value").textValue()).isEqualTo("Target");
        assertThat(extension.path("target_type").textValue()).isEqualTo("Malware");
        assertThat(extension.path("target_ref_object_marking_refs").toString()).isEqualTo("[\"" + AMBER + "\"]");
        String at = "/extensions/" + StixObject.OPENCTI;
        assertThat(moved.changed())
                .containsExactly(
                        "/target_ref",
                        at + "/target_ref",
                        at + "/target_value",
                        at + "/target_ref_object_marking_refs");
    }

    @Test
    void aTargetWithoutANameLeavesTheOldOne() throws Exception {
        Map<String, Object> relation = relation("relationship--1", "uses", SOURCE, "tool--a");
        extension(relation).put("source_value", "Source");
        readings.read(create("1-0", relation));
        Map<String, Object> target = object(TARGET);
        target.remove("name");
        Change moved = last(Frames.merge("2-0", target, target, List.of(object(SOURCE))));

        assertThat(tree(moved.object())
                        .path("extensions")
                        .path(StixObject.OPENCTI)
                        .path("source_value")
                        .textValue())
                .isEqualTo("Source");
    }

    @Test
    void sightingsAreMovedInTheirLists() throws Exception {
        Map<String, Object> sighting = sighting("sighting--1", SOURCE, "identity--a", SOURCE, OTHER);
        extension(sighting).put("sighting_of_value", "Source");
        extension(sighting).put("where_sighted_values", List.of("A", "Source", "Other"));
        extension(sighting).put("where_sighted_refs_object_marking_refs", List.of("green"));
        readings.read(create("1-0", sighting));
        Map<String, Object> target = object(TARGET);
        target.put("object_marking_refs", List.of("marking-definition--red"));
        Change moved = last(Frames.merge("2-0", target, target, List.of(object(SOURCE))));

        Map<String, Object> expected = sighting("sighting--1", TARGET, "identity--a", TARGET, OTHER);
        extension(expected).put("sighting_of_value", TARGET);
        extension(expected).put("where_sighted_values", List.of("A", TARGET, "Other"));
        extension(expected).put("sighting_of_ref_object_marking_refs", List.of("marking-definition--red"));
        extension(expected).put("where_sighted_refs_object_marking_refs", List.of("marking-definition--red", "green"));
        assertThat(tree(moved.object())).isEqualTo(tree(expected));
        String at = "/extensions/" + StixObject.OPENCTI;
        assertThat(moved.changed())
                .containsExactly(
                        "/sighting_of_ref",
                        "/where_sighted_refs",
                        at + "/sighting_of_ref",
                        at + "/sighting_of_value",
                        at + "/sighting_of_ref_object_marking_refs",
                        at + "/where_sighted_refs",
                        at + "/where_sighted_values",
                        at + "/where_sighted_refs_object_marking_refs");
    }

    @Test
    void aSightingHasTheMarkingsOfTheTargetAlone() throws Exception {
        Map<String, Object> sighting = sighting("sighting--1", SOURCE, SOURCE);
        extension(sighting).put("sighting_of_ref_object_marking_refs", List.of("marking-definition--sources"));
        extension(sighting).put("where_sighted_refs_object_marking_refs", List.of("marking-definition--sources"));
        readings.read(create("1-0", sighting));
        Map<String, Object> target = object(TARGET);
        target.put("object_marking_refs", List.of(AMBER));
        Change moved = last(Frames.merge("2-0", target, target, List.of(object(SOURCE))));

        assertThat(moved.object().innerMarkings()).containsExactly(AMBER, AMBER);
        assertThat(moved.state().strictest()).contains(Tlp.AMBER);
    }

    @Test
    void relationsOfSeveralSourcesMoveInOneGo() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "related-to", SOURCE, OTHER)));
        Change moved =
                last(Frames.merge("2-0", object(TARGET), object(TARGET), List.of(object(SOURCE), object(OTHER))));

        assertThat(moved).hasToString("upsert relationship--1 (merged)");
        assertThat(moved.object().ends())
                .containsExactlyInAnyOrder(TARGET, TARGET, internalId(TARGET), internalId(TARGET));
    }

    @Test
    void aRelationBetweenSourceAndTargetStays() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "related-to", SOURCE, TARGET)));
        Change moved = last(merge());

        assertThat(moved).hasToString("upsert relationship--1 (merged)");
        assertThat(tree(moved.object())).isEqualTo(tree(relation("relationship--1", "related-to", TARGET, TARGET)));
    }

    @Test
    void aRelationThatIsMovedIsFoundAtTheTargetAndGoesWithIt() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", SOURCE, "tool--a")));
        readings.read(merge());

        assertThat(readings.read(Frames.delete("3-0", TARGET)).changes())
                .hasToString("[remove relationship--1 (cascade), remove malware--target (deleted)]");
        assertThat(readings.read(Frames.delete("4-0", SOURCE)).changes()).hasSize(1);
    }

    @Test
    void withoutInternalIdsTheStixIdsMove() throws Exception {
        readings.read(create("1-0", without(relation("relationship--1", "uses", SOURCE, "tool--a"))));
        Change moved = last(Frames.merge(
                "2-0", without(object(TARGET)), without(object(TARGET)), List.of(without(object(SOURCE)))));

        assertThat(moved.object().ends()).containsExactly(TARGET, "tool--a");
    }

    /**
     * The platform does not send relations again when what they end at is renamed. In the extension the end moves by its
     * internal id; the STIX id of an object under its old name is left as last told.
     */
    @Test
    void aRelationThatNamesTheSourceByAnOldIdMovesByTheInternalId() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", "malware--old", "tool--a")));
        Map<String, Object> source = object(SOURCE, internalId("malware--old"));
        Change moved = last(Frames.merge("2-0", object(TARGET), object(TARGET), List.of(source)));

        assertThat(moved.object().ends())
                .containsExactlyInAnyOrder("malware--old", "tool--a", internalId(TARGET), internalId("tool--a"));
    }

    // ---- Relations that the platform removes

    @Test
    void aRelationThatTheTargetHasWithoutDatesGoes() throws Exception {
        readings.read(create("1-0", relation("relationship--targets", "uses", TARGET, "tool--a")));
        readings.read(create("1-0", relation("relationship--sources", "uses", SOURCE, "tool--a")));
        Change gone = last(merge());

        assertThat(gone).hasToString("remove relationship--sources (cascade)");
        assertThat(tree(gone.before().orElseThrow()))
                .isEqualTo(tree(relation("relationship--sources", "uses", SOURCE, "tool--a")));
        assertThat(readings.known().withId("relationship--sources")).isEmpty();
        assertThat(readings.known().withId("relationship--targets")).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = {"start_time", "stop_time"})
    void aRelationWithDatesGoesWhereTheTargetsHasNone(String date) throws Exception {
        readings.read(create("1-0", relation("relationship--targets", "uses", TARGET, "tool--a")));
        readings.read(create("1-0", dated("relationship--sources", SOURCE, "tool--a", date, MAY)));

        assertThat(last(merge())).hasToString("remove relationship--sources (cascade)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"start_time", "stop_time"})
    void aRelationStaysWhereTheTargetsHasDates(String date) throws Exception {
        readings.read(create("1-0", dated("relationship--targets", TARGET, "tool--a", date, MAY)));
        readings.read(create("1-0", relation("relationship--sources", "uses", SOURCE, "tool--a")));

        assertThat(last(merge())).hasToString("upsert relationship--sources (merged)");
    }

    @Test
    void aRelationStaysWhereTheTargetsHasTheSameDates() throws Exception {
        readings.read(create("1-0", dated("relationship--targets", TARGET, "tool--a", "start_time", MAY)));
        readings.read(create("1-0", dated("relationship--sources", SOURCE, "tool--a", "start_time", MAY)));

        assertThat(last(merge())).hasToString("upsert relationship--sources (merged)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "null"})
    void anEmptyDateIsNone(String date) throws Exception {
        Map<String, Object> targets = relation("relationship--targets", "uses", TARGET, "tool--a");
        targets.put("start_time", date.equals("null") ? null : date);
        readings.read(create("1-0", targets));
        readings.read(create("1-0", relation("relationship--sources", "uses", SOURCE, "tool--a")));

        assertThat(last(merge())).hasToString("remove relationship--sources (cascade)");
    }

    @Test
    void ofTheSourcesRelationsThatAreAlikeTheOneWithTheSmallestIdStaysWhateverTheirDates() throws Exception {
        for (int n = 9; n > 0; n--) { // their internal ids are in another order
            readings.read(create("1-0", dated("relationship--" + n, SOURCE, "tool--a", "start_time", year(n))));
        }
        readings.read(create("1-0", relation("relationship--0", "uses", OTHER, "tool--a")));
        List<Change> relations = readings.read(
                        Frames.merge("2-0", object(TARGET), object(TARGET), List.of(object(SOURCE), object(OTHER))))
                .changes()
                .subList(3, 13);

        assertThat(relations.get(0)).hasToString("upsert relationship--0 (merged)");
        assertThat(relations.subList(1, 10))
                .extracting(change -> change.object().id() + " " + change.reason())
                .containsExactly(IntStream.range(1, 10)
                        .mapToObj(n -> "relationship--" + n + " cascade")
                        .toArray(String[]::new));
        assertThat(readings.known().endingAt(List.of(TARGET))).hasSize(1);
        assertThat(readings.known().endingAt(List.of(SOURCE, OTHER))).isEmpty();
    }

    @Test
    void relationsOfAnotherTypeOrDirectionOrOtherEndAreOthers() throws Exception {
        readings.read(create("1-0", relation("relationship--targets", "uses", TARGET, "tool--a")));
        readings.read(create("1-0", relation("relationship--type", "drops", SOURCE, "tool--a")));
        readings.read(create("1-0", relation("relationship--end", "uses", SOURCE, "tool--b")));
        readings.read(create("1-0", relation("relationship--direction", "uses", "tool--a", SOURCE)));

        assertThat(readings.read(merge()).changes())
                .extracting(Change::reason)
                .containsExactly(Reason.MERGED_INTO, Reason.MERGED, Reason.MERGED, Reason.MERGED, Reason.MERGED);
    }

    /** A rename tells nothing of the relations, so these have the STIX ids that their ends had. */
    @Test
    void endsAreComparedByInternalIds() throws Exception {
        Map<String, Object> targets = relation("relationship--targets", "uses", "malware--old", "tool--old");
        extension(targets).put("source_ref", internalId(TARGET));
        extension(targets).put("target_ref", internalId("tool--a"));
        readings.read(create("1-0", targets));
        readings.read(create("1-0", relation("relationship--sources", "uses", SOURCE, "tool--a")));
        Map<String, Object> another = relation("relationship--another", "uses", SOURCE, "tool--old");
        readings.read(create("1-0", another));

        assertThat(readings.read(merge()).changes())
                .extracting(Change::toString)
                .containsExactly(
                        "remove malware--source (merged-into)",
                        "upsert malware--target (merged)",
                        "upsert relationship--another (merged)",
                        "remove relationship--sources (cascade)");
    }

    @Test
    void withoutInternalIdsEndsAreComparedByStixIds() throws Exception {
        readings.read(create("1-0", without(relation("relationship--targets", "uses", TARGET, "tool--a"))));
        readings.read(create("1-0", without(relation("relationship--sources", "uses", SOURCE, "tool--a"))));

        assertThat(last(Frames.merge(
                        "2-0", without(object(TARGET)), without(object(TARGET)), List.of(without(object(SOURCE))))))
                .hasToString("remove relationship--sources (cascade)");
    }

    @Test
    void sightingsFollowTheSameRule() throws Exception {
        readings.read(create("1-0", sighting("sighting--targets", TARGET, "identity--a")));
        readings.read(create("1-0", seen("sighting--sources", SOURCE, "identity--a")));
        readings.read(create("1-0", seen("sighting--there", TARGET, "identity--b")));
        readings.read(create("1-0", seen("sighting--too", SOURCE, "identity--b")));
        readings.read(create("1-0", sighting("sighting--undated", SOURCE, "identity--b")));

        assertThat(readings.read(merge()).changes())
                .extracting(Change::toString)
                .containsExactly(
                        "remove malware--source (merged-into)",
                        "upsert malware--target (merged)",
                        "remove sighting--sources (cascade)",
                        "upsert sighting--too (merged)",
                        "remove sighting--undated (cascade)");
    }

    @Test
    void placesOfSightingsFollowTheSameRule() throws Exception {
        readings.read(create("1-0", sighting("sighting--targets", "indicator--a", "identity--target")));
        readings.read(create("1-0", seen("sighting--sources", "indicator--a", "identity--source")));
        readings.read(create("1-0", seen("sighting--others", "indicator--b", "identity--source")));

        assertThat(readings.read(Frames.merge(
                                "2-0",
                                object("identity--target"),
                                object("identity--target"),
                                List.of(object("identity--source"))))
                        .changes())
                .extracting(Change::toString)
                .containsExactly(
                        "remove identity--source (merged-into)",
                        "upsert identity--target (merged)",
                        "upsert sighting--others (merged)",
                        "remove sighting--sources (cascade)");
    }

    /** The platform sends it so where another event needs it: it has taken the relation over before the merge is told. */
    @ParameterizedTest
    @CsvSource({"2-0, remove, cascade", "1-7, upsert, merged"})
    void aRelationThatCameAlreadyMovedCountsAsTakenOver(String position, String change, String reason)
            throws Exception {
        readings.read(create("1-0", dated("relationship--2", SOURCE, "tool--a", "start_time", MAY)));
        readings.read(create("1-0", relation("relationship--1", "uses", SOURCE, "tool--a")));
        readings.read(Frames.dependency(position, dated("relationship--2", TARGET, "tool--a", "start_time", MAY)));

        assertThat(last(merge())).hasToString("%s relationship--1 (%s)".formatted(change, reason));
        assertThat(readings.known().withId("relationship--2")).isPresent();
    }

    @Test
    void aRelationThatCameAlreadyMovedTwiceCountsAsTakenOver() throws Exception {
        readings.read(create("1-0", dated("relationship--2", SOURCE, "tool--a", "start_time", MAY)));
        readings.read(create("1-0", relation("relationship--1", "uses", SOURCE, "tool--a")));
        Map<String, Object> moved = dated("relationship--2", TARGET, "tool--a", "start_time", MAY);
        readings.read(Frames.dependency("2-0", moved));
        moved.put("description", "as itself");
        readings.read(Frames.create("2-0", moved));

        assertThat(last(merge())).hasToString("remove relationship--1 (cascade)");
    }

    /** A batch may end, and the program too, between events of one position. */
    @Test
    void aRelationThatCameAlreadyMovedCountsAfterARestart(@TempDir Path home) throws Exception {
        try (State state = new State(home)) {
            Pending batch = state.begin();
            Readings first = new Readings(batch, false);
            first.read(create("1-0", dated("relationship--2", SOURCE, "tool--a", "start_time", MAY)));
            first.read(create("1-0", relation("relationship--1", "uses", SOURCE, "tool--a")));
            first.read(Frames.dependency("2-0", dated("relationship--2", TARGET, "tool--a", "start_time", MAY)));
            state.write(KnownWriter.position(1), batch);
        }
        try (State state = new State(home)) {
            assertThat(new Readings(state.begin(), false).read(merge()).changes())
                    .last()
                    .hasToString("remove relationship--1 (cascade)");
        }
    }

    @Test
    void aRelationThatCameMovedFromElsewhereIsTheTargetsOwn() throws Exception {
        readings.read(create("1-0", dated("relationship--2", OTHER, "tool--a", "start_time", MAY)));
        readings.read(create("1-0", relation("relationship--1", "uses", SOURCE, "tool--a")));
        readings.read(Frames.dependency("2-0", dated("relationship--2", TARGET, "tool--a", "start_time", MAY)));

        assertThat(last(merge())).hasToString("upsert relationship--1 (merged)");
    }

    @Test
    void whatEndsAtARelationThatGoesGoesBeforeIt() throws Exception {
        readings.read(create("1-0", relation("relationship--targets", "uses", TARGET, "tool--a")));
        readings.read(create("1-0", relation("relationship--sources", "uses", SOURCE, "tool--a")));
        for (int n = 0; n < 8; n++) { // whatever their keys are
            readings.read(create("1-0", sighting("sighting--" + n, "relationship--sources", SOURCE)));
        }
        List<String> told =
                readings.read(merge()).changes().stream().map(Change::toString).toList();

        assertThat(told).filteredOn(change -> change.startsWith("remove")).hasSize(10);
        assertThat(told).contains("remove relationship--sources (cascade)");
        for (int n = 0; n < 8; n++) {
            assertThat(told)
                    .containsSubsequence(
                            "remove sighting--" + n + " (cascade)", "remove relationship--sources (cascade)");
            assertThat(readings.known().withId("sighting--" + n)).isEmpty();
        }
    }

    // ---- Indicators

    @Test
    void indicatorsNameTheTargetAfterwards() throws Exception {
        readings.read(create("1-0", "indicator--a"));
        readings.read(create("1-0", SOURCE));
        readings.read(create("1-0", relation("relationship--1", "indicates", "indicator--a", SOURCE)));

        assertThat(readings.read(merge()).indicators()).singleElement().satisfies(state -> {
            assertThat(state.indicator().id()).isEqualTo("indicator--a");
            assertThat(state.malware().toString()).contains(TARGET).doesNotContain(SOURCE);
            assertThat(state.change().reason()).isEqualTo(Reason.MERGED);
        });
    }

    @Test
    void mergedIndicatorsAreOne() throws Exception {
        assertThat(readings.read(Frames.merge(
                                "1-0",
                                object("indicator--target"),
                                object("indicator--target"),
                                List.of(object("indicator--source"))))
                        .indicators())
                .extracting(state -> state.indicator().id() + (state.gone() ? " is gone" : " is there"))
                .containsExactly("indicator--source is gone", "indicator--target is there");
    }

    // ---- What cannot be read

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",\"context\":{}",
                ",\"context\":{\"sources\":[{\"id\":\"malware--source\"}]}",
                ",\"context\":null",
                ",\"context\":{\"reverse_patch\":null}",
                ",\"context\":{\"patch\":[]}"
            })
    void aMergeWithoutAReversePatchIsUnreadableAndTellsNothing(String context) throws Exception {
        readings.read(create("1-0", SOURCE));
        readings.read(create("1-0", relation("relationship--1", "uses", SOURCE, "tool--a")));
        Frame merge = Frame.of("2-0", "merge", "{\"type\":\"merge\",\"data\":" + json(object(TARGET)) + context + "}");

        assertThatThrownBy(() -> readings.read(merge))
                .isInstanceOf(Unreadable.class)
                .hasMessage("it has no context.reverse_patch, as a merge must have");
        assertThat(readings.known().withId(SOURCE)).isPresent();
        assertThat(readings.known().withId(TARGET)).isEmpty();
        assertThat(known("relationship--1").ends()).contains(SOURCE);
    }

    private static Frame merge() {
        return Frames.merge("2-0", object(TARGET), object(TARGET), List.of(object(SOURCE)));
    }

    /** With a reverse patch in single quotes. */
    private static Frame merge(String reversePatch) throws Exception {
        return Frame.of(
                "2-0",
                "merge",
                "{\"type\":\"merge\",\"data\":" + json(object(TARGET)) + ",\"context\":{\"reverse_patch\":"
                        + reversePatch.replace('\'', '"') + ",\"sources\":[" + json(object(SOURCE)) + "]}}");
    }

    private Change last(Frame frame) throws Exception {
        List<Change> changes = readings.read(frame).changes();
        return changes.get(changes.size() - 1);
    }

    private StixObject known(String stixId) throws Exception {
        Optional<Known.KnownObject> known = readings.known().withId(stixId);
        return known.orElseThrow().object();
    }

    private static Map<String, Object> dated(String id, String source, String target, String date, String value) {
        Map<String, Object> relation = relation(id, "uses", source, target);
        relation.put(date, value);
        return relation;
    }

    private static Map<String, Object> seen(String id, String sighted, String place) {
        Map<String, Object> sighting = sighting(id, sighted, place);
        sighting.put("first_seen", MAY);
        sighting.put("last_seen", MAY);
        return sighting;
    }

    private static String year(int n) {
        return "200" + n + "-05-01T00:00:00.000Z";
    }

    private static Map<String, Object> without(Map<String, Object> object) {
        object.remove("extensions");
        return object;
    }
}
