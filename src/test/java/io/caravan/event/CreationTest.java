package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Known.KnownObject;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What events named create mean: one object that is there, and why; and what holds for every change. */
class CreationTest {

    private static final String EMOTET = "malware--emotet";
    private static final String GEODO = "malware--geodo";
    private static final String AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82";
    private static final String GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";

    private final Readings readings = new Readings();

    @Test
    void whereNothingIsFilteredADependencyIsAnObjectLikeAnyOther() throws Exception {
        Readings unfiltered = new Readings(false);
        for (Frame frame : List.of(Frames.dependency("1-0", EMOTET), Frames.create("1-0", GEODO))) {
            assertThat(unfiltered.read(frame).changes())
                    .singleElement()
                    .satisfies(change -> assertThat(change.dependency()).isFalse());
        }
        assertThat(unfiltered.known().object(Frames.internalId(EMOTET)))
                .map(KnownObject::dependency)
                .contains(false);
    }

    @Test
    void anObjectThatIsCreatedIsThere() throws Exception {
        Frame create = Frames.create("1000-0", EMOTET);
        Meaning meaning = readings.read(create);

        assertThat(meaning.changes()).singleElement().satisfies(change -> {
            assertThat(change).hasToString("upsert malware--emotet (created)");
            assertThat(change.type()).isEqualTo(Type.UPSERT);
            assertThat(change.event().raw().exactly()).isEqualTo(create.data());
            assertThat(change.after()).contains(change.event().object());
            assertThat(change.before()).isEmpty();
            assertThat(change.previousId()).isEmpty();
            assertThat(change.mergedInto()).isEmpty();
            assertThat(change.changed()).isEmpty();
            assertThat(change.dependency()).isFalse();
        });
        assertThat(meaning.staleReferences()).isZero();
    }

    @Test
    void whyItCameIsTheReason() throws Exception {
        assertThat(readings.changes(List.of(
                        Frames.create("1-0", "tool--a"),
                        Frames.enteredScope("2-0", Frames.object("tool--b")),
                        Frames.dependency("3-0", "tool--c"),
                        Frames.snapshot("4-0", "tool--d"))))
                .extracting(Change::reason)
                .containsExactly(Reason.CREATED, Reason.ENTERED_SCOPE, Reason.DEPENDENCY, Reason.SNAPSHOT);
    }

    @Test
    void aSnapshotOfWhatIsAsItWasToldChangesNothing() throws Exception {
        readings.read(Frames.create("1-0", EMOTET));
        Map<String, Object> otherwiseOrdered = new LinkedHashMap<>();
        List<String> members = new ArrayList<>(Frames.object(EMOTET).keySet());
        Collections.reverse(members);
        members.forEach(
                member -> otherwiseOrdered.put(member, Frames.object(EMOTET).get(member)));

        Meaning same = readings.read(Frames.snapshot("2-0", otherwiseOrdered));
        Meaning other = readings.read(Frames.snapshot("3-0", with(Frames.object(EMOTET), "name", "Emotet")));

        assertThat(same.changes()).isEmpty();
        assertThat(other.changes()).extracting(Change::reason).containsExactly(Reason.SNAPSHOT);
    }

    @Test
    void aDependencyOfWhatIsAsItWasToldChangesNothingInAReconcileAlone() throws Exception {
        readings.read(Frames.create("1-0", EMOTET));
        assertThat(readings.read(Frames.dependency("2-0", EMOTET)).changes()).hasSize(1);
        ((Pending) readings.known()).reconciling();
        assertThat(readings.read(Frames.dependency("3-0", EMOTET)).changes()).isEmpty();
        assertThat(readings.read(Frames.create("4-0", EMOTET)).changes()).hasSize(1);
    }

