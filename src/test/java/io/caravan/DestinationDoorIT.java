package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.merge;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.ops.Program;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Patience;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Merges on their way to a destination of which a part may not go there, told in one batch or each event in its own. */
class DestinationDoorIT {

    private static final String GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
    private static final String RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";
    private static final String USES = "relationship--00000000-0000-4000-8000-000000000001";

    @TempDir
    Path home;

    private FakePlatform platform;
    private FakeDestination destination;
    private Installation caravan;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        destination = FakeDestination.start();
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "opencti")
                .set("caravan.sink.opencti.max-tlp", "TLP:GREEN")
                .to(destination);
    }

    @AfterEach
    void stop() {
        platform.close();
        destination.close();
        assertThat(destination.failures()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1000})
    void aSourceThatMayNotGoThereIsNotToldOf(int batch) throws Exception {
        carry(
                batch,
                create("1000-0", tool(1, GREEN)),
                create("2000-0", tool(2, RED)),
                merge("3000-0", tool(1, GREEN), merged(1, GREEN), List.of(tool(2, RED))));
        assertThat(destination.objects()).containsOnlyKeys(id(1));
        assertThat(destination.objects().get(id(1)).path("description").asText())
                .isEqualTo("merged");
        assertThat(destination.pushes().toString()).doesNotContain(id(2));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1000})
    void aSourceGoesWithoutATargetThatMayNotGoThere(int batch) throws Exception {
        carry(
                batch,
                create("1000-0", tool(1, RED)),
                create("2000-0", tool(2, GREEN)),
                merge("3000-0", tool(1, RED), merged(1, RED), List.of(tool(2, GREEN))));
        assertThat(destination.pushes().toString()).contains(id(2)).doesNotContain(id(1));
        assertThat(destination.objects()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1000})
    void bothGoWhereWhatBecameOfThemMayNotGoThere(int batch) throws Exception {
        carry(
                batch,
                create("1000-0", tool(1, GREEN)),
                create("2000-0", tool(2, GREEN)),
                merge("3000-0", tool(1, GREEN), merged(1, RED), List.of(tool(2, GREEN))));
        assertThat(destination.pushes().toString()).contains(id(1), id(2)).doesNotContain("merged", RED);
        assertThat(destination.objects()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1000})
    void aSourceBesideOneThatMayNotGoThereLeavesItsRelationsToTheTarget(int batch) throws Exception {
        carry(
                batch,
                create("1000-0", tool(1, GREEN)),
                create("2000-0", tool(2, GREEN)),
                create("3000-0", tool(3, RED)),
                create("4000-0", tool(4, GREEN)),
                create("5000-0", Frames.relation(USES, "uses", id(2), id(4))),
                merge("6000-0", tool(1, GREEN), merged(1, GREEN), List.of(tool(2, GREEN), tool(3, RED))));
        assertThat(destination.objects()).containsOnlyKeys(id(1), id(4), USES);
        assertThat(destination.objects().get(USES).path("source_ref").asText()).isEqualTo(id(1));
        assertThat(destination.pushes().toString()).doesNotContain(id(3));
    }

    @Test
    void aRelationOfASourceThatMayNotGoThereComesOnceItIsTheTargets() throws Exception {
        Map<String, Object> hidden = Frames.relation(USES, "uses", id(3), id(4));
        Frames.extension(hidden).put("source_ref_object_marking_refs", List.of(RED));
        carry(
                1000,
                create("1000-0", tool(1, GREEN)),
                create("2000-0", tool(2, GREEN)),
                create("3000-0", tool(3, RED)),
                create("4000-0", tool(4, GREEN)),
                create("5000-0", hidden),
                merge("6000-0", tool(1, GREEN), merged(1, GREEN), List.of(tool(2, GREEN), tool(3, RED))));
        assertThat(destination.objects()).containsOnlyKeys(id(1), id(4), USES);
        assertThat(destination.pushes().toString()).doesNotContain(id(3));
    }

    @Test
    void ofOtherTypesNothingGoesThere() throws Exception {
        caravan.set("caravan.sink.opencti.types", "malware");
        carry(
                1000,
                create("1000-0", tool(1, GREEN)),
                create("2000-0", tool(2, GREEN)),
                merge("3000-0", tool(1, GREEN), merged(1, GREEN), List.of(tool(2, GREEN))));
        assertThat(destination.pushes()).isEmpty();
    }

    private void carry(int batch, Frame... events) throws Exception {
        platform.append(events);
        caravan.set("caravan.batch-max-events", String.valueOf(batch));
        try (Program program = caravan.start()) {
            await().atMost(Patience.SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == events.length);
        }
        destination.awaitApplied();
        assertThat(caravan.deadLetters()).isEmpty();
    }

    private static Map<String, Object> tool(int number, String marking) {
        Map<String, Object> tool = Frames.object(id(number));
        tool.put("object_marking_refs", List.of(marking));
        return tool;
    }

    private static Map<String, Object> merged(int number, String marking) {
        Map<String, Object> tool = tool(number, marking);
        tool.put("description", "merged");
        return tool;
    }

    private static String id(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }
}
