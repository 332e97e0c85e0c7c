package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class OvertakenTest {

    private static final String EMOTET = "malware--11111111-1111-4111-8111-111111111111";
    private static final String GEODO = "malware--22222222-2222-4222-8222-222222222222";
    private static final String TOOL = "tool--33333333-3333-4333-8333-333333333333";
    private static final String USES = "relationship--44444444-4444-4444-8444-444444444444";

    private final Readings readings = new Readings();

    // refused by one sink: what is known has the event in it

    @Test
    void whatIsKnownAsTheEventLeftItMeansWhatItAlwaysDid() throws Exception {
        Frame update = Frames.update("2000-0", malware(1), malware(2));
        readings.changes(List.of(Frames.create("1000-0", malware(1)), update));

        Change again = only(refused(update, new Update()));

        assertThat(again.reason()).isEqualTo(Reason.UPDATED);
        assertThat(name(again.after())).isEqualTo("v2");
        assertThat(name(again.before())).isEqualTo("v1");
    }

    @Test
    void whatIsKnownInAnotherStateIsToldInThat() throws Exception {
        Frame create = Frames.create("1000-0", malware(1));
        readings.changes(List.of(create, Frames.update("2000-0", malware(1), malware(2))));

        Meaning again = refused(create, new Creation());

        assertThat(again.event().raw()).isEqualTo(Events.event(create).raw());
        assertThat(only(again).reason()).isEqualTo(Reason.CREATED);
        assertThat(name(only(again).after())).isEqualTo("v2");
        assertThat(only(again).beforeComplete()).isFalse();
        assertThat(known(EMOTET)).isEqualTo("v2");
    }

    @Test
    void whatIsGoneIsNotToldAgain() throws Exception {
        Frame create = Frames.create("1000-0", malware(1));
        Frame delete = Frames.delete("2000-0", malware(1));
        readings.changes(List.of(create, delete));

        assertThat(refused(create, new Creation()).changes()).isEmpty();
        assertThat(only(refused(delete, new Deletion())).type()).isEqualTo(Type.REMOVE);
        assertThat(readings.known().withId(EMOTET)).isEmpty();
    }

    @Test
    void whatIsThereAgainIsNotRemoved() throws Exception {
        Frame delete = Frames.delete("2000-0", malware(1));
        readings.changes(List.of(Frames.create("1000-0", malware(1)), delete, Frames.create("3000-0", malware(3))));

        Change again = only(refused(delete, new Deletion()));

        assertThat(again.type()).isEqualTo(Type.UPSERT);
        assertThat(again.reason()).isEqualTo(Reason.UPDATED);
        assertThat(name(again.after())).isEqualTo("v3");
    }

    @Test
    void whatWasRenamedAgainHasTheNameItHas() throws Exception {
        Map<String, Object> renamed = malware(GEODO, Frames.internalId(EMOTET), 2);
        Map<String, Object> back = malware(3);
        Frame rename = Frames.update("2000-0", malware(1), renamed);
        readings.changes(List.of(Frames.create("1000-0", malware(1)), rename, Frames.update("3000-0", renamed, back)));

        Change again = only(refused(rename, new Update()));

        assertThat(again.reason()).isEqualTo(Reason.UPDATED);
        assertThat(again.object().id()).isEqualTo(EMOTET);
        assertThat(again.previousId()).isEmpty();
    }

    @Test
    void whatAReconcileHasRemovedIsRemovedAgainUnlessItIsBack() throws Exception {
        readings.changes(List.of(Frames.create("1000-0", malware(1))));
        Known known = readings.known();
        Event removal = Reconciliation.event(
                EventId.parse("2000-0"), known.withId(EMOTET).orElseThrow().object());
        Meaning.Reading late = new Overtaken(new Reconciliation(), () -> true);
        new Reconciliation().of(removal, known, false);

        Change again = only(late.of(removal, known, false));
        assertThat(again.type()).isEqualTo(Type.REMOVE);
        assertThat(again.reason()).isEqualTo(Reason.DELETED);

        readings.changes(List.of(Frames.create("3000-0", malware(3))));
        assertThat(late.of(removal, known, false).changes()).isEmpty();
        assertThat(known(EMOTET)).isEqualTo("v3");
    }

    @Test
    void aStateThatOneSinkRefusedIsToldAgain() throws Exception {
        Frame snapshot = Frames.snapshot("1000-0", malware(1));
        Frame dependency = Frames.dependency("1000-0", TOOL);
        readings.changes(List.of(snapshot, dependency));

        assertThat(only(refused(snapshot, new Creation())).reason()).isEqualTo(Reason.SNAPSHOT);
        assertThat(name(only(refused(snapshot, new Creation())).after())).isEqualTo("v1");
        assertThat(only(refused(dependency, new Creation())).reason()).isEqualTo(Reason.DEPENDENCY);
        assertThat(only(refused(dependency, new Creation())).dependency()).isTrue();
    }

    // failed on by a by-type route: nothing of it is known

    @Test
    void whatIsNotKnownIsNew() throws Exception {
        assertThat(name(only(failed(Frames.create("1000-0", malware(1)), new Creation()))
                        .after()))
                .isEqualTo("v1");
    }

    @Test
    void whatWasUpdatedSinceIsToldAsItIs() throws Exception {
        readings.changes(List.of(Frames.create("1000-0", malware(1)), Frames.update("3000-0", malware(2), malware(3))));

        Change again = only(failed(Frames.update("2000-0", malware(1), malware(2)), new Update()));

        assertThat(again.reason()).isEqualTo(Reason.UPDATED);
        assertThat(name(again.after())).isEqualTo("v3");
    }

    @Test
    void whatWasNotUpdatedSinceIsDeleted() throws Exception {
        Frame delete = Frames.delete("2000-0", malware(1));
        readings.changes(List.of(Frames.create("1000-0", malware(1))));
        assertThat(only(failed(delete, new Deletion())).type()).isEqualTo(Type.REMOVE);

        readings.changes(List.of(Frames.create("3000-0", malware(3))));
        assertThat(only(failed(delete, new Deletion())).type()).isEqualTo(Type.UPSERT);
    }

    @Test
    void anObjectThatHasTheIdNowIsNotTakenForGone() throws Exception {
        Map<String, Object> next = malware(EMOTET, Frames.internalId(GEODO), 3);
        readings.changes(List.of(Frames.create("3000-0", next)));

        assertThat(failed(Frames.create("1000-0", malware(1)), new Creation()).changes())
                .isEmpty();
        assertThat(known(EMOTET)).isEqualTo("v3");
    }

    @Test
    void aMergeTakesItsSourcesWhateverTheTargetIsByNow() throws Exception {
        Map<String, Object> source = malware(GEODO, Frames.internalId(GEODO), 1);
        readings.changes(List.of(
                Frames.create("1000-0", malware(1)),
                Frames.create("2000-0", source),
                Frames.create("3000-0", TOOL),
                Frames.create("4000-0", Frames.relation(USES, "uses", GEODO, TOOL)),
                Frames.update("6000-0", malware(1), malware(6))));

        Meaning merge = failed(Frames.merge("5000-0", malware(1), malware(5), List.of(source)), new Merge());

        assertThat(merge.changes()).extracting(change -> change.object().id()).containsExactly(GEODO, EMOTET, USES);
        assertThat(merge.changes())
                .extracting(Change::reason)
                .containsExactly(Reason.MERGED_INTO, Reason.MERGED, Reason.MERGED);
        assertThat(name(merge.changes().get(1).after())).isEqualTo("v6");
        assertThat(merge.contents()).isEqualTo(inTime(Frames.merge("5000-0", malware(1), malware(5), List.of(source))));
    }

    @Test
    void aMergeTakesItsSourcesWhereTheTargetIsGoneAndAnotherBearsItsId() throws Exception {
        Map<String, Object> source = malware(GEODO, Frames.internalId(GEODO), 1);
        Map<String, Object> next = malware(EMOTET, Frames.internalId("malware--anew"), 9);
        readings.changes(List.of(
                Frames.create("2000-0", source),
                Frames.create("3000-0", TOOL),
                Frames.create("4000-0", Frames.relation(USES, "uses", GEODO, TOOL)),
                Frames.create("9000-0", next)));

        Meaning merge = failed(Frames.merge("5000-0", malware(1), malware(5), List.of(source)), new Merge());

        assertThat(merge.changes()).extracting(change -> change.object().id()).containsExactly(USES, GEODO);
        assertThat(merge.changes()).extracting(Change::reason).containsExactly(Reason.CASCADE, Reason.MERGED_INTO);
        assertThat(readings.known().withId(GEODO)).isEmpty();
        assertThat(known(EMOTET)).isEqualTo("v9");
    }

    @Test
    void whatHappensToADependencyMakesItNone() throws Exception {
        Map<String, Object> newer = malware(3);
        readings.changes(List.of(Frames.dependency("3000-0", newer)));

        Change late = only(failed(Frames.update("2000-0", malware(1), malware(2)), new Update()));

        assertThat(name(late.after())).isEqualTo("v3");
        assertThat(late.dependency()).isFalse();
        assertThat(readings.known().withId(EMOTET).orElseThrow().dependency()).isFalse();
    }

    private Meaning refused(Frame frame, Meaning.Reading reading) throws Exception {
        return new Overtaken(reading, () -> true).of(Events.event(frame), readings.known(), true);
    }

    private Meaning failed(Frame frame, Meaning.Reading reading) throws Exception {
        return new Overtaken(reading, () -> false).of(Events.event(frame), readings.known(), true);
    }

    private static Meaning.Contents inTime(Frame merge) throws Exception {
        return new Readings().read(merge).contents();
    }

    private static Change only(Meaning meaning) {
        assertThat(meaning.changes()).hasSize(1);
        return meaning.changes().get(0);
    }

    private String known(String id) throws Exception {
        return readings.known().withId(id).orElseThrow().object().name();
    }

    private static String name(Optional<StixObject> object) {
        return object.orElseThrow().name();
    }

    private static Map<String, Object> malware(int version) {
        return malware(EMOTET, Frames.internalId(EMOTET), version);
    }

    private static Map<String, Object> malware(String id, String internalId, int version) {
        Map<String, Object> malware = Frames.object(id, internalId);
        malware.put("name", "v" + version);
        Frames.extension(malware).put("updated_at", "2026-11-21T17:%02d:00.000Z".formatted(version));
        return malware;
    }
}
