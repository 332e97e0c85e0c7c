package io.caravan.event;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.relation;
import static io.caravan.testkit.Frames.sighting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Known.KnownObject;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What events named delete mean: what ends at the object is gone, and then the object. */
class DeletionTest {

    private static final String EMOTET = "malware--emotet";

    private final Readings readings = new Readings();

    @Test
    void aDeletedObjectIsGoneAndTheEventHasItsLastState() throws Exception {
        Map<String, Object> last = object(EMOTET);
        last.put("description", "the last that was said");
        readings.read(create("1-0", EMOTET));

        assertThat(readings.read(delete("2-0", last)).changes()).singleElement().satisfies(change -> {
            assertThat(change).hasToString("remove malware--emotet (deleted)");
            assertThat(change.type()).isEqualTo(Type.REMOVE);
            assertThat(change.after()).isEmpty();
            assertThat(change.before()).contains(change.event().object());
            assertThat(change.beforeComplete()).isTrue();
            assertThat(change.previousId()).isEmpty();
            assertThat(change.mergedInto()).isEmpty();
        });
        assertThat(readings.known().object(Frames.internalId(EMOTET))).isEmpty();
    }

    @Test
    void anObjectThatWasNeverToldIsGoneToo() throws Exception {
        assertThat(told(delete("1-0", EMOTET))).containsExactly("remove malware--emotet (deleted)");
        assertThat(told(delete("2-0", EMOTET))).containsExactly("remove malware--emotet (deleted)");
    }

    @Test
    void aDependencyIsGoneAsOne() throws Exception {
        readings.read(Frames.dependency("1-0", EMOTET));

        assertThat(readings.read(delete("2-0", EMOTET)).changes())
                .extracting(Change::dependency)
                .containsExactly(true);
        assertThat(readings.read(delete("3-0", EMOTET)).changes())
                .extracting(Change::dependency)
                .containsExactly(false);
    }

    /** A relation that touches a visible object: the envelope has no type. */
    @Test
    void aDeleteThatAnEventNeedsIsADelete() throws Exception {
        readings.read(create("1-0", relation("relationship--a", "uses", "tool--a", EMOTET)));
        Frame needed = Frame.of(
                "2-0",
                "delete",
                "{\"data\":"
                        + Json.mapper().writeValueAsString(relation("relationship--a", "uses", "tool--a", EMOTET))
                        + ",\"origin\":{\"referer\":\"init-dependencies\"}}");

        assertThat(told(needed)).containsExactly("remove relationship--a (deleted)");
        assertThat(readings.read(needed).changes())
                .extracting(Change::dependency)
                .containsExactly(true);
    }

    @Test
    void anObjectThatIsKnownByAnotherIdNamesIt() throws Exception {
        readings.read(create("1-0", object(EMOTET, "1")));

        assertThat(readings.read(delete("2-0", object("malware--geodo", "1"))).changes())
                .singleElement()
                .satisfies(change -> {
                    assertThat(change.object().id()).isEqualTo("malware--geodo");
                    assertThat(change.previousId()).contains(EMOTET);
                });
        assertThat(readings.known().withId(EMOTET)).isEmpty();
    }

    // ---- What ends at it

    @Test
    void relationsAndSightingsThatEndAtItGoBeforeIt() throws Exception {
        readings.read(create("1-0", relation("relationship--from", "uses", EMOTET, "tool--a")));
        readings.read(create("2-0", relation("relationship--to", "indicates", "indicator--a", EMOTET)));
        readings.read(create("3-0", relation("relationship--elsewhere", "uses", "malware--b", "tool--a")));
        readings.read(create("4-0", sighting("sighting--of", EMOTET, "identity--a")));
        readings.read(create("5-0", sighting("sighting--elsewhere", "indicator--a", "identity--a")));
        readings.read(create("6-0", sighting("sighting--at", "indicator--a", "identity--a", EMOTET)));
        List<Change> changes = readings.read(delete("7-0", EMOTET)).changes();

        assertThat(changes)
                .extracting(Change::toString)
                .endsWith("remove malware--emotet (deleted)")
                .containsExactlyInAnyOrder(
                        "remove relationship--from (cascade)",
                        "remove relationship--to (cascade)",
                        "remove sighting--of (cascade)",
                        "remove sighting--at (cascade)",
                        "remove malware--emotet (deleted)");
        assertThat(changes).allSatisfy(change -> {
            assertThat(change.before()).contains(change.object());
            assertThat(change.beforeComplete()).isTrue();
            assertThat(change.event().op()).isEqualTo("delete");
        });
        assertThat(readings.known().withId("relationship--from")).isEmpty();
        assertThat(readings.known().withId("relationship--elsewhere")).isPresent();
        assertThat(readings.known().withId("sighting--elsewhere")).isPresent();
    }