    @Test
    void whatIsCreatedAgainHasWhatWasLastToldAsItsStateBefore() throws Exception {
        Map<String, Object> again = with(Frames.object(EMOTET), "description", "a banking trojan");
        readings.read(Frames.create("1-0", EMOTET));

        assertThat(readings.read(Frames.create("2-0", again)).changes())
                .singleElement()
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.CREATED);
                    assertThat(change.before()).map(StixObject::json).contains(json(Frames.object(EMOTET)));
                    assertThat(change.beforeComplete()).isTrue();
                    assertThat(change.previousId()).isEmpty();
                });
    }

    @Test
    void whatIsTwiceInOneEventOfTheStreamIsToldTwice() throws Exception {
        assertThat(readings.changes(List.of(Frames.dependency("1-0", EMOTET), Frames.create("1-0", EMOTET))))
                .hasToString("[upsert malware--emotet (dependency), upsert malware--emotet (created)]");
    }

    // ---- Dependencies

    @Test
    void whatCameOnlyAsADependencySaysSo() throws Exception {
        assertThat(change(Frames.dependency("1-0", EMOTET)).dependency()).isTrue();
        assertThat(change(Frames.dependency("2-0", EMOTET)).dependency()).isTrue();
        assertThat(readings.known().object(Frames.internalId(EMOTET)))
                .map(KnownObject::dependency)
                .contains(true);
    }

    @Test
    void whatHasComeAsItselfStaysSoWhenAnEventNeedsIt() throws Exception {
        readings.read(Frames.create("1-0", EMOTET));

        assertThat(change(Frames.dependency("2-0", EMOTET))).satisfies(change -> {
            assertThat(change.reason()).isEqualTo(Reason.DEPENDENCY);
            assertThat(change.dependency()).isFalse();
        });
    }

    @Test
    void aDependencyThatComesAsItselfIsNoneAnyMore() throws Exception {
        readings.read(Frames.dependency("1-0", EMOTET));
        readings.read(Frames.dependency("1-0", GEODO));

        assertThat(change(Frames.update("2-0", Frames.object(EMOTET), Frames.object(EMOTET)))
                        .dependency())
                .isFalse();
        assertThat(change(Frames.snapshot("3-0", GEODO)).dependency()).isFalse();
        assertThat(change(Frames.dependency("4-0", EMOTET)).dependency()).isFalse();
    }

    @Test
    void whatLeftTheScopeIsADependencyWhenAnEventNeedsItAgain() throws Exception {
        readings.read(Frames.create("1-0", EMOTET));
        readings.read(Frames.leftScope("2-0", Frames.object(EMOTET)));

        assertThat(change(Frames.dependency("3-0", EMOTET)).dependency()).isTrue();
        assertThat(change(Frames.enteredScope("4-0", Frames.object(EMOTET))).dependency())
                .isFalse();
    }

    // ---- Ids

    /** Whatever brings the new id: the record under the old one is the same object's. */
    @Test
    void anObjectThatComesUnderAnotherIdNamesTheOneItWasKnownBy() throws Exception {
        readings.read(Frames.create("1-0", Frames.object(EMOTET, "1")));

        assertThat(change(Frames.snapshot("2-0", Frames.object(GEODO, "1")))).satisfies(change -> {
            assertThat(change.reason()).isEqualTo(Reason.SNAPSHOT);
            assertThat(change.previousId()).contains(EMOTET);
        });
        assertThat(readings.known().withId(EMOTET)).isEmpty();
        assertThat(readings.known().withId(GEODO)).isPresent();
    }

    /** Two objects never have one STIX id: the end of the first was missed. */
    @Test
    void anotherObjectWithTheSameIdIsRemoved() throws Exception {
        readings.read(Frames.dependency("1-0", Frames.object(EMOTET, "1")));
        List<Change> changes =
                readings.read(Frames.create("2-0", Frames.object(EMOTET, "2"))).changes();

        assertThat(changes).hasToString("[remove malware--emotet (reconciled), upsert malware--emotet (created)]");
        assertThat(changes.get(0).object().internalId()).isEqualTo("1");
        assertThat(changes.get(0).dependency()).isTrue();
        assertThat(changes.get(1).object().internalId()).isEqualTo("2");
        assertThat(changes.get(1).previousId()).isEmpty();
        assertThat(changes.get(1).before()).isEmpty();
        assertThat(changes.get(1).dependency()).isFalse();
        assertThat(readings.known().object("1")).isEmpty();
    }

    @Test
    void anObjectThatGetsAnInternalIdLeavesNothingUnderItsStixId() throws Exception {
        readings.read(Frames.create("1-0", withoutInternalId(EMOTET)));
        List<Change> changes =
                readings.read(Frames.create("2-0", Frames.object(EMOTET, "1"))).changes();

        assertThat(changes).extracting(change -> change.object().key()).containsExactly(EMOTET, "1");
        assertThat(changes).extracting(Change::type).containsExactly(Type.REMOVE, Type.UPSERT);
    }

    @Test
    void withoutAnInternalIdTheStixIdTellsObjectsApart() throws Exception {
        readings.read(Frames.create("1-0", withoutInternalId(EMOTET)));

        assertThat(change(Frames.dependency("2-0", withoutInternalId(EMOTET))).dependency())
                .isFalse();
        assertThat(change(Frames.dependency("2-0", withoutInternalId(GEODO))).dependency())
                .isTrue();
    }

    // ---- Markings

    @Test
    void theStrictestMarkingCountsBeforeAndAfter() throws Exception {
        readings.read(Frames.create("1-0", marked(GREEN)));

        assertThat(change(Frames.create("2-0", marked(GREEN, AMBER)))).satisfies(change -> {
            assertThat(change.tlp()).contains(Tlp.AMBER);
            assertThat(change.past().orElseThrow().tlp()).contains(Tlp.GREEN);
        });
        assertThat(change(Frames.create("3-0", Frames.object(EMOTET)))).satisfies(change -> {
            assertThat(change.tlp()).isEmpty();
            assertThat(change.past().orElseThrow().tlp()).contains(Tlp.AMBER);
        });
        assertThat(change(Frames.leftScope("4-0", marked(AMBER)))).satisfies(change -> {
            assertThat(change.tlp()).contains(Tlp.AMBER);
            assertThat(change.past().orElseThrow().tlp()).contains(Tlp.AMBER);
        });
    }

    @ParameterizedTest
    @CsvSource({
        "TLP:WHITE,        CLEAR",
        "TLP:CLEAR,        CLEAR",
        "tlp:green,        GREEN",
        "TLP:AMBER+STRICT, AMBER_STRICT",
        "Tlp:Red,          RED"
    })
    void aMarkingThatIsKnownCountsByItsName(String name, Tlp tlp) throws Exception {
        String ours = "marking-definition--ours";
        readings.read(Frames.dependency("1-0", with(Frames.object(ours), "name", name)));

        assertThat(change(Frames.create("2-0", marked(ours))).tlp()).contains(tlp);
    }

    @Test
    void aMarkingCountsByTheNameItHasNow() throws Exception {
        String ours = "marking-definition--ours";
        readings.read(Frames.create("1-0", with(Frames.object(ours), "name", "TLP:GREEN")));
        readings.read(Frames.create("2-0", with(Frames.object(ours), "name", "TLP:RED")));
        assertThat(change(Frames.create("3-0", marked(ours))).tlp()).contains(Tlp.RED);

        readings.read(Frames.delete("4-0", with(Frames.object(ours), "name", "TLP:RED")));
        assertThat(change(Frames.create("5-0", marked(ours))).tlp()).isEmpty();
    }

    @Test
    void aStatementIsNoColour() throws Exception {
        String statement = "marking-definition--statement";
        readings.read(Frames.create("1-0", with(Frames.object(statement), "name", "STATEMENT: TLP:RED")));

        assertThat(change(Frames.create("2-0", marked(statement, "marking-definition--unknown")))
                        .tlp())
                .isEmpty();
    }

    private Change change(Frame frame) throws Exception {
        List<Change> changes = readings.read(frame).changes();
        assertThat(changes).hasSize(1);
        return changes.get(0);
    }

    private static Map<String, Object> marked(String... markings) {
        return with(Frames.object(EMOTET), "object_marking_refs", List.of(markings));
    }

    private static Map<String, Object> with(Map<String, Object> object, String name, Object value) {
        Map<String, Object> changed = new LinkedHashMap<>(object);
        changed.put(name, value);
        return changed;
    }

    private static Map<String, Object> withoutInternalId(String stixId) {
        Map<String, Object> object = Frames.object(stixId);
        object.remove("extensions");
        return object;
    }

    private static Bytes json(Map<String, Object> object) throws Exception {
        return Bytes.of(Json.mapper().writeValueAsString(object));
    }
}
