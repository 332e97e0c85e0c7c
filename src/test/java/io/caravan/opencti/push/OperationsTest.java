package io.caravan.opencti.push;

import static io.caravan.event.Changes.object;
import static io.caravan.event.Changes.remove;
import static io.caravan.event.Changes.renamed;
import static io.caravan.event.Changes.upsert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Json;
import io.caravan.event.Known;
import io.caravan.event.Pending;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.sink.Door;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakeDestination;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each operation on each kind of object, by what the destination has afterwards. */
class OperationsTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";
    private static final String RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";
    private static final String ENDS = "\"relationship_type\":\"uses\",\"source_ref\":\"%s\",\"target_ref\":\"%s\""
            .formatted(id("malware", 1), id("malware", 2));
    private static final String TEAM = "marking-definition--00000000-0000-4000-8000-0000000000aa";

    @TempDir
    private Path folder;

    private final FakeDestination destination = FakeDestination.start().collection(COLLECTION, true);
    private final List<DeadLetter> letters = new ArrayList<>();
    private final PushCounters counters = new PushCounters();
    private final Pending known = Pending.overNothing();
    private boolean byTaxii;
    private boolean checkMarkings = true;
    private Duration oneWait = Pace.USUAL.oneWait();
    /** How far the clock is ahead. */
    private final AtomicLong clock = new AtomicLong();

    private Optional<Pusher> pusher = Optional.empty();
    private Outcomes outcomes;
    private long batches;

    @AfterEach
    void close() {
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    private static Stream<Arguments> kinds() {
        return Stream.of("bundle", "taxii")
                .flatMap(way -> objects().stream().map(object -> Arguments.of(way, object.type(), object)));
    }

    /** One of each kind; the last two end at the first two. */
    private static List<StixObject> objects() {
        return List.of(
                malware(1, "one"),
                malware(2, "two"),
                simple("ipv4-addr", 3, "\"value\":\"192.0.2.3\""),
                simple("label", 4, "\"value\":\"apt\",\"color\":\"#112233\""),
                marking(TEAM, "TEAM"),
                simple("external-reference", 5, "\"source_name\":\"s\",\"url\":\"https://ref.example.test/5\""),
                simple("kill-chain-phase", 6, "\"kill_chain_name\":\"c\",\"phase_name\":\"p\""),
                simple("identity", 7, "\"name\":\"Somebody\""),
                simple(
                        "report",
                        8,
                        "\"name\":\"Report\",\"object_refs\":[\""
                                + malware(1, "").id() + "\"]"),
                simple("vocabulary", 9, "\"name\":\"v\",\"category\":\"tool_types_ov\""),
                relation(10, ""),
                sighting(11, ""));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("kinds")
    void whatIsRemovedIsGone(String way, String type, StixObject gone) throws Exception {
        byTaxii = way.equals("taxii");
        push(objects().stream().map(Changes::upsert).toArray(Change[]::new));
        assertThat(destination.objects()).hasSize(objects().size());

        push(remove(gone));

        assertThat(destination.objects()).doesNotContainKey(gone.id());
        outcomes.ask();
        assertThat(counters.applied()).isEqualTo(counters.pushed());
        assertThat(letters).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void manyThatAreRemovedTogetherAreGone(String way) throws Exception {
        byTaxii = way.equals("taxii");
        push(objects().stream().map(Changes::upsert).toArray(Change[]::new));
        push(remove(relation(10, "")), remove(sighting(11, "")), remove(malware(1, "one")), remove(malware(2, "two")));
        assertThat(destination.objects().keySet())
                .noneMatch(id -> id.matches("(malware|relationship|sighting)--.*"))
                .hasSize(objects().size() - 4);
        assertThat(letters).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void whatIsMergedIsGoneAndItsRelationsEndAtTheTarget(String way) throws Exception {
        byTaxii = way.equals("taxii");
        StixObject target = malware(3, "three");
        push(upsert(malware(1, "one")), upsert(malware(2, "two")), upsert(target), upsert(relation(10, "")));
        merge(target, malware(1, "one"));
        assertThat(destination.objects())
                .containsOnlyKeys(
                        malware(2, "").id(), target.id(), relation(10, "").id());
        assertThat(destination
                        .objects()
                        .get(relation(10, "").id())
                        .path("source_ref")
                        .asText())
                .isEqualTo(target.id());
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void theTimesOfRelationsAndSightingsChange(String way) throws Exception {
        byTaxii = way.equals("taxii");
        String start = ",\"start_time\":\"2026-01-01T00:00:00.000Z\"";
        StixObject first = relation(10, start);
        StixObject seen = sighting(11, ",\"count\":1");
        push(
                upsert(malware(1, "one")),
                upsert(malware(2, "two")),
                upsert(simple("identity", 7, "\"name\":\"Somebody\"")),
                upsert(first),
                upsert(seen));

        StixObject ended = relation(10, start + ",\"stop_time\":\"2026-02-01T00:00:00.000Z\"");
        StixObject seenAgain = sighting(11, ",\"count\":3,\"last_seen\":\"2026-03-01T00:00:00.000Z\"");
        push(changed(first, ended), changed(seen, seenAgain));
        assertThat(text(ended, "stop_time")).isEqualTo("2026-02-01T00:00:00.000Z");
        assertThat(text(ended, "start_time")).isEqualTo("2026-01-01T00:00:00.000Z");
        assertThat(text(seen, "count")).isEqualTo("3");
        assertThat(text(seen, "last_seen")).isEqualTo("2026-03-01T00:00:00.000Z");

        StixObject earlier = relation(10, start + ",\"stop_time\":\"2026-01-15T00:00:00.000Z\"");
        push(changed(ended, earlier));
        assertThat(text(earlier, "stop_time")).isEqualTo("2026-01-15T00:00:00.000Z");

        push(changed(earlier, relation(10, "")));
        assertThat(text(earlier, "stop_time")).isEmpty();
        assertThat(text(earlier, "start_time")).isEmpty();
        assertThat(letters).isEmpty();
    }

    /** What changes twice in a batch goes once, and nothing of the first change is forgotten. */
    @Test
    void aTimeThatChangedBeforeSomethingElseChangesToo() throws Exception {
        StixObject first = relation(10, "");
        push(upsert(malware(1, "one")), upsert(malware(2, "two")), upsert(first));
        StixObject ended = relation(10, ",\"stop_time\":\"2026-02-01T00:00:00.000Z\"");
        StixObject described = relation(10, ",\"stop_time\":\"2026-02-01T00:00:00.000Z\",\"description\":\"d\"");
        push(changed(first, ended), changed(ended, described));
        assertThat(text(first, "stop_time")).isEqualTo("2026-02-01T00:00:00.000Z");
        assertThat(text(first, "description")).isEqualTo("d");
    }

    @Test
    void aRelationWithoutItsEndsIsADeadLetter() throws Exception {
        StixObject endless = simple("relationship", 10, "\"relationship_type\":\"uses\"");
        StixObject unseen =
                simple("sighting", 11, "\"sighting_of_ref\":\"" + malware(1, "").id() + "\"");
        push(upsert(malware(1, "one")), remove(endless), upsert(unseen));
        assertThat(letters).extracting(DeadLetter::id).containsExactly(endless.id(), unseen.id());
        assertThat(letters.get(0).error()).startsWith("it has not both source_ref and target_ref, without which");
        assertThat(letters.get(1).error()).startsWith("it has not both sighting_of_ref and where_sighted_refs");
        assertThat(destination.objects()).containsOnlyKeys(malware(1, "").id());
        outcomes.ask();
        assertThat(outcomes.waiting()).isZero();
    }

    // Labels and what else objects bear

    @Test
    void aLabelComesBeforeWhatBearsItAsItIs() throws Exception {
        StixObject label = simple("label", 4, "\"value\":\"apt\",\"color\":\"#112233\"");
        push(upsert(bearing(1, "apt", label)), upsert(label));
        assertThat(destination.objects()).containsOnlyKeys(malware(1, "").id(), label.id());
        assertThat(text(label, "color")).isEqualTo("#112233");
    }

    @Test
    void whatTheBatchLacksComesFromTheKnownObjects() throws Exception {
        StixObject label = simple("label", 4, "\"value\":\"apt\",\"color\":\"#112233\"");
        StixObject phase = object("""
                {"type":"kill-chain-phase","id":"kill-chain-phase--2f11ba36-03da-5c75-8bdb-a79a7ba1df12",\
                "kill_chain_name":"capture-chain","phase_name":"phase-heron-0","order":7}""");
        StixObject reference = object("""
                {"type":"external-reference","id":"external-reference--1b42d881-edf5-5926-bf7a-4c95b3e96080",\
                "source_name":"s","url":"https://ref.example.test/424088725","description":"d"}""");
        StixObject marking = marking(TEAM, "TEAM");
        StixObject author = object("""
                {"type":"identity","id":"%s","name":"A","labels":["apt"],"extensions":{"%s":{"id":"i7","labels_ids":["%s"]}}}""".formatted(id("identity", 7), StixObject.OPENCTI, label.internalId()));
        for (StixObject one : List.of(label, phase, reference, marking, author)) {
            know(one);
        }
        StixObject bearer =
                object("""
                {"type":"malware","id":"%s","name":"m","labels":["apt"],"created_by_ref":"%s","object_marking_refs":["%s"],\
                "kill_chain_phases":[{"kill_chain_name":"capture-chain","phase_name":"phase-heron-0"}],\
                "external_references":[{"source_name":"s","url":"https://ref.example.test/424088725"}],\
                "extensions":{"%s":{"id":"i1","labels_ids":["%s"]}}}""".formatted(id("malware", 1), author.id(), TEAM, StixObject.OPENCTI, label.internalId()));
        push(upsert(bearer));
        assertThat(destination.objects())
                .containsOnlyKeys(label.id(), phase.id(), reference.id(), TEAM, author.id(), bearer.id());
        assertThat(text(label, "color")).isEqualTo("#112233");
        assertThat(text(phase, "order")).isEqualTo("7");
        assertThat(destination.objects().get(bearer.id()).path("object_marking_refs"))
                .hasSize(1);

        int pushes = destination.pushes().size();
        push(upsert(bearer));
        assertThat(destination.pushes()).hasSize(pushes + 1);
    }

    @Test
    void whatTheDestinationHasIsNotPushedAgain() throws Exception {
        StixObject label = simple("label", 4, "\"value\":\"apt\",\"color\":\"#112233\"");
        know(label);
        destination.put(Json.mapper().readTree("""
                {"type":"label","id":"%s","value":"apt","color":"#999999"}""".formatted(label.id())));
        push(upsert(bearing(1, "apt", label)));
        assertThat(text(label, "color")).isEqualTo("#999999");
        assertThat(destination.pushes()).hasSize(1);
    }

    @Test
    void whatMayNotPassTheFilterDoesNotGoAlong() throws Exception {
        StixObject label = simple("label", 4, "\"value\":\"apt\",\"color\":\"#112233\"");
        know(label);
        pusher().deliver(
                        Changes.batch(batches++, upsert(bearing(1, "apt", label))),
                        "partner",
                        object -> !object.object().type().equals("label"));
        destination.awaitApplied();
        assertThat(destination.objects()).doesNotContainKey(label.id());
    }

    @Test
    void aLabelThatIsRenamedIsThereByItsNewNameAlone() throws Exception {
        StixObject old = simple("label", 4, "\"value\":\"old\",\"color\":\"#112233\"");
        StixObject renamed = label(5, old.internalId(), "new", "#112233");
        push(upsert(old), upsert(bearing(1, "old", old)));
        push(renamed(old.id(), renamed));
        assertThat(labels()).containsExactly("new #112233");
        assertThat(labelsOf(1)).containsExactly("new");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void aLabelThatIsRenamedToWhatABearerHasMadeIsMerged(String way) throws Exception {
        byTaxii = way.equals("taxii");
        StixObject old = simple("label", 4, "\"value\":\"old\",\"color\":\"#112233\"");
        push(upsert(old), upsert(bearing(1, "old", old)));
        push(upsert(bearing(2, "new", old))); // told with the new name before the label itself
        StixObject made = label(5, old.internalId(), "new", "#112233");
        assertThat(labels()).hasSize(2); // the worker has made one
        push(renamed(old.id(), underTheIdOf("new", made)));
        assertThat(labels()).containsExactly("new #112233");
        assertThat(labelsOf(1)).containsExactly("new");
        assertThat(labelsOf(2)).containsExactly("new");
        assertThat(letters).isEmpty();
    }

    @Test
    void anEntityThatIsRenamedToOneThatIsThereIsMerged() throws Exception {
        destination.put(Json.mapper().readTree("""
                {"type":"malware","id":"%s","name":"new"}""".formatted(id("malware", 9))));
        push(upsert(malware(1, "old")));
        push(renamed(id("malware", 1), object(id("malware", 9), malware(1, "").internalId(), "new")));
        assertThat(destination.objects()).containsOnlyKeys(id("malware", 9));
    }

    /** The old name may be another's by now: in a batch that comes again, the destination has that already. */
    @Test
    void whatHasTheOldNameNowIsNotMergedAway() throws Exception {
        StixObject first = object(id("malware", 2), "i1", "y");
        StixObject second = object(id("malware", 1), "i2", "x");
        push(upsert(first), upsert(second));
        push(renamed(id("malware", 1), first), renamed(id("malware", 3), second));
        assertThat(destination.objects()).containsOnlyKeys(id("malware", 1), id("malware", 2));
    }

    /** One gives up a name, and another takes it: the destination shows the first by it until it has done so. */
    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void aNameThatAnotherHasJustGivenUpIsTakenWithoutAMerge(String way) throws Exception {
        byTaxii = way.equals("taxii");
        pushXAndY();
        push(
                renamed(id("malware", 2), object(id("malware", 3), "i2", "z")),
                renamed(id("malware", 1), object(id("malware", 2), "i1", "y")));
        assertThat(names()).containsExactlyInAnyOrder("z", "y");
        assertThat(merges()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void aNameThatAnotherGaveUpInABatchThatStillWaitsIsTakenWithoutAMerge(String way) throws Exception {
        byTaxii = way.equals("taxii");
        pushXAndY();
        destination.haltWorker();
        StixObject gaveUp = object(id("malware", 3), "i2", "z");
        deliver(renamed(id("malware", 2), gaveUp));
        known.put(new Known.KnownObject(gaveUp, false, Optional.empty(), Set.of(id("malware", 2))));
        deliver(renamed(id("malware", 1), object(id("malware", 2), "i1", "y")));
        destination.letWorkerGoOn().awaitApplied();
        assertThat(names()).containsExactlyInAnyOrder("z", "y");
        assertThat(merges()).isEmpty();
    }

    /** What others told of the giving up is not known, as by a sink that gets but some types: the destination is. */
    @Test
    void aMergeWaitsUntilTheDestinationIsThroughWithWhatCameBefore() throws Exception {
        oneWait = Duration.ZERO;
        push(upsert(object(id("malware", 1), "i1", "x")), upsert(object(id("malware", 2), "i2", "y")));
        destination.haltWorker();
        deliver(renamed(id("malware", 2), object(id("malware", 3), "i2", "z")));
        Change rename = renamed(id("malware", 1), object(id("malware", 2), "i1", "y"));
        assertThatThrownBy(() -> deliver(rename))
                .hasMessageContaining("is not through with what was pushed before the rename");
        destination.letWorkerGoOn().awaitApplied();
        push(rename);
        assertThat(names()).containsExactlyInAnyOrder("z", "y");
        assertThat(merges()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void twoThatSwapTheirNamesStayTwo(String way) throws Exception {
        byTaxii = way.equals("taxii");
        pushXAndY();
        push(
                renamed(id("malware", 1), object(id("malware", 3), "i1", "t")),
                renamed(id("malware", 2), object(id("malware", 1), "i2", "x")),
                renamed(id("malware", 3), object(id("malware", 2), "i1", "y")));
        assertThat(names()).containsExactlyInAnyOrder("x", "y");
        assertThat(merges()).isEmpty();
    }

    @Test
    void aRelationWhoseIdChangesWithItsTimesIsMergedIntoNone() throws Exception {
        StixObject other = simple("relationship", 12, ENDS);
        push(upsert(malware(1, "one")), upsert(malware(2, "two")), upsert(relation(10, "")), upsert(other));
        push(renamed(relation(10, "").id(), other));
        assertThat(merges()).isEmpty();
    }

    @Test
    void labelsDoNotWaitAgainForAWorkThatNeverTells() throws Exception {
        oneWait = Duration.ZERO;
        StixObject old = simple("label", 4, "\"value\":\"old\",\"color\":\"#112233\"");
        push(upsert(old));
        destination.haltWorker();
        deliver(upsert(malware(1, "one")));
        Change rename = renamed(old.id(), label(5, old.internalId(), "new", "#112233"));
        assertThatThrownBy(() -> deliver(rename)).hasMessageContaining("is not through with what was pushed");
        clock.addAndGet(Duration.ofMinutes(11).toNanos());
        deliver(rename, renamed(id("label", 6), label(7, "i9", "newer", "#112233")));
        destination.letWorkerGoOn().awaitApplied();
        assertThat(labels()).contains("new #112233");
    }

    // Markings

    @Test
    void whatFailedToBeMadeIsRefusedAtOnceWhereTheDestinationDoesNotTell() throws Exception {
        oneWait = Duration.ZERO;
        destination.rights(withoutMarkings()).mayReadWorks(false);
        know(marking(TEAM, "TEAM"));
        assertThatThrownBy(() -> push(upsert(marked(1, TEAM))))
                .hasMessageContaining("has not yet made the marking TEAM");
        clock.addAndGet(Duration.ofMinutes(11).toNanos());
        push(upsert(marked(1, TEAM)));
        assertThat(letters).hasSize(1);

        clock.addAndGet(Duration.ofMinutes(2).toNanos());
        int pushes = destination.pushes().size();
        push(upsert(marked(2, TEAM)));
        assertThat(letters).hasSize(2);
        assertThat(destination.pushes()).hasSize(pushes + 1); // the definition: the right may have been given
        destination.rights(FakeDestination.RIGHTS.toArray(String[]::new));
        clock.addAndGet(Duration.ofMinutes(2).toNanos());
        push(upsert(marked(3, TEAM)));
        push(upsert(marked(4, TEAM)));
        assertThat(destination.objects()).containsKeys(TEAM, id("malware", 4));
    }

    @Test
    void aMarkingBehindALongQueueIsWaitedForAsLongAsTheDestinationSaysThatItWaits() throws Exception {
        oneWait = Duration.ZERO;
        destination.haltWorker();
        Change[] changes = {upsert(marking(TEAM, "TEAM")), upsert(marked(1, TEAM))};
        assertThatThrownBy(() -> deliver(changes)).hasMessageContaining("has not yet made the marking TEAM");
        batches--;
        clock.addAndGet(Duration.ofHours(3).toNanos());
        assertThatThrownBy(() -> deliver(changes)).hasMessageContaining("are its workers running?");
        batches--;
        destination.letWorkerGoOn().awaitApplied();
        push(changes);
        assertThat(letters).isEmpty();
        assertThat(destination.objects()).containsOnlyKeys(TEAM, id("malware", 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403, 406, 200})
    void aServerThatAnswersForGraphQlOtherwiseWaitsForTheSettingThatSaysSo(int status) throws Exception {
        byTaxii = true;
        Answer page = Answer.status(status).body("text/html", "<html>no</html>");
        destination.answerAll(request -> request.path().equals("/graphql"), page);
        assertThatThrownBy(() -> push(upsert(marked(1, TEAM))))
                .hasMessageContaining("if the destination is no OpenCTI, set destination.check-markings=false");
        assertThat(destination.pushes()).isEmpty();

        pusher = Optional.empty();
        checkMarkings = false;
        push(upsert(marked(1, TEAM)));
        assertThat(letters).isEmpty();
        assertThat(destination.pushes().get(0).at("/objects/0/object_marking_refs"))
                .hasSize(1);
    }

    @Test
    void anAnswerThatIsNeitherAnObjectNorNullIsNone() throws Exception {
        destination.answerAll(
                request -> new String(request.body(), StandardCharsets.UTF_8).contains("query Presence"),
                Answer.json("{\"data\":{\"o0\":\"yes\"}}"));
        assertThatThrownBy(() -> push(upsert(marked(1, TEAM))))
                .hasMessageContaining("without saying whether it has " + TEAM);
        assertThat(letters).isEmpty();
    }

    /** An author that may not go yet for want of its marking goes before what bears it once it may. */
    @Test
    void anAuthorThatIsRefusedForItsMarkingGoesLater() throws Exception {
        destination.rights(withoutMarkings());
        StixObject author = simple("identity", 7, "\"name\":\"A\",\"object_marking_refs\":[\"" + TEAM + "\"]");
        know(author);
        StixObject work = simple("malware", 1, "\"name\":\"m\",\"created_by_ref\":\"" + author.id() + "\"");
        push(upsert(work));
        assertThat(destination.objects()).doesNotContainKey(author.id());
        destination.put(Json.mapper().readTree(marking(TEAM, "TEAM").json().toString()));
        push(upsert(work));
        assertThat(destination.objects()).containsKey(author.id());
    }

    @Test
    void aDefinitionGoesAlongToASinkOfOtherTypes() throws Exception {
        know(marking(TEAM, "TEAM"));
        Door door = new Door(Optional.empty(), Set.of("malware"));
        pusher().deliver(Changes.batch(batches++, upsert(marked(1, TEAM))), "partner", door);
        destination.awaitApplied();
        assertThat(letters).isEmpty();
        assertThat(destination.objects()).containsOnlyKeys(TEAM, id("malware", 1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void whatBearsAMarkingThatCannotBeMadeIsADeadLetter(String way) throws Exception {
        byTaxii = way.equals("taxii");
        destination.rights(withoutMarkings());
        push(
                upsert(marking(TEAM, "TEAM")),
                upsert(marked(1, TEAM)),
                upsert(marked(2, RED)),
                upsert(malware(3, "three")));
        assertThat(destination.objects()).containsOnlyKeys(id("malware", 2), id("malware", 3));
        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.id()).isEqualTo(id("malware", 1));
            assertThat(letter.error())
                    .startsWith("it bears the marking TEAM (" + TEAM + "), which the destination does not have")
                    .contains("SETTINGS_SETMARKINGS");
        });
        push(upsert(marked(1, TEAM)));
        assertThat(letters).hasSize(2);
        assertThat(destination.objects()).doesNotContainKey(id("malware", 1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void aMarkingThatIsMadeThereIsBorneThere(String way) throws Exception {
        byTaxii = way.equals("taxii");
        push(upsert(marked(1, TEAM)), upsert(marking(TEAM, "TEAM")));
        assertThat(destination.objects().get(id("malware", 1)).path("object_marking_refs"))
                .hasToString("[\"" + TEAM + "\"]");
        assertThat(letters).isEmpty();
    }

    @Test
    void aMarkingThatNobodyKnowsIsNamedByItsId() throws Exception {
        push(upsert(marked(1, TEAM)));
        assertThat(letters).singleElement().satisfies(letter -> assertThat(letter.error())
                .startsWith("it bears the marking " + TEAM + ", which the destination does not have"));
        assertThat(destination.objects()).isEmpty();
    }

    @Test
    void aFilesMarkingCountsToo() throws Exception {
        push(upsert(object("""
                {"type":"malware","id":"%s","name":"m","extensions":{"%s":{"files":[{"name":"f","object_marking_refs":["%s"]}]}}}""".formatted(id("malware", 1), StixObject.OPENCTI, TEAM))));
        assertThat(letters).hasSize(1);
        assertThat(destination.objects()).isEmpty();
    }

    @Test
    void aRelationBearsItsOwnMarkingsNotThoseOfItsEnds() throws Exception {
        StixObject relation =
                object("""
                {"type":"relationship","id":"%s","relationship_type":"uses","source_ref":"%s","target_ref":"%s",\
                "extensions":{"%s":{"source_ref_object_marking_refs":["b4cde539-a7b4-48fc-9f26-da6855c4b6d9"]}}}""".formatted(id("relationship", 10), id("malware", 1), id("malware", 2), StixObject.OPENCTI));
        push(upsert(malware(1, "one")), upsert(malware(2, "two")), upsert(relation));
        assertThat(letters).isEmpty();
        assertThat(destination.objects()).containsKey(relation.id());
    }

    @Test
    void aServerThatIsNoPlatformGetsObjectsAsTheyAre() throws Exception {
        byTaxii = true;
        destination.withoutGraphQl();
        push(upsert(marked(1, TEAM)));
        assertThat(letters).isEmpty();
        assertThat(destination.pushes().get(0).at("/objects/0/object_marking_refs"))
                .hasSize(1);
    }

    private String[] withoutMarkings() {
        return FakeDestination.RIGHTS.stream()
                .filter(right -> !right.equals("SETTINGS_SETMARKINGS"))
                .toArray(String[]::new);
    }

    private void know(StixObject object) throws Exception {
        known.put(new Known.KnownObject(object, false, Optional.empty(), Set.of()));
    }

    /** Two that the destination and the source have, malware 1 named x and malware 2 named y. */
    private void pushXAndY() throws Exception {
        for (StixObject object : List.of(object(id("malware", 1), "i1", "x"), object(id("malware", 2), "i2", "y"))) {
            push(upsert(object));
            know(object);
        }
    }

    private void push(Change... changes) throws Exception {
        deliver(changes);
        destination.awaitApplied();
    }

    /** Queued there. */
    private void deliver(Change... changes) throws Exception {
        pusher().deliver(Changes.batch(batches++, changes), "partner");
    }

    private List<String> names() {
        return destination.objects().values().stream()
                .map(object -> object.path("name").asText())
                .toList();
    }

    private List<JsonNode> merges() {
        return destination.pushes().stream()
                .flatMap(push -> StreamSupport.stream(push.path("objects").spliterator(), false))
                .filter(object -> object.path("extensions")
                        .path(StixObject.OPENCTI)
                        .path("opencti_operation")
                        .asText()
                        .equals("merge"))
                .toList();
    }

    private void merge(StixObject target, StixObject source) throws Exception {
        pusher().deliver(
                        Changes.batchOfOneEvent(
                                batches++,
                                because(Reason.MERGED, upsert(target)),
                                because(Reason.MERGED_INTO, remove(source))),
                        "partner");
        destination.awaitApplied();
    }

    private Pusher pusher() {
        if (pusher.isEmpty()) {
            OpenctiConfiguration connection = new OpenctiConfiguration();
            connection.setUrl(destination.url());
            connection.setToken(FakeDestination.TOKEN);
            Platform platform = new Platform(connection);
            GraphQl api = new GraphQl(platform, PATIENCE);
            TaxiiWay taxii = new TaxiiWay(platform, "/taxii2/root", COLLECTION, PATIENCE);
            Way way = byTaxii ? taxii : new BundleWay(api, new Connector(api, COLLECTION, "Caravan"));
            outcomes = new Outcomes(way, letters::add, counters, new PushedFiles(folder));
            Rules rules = new Rules(
                    new Wording(Optional.empty()),
                    true,
                    Optional.empty(),
                    new Files(Optional.empty(), 0),
                    Optional.of(new Presence(api, byTaxii ? Optional.of(taxii) : Optional.empty(), checkMarkings)),
                    () -> known);
            pusher = Optional.of(new Pusher(
                    way,
                    rules,
                    letters::add,
                    outcomes,
                    counters,
                    new Pace(() -> System.nanoTime() + clock.get(), oneWait)));
        }
        return pusher.get();
    }

    private String text(StixObject object, String member) {
        return destination.objects().get(object.id()).path(member).asText();
    }

    private List<String> labels() {
        return destination.objects().values().stream()
                .filter(object -> object.path("type").asText().equals("label"))
                .map(label ->
                        label.path("value").asText() + " " + label.path("color").asText())
                .toList();
    }

    private List<String> labelsOf(int malware) {
        List<String> names = new ArrayList<>();
        destination.objects().get(id("malware", malware)).path("labels").forEach(label -> names.add(label.asText()));
        return names;
    }

    /** Under the id by which the destination has a label of this name. */
    private StixObject underTheIdOf(String name, StixObject label) {
        String id = destination.objects().entrySet().stream()
                .filter(entry -> isLabel(entry.getValue(), name))
                .findFirst()
                .orElseThrow()
                .getKey();
        return object(label.json().toString().replace(label.id(), id));
    }

    private static boolean isLabel(JsonNode object, String name) {
        return object.path("type").asText().equals("label")
                && object.path("value").asText().equals(name);
    }

    private static Change changed(StixObject before, StixObject after) {
        Change change = upsert(after);
        return new Change(
                change.event(),
                change.type(),
                change.reason(),
                change.state(),
                change.previousId(),
                change.mergedInto(),
                change.past(),
                change.beforeComplete(),
                change.changed(),
                change.dependency(),
                Optional.of(new Known.KnownObject(before, false, Optional.empty(), Set.of())));
    }

    private static Change because(Reason reason, Change change) {
        return Changes.of(change.event(), reason, change);
    }

    private static String id(String type, int number) {
        return "%s--00000000-0000-4000-8000-%012d".formatted(type, number);
    }

    private static StixObject simple(String type, int number, String members) {
        return object(
                "{\"type\":\"%s\",\"id\":\"%s\",%s,\"extensions\":{\"%s\":{\"id\":\"00000000-0000-4000-9000-%012d\"}}}"
                        .formatted(type, id(type, number), members, StixObject.OPENCTI, number));
    }

    private static StixObject label(int number, String internalId, String value, String colour) {
        return object(
                "{\"type\":\"label\",\"id\":\"%s\",\"value\":\"%s\",\"color\":\"%s\",\"extensions\":{\"%s\":{\"id\":\"%s\"}}}"
                        .formatted(id("label", number), value, colour, StixObject.OPENCTI, internalId));
    }

    private static StixObject malware(int number, String name) {
        return simple("malware", number, "\"name\":\"" + name + "\"");
    }

    private static StixObject marked(int number, String marking) {
        return simple("malware", number, "\"name\":\"m" + number + "\",\"object_marking_refs\":[\"" + marking + "\"]");
    }

    private static StixObject marking(String id, String name) {
        return object(
                "{\"type\":\"marking-definition\",\"id\":\"%s\",\"name\":\"%s\",\"definition_type\":\"statement\"}"
                        .formatted(id, name));
    }

    private static StixObject bearing(int number, String label, StixObject of) {
        return object(
                "{\"type\":\"malware\",\"id\":\"%s\",\"name\":\"m%d\",\"labels\":[\"%s\"],\"extensions\":{\"%s\":{\"id\":\"i%d\",\"labels_ids\":[\"%s\"]}}}"
                        .formatted(id("malware", number), number, label, StixObject.OPENCTI, number, of.internalId()));
    }

    private static StixObject relation(int number, String members) {
        return object(
                "{\"type\":\"relationship\",\"id\":\"%s\",\"relationship_type\":\"uses\",\"source_ref\":\"%s\",\"target_ref\":\"%s\"%s}"
                        .formatted(id("relationship", number), id("malware", 1), id("malware", 2), members));
    }

    private static StixObject sighting(int number, String members) {
        return object(
                "{\"type\":\"sighting\",\"id\":\"%s\",\"sighting_of_ref\":\"%s\",\"where_sighted_refs\":[\"%s\"]%s}"
                        .formatted(id("sighting", number), id("malware", 1), id("identity", 7), members));
    }
}