    @Test
    void whatEndsAtARelationGoesBeforeTheRelation() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", EMOTET, "tool--a")));
        readings.read(create("2-0", relation("relationship--2", "related-to", "tool--b", "relationship--1")));
        readings.read(create("3-0", sighting("sighting--3", "relationship--2", "identity--a")));

        assertThat(told(delete("4-0", EMOTET)))
                .containsExactly(
                        "remove sighting--3 (cascade)",
                        "remove relationship--2 (cascade)",
                        "remove relationship--1 (cascade)",
                        "remove malware--emotet (deleted)");
    }

    /** Whatever their keys are, which is what known relations are ordered by. */
    @Test
    void whatEndsAtTheObjectAndAtItsRelationGoesBeforeTheRelation() throws Exception {
        for (int n = 0; n < 16; n++) {
            String relation = "relationship--" + n;
            String sighting = "sighting--" + n;
            readings.read(create("1-0", relation(relation, "uses", EMOTET, "tool--a")));
            readings.read(create("1-0", sighting(sighting, relation, EMOTET)));
        }
        List<String> told = told(delete("2-0", EMOTET));

        assertThat(told).hasSize(33).doesNotHaveDuplicates();
        for (int n = 0; n < 16; n++) {
            assertThat(told)
                    .containsSubsequence(
                            "remove sighting--" + n + " (cascade)", "remove relationship--" + n + " (cascade)");
        }
    }

    @Test
    void aLongChainGoesFromItsEnd() throws Exception {
        String end = EMOTET;
        for (int n = 0; n < 20_000; n++) {
            readings.known()
                    .put(new KnownObject(
                            StixObjects.sighting("key-" + n, "sighting--" + n, end), false, Optional.empty()));
            end = "key-" + n;
        }
        List<String> told = told(delete("1-0", EMOTET));

        assertThat(told).hasSize(20_001);
        assertThat(told.subList(0, 20_000))
                .isEqualTo(IntStream.iterate(19_999, n -> n - 1)
                        .limit(20_000)
                        .mapToObj(n -> "remove sighting--" + n + " (cascade)")
                        .toList());
    }

    @Test
    void relationsThatEndAtEachOtherGoOnceEach() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", EMOTET, "relationship--3")));
        readings.read(create("1-0", relation("relationship--2", "uses", "relationship--1", "tool--a")));
        readings.read(create("1-0", relation("relationship--3", "uses", "relationship--2", "relationship--3")));

        assertThat(told(delete("2-0", EMOTET)))
                .endsWith("remove malware--emotet (deleted)")
                .containsExactlyInAnyOrder(
                        "remove relationship--1 (cascade)",
                        "remove relationship--2 (cascade)",
                        "remove relationship--3 (cascade)",
                        "remove malware--emotet (deleted)");
    }

    @Test
    void aRelationThatEndsAtItselfGoesOnce() throws Exception {
        Map<String, Object> itself = relation("relationship--1", "uses", "relationship--1", EMOTET);
        readings.read(create("1-0", itself));
        assertThat(told(delete("2-0", EMOTET)))
                .containsExactly("remove relationship--1 (cascade)", "remove malware--emotet (deleted)");

        readings.read(create("3-0", itself));
        assertThat(told(delete("4-0", itself))).containsExactly("remove relationship--1 (deleted)");
    }

    @Test
    void aDeletedRelationInACircleGoesOnceAndLast() throws Exception {
        Map<String, Object> first = relation("relationship--1", "uses", EMOTET, "relationship--2");
        readings.read(create("1-0", first));
        readings.read(create("1-0", relation("relationship--2", "uses", "relationship--1", "tool--a")));

        assertThat(told(delete("2-0", first)))
                .containsExactly("remove relationship--2 (cascade)", "remove relationship--1 (deleted)");
    }

    /** The platform does not send relations again when what they end at is renamed; the internal id stays. */
    @Test
    void whatEndsAtItByAnOldNameGoesToo() throws Exception {
        Map<String, Object> renamed = object("malware--geodo", Frames.internalId(EMOTET));
        readings.read(create("1-0", EMOTET));
        readings.read(create("2-0", relation("relationship--1", "uses", EMOTET, "tool--a")));
        readings.read(Frames.update("3-0", object(EMOTET), renamed));

        assertThat(told(delete("4-0", renamed)))
                .containsExactly("remove relationship--1 (cascade)", "remove malware--geodo (deleted)");
    }

    @Test
    void ofObjectsWithoutInternalIdsWhatEndsAtTheStixIdGoes() throws Exception {
        Map<String, Object> relation = relation("relationship--1", "uses", EMOTET, "tool--a");
        relation.remove("extensions");
        Map<String, Object> emotet = object(EMOTET);
        emotet.remove("extensions");
        readings.read(create("1-0", relation));

        assertThat(told(delete("2-0", emotet)))
                .containsExactly("remove relationship--1 (cascade)", "remove malware--emotet (deleted)");
    }

    @Test
    void aCascadedRelationStaysTheDependencyThatItWas() throws Exception {
        readings.read(Frames.dependency("1-0", relation("relationship--1", "uses", EMOTET, "tool--a")));
        readings.read(create("2-0", EMOTET));

        assertThat(readings.read(delete("3-0", EMOTET)).changes())
                .extracting(Change::dependency)
                .containsExactly(true, false);
    }

    @Test
    void whatRefersToWhatWentIsCountedAndLeft() throws Exception {
        Map<String, Object> report = object("report--a");
        report.put("object_refs", List.of(EMOTET, "relationship--1"));
        report.put("created_by_ref", "identity--a");
        Map<String, Object> labelled = object("tool--a");
        Frames.extension(labelled).put("labels_ids", List.of(Frames.internalId("label--a")));
        readings.read(create("1-0", report));
        readings.read(create("2-0", labelled));

        assertThat(readings.read(delete("3-0", "identity--a"))).satisfies(meaning -> {
            assertThat(meaning.changes()).hasSize(1);
            assertThat(meaning.staleReferences()).isEqualTo(1);
        });
        assertThat(readings.read(delete("4-0", "label--a")).staleReferences()).isEqualTo(1);
        assertThat(readings.read(delete("5-0", "tool--b")).staleReferences()).isZero();
        assertThat(readings.known().withId("report--a")).isPresent();
    }

    // ---- What the platform says went along, before 6.0

    @Test
    void whatThePlatformSaysWentAlongGoesFirst() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", EMOTET, "tool--a")));
        Map<String, Object> last = relation("relationship--1", "uses", EMOTET, "tool--a");
        last.put("confidence", 7);
        List<Change> changes = readings.read(delete(
                        "2-0",
                        object(EMOTET),
                        List.of(last, relation("relationship--2", "uses", EMOTET, "tool--never-told"))))
                .changes();

        assertThat(changes)
                .hasToString("[remove relationship--1 (cascade), remove relationship--2 (cascade),"
                        + " remove malware--emotet (deleted)]");
        assertThat(changes.get(0).before().orElseThrow().json().toString()).contains("\"confidence\":7");
        assertThat(readings.known().withId("relationship--1")).isEmpty();
    }

    @Test
    void whatThePlatformForgotToSayGoesToo() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", EMOTET, "tool--a")));
        readings.read(create("1-0", relation("relationship--2", "uses", EMOTET, "tool--b")));
        readings.read(create("1-0", sighting("sighting--1", "relationship--1", "identity--a")));
        readings.read(create("1-0", sighting("sighting--2", "relationship--2", "identity--a")));

        assertThat(told(delete("2-0", object(EMOTET), List.of(relation("relationship--1", "uses", EMOTET, "tool--a")))))
                .containsExactly(
                        "remove sighting--1 (cascade)",
                        "remove relationship--1 (cascade)",
                        "remove sighting--2 (cascade)",
                        "remove relationship--2 (cascade)",
                        "remove malware--emotet (deleted)");
    }

    @Test
    void whatIsSaidTwiceGoesOnceAndTheObjectItselfAsDeleted() throws Exception {
        Map<String, Object> relation = relation("relationship--1", "uses", EMOTET, "tool--a");

        assertThat(told(delete("1-0", object(EMOTET), List.of(relation, object(EMOTET), relation))))
                .containsExactly("remove relationship--1 (cascade)", "remove malware--emotet (deleted)");
    }

    @Test
    void aDeletedRelationGoesOnceAlsoIfWhatItEndsAtWentAlong() throws Exception {
        Map<String, Object> relation = relation("relationship--1", "uses", EMOTET, "tool--a");
        readings.read(create("1-0", relation));

        assertThat(told(delete("2-0", relation, List.of(object(EMOTET)))))
                .containsExactly("remove malware--emotet (cascade)", "remove relationship--1 (deleted)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "null", "7", "{}", "[7,null,\"x\",{},[{}]]"})
    void whatIsNoObjectDoesNotGoAlong(String deletions) throws Exception {
        Frame frame = Frame.of(
                "1-0",
                "delete",
                "{\"type\":\"delete\",\"data\":{\"id\":\"malware--emotet\"},\"context\":{\"deletions\":" + deletions
                        + "}}");

        assertThat(told(frame)).containsExactly("remove malware--emotet (deleted)");
    }

    // ---- Out of scope

    @Test
    void whatLeftTheScopeTakesNothingWithIt() throws Exception {
        readings.read(create("1-0", EMOTET));
        readings.read(create("2-0", relation("relationship--1", "uses", EMOTET, "tool--a")));

        assertThat(readings.read(Frames.leftScope("3-0", object(EMOTET))).changes())
                .singleElement()
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.LEFT_SCOPE);
                    assertThat(change.type()).isEqualTo(Type.REMOVE);
                    assertThat(change.before()).contains(change.event().object());
                });
        assertThat(readings.known().withId(EMOTET)).isEmpty();
        assertThat(readings.known().withId("relationship--1")).isPresent();
    }

    @Test
    void whatStayedWhenTheObjectLeftGoesWhenItIsDeleted() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", EMOTET, "tool--a")));
        readings.read(Frames.leftScope("2-0", object(EMOTET)));

        assertThat(told(delete("3-0", EMOTET)))
                .containsExactly("remove relationship--1 (cascade)", "remove malware--emotet (deleted)");
    }

    // ---- Indicators

    @Test
    void anIndicatorLosesTheNameOfAMalwareThatIsDeleted() throws Exception {
        readings.read(create("1-0", "indicator--a"));
        readings.read(create("2-0", EMOTET));
        readings.read(create("3-0", relation("relationship--1", "indicates", "indicator--a", EMOTET)));

        assertThat(readings.read(delete("4-0", EMOTET)).indicators())
                .singleElement()
                .satisfies(state -> {
                    assertThat(state.indicator().id()).isEqualTo("indicator--a");
                    assertThat(state.gone()).isFalse();
                    assertThat(state.malware()).isEmpty();
                    assertThat(state.change().reason()).isEqualTo(Reason.CASCADE);
                });
    }

    @Test
    void anIndicatorThatIsDeletedWithItsRelationsIsGone() throws Exception {
        readings.read(create("1-0", "indicator--a"));
        readings.read(create("2-0", EMOTET));
        readings.read(create("3-0", relation("relationship--1", "indicates", "indicator--a", EMOTET)));

        assertThat(readings.read(delete("4-0", "indicator--a")).indicators())
                .singleElement()
                .satisfies(state -> {
                    assertThat(state.gone()).isTrue();
                    assertThat(state.change().reason()).isEqualTo(Reason.DELETED);
                });
    }

    // ---- What cannot be read

    @Test
    void aContextThatCannotBeReadTellsNothing() throws Exception {
        readings.read(create("1-0", relation("relationship--1", "uses", EMOTET, "tool--a")));
        Bytes data = Bytes.of("{\"type\":\"delete\",\"data\":{\"id\":\"malware--emotet\"}}");
        Envelope whole = Envelope.read(data);
        Event event = new Event(
                EventId.parse("2-0"),
                "delete",
                new Envelope(
                        whole.kind(),
                        whole.type(),
                        whole.message(),
                        whole.object(),
                        Optional.of(Bytes.of("{\"deletions\":[{\"id\":"))),
                data);

        assertThatThrownBy(() -> new Deletion().of(event, readings.known(), true))
                .isInstanceOf(Unreadable.class)
                .hasMessageStartingWith("its context cannot be read");
        assertThat(readings.known().withId("relationship--1")).isPresent();
    }

    private List<String> told(Frame frame) throws Exception {
        return readings.read(frame).changes().stream().map(Change::toString).toList();
    }
}
