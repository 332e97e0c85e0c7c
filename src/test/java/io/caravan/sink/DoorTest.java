package io.caravan.sink;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Changes;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.IndicatorState;
import io.caravan.event.IndicatorState.Named;
import io.caravan.event.Meaning;
import io.caravan.event.Position;
import io.caravan.event.Readings;
import io.caravan.event.Tlp;
import io.caravan.event.Unreadable;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DoorTest {

    private static final String GREEN = marking("34098fce-860f-48ae-8e50-ebd3cc5e41da");
    private static final String AMBER = marking("f88d31f6-486f-44da-b317-01333bde0b82");
    private static final String RED = marking("5e57c739-391a-4eb3-b6be-7d15ca92d5ed");
    private static final String OWN = marking("11111111-1111-4111-8111-111111111111");
    private static final Door UP_TO_GREEN = new Door(Optional.of(Tlp.GREEN), Set.of());

    private final Readings readings = new Readings();
    private final List<Meaning> meanings = new ArrayList<>();
    private int events;

    @Test
    void whatIsMarkedAboveDoesNotPass() throws Exception {
        create("tool", 1, GREEN);
        create("tool", 2, AMBER);
        create("tool", 3, "");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.changes())
                .extracting(change -> change.object().id())
                .containsExactly(id("tool", 1), id("tool", 3));
        assertThat(let.events()).hasSize(2);
    }

    @Test
    void theNameOfThePlatformsOwnMarkingCounts() throws Exception {
        define(OWN, "tlp:red");
        create("tool", 1, OWN);

        assertThat(UP_TO_GREEN.let(batch(), NoneFails::take).changes())
                .extracting(change -> change.object().type())
                .containsExactly("marking-definition");
    }

    @Test
    void whatASnapshotTellsAgainPassesNoMoreThanItDidAtFirst() throws Exception {
        define(OWN, "tlp:red");
        create("tool", 1, OWN);
        create("tool", 2, GREEN);
        meanings.clear();
        happens("create", object("tool", 1, OWN), ",\"origin\":{\"referer\":\"init-create\"}");
        happens("create", object("tool", 2, GREEN), ",\"origin\":{\"referer\":\"init-create\"}");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.changes()).isEmpty();
        assertThat(let.events()).extracting(Event::objectId).containsExactly(id("tool", 2));
    }

    @Test
    void whatIsMarkedUpLaterIsRemovedAsItWas() throws Exception {
        create("tool", 1, GREEN);
        update(object("tool", 1, RED), "[{'op':'replace','path':'/object_marking_refs/0','value':'" + GREEN + "'}]");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        Change last = let.changes().get(1);
        assertThat(last.type()).isEqualTo(Type.REMOVE);
        assertThat(last.reason()).isEqualTo(Reason.LEFT_SCOPE);
        assertThat(last.object().markings()).containsExactly(GREEN);
        assertThat(let.events()).hasSize(1);
        assertThat(last.event().raw().toString() + last.event().envelope().message())
                .isEqualTo("{}");
    }

    @Test
    void whatIsMarkedDownAppearsWithoutItsPast() throws Exception {
        create("tool", 1, RED);
        update(object("tool", 1, GREEN), "[{'op':'replace','path':'/object_marking_refs/0','value':'" + RED + "'}]");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.changes()).singleElement().satisfies(change -> {
            assertThat(change.reason()).isEqualTo(Reason.ENTERED_SCOPE);
            assertThat(change.before()).isEmpty();
            assertThat(change.changed()).isEmpty();
        });
        assertThat(let.events()).isEmpty();
    }

    @Test
    void whatWasToldLastCountsWhereThePlatformSaysAnotherStateBefore() throws Exception {
        create("tool", 1, GREEN);
        update(object("tool", 1, RED), "[]"); // the marking came with an update that was missed

        assertThat(UP_TO_GREEN.let(batch(), NoneFails::take).changes())
                .hasToString("[upsert " + id("tool", 1) + " (created), remove " + id("tool", 1) + " (left-scope)]");
    }

    @Test
    void whatNeverPassedIsNotRemovedEither() throws Exception {
        create("tool", 1, RED);
        happens("delete", object("tool", 1, GREEN), ",\"type\":\"delete\"");

        assertThat(UP_TO_GREEN.let(batch(), NoneFails::take).changes()).isEmpty();
    }

    @Test
    void whatPassedIsRemovedEvenIfItsLastStateMayNotPass() throws Exception {
        create("tool", 1, GREEN);
        happens("delete", object("tool", 1, RED), ",\"type\":\"delete\"");

        Change removal = UP_TO_GREEN.let(batch(), NoneFails::take).changes().get(1);
        assertThat(removal).hasToString("remove " + id("tool", 1) + " (deleted)");
        assertThat(removal.object().markings()).containsExactly(GREEN);
    }

    @Test
    void whatIsMarkedUpAndRenamedAtOnceIsRemovedUnderItsOldId() throws Exception {
        create("tool", 1, GREEN);
        update(
                object("tool", 1, RED).replaceFirst(id("tool", 1), id("tool", 7)),
                "[{'op':'replace','path':'/object_marking_refs/0','value':'" + GREEN + "'}]");

        assertThat(UP_TO_GREEN.let(batch(), NoneFails::take).changes())
                .extracting(Change::toString)
                .last()
                .isEqualTo("remove " + id("tool", 1) + " (left-scope)");
    }

    @Test
    void aStateBeforeThatMayNotPassIsLeftOut() throws Exception {
        create("tool", 1, GREEN);
        update(object("tool", 1, GREEN), "[{'op':'replace','path':'/object_marking_refs/0','value':'" + RED + "'}]");

        Change update = UP_TO_GREEN.let(batch(), NoneFails::take).changes().get(1);
        assertThat(update).hasToString("upsert " + id("tool", 1) + " (updated)");
        assertThat(update.before()).isEmpty();
        assertThat(update.beforeComplete()).isFalse();
        assertThat(update.changed()).isEmpty();
    }

    @Test
    void aRelationBearsTheNamesOfItsEndsAndPassesOnlyIfTheyMay() throws Exception {
        define(RED, "TLP:RED");
        create("malware", 1, RED);
        create("indicator", 2, GREEN);
        happens(
                "create",
                relation(3, "indicates", "indicator", 2, "malware", 1, GREEN)
                        .replace(
                                "\"target_ref\":\"" + uuid(1) + "\"",
                                "\"target_ref\":\"" + uuid(1) + "\",\"target_ref_object_marking_refs\":[\"" + uuid(9)
                                        + "\"]"),
                "");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.changes())
                .extracting(change -> change.object().type())
                .containsExactly("marking-definition", "indicator");
        assertThat(let.events()).hasSize(2);
        assertThat(batch().changes().get(3).tlp()).contains(Tlp.GREEN);
    }

    @Test
    void anEnvelopeThatNamesWhatMayNotPassIsWithheld() throws Exception {
        create("malware", 1, RED);
        create("malware", 2, GREEN);
        create("report", 3, GREEN);
        for (String named : List.of(uuid(1), uuid(2), uuid(8))) {
            String added = "{\\\"" + named + "\\\":\\\"a name\\\"}";
            happens(
                    "update",
                    object("report", 3, GREEN),
                    ",\"context\":{\"reverse_patch\":[],\"changes\":[{\"field\":\"Report--objects\",\"changes_added\":[{\"raw\":\""
                            + named + "\",\"translated\":\"" + added + "\"}]}]}");
        }

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.changes())
                .extracting(Change::reason)
                .containsExactly(Reason.CREATED, Reason.CREATED, Reason.UPDATED, Reason.UPDATED, Reason.UPDATED);
        assertThat(let.events()).extracting(Event::op).containsExactly("create", "create", "update");
        assertThat(let.events().get(2).raw().toString()).contains(uuid(2));
    }

    @Test
    void anEnvelopeWhosePatchHidesSomethingIsWithheld() throws Exception {
        create("tool", 1, GREEN);
        update(object("tool", 1, GREEN), "[{'op':'remove','path':'/no/such','value':'old secret'}]");

        assertThat(UP_TO_GREEN.let(batch(), NoneFails::take).events())
                .extracting(Event::op)
                .containsExactly("create");
    }

    @Test
    void anEnvelopePassesWhereOnlyWhatIsKnownMayNot() throws Exception {
        create("tool", 1, RED);
        happens("create", object("tool", 1, GREEN), ",\"origin\":{\"referer\":\"init-create\"}");
        create("malware", 2, GREEN);
        create("malware", 3, GREEN);
        create("tool", 4, GREEN);
        happens("create", relation(5, "uses", "tool", 4, "malware", 2, RED), "");
        happens("create", relation(6, "uses", "tool", 4, "malware", 3, GREEN), "");
        happens(
                "merge",
                object("malware", 3, GREEN),
                ",\"context\":{\"reverse_patch\":[],\"sources\":[" + object("malware", 2, GREEN) + "]}");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.events())
                .extracting(Event::op)
                .containsExactly("create", "create", "create", "create", "create", "merge");
    }

    @Test
    void anEventWithoutAMeaningPassesOnlyIfNothingElseCanStandInIt() throws Exception {
        String merge = "{\"data\":" + object("tool", 1, GREEN) + ",\"context\":{\"sources\":[" + object("tool", 2, RED)
                + "]}}";
        String create = "{\"data\":" + object("tool", 1, GREEN) + "}";
        for (String raw : List.of(merge, create)) {
            meanings.add(Meaning.ofEvent(event("merge", raw)));
        }

        assertThat(UP_TO_GREEN.let(batch(), NoneFails::take).events())
                .extracting(event -> event.raw().toString())
                .containsExactly(create);
    }

    @Test
    void anObjectBearsTheMarkingsOfItsFiles() throws Exception {
        happens(
                "create",
                object("report", 1, GREEN)
                        .replace(
                                "{\"id\":\"" + uuid(1) + "\"}",
                                "{\"id\":\"" + uuid(1)
                                        + "\",\"files\":[{\"name\":\"red.pdf\",\"object_marking_refs\":[\"" + RED
                                        + "\"]}]}"),
                "");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);
        assertThat(let.changes()).isEmpty();
        assertThat(let.events()).isEmpty();
    }

    @Test
    void whatADeadLetterKeepsIsTheEventThatIsWithheld() throws Exception {
        create("tool", 1, GREEN);
        update(object("tool", 1, GREEN), "[{'op':'replace','path':'/object_marking_refs/0','value':'" + RED + "'}]");

        Event withheld =
                UP_TO_GREEN.let(batch(), NoneFails::take).changes().get(1).event();

        assertThat(withheld.raw()).hasToString("{}");
        assertThat(withheld.kept().toString()).contains("reverse_patch");
    }

    @Test
    void theSourceOfAMergeThatIsMarkedAboveStandsNowhere() throws Exception {
        create("tool", 1, GREEN);
        create("tool", 2, RED);
        happens(
                "merge",
                object("tool", 1, GREEN),
                ",\"context\":{\"reverse_patch\":[],\"sources\":[" + object("tool", 2, RED) + "]}");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.changes()).extracting(Change::reason).containsExactly(Reason.CREATED, Reason.MERGED);
        assertThat(let.events()).hasSize(1);
        assertThat(let.toString() + let.changes()).doesNotContain(uuid(2));
    }

    @Test
    void aRelationThatMayNotPassKeepsNothingElseBack() throws Exception {
        create("tool", 1, GREEN);
        create("malware", 2, GREEN);
        happens("create", relation(3, "uses", "tool", 1, "malware", 2, RED), "");
        happens("delete", object("tool", 1, GREEN), ",\"type\":\"delete\"");

        Batch let = UP_TO_GREEN.let(batch(), NoneFails::take);

        assertThat(let.changes())
                .extracting(Change::reason)
                .containsExactly(Reason.CREATED, Reason.CREATED, Reason.DELETED);
        assertThat(let.events()).extracting(Event::op).containsExactly("create", "create", "delete");
    }

    @Test
    void anIndicatorDoesNotNameWhatMayNotPass() throws Exception {
        create("malware", 1, RED);
        create("malware", 2, GREEN);
        create("indicator", 3, GREEN);
        happens("create", relation(4, "indicates", "indicator", 3, "malware", 1, ""), "");
        happens("create", relation(5, "indicates", "indicator", 3, "malware", 2, ""), "");

        IndicatorState last = last(UP_TO_GREEN.let(batch(), NoneFails::take));

        assertThat(last.malware()).extracting(Named::name).containsExactly("n2");
        assertThat(last(batch()).malware()).extracting(Named::name).containsExactly("n1", "n2");
    }

    @Test
    void anIndicatorNamesWhatOneOfSeveralRelationsMaySay() throws Exception {
        create("malware", 1, GREEN);
        create("indicator", 3, GREEN);
        for (String marking : List.of(RED, GREEN, RED)) {
            happens("create", relation(40 + events, "indicates", "indicator", 3, "malware", 1, marking), "");
        }

        assertThat(last(UP_TO_GREEN.let(batch(), NoneFails::take)).malware())
                .extracting(Named::name)
                .containsExactly("n1");
    }

    @Test
    void anIndicatorThatIsToldAgainSaysNothingOfTheReason() throws Exception {
        create("malware", 1, GREEN);
        create("indicator", 3, GREEN);
        happens("create", relation(4, "indicates", "indicator", 3, "malware", 1, GREEN), "");
        update(object("malware", 1, RED).replace("\"n1\"", "\"secret\""), "[]");

        IndicatorState last = last(UP_TO_GREEN.let(batch(), NoneFails::take));
        assertThat(last.malware()).isEmpty();
        assertThat(last.change().object().id()).isEqualTo(id("indicator", 3));
    }

    @Test
    void anIndicatorIsToldAgainWhenWhatItIndicatesIsRenamedOrMarkedUp() throws Exception {
        create("indicator", 3, GREEN);
        happens("create", relation(4, "indicates", "indicator", 3, "malware", 1, ""), "");
        create("malware", 1, GREEN);
        assertThat(last(batch()).malware()).extracting(Named::name).containsExactly("n1");

        update(object("malware", 1, GREEN).replace("\"n1\"", "\"Emotet\""), "[]");
        assertThat(last(batch()).malware()).extracting(Named::name).containsExactly("Emotet");
        int told = batch().meanings().size();
        update(object("malware", 1, GREEN).replace("\"n1\"", "\"Emotet\""), "[]");
        assertThat(batch().meanings().get(told).indicators()).isEmpty();

        update(object("malware", 1, RED).replace("\"n1\"", "\"Emotet\""), "[]");
        assertThat(last(UP_TO_GREEN.let(batch(), NoneFails::take)).malware()).isEmpty();
        assertThat(last(batch()).malware()).extracting(Named::name).containsExactly("Emotet");

        happens("delete", object("malware", 1, RED), ",\"type\":\"update\"");
        assertThat(last(batch()).malware()).isEmpty();
    }

    @Test
    void anIndicatorThatIsMarkedUpLaterIsGone() throws Exception {
        create("indicator", 1, GREEN);
        update(
                object("indicator", 1, RED),
                "[{'op':'replace','path':'/object_marking_refs/0','value':'" + GREEN + "'}]");

        assertThat(last(UP_TO_GREEN.let(batch(), NoneFails::take)).gone()).isTrue();
    }

    @Test
    void onlyTheTypesThatAreNamedPass() throws Exception {
        create("tool", 1, "");
        create("indicator", 2, "");

        Batch let = new Door(Optional.empty(), Set.of("indicator")).let(batch(), NoneFails::take);

        assertThat(let.changes()).extracting(change -> change.object().type()).containsExactly("indicator");
        assertThat(let.events()).hasSize(1);
    }

    @ParameterizedTest
    @EnumSource(Tlp.class)
    void eachColourLetsItselfPass(Tlp most) throws Exception {
        create("tool", 1, GREEN);
        create("tool", 2, AMBER);
        create("tool", 3, RED);

        assertThat(new Door(Optional.of(most), Set.of())
                        .let(batch(), NoneFails::take)
                        .changes())
                .allMatch(change -> change.tlp().orElseThrow().compareTo(most) <= 0)
                .hasSize((int) List.of(Tlp.GREEN, Tlp.AMBER, Tlp.RED).stream()
                        .filter(tlp -> tlp.compareTo(most) <= 0)
                        .count());
    }

    @Test
    void anEventThatTheDoorFailsOnDoesNotPassAndTheOthersDo() throws Exception {
        create("tool", 1, GREEN);
        create("tool", 2, GREEN);
        create("tool", 3, GREEN);
        Meaning second = meanings.get(1);
        List<Change> unmarked = second.changes().stream().map(Changes::unmarked).toList();
        meanings.set(1, second.with(second.event(), false, unmarked, second.indicators()));
        List<String> failed = new ArrayList<>();

        Batch let =
                UP_TO_GREEN.let(batch(), (event, failure) -> failed.add(event.objectId() + " " + failure.getMessage()));

        assertThat(let.events()).extracting(Event::objectId).containsExactly(id("tool", 1), id("tool", 3));
        assertThat(failed).singleElement().asString().startsWith(id("tool", 2) + " an error in Caravan: ");
    }

    @Test
    void anOpenDoorChangesNothing() throws Exception {
        create("tool", 1, RED);
        Batch batch = batch();

        assertThat(Door.OPEN.let(batch, NoneFails::take)).isSameAs(batch);
    }

    private IndicatorState last(Batch batch) {
        List<IndicatorState> states = batch.meanings().stream()
                .flatMap(meaning -> meaning.indicators().stream())
                .toList();
        return states.get(states.size() - 1);
    }

    private Batch batch() {
        Position position = Position.startingAt("https://platform", "live", EventId.ZERO);
        return new Batch(position, position, Instant.EPOCH, meanings);
    }

    /** Of the internal id {@code uuid(9)}. */
    private void define(String marking, String name) throws Exception {
        happens(
                "create",
                object("marking-definition", 9, "")
                        .replaceFirst("marking-definition--" + uuid(9), marking)
                        .replace("\"name\":\"n9\"", "\"name\":\"" + name + "\""),
                "");
    }

    private void create(String type, int number, String marking) throws Exception {
        happens("create", object(type, number, marking), "");
    }

    private void update(String object, String reverse) throws Exception {
        happens("update", object, ",\"context\":{\"reverse_patch\":" + reverse.replace('\'', '"') + "}");
    }

    private void happens(String op, String object, String more) throws Exception {
        meanings.add(readings.read(event(op, "{\"message\":\"secret\",\"data\":" + object + more + "}")));
    }

    private Event event(String op, String envelope) {
        try {
            Bytes raw = Bytes.of(envelope);
            return new Event(new EventId(1000 + events++, 0), op, Envelope.read(raw), raw);
        } catch (Unreadable e) {
            throw new IllegalArgumentException(envelope, e);
        }
    }

    private static String object(String type, int number, String marking) {
        return "{\"id\":\"%s\",\"type\":\"%s\",\"name\":\"n%d\",\"object_marking_refs\":[%s],%s}"
                .formatted(
                        id(type, number),
                        type,
                        number,
                        marking.isEmpty() ? "" : '"' + marking + '"',
                        extension(number));
    }

    private static String relation(
            int number, String what, String fromType, int from, String toType, int to, String marking) {
        return "{\"id\":\"%s\",\"type\":\"relationship\",\"relationship_type\":\"%s\",\"source_ref\":\"%s\",\"target_ref\":\"%s\",\"object_marking_refs\":[%s],\"extensions\":{\"extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba\":{\"id\":\"%s\",\"source_ref\":\"%s\",\"target_ref\":\"%s\"}}}"
                .formatted(
                        id("relationship", number),
                        what,
                        id(fromType, from),
                        id(toType, to),
                        marking.isEmpty() ? "" : '"' + marking + '"',
                        uuid(number),
                        uuid(from),
                        uuid(to));
    }

    private static String extension(int number) {
        return "\"extensions\":{\"extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba\":{\"id\":\""
                + uuid(number) + "\"}}";
    }

    private static String id(String type, int number) {
        return type + "--" + uuid(number);
    }

    private static String uuid(int number) {
        return "00000000-0000-4000-8000-%012d".formatted(number);
    }

    private static String marking(String uuid) {
        return "marking-definition--" + uuid;
    }
}
