package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Frames.internalId;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.relation;
import static io.caravan.testkit.Frames.update;
import static io.caravan.testkit.Play.play;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.opencti.stream.OpenctiConsumer;
import io.caravan.ops.Program;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Request;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole program where what it has told and what the platform has are no longer the same. */
class ReconcileIT {

    private static final Duration SOON = Patience.SOON;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SINK_ROUTE = """
            - route:
                id: sink-test
                routeConfigurationId: sink
                from:
                  uri: direct:sink-test
                  steps: [{to: {uri: "bean:test?method=accept"}}]
            """;

    /** Objects are old, so that a snapshot brings them. */
    private static final long OLD = Instant.now().minus(Duration.ofDays(30)).toEpochMilli();

    @TempDir
    Path home;

    private final long begun = System.currentTimeMillis();
    private volatile Duration ahead = Duration.ZERO;
    private final List<Change> changes = new CopyOnWriteArrayList<>();
    private FakePlatform platform;
    private Installation caravan;
    private Program program;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start()
                .heartbeats(new Heartbeats(
                        Duration.ofMillis(100),
                        (lastId, isIdle, now) ->
                                isIdle && !ahead.isZero() ? now.plus(ahead).toEpochMilli() + "-0" : lastId));
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "mirror,test,journal")
                .route("sinks/test.camel.yaml", SINK_ROUTE);
    }

    @AfterEach
    void stop() {
        if (program != null) {
            program.close();
        }
        platform.close();
    }

    @Test
    void findsOutWhatHappenedInAGap() throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))), create(at(3), object(id(3))));
        follow(create(at(4), link(4, 1, 3)), create(at(5), link(5, 1, 2)));
        program.close();
        changes.clear();
        Map<String, Object> changed = named(2, "after the gap");
        platform.snapshot(List.of(
                        snapshot(12, changed),
                        snapshot(1, object(id(1))),
                        snapshot(5, link(5, 1, 2)),
                        snapshot(11, object(id(6)))))
                .append(create(now(-100), object(id(7)))) // retention left only this
                .trimTo(now(-100));

        start();
        await().atMost(SOON).until(() -> consumer().isRecovering() && health().contains("gap"));
        timePasses();
        awaitReconciled();

        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), changed, link(5, 1, 2), object(id(6)), object(id(7))));
        assertThat(told())
                .containsExactlyInAnyOrder(
                        "upsert " + id(2) + " snapshot",
                        "upsert " + id(6) + " snapshot",
                        "upsert " + id(7) + " created",
                        "remove " + id(3) + " deleted",
                        "remove " + linkId(4) + " deleted");
        assertThat(ops("deleted")).containsOnly("reconcile");
        assertThat(caravan.journal())
                .filteredOn(line -> line.op().equals("reconcile"))
                .hasSize(2);
        assertThat(consumer().counters().gaps()).isEqualTo(1);
        assertThat(consumer().counters().gapLength()).isPositive();
        await().atMost(SOON).until(() -> health().isEmpty());
        assertThat(platform.failures()).isEmpty();
    }

    @Test
    void leavesWhatChangesWhileTheSnapshotIsReadToTheLog() throws Exception {
        follow(IntStream.rangeClosed(1, 4)
                .mapToObj(n -> create(at(n), object(id(n))))
                .toArray(Frame[]::new));
        Map<String, Object> changed = named(2, "changed meanwhile");
        String meanwhile = now(-10);
        platform.snapshot(List.of(snapshot(1, object(id(1))), snapshot(3, object(id(3)))));
        changes.clear();

        ask();
        platform.awaitConnections(2);
        platform.append(
                update(meanwhile, object(id(2)), changed), // it is not in the snapshot: it was changed after its end
                delete(now(-9), object(id(3))),
                create(now(-8), object(id(5))));
        snapshotsEnd();
        await().atMost(SOON).until(() -> changes.size() == 3);
        assertThat(caravan.mirror().keySet()).contains(id(4));
        timePasses();
        awaitReconciled();

        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), changed, object(id(5))));
        assertThat(told())
                .containsExactly(
                        "upsert " + id(2) + " updated",
                        "remove " + id(3) + " deleted",
                        "upsert " + id(5) + " created",
                        "remove " + id(4) + " deleted");
    }

    @Test
    void losesAndRepeatsNothingOfTheLogWhenAskedToReconcile() throws Exception {
        List<Frame> before = List.of(create(now(-100), object(id(1))), create(now(-65), object(id(2))));
        follow(before.toArray(Frame[]::new));
        platform.snapshot(List.of(Frames.snapshot(now(-100), object(id(1)))));

        ask();
        platform.awaitConnections(2);
        Frame after = create(now(-5), object(id(3)));
        platform.append(after);
        timePasses();
        awaitReconciled();

        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), object(id(2)), object(id(3))));
        assertThat(caravan.journal())
                .filteredOn(line -> !line.position().equals(now(-100)))
                .extracting(Installation.Line::position)
                .containsOnlyOnce(before.get(1).id(), after.id());
    }

    @Test
    void getsThroughASnapshotThatIsCutAgainAndAgain() throws Exception {
        follow(create(at(1000), object(id(1000))));
        List<Frame> snapshot = new ArrayList<>();
        for (int n = 0; n < 40; n++) {
            int shuffled = n * 17 % 40;
            snapshot.add(snapshot(shuffled, object(id(shuffled))));
        }
        platform.snapshot(snapshot).always(play().cutAfter(15));
        ask();
        await().atMost(Patience.SOON).until(() -> caravan.mirror().size() == 41);
        platform.always(play());
        timePasses();
        awaitReconciled();

        assertThat(caravan.mirror().keySet()).hasSize(40).doesNotContain(id(1000));
        assertThat(platform.streamRequests().stream()
                        .map(Request::query)
                        .filter(query -> query.containsKey("recover"))
                        .toList())
                .doesNotHaveDuplicates()
                .hasSizeGreaterThan(5);
    }

    @Test
    void findsOutWhatHappenedInAGapWithThePositionInKafka() throws Exception {
        KafkaBroker broker = KafkaBroker.ofThisRun();
        String prefix = "reconcile-" + UUID.randomUUID() + ".";
        caravan.set("caravan.sinks", "mirror,test,kafka")
                .set("caravan.position-store", "kafka")
                .set("kafka.topic-prefix", prefix)
                .set("kafka.brokers", broker.brokers());
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))), create(at(3), object(id(3))));
        program.close();
        platform.snapshot(List.of(
                        snapshot(1, object(id(1))),
                        snapshot(12, named(2, "after the gap")),
                        Frames.snapshot(now(-100), object(id(7)))))
                .append(create(now(-100), object(id(7))))
                .trimTo(now(-100));

        start();
        await().atMost(SOON).until(() -> consumer().isRecovering());
        timePasses();
        awaitReconciled();

        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), named(2, "after the gap"), object(id(7))));
        Map<String, Boolean> there = new TreeMap<>();
        Topics.of(broker)
                .records(prefix + "objects")
                .forEach(record -> there.put(new String(record.key(), UTF_8), record.value() != null));
        assertThat(there)
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        internalId(id(1)),
                        true,
                        internalId(id(2)),
                        true,
                        internalId(id(3)),
                        false,
                        internalId(id(7)),
                        true));
    }

    @Test
    void goesOnWithTheRemovalsAfterAStop() throws Exception {
        follow(IntStream.rangeClosed(1, 30)
                .mapToObj(n -> create(at(n), object(id(n))))
                .toArray(Frame[]::new));
        program.close();
        changes.clear();
        platform.snapshot(List.of(snapshot(1, object(id(1)))))
                .append(create(now(-100), object(id(40))))
                .trimTo(now(-100));
        caravan.set("caravan.batch-max-events", "4");
        CountDownLatch refused = new CountDownLatch(1);
        startWith(batch -> {
            if (changes.size() >= 12) {
                refused.countDown();
                throw new IllegalStateException("the sink is away");
            }
            note(batch);
        });
        await().atMost(SOON).until(() -> consumer().isRecovering());
        timePasses();
        assertThat(refused.await(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        program.close();
        assertThat(changes).as("one made, three pages of four removed").hasSize(13);

        start();
        awaitReconciled();

        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), object(id(40))));
        assertThat(told())
                .filteredOn(change -> change.startsWith("remove "))
                .hasSize(29)
                .doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @CsvSource({"live, deleted", "3089c815-2cc4-467b-9e94-8468b6dd060e, reconciled"})
    void saysThatAnObjectIsDeletedOnlyOfAStreamWithoutAFilter(String stream, String reason) throws Exception {
        caravan.set("opencti.stream", stream);
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        changes.clear();
        platform.snapshot(List.of(snapshot(1, object(id(1)))));
        reconcile();
        assertThat(told()).containsExactly("remove " + id(2) + " " + reason);
    }

    @Test
    void countsWhatCameAsADependencyAsSeen() throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        changes.clear();
        platform.snapshot(List.of(Frames.dependency(at(1), object(id(2))), snapshot(1, object(id(1)))));
        reconcile();
        assertThat(told()).isEmpty();
    }

    /** A label that it bore was deleted after the snapshot's end, which no event tells. */
    @Test
    void readsWhatWasTouchedWithoutAnEventSinceTheSnapshotsEnd() throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        changes.clear();
        Map<String, Object> touched = named(2, "without its label");
        platform.snapshot(List.of(snapshot(1, object(id(1))), Frames.snapshot(now(-30), touched)));
        reconcile();
        assertThat(told()).containsExactly("upsert " + id(2) + " snapshot");
        assertThat(consumer().counters().stillShown()).as("asked for by its id").isZero();
        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), touched));
    }

    @Test
    void putsNoOlderStateOfTheLogOverWhatTheSnapshotHasShown() throws Exception {
        Map<String, Object> shown = updated(named(2, "without its label"), now(-20));
        Map<String, Object> told = updated(named(2, "with its label"), now(-40));
        platform.snapshot(List.of(snapshot(1, object(id(1))), Frames.snapshot(now(-20), shown)))
                .append(update(now(-40), object(id(2)), told), create(now(-39), object(id(3))));
        caravan.set("opencti.start", "");
        snapshotsEnd();
        start();
        await().atMost(SOON).until(() -> caravan.mirror().size() == 3);
        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), shown, object(id(3))));
        assertThat(caravan.journal()).extracting(Installation.Line::position).contains(now(-40));
    }

    @Test
    void removesNothingThatThePlatformStillShows() throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))), create(at(3), object(id(3))));
        changes.clear();
        platform.snapshot(List.of(snapshot(1, object(id(1))))).showsBesides(internalId(id(2)));
        reconcile();
        assertThat(told()).containsExactly("remove " + id(3) + " deleted");
        assertThat(caravan.mirror().keySet()).containsExactly(id(1), id(2));
        assertThat(consumer().counters().reconcile())
                .endsWith("1 removed, 1 not removed because the platform still shows them");
    }

    @Test
    void removesNothingWhereThePlatformMayNotBeAsked() throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))), create(at(3), object(id(3))));
        changes.clear();
        platform.snapshot(List.of(snapshot(1, object(id(1))))).refuseKnowledge();
        reconcile();
        assertThat(told()).isEmpty();
        assertThat(caravan.mirror()).hasSize(3);
        assertThat(consumer().counters().unanswered()).isEqualTo(2);
        assertThat(consumer().counters().reconcile())
                .endsWith("0 removed, 2 not removed because the platform does not say whether they exist");
    }

    @ParameterizedTest(name = "an answer {0}")
    @ValueSource(ints = {404, 200})
    void removesNothingWhereThePlatformsAddressAnswersOtherwise(int status) throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        platform.snapshot(List.of(snapshot(1, object(id(1)))))
                .route("/graphql", request -> status == 200 ? Answer.json("{}") : Answer.status(status));
        reconcile();
        assertThat(caravan.mirror()).hasSize(2);
        assertThat(consumer().counters().unanswered()).isEqualTo(1);
    }

    @ParameterizedTest(name = "an answer {0}")
    @ValueSource(ints = {429, 500, 502})
    void waitsForAPlatformThatCannotBeAskedAtTheMoment(int status) throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        platform.snapshot(List.of(snapshot(1, object(id(1)))));
        AtomicBoolean isAway = new AtomicBoolean(true);
        CountDownLatch asked = new CountDownLatch(1);
        platform.route("/graphql", request -> {
            asked.countDown();
            return isAway.get() ? Answer.status(status) : Answer.json("{\"data\":{\"o0\":null}}");
        });
        ask();
        await().atMost(SOON).until(this::isReconciling);
        timePasses();
        assertThat(asked.await(30, TimeUnit.SECONDS)).isTrue();
        await().atMost(SOON).until(() -> health().contains(String.valueOf(status)));
        assertThat(caravan.mirror()).hasSize(2);
        isAway.set(false);
        awaitReconciled();
        assertThat(caravan.mirror().keySet()).containsExactly(id(1));
    }

    @Test
    void asksForThousandsInGroups() throws Exception {
        caravan.set("caravan.sinks", "mirror,test");
        follow(IntStream.rangeClosed(1, 230)
                .mapToObj(n -> create(at(n), object(id(n))))
                .toArray(Frame[]::new));
        platform.snapshot(List.of(snapshot(1, object(id(1)))))
                .showsBesides(IntStream.rangeClosed(2, 120)
                        .mapToObj(n -> internalId(id(n)))
                        .toArray(String[]::new));
        reconcile();
        assertThat(caravan.mirror()).hasSize(120);
        assertThat(platform.requests().stream()
                        .filter(request -> request.text().contains("stixObjectOrStixRelationship")))
                .hasSize(5);
    }

    /** As long as it stands in the log alone, a snapshot may show what it has not found yet as it was before. */
    @Test
    void readsNoSnapshotBeforeWhatWasToldLastIsSearchable() throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        platform.searchLag(Duration.ofSeconds(50))
                .snapshot(List.of(snapshot(1, object(id(1))), snapshot(2, object(id(2)))));
        platform.clockOffset(Duration.ofMinutes(2)); // found by now
        String recently = now(119);
        follow(delete(recently, object(id(2))));
        platform.snapshot(List.of(snapshot(1, object(id(1)))));
        ask();
        await().pollDelay(Duration.ofSeconds(6)).atMost(SOON).until(() -> !isReconciling());
        platform.clockOffset(Duration.ofMinutes(4));
        await().atMost(SOON).until(this::isReconciling);
        timePasses();
        awaitReconciled();
        assertThat(caravan.mirror().keySet()).containsExactly(id(1));
    }

    @Test
    void removesNothingWhereThePlatformShowsNothing() throws Exception {
        follow(create(at(1), object(id(1))));
        reconcile();
        assertThat(caravan.mirror()).hasSize(1);
    }

    @Test
    void removesNothingWhereDeletionsAreLeftOut() throws Exception {
        caravan.set("opencti.listen-delete", "false");
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        platform.snapshot(List.of(snapshot(1, object(id(1)))));
        reconcile();
        assertThat(caravan.mirror()).hasSize(2);
    }

    @Test
    void removesNothingWhereTheStreamHasNoSnapshotsAndGoesOnInTheLog() throws Exception {
        follow(create(at(1), object(id(1))));
        platform.refuseRecovery();
        ask();
        await().atMost(SOON).until(() -> consumer().counters().reconcilesBegun() == 1);
        await().atMost(SOON).until(() -> !isReconciling());
        platform.append(create(now(0), object(id(2))));
        await().atMost(SOON).until(() -> caravan.journalLength() == 2);
        assertThat(consumer().counters().reconciles()).isZero();
        assertThat(caravan.journal()).extracting(Installation.Line::position).containsExactly(at(1), now(0));
    }

    @Test
    void asksTheProgramThatRuns() throws Exception {
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))));
        platform.snapshot(List.of(snapshot(1, object(id(1)))));

        Process asking = caravan.run("reconcile");

        assertThat(asking.waitFor()).isZero();
        assertThat(caravan.log()).contains("Asked the Caravan that runs here");
        await().atMost(SOON).until(this::isReconciling);
        await().atMost(SOON).until(() -> !Files.exists(home.resolve("data/state/reconcile")));
        timePasses();
        awaitReconciled();
        assertThat(caravan.mirror()).hasSize(1);
    }

    @Test
    void runsUntilItIsThroughWhereNoProgramRuns() throws Exception {
        caravan.set("caravan.sinks", "mirror,journal");
        Files.delete(home.resolve("routes/sinks/test.camel.yaml"));
        follow(create(at(1), object(id(1))), create(at(2), object(id(2))), create(at(3), object(id(3))));
        program.close();
        platform.snapshot(List.of(snapshot(1, object(id(1))), snapshot(3, named(3, "otherwise"))));

        Process reconciling = caravan.run("reconcile");
        platform.awaitConnections(3);
        timePasses();

        assertThat(Patience.ends(reconciling, Patience.SOON)).isTrue();
        assertThat(reconciling.exitValue()).as(caravan.log()).isZero();
        assertThat(caravan.log().strip()).endsWith("Reconciled: 2 objects seen, 1 upserted, 1 removed");
        assertThat(caravan.mirror()).isEqualTo(of(object(id(1)), named(3, "otherwise")));
    }

    @Test
    void saysWhatAReconcileWouldDoBesideARunningProgram() throws Exception {
        follow(IntStream.rangeClosed(1, 25)
                .mapToObj(n -> create(at(n), object(id(n))))
                .toArray(Frame[]::new));
        changes.clear();
        platform.snapshot(
                List.of(snapshot(1, object(id(1))), snapshot(2, named(2, "otherwise")), snapshot(30, object(id(30)))));

        Process dry = caravan.run("reconcile --dry-run");
        platform.awaitConnections(2);
        timePasses();

        assertThat(Patience.ends(dry, Patience.SOON)).isTrue();
        assertThat(dry.exitValue()).as(caravan.log()).isZero();
        assertThat(caravan.log().lines().filter(line -> !line.startsWith(" ")))
                .containsExactly(
                        "23 would be removed: the platform no longer has them",
                        "1 would be upserted: the platform has them otherwise",
                        "1 would be upserted: they were never told",
                        "1 are the same");
        assertThat(caravan.log().lines().filter(line -> line.startsWith("    ")))
                .hasSize(20 + 3);
        assertThat(isReconciling()).isFalse();
        assertThat(changes).isEmpty();
    }

    @Test
    void saysInOneLineWhatCannotBeReconciled() throws Exception {
        caravan.set("opencti.stream", "raw");
        assertThat(caravan.run("reconcile").waitFor()).isEqualTo(2);
        assertThat(caravan.log().lines()).singleElement().asString().contains("raw");
    }

    private void follow(Frame... events) throws Exception {
        if (program == null) {
            start();
        }
        long before = consumer().counters().delivered();
        platform.append(events);
        await().atMost(SOON).until(() -> consumer().counters().delivered() == before + events.length);
    }

    private void start() throws Exception {
        startWith(this::note);
    }

    private void startWith(Consumer<Batch> sink) throws Exception {
        program = new Program(caravan.settings());
        program.bind("test", new Bean(sink));
        program.start();
    }

    private void reconcile() throws Exception {
        ask();
        await().atMost(SOON).until(this::isReconciling);
        timePasses();
        awaitReconciled();
    }

    private void ask() {
        consumer().askReconcile();
    }

    private boolean isReconciling() {
        return consumer().position().orElseThrow().reconcile().isPresent();
    }

    /** From now on the platform's heartbeats are its clock, and end the windows of a snapshot; nothing is judged by them yet. */
    private void snapshotsEnd() {
        ahead = Duration.ofSeconds(5);
    }

    /** From now on the platform's heartbeats prove that the log has been read beyond the snapshot. */
    private void timePasses() {
        ahead = Duration.ofMinutes(10);
    }

    private void awaitReconciled() {
        await().atMost(SOON).until(() -> consumer().counters().reconciles() == 1 && !isReconciling());
    }

    private void note(Batch batch) {
        changes.addAll(batch.changes());
    }

    private List<String> told() {
        return changes.stream()
                .map(change -> change.type() + " " + change.object().id() + " " + change.reason())
                .toList();
    }

    private Set<String> ops(String reason) {
        Set<String> ops = new HashSet<>();
        changes.stream()
                .filter(change -> change.reason().toString().equals(reason))
                .forEach(change -> ops.add(change.event().op()));
        return ops;
    }

    private OpenctiConsumer consumer() {
        return program.consumers().get(0);
    }

    private String health() {
        return HealthCheckHelper.invoke(program.context(), "full").stream()
                .filter(result -> result.getCheck().getId().equals("consumer:stream"))
                .filter(result -> result.getState() == HealthCheck.State.DOWN)
                .flatMap(result -> result.getMessage().stream())
                .findFirst()
                .orElse("");
    }

    @SafeVarargs
    private static Map<String, Object> of(Map<String, Object>... objects) {
        Map<String, Object> byId = new TreeMap<>();
        for (Map<String, Object> object : objects) {
            byId.put((String) object.get("id"), JSON.valueToTree(object));
        }
        return byId;
    }

    private static Frame snapshot(int second, Map<String, Object> object) {
        return Frames.snapshot(at(second), object);
    }

    private static Map<String, Object> named(int number, String name) {
        Map<String, Object> object = object(id(number));
        object.put("name", name);
        return object;
    }

    private static Map<String, Object> updated(Map<String, Object> object, String id) {
        String time = Instant.ofEpochMilli(Long.parseLong(id.replace("-0", ""))).toString();
        Frames.extension(object).put("updated_at", time);
        return object;
    }

    private static Map<String, Object> link(int number, int source, int target) {
        return relation(linkId(number), "uses", id(source), id(target));
    }

    private static String linkId(int number) {
        return "relationship--00000000-0000-4000-8000-%012d".formatted(number);
    }

    private static String id(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }

    /** Long ago, by seconds. */
    private static String at(int seconds) {
        return (OLD + seconds * 1000L) + "-0";
    }

    private String now(int seconds) {
        return (begun + seconds * 1000L) + "-0";
    }

    /** A bean of the test's sink. */
    public record Bean(Consumer<Batch> consumer) {
        public void accept(@org.apache.camel.Body Batch batch) {
            consumer.accept(batch);
        }
    }
}
