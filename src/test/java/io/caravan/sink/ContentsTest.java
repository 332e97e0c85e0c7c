package io.caravan.sink;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Frames.internalId;
import static io.caravan.testkit.Frames.merge;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.relation;
import static io.caravan.testkit.Frames.snapshot;
import static io.caravan.testkit.Frames.update;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.Change.Type;
import io.caravan.event.Changes;
import io.caravan.event.EventId;
import io.caravan.event.Known;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Meaning;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.Readings;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ContentsTest {

    private static final String GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
    private static final String RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";
    private static final String AUTHOR = "identity--a";
    private static final String TOOL = "tool--t";
    private static final String MALWARE = "malware--m";
    private static final String USES = "relationship--u";
    private static final String NOTE = "note--n";
    private static final String REPORT = "report--r";

    @TempDir
    private Path directory;

    private State state;
    private Contents contents;
    private Door door = Door.OPEN;
    private Position position = Position.startingAt("contents", "live", EventId.ZERO);
    /** What the sink has, by key. */
    private final Map<String, StixObject> there = new HashMap<>();

    private final List<Change> told = new ArrayList<>();
    private int events;

    @BeforeEach
    void open() {
        state = new State(directory.resolve("state"));
        contents = new Contents(state::look, (exchange, sink, event, failure) -> {});
    }

    @AfterEach
    void close() {
        state.close();
    }

    @Test
    void whatAReportContainsComesWithIt() throws Exception {
        happen(create(id(), authored(TOOL)), create(id(), MALWARE), create(id(), AUTHOR));
        assertThat(there).isEmpty();

        happen(create(id(), report(TOOL)));

        assertThat(ids()).containsExactlyInAnyOrder(AUTHOR, TOOL, REPORT);
        assertThat(told).extracting(change -> change.object().id()).containsExactly(AUTHOR, TOOL, REPORT);
    }

    @Test
    void whatComesIntoAReportComesWithWhatItNeeds() throws Exception {
        happen(create(id(), AUTHOR), create(id(), authored(TOOL)), create(id(), MALWARE));
        happen(create(id(), relation(USES, "uses", MALWARE, TOOL)), create(id(), report()));
        assertThat(ids()).containsExactly(REPORT);

        happen(update(id(), report(), report(USES)));

        assertThat(ids()).containsExactlyInAnyOrder(AUTHOR, TOOL, MALWARE, USES, REPORT);
    }

    @Test
    void changesOfWhatAReportContainsComeAndOfNothingElse() throws Exception {
        happen(create(id(), TOOL), create(id(), MALWARE), create(id(), report(TOOL)));
        told.clear();

        happen(
                update(id(), object(TOOL), named(TOOL, "other")),
                update(id(), object(MALWARE), named(MALWARE, "other")));

        assertThat(told).extracting(change -> change.object().id()).containsExactly(TOOL);
        assertThat(there.get(internalId(TOOL)).name()).isEqualTo("other");
    }

    @Test
    void aReportThatGrowsTellsOnlyWhatIsNew() throws Exception {
        happen(create(id(), TOOL), create(id(), MALWARE), create(id(), report(TOOL)));
        told.clear();

        happen(update(id(), report(TOOL), report(TOOL, MALWARE)));

        assertThat(told).extracting(change -> change.object().id()).containsExactly(MALWARE, REPORT);
    }

    @Test
    void whatComesAfterTheReportComesToo() throws Exception {
        happen(snapshot(id(), report(TOOL)));
        happen(snapshot(id(), authored(TOOL)));

        assertThat(ids()).containsExactlyInAnyOrder(TOOL, REPORT);
    }

    @Test
    void whatIsRemovedIsRemoved() throws Exception {
        happen(create(id(), TOOL), create(id(), MALWARE), create(id(), report(TOOL)));
        told.clear();

        happen(delete(id(), TOOL), delete(id(), MALWARE));

        assertThat(ids()).containsExactly(REPORT);
        assertThat(told).hasSize(1);
    }

    @Test
    void whatARelationOfAReportEndsAtGoesWithIt() throws Exception {
        happen(create(id(), TOOL), create(id(), MALWARE));
        happen(create(id(), relation(USES, "uses", MALWARE, TOOL)), create(id(), report(USES)));

        happen(update(id(), object(MALWARE), named(MALWARE, "other")));
        assertThat(there.get(internalId(MALWARE)).name()).isEqualTo("other");

        happen(delete(id(), MALWARE));
        assertThat(ids()).containsExactly(REPORT);
    }

    @Test
    void whatNoReportContainsAnyLongerIsRemovedUnlessItIsNeeded() throws Exception {
        happen(create(id(), TOOL), create(id(), MALWARE), create(id(), AUTHOR));
        happen(create(id(), relation(USES, "uses", MALWARE, TOOL)), create(id(), report(USES, MALWARE, TOOL, AUTHOR)));
        happen(update(id(), report(USES, MALWARE, TOOL, AUTHOR), report(USES)));
        assertThat(ids()).containsExactlyInAnyOrder(USES, MALWARE, TOOL, REPORT);

        happen(update(id(), report(USES), report(TOOL)));
        assertThat(ids()).containsExactlyInAnyOrder(TOOL, REPORT);
    }

    @Test
    void whatAnotherReportContainsStays() throws Exception {
        Map<String, Object> other = object("report--other");
        other.put("object_refs", List.of(TOOL));
        happen(create(id(), TOOL), create(id(), MALWARE), create(id(), report(TOOL, MALWARE)), create(id(), other));

        happen(delete(id(), report(TOOL, MALWARE)));

        assertThat(ids()).containsExactlyInAnyOrder(TOOL, "report--other");
    }

    @Test
    void whatIsRenamedIsContainedAllTheSame() throws Exception {
        happen(create(id(), TOOL), create(id(), report(TOOL)));
        Map<String, Object> renamed = object("tool--renamed", internalId(TOOL));
        happen(update(id(), object(TOOL), renamed));
        assertThat(told.get(told.size() - 1).previousId()).contains(TOOL);

        Map<String, Object> changed = new LinkedHashMap<>(renamed);
        changed.put("name", "other");
        happen(update(id(), renamed, changed));
        assertThat(there.get(internalId(TOOL)).name()).isEqualTo("other");

        happen(delete(id(), report(TOOL)));
        assertThat(there).isEmpty();
    }

    @Test
    void whatMergesIsThereBefore() throws Exception {
        String target = "tool--target";
        happen(create(id(), TOOL), create(id(), target), create(id(), report(TOOL)));

        happen(merge(id(), object(target), named(target, "merged"), List.of(object(TOOL))));
        assertThat(ids()).containsExactlyInAnyOrder(target, REPORT);
        assertThat(told)
                .extracting(change -> change.object().id() + " " + change.reason())
                .endsWith(target + " entered-scope", TOOL + " merged-into", target + " merged");

        happen(update(id(), named(target, "merged"), named(target, "later")));
        assertThat(there.get(internalId(target)).name()).isEqualTo("later");
    }

    @Test
    void whatANoteInAReportNeedsIsThereWhileTheNoteIs() throws Exception {
        happen(create(id(), AUTHOR), create(id(), authored(TOOL)), create(id(), MALWARE));
        happen(create(id(), relation(USES, "uses", MALWARE, TOOL)), create(id(), note(USES)));
        happen(create(id(), report(NOTE, TOOL)));

        happen(update(id(), report(NOTE, TOOL), report(NOTE)));
        assertThat(ids()).containsExactlyInAnyOrder(AUTHOR, TOOL, MALWARE, USES, NOTE, REPORT);

        happen(update(id(), object(AUTHOR), named(AUTHOR, "other")));
        assertThat(there.get(internalId(AUTHOR)).name()).isEqualTo("other");

        happen(update(id(), report(NOTE), report()));
        assertThat(ids()).containsExactlyInAnyOrder(AUTHOR, REPORT);
    }

    @Test
    void whatARelationBetweenRelationsHeldGoesWithThem() throws Exception {
        happen(create(id(), TOOL), create(id(), MALWARE), create(id(), AUTHOR));
        happen(create(id(), relation(USES, "uses", MALWARE, TOOL)));
        happen(create(id(), relation("relationship--v", "related-to", AUTHOR, USES)));
        happen(create(id(), report("relationship--v", AUTHOR)));

        happen(delete(id(), TOOL));

        assertThat(ids()).containsExactlyInAnyOrder(AUTHOR, REPORT);
    }

    @Test
    void whatAMergeTakesOutOfItsTargetIsRemoved() throws Exception {
        Map<String, Object> target = object("note--target");
        Map<String, Object> before = new LinkedHashMap<>(target);
        before.put("object_refs", List.of(TOOL));
        happen(create(id(), TOOL), create(id(), note()), create(id(), before), create(id(), report(NOTE)));

        happen(merge(id(), before, target, List.of(note())));

        assertThat(ids()).containsExactlyInAnyOrder("note--target", REPORT);
    }

    @Test
    void whatCameAlongAndChangedUnseenComesAgain() throws Exception {
        happen(create(id(), AUTHOR), create(id(), authored(TOOL)), create(id(), report()));

        happen(
                update(id(), report(), report(TOOL)),
                update(id(), report(TOOL), report()),
                update(id(), object(AUTHOR), named(AUTHOR, "other")),
                update(id(), report(), report(TOOL)));

        assertThat(there.get(internalId(AUTHOR)).name()).isEqualTo("other");
    }

    @Test
    void ofTwoRelationsThatBecomeOneNoneStaysAlone() throws Exception {
        String target = "tool--target";
        happen(create(id(), TOOL), create(id(), target), create(id(), MALWARE));
        happen(
                create(id(), relation(USES, "uses", MALWARE, TOOL)),
                create(id(), relation("relationship--other", "uses", MALWARE, target)),
                create(id(), report(USES, MALWARE)));

        happen(merge(id(), object(target), object(target), List.of(object(TOOL))));

        assertThat(told)
                .filteredOn(change -> change.object().id().equals(USES))
                .last()
                .extracting(Change::reason)
                .isEqualTo(Change.Reason.LEFT_SCOPE);
    }

    @Test
    void whatTakesThePlaceOfWhatMayNotPassTheDoorIsThere() throws Exception {
        String target = "tool--target";
        door = new Door(Optional.of(Tlp.GREEN), Set.of());
        happen(create(id(), AUTHOR), create(id(), marked(TOOL, RED)), create(id(), authored(target)));
        happen(create(id(), report(TOOL)));
        assertThat(ids()).containsExactly(REPORT);

        Frame merge = merge(id(), authored(target), authored(target), List.of(marked(TOOL, RED)));
        deliver(read(state.begin(), List.of(merge)));
        assertThat(ids()).containsExactlyInAnyOrder(AUTHOR, target, REPORT);

        happen(merge, delete(id(), report(TOOL)));
        assertThat(ids()).containsExactly(AUTHOR);
    }

    @Test
    void whatIsRenamedBehindTheDoorIsContainedAllTheSame() throws Exception {
        door = new Door(Optional.of(Tlp.GREEN), Set.of());
        happen(create(id(), marked(TOOL, RED)), create(id(), report(TOOL)));
        Map<String, Object> renamed = object("tool--renamed", internalId(TOOL));
        Map<String, Object> secret = new LinkedHashMap<>(renamed);
        secret.put("object_marking_refs", List.of(RED));

        happen(update(id(), marked(TOOL, RED), secret), update(id(), secret, renamed));

        assertThat(ids()).containsExactlyInAnyOrder("tool--renamed", REPORT);
    }

    @Test
    void whatNeverCameIsNotRemoved() throws Exception {
        door = new Door(Optional.of(Tlp.GREEN), Set.of());
        Map<String, Object> secret = report(TOOL);
        secret.put("object_marking_refs", List.of(RED));
        happen(create(id(), TOOL), create(id(), secret));

        happen(update(id(), secret, report()));

        assertThat(told).extracting(change -> change.object().id()).containsExactly(REPORT);
    }

    @Test
    void whatMayNotPassTheDoorIsNotThere() throws Exception {
        door = new Door(Optional.of(Tlp.GREEN), Set.of());
        happen(create(id(), marked(TOOL, RED)), create(id(), marked(MALWARE, GREEN)));
        Map<String, Object> report = report(TOOL, MALWARE);
        report.put("object_marking_refs", List.of(RED));
        happen(create(id(), report));
        happen(update(id(), marked(MALWARE, GREEN), marked(MALWARE)));
        assertThat(there).isEmpty();

        happen(update(id(), report, report(TOOL, MALWARE)));
        assertThat(ids()).containsExactlyInAnyOrder(MALWARE, REPORT);

        happen(update(id(), report(TOOL, MALWARE), report));
        assertThat(there).isEmpty();
    }

    @Test
    void whatIsToldAgainComesWhole() throws Exception {
        happen(create(id(), TOOL), create(id(), report(TOOL)));
        told.clear();
        there.clear();

        happen(update(id(), report(TOOL), report(TOOL)));

        assertThat(ids()).containsExactlyInAnyOrder(TOOL, REPORT);
    }

    @Test
    void ofABatchThatComesAgainTheSameIsLeft() throws Exception {
        happen(create(id(), TOOL));
        List<Frame> frames = List.of(create(id(), report(TOOL)), delete(id(), TOOL));
        told.clear();
        deliver(read(state.begin(), frames));
        List<String> first = told.stream().map(Change::toString).toList();
        told.clear();
        deliver(read(state.begin(), frames));

        assertThat(told).extracting(Change::toString).isEqualTo(first).isNotEmpty();
    }

    @Test
    void whatManyObjectsEndAtComesOnlyWithWhatAReportContains() throws Exception {
        happen(create(id(), MALWARE), create(id(), TOOL));
        List<Frame> relations = new ArrayList<>();
        for (int i = 0; i < 1100; i++) {
            relations.add(create(id(), relation("relationship--" + i, "uses", MALWARE, TOOL)));
        }
        happen(relations.toArray(Frame[]::new));

        happen(update(id(), object(MALWARE), named(MALWARE, "other")));
        assertThat(told).isEmpty();

        happen(create(id(), report("relationship--7")));
        assertThat(ids()).containsExactlyInAnyOrder(MALWARE, TOOL, "relationship--7", REPORT);
    }

    @ParameterizedTest
    @ValueSource(strings = {"runA/runA-all.sse", "reconnect/recover-all-from-0.sse"})
    void ofACaptureTheReportsAndWhatTheyContainAreThere(String capture) throws Exception {
        List<Frame> frames = Capture.events(capture);
        Pending known = state.begin();
        for (int from = 0; from < frames.size(); from += 7) {
            known = happen(
                    frames.subList(from, Math.min(from + 7, frames.size())).toArray(Frame[]::new));
        }

        Known now = state.look();
        List<KnownObject> reports = new ArrayList<>();
        for (StixObject object : there.values()) {
            if (object.type().equals("report")) {
                reports.add(now.object(object.key()).orElseThrow());
            }
        }
        assertThat(reports).isNotEmpty();
        for (KnownObject report : reports) {
            for (String id : report.object().references()) {
                Optional<KnownObject> contained = now.withId(id).isPresent() ? now.withId(id) : now.withFormerId(id);
                if (contained.isPresent() && id.contains("--")) {
                    StixObject object = contained.get().object();
                    assertThat(there.get(object.key()).json()).as(id).isEqualTo(object.json());
                }
            }
        }
        assertThat(ids()).noneMatch(id -> id.startsWith("indicator--") && !isReferredTo(id, now));
    }

    private static boolean isReferredTo(String id, Known known) {
        try {
            Optional<KnownObject> object = known.withId(id);
            return object.isPresent()
                    && (known.firstReferringTo(object.get().ids(), Set.of(), any -> true)
                                    .isPresent()
                            || known.firstEndingAt(object.get().ids(), any -> true)
                                    .isPresent());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void saysWhichTypesThereAre() throws Exception {
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            context.addComponent("contents", contents);
            assertThat(context.getEndpoint("contents:report, grouping")).isNotNull();
            assertThatThrownBy(() -> context.getEndpoint("contents:report,Groupings"))
                    .hasRootCauseInstanceOf(IllegalArgumentException.class)
                    .rootCause()
                    .hasMessage(
                            "contents:report,Groupings: \"Groupings\" is no type of a container; did you mean grouping?");
        }
    }

    /** Events in one batch, after which they are known. */
    @Test
    void anEventThatTheSelectionFailsOnIsSaidAndTheOthersAreLeft() throws Exception {
        happen(create(id(), TOOL), create(id(), report(TOOL)));
        Batch batch = read(state.begin(), List.of(update(id(), report(TOOL), report()), create(id(), note(TOOL))));
        Meaning report = batch.meanings().get(0);
        List<Change> broken = report.changes().stream().map(Changes::broken).toList();
        Batch half = batch.with(List.of(
                report.with(report.event(), false, broken, List.of()),
                batch.meanings().get(1)));
        List<String> failed = new ArrayList<>();

        Batch left =
                contents.of(half, Set.of("report", "note"), door, (event, failure) -> failed.add(event.objectId()));

        assertThat(failed).containsExactly(REPORT);
        assertThat(left.changes()).extracting(change -> change.object().id()).contains(NOTE);
    }

    private Pending happen(Frame... frames) throws Exception {
        Pending known = state.begin();
        Batch batch = read(known, Arrays.asList(frames));
        deliver(batch);
        position = batch.after();
        state.write(position, known);
        return known;
    }

    private Batch read(Pending known, List<Frame> frames) {
        Readings readings = new Readings(known, false);
        List<Meaning> meanings = new ArrayList<>();
        try {
            for (Frame frame : frames) {
                meanings.add(readings.read(frame));
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        Position after = Position.startingAt("contents", "live", new EventId(++events, 0));
        return new Batch(position, after, Instant.EPOCH, meanings);
    }

    /** A sink that does as told; what ends at what is removed goes with it. */
    private void deliver(Batch batch) throws Exception {
        for (Change change : contents.of(door.let(batch, NoneFails::take), Set.of("report"), door, NoneFails::take)
                .changes()) {
            told.add(change);
            if (change.type() == Type.UPSERT) {
                there.put(change.object().key(), change.object());
            } else {
                there.remove(change.object().key());
                there.values().removeIf(other -> other.endsAt(change.object()));
            }
        }
    }

    private Set<String> ids() {
        Set<String> ids = new TreeSet<>();
        there.values().forEach(object -> ids.add(object.id()));
        return ids;
    }

    private String id() {
        return ++events + "-0";
    }

    private static Map<String, Object> report(String... contained) {
        Map<String, Object> report = object(REPORT);
        report.put("object_refs", List.of(contained));
        return report;
    }

    private static Map<String, Object> note(String... contained) {
        Map<String, Object> note = object(NOTE);
        note.put("object_refs", List.of(contained));
        return note;
    }

    private static Map<String, Object> named(String id, String name) {
        Map<String, Object> object = object(id);
        object.put("name", name);
        return object;
    }

    private static Map<String, Object> authored(String id) {
        Map<String, Object> object = object(id);
        object.put("created_by_ref", AUTHOR);
        return object;
    }

    private static Map<String, Object> marked(String id, String... markings) {
        Map<String, Object> object = object(id);
        object.put("object_marking_refs", List.of(markings));
        return object;
    }
}
