package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.dependency;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.caravan.event.Batch;
import io.caravan.opencti.stream.Counters.Ending;
import io.caravan.opencti.stream.OpenctiConsumer;
import io.caravan.ops.Program;
import io.caravan.testkit.Answer;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Coding;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Play;
import io.caravan.testkit.Request;
import io.caravan.testkit.Script;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole program, with the routes users get, against a platform that does what platforms do. */
class FollowIT {

    private static final Duration SOON = Patience.SOON;
    private static final String SINK_ROUTE = """
            - route:
                id: sink-test
                routeConfigurationId: sink
                from:
                  uri: direct:sink-test
                  steps: [{to: {uri: "bean:test?method=accept"}}]
            """;

    @TempDir
    Path home;

    private FakePlatform platform;
    private Installation caravan;
    private Program program;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        caravan = new Installation(home, platform).set("opencti.heartbeat-timeout", "2s");
    }

    @AfterEach
    void stop() {
        if (program != null) {
            program.close();
        }
        platform.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "runA/runA-all.sse",
                "runA/runA-green.sse",
                "runA/runA-indicator.sse",
                "big/big-all.sse",
                "volume/vol-all.sse"
            })
    void bringsEveryEventOfARealStreamOnceAndInOrder(String capture) throws Exception {
        List<Frame> events = Capture.events(capture);
        platform.append(events);
        program = caravan.set("opencti.start", "0-0").start();
        awaitJournal(events);
    }

    static Stream<Play> faults() {
        return Stream.of(
                play().cutAfter(37),
                play().cutWithin(12, 100),
                play().cutWithin(23, 5, Play.Ending.RESET),
                play().cutAfter(20, Play.Ending.EOF),
                play().resend(10),
                play().heartbeatsWithinGroups(),
                play().chunk(1),
                play().chunk(3).lineEnd("\r\n"),
                play().chunk(7).lineEnd("\r"));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void bringsEveryEventOnceWhateverTheConnectionDoes(Play fault) throws Exception {
        List<Frame> events = Capture.events("runA/runA-green.sse");
        platform.append(events).always(fault);
        program = caravan.start();
        awaitJournal(events);
    }

    @Test
    void goesOnInAGroupThatWasCut() throws Exception {
        List<Frame> group = List.of(
                dependency("100000-0", "identity--11111111-1111-4111-8111-111111111111"),
                dependency("100000-0", "malware--22222222-2222-4222-8222-222222222222"),
                create("100000-0", "report--33333333-3333-4333-8333-333333333333"));
        platform.append(group).next(play().cutAfter(1), play().cutAfter(2));
        program = caravan.start();
        awaitJournal(group);
        assertThat(platform.streamRequests()).extracting(FollowIT::from).containsOnly("0-0");
    }

    @Test
    void waitsWhereThePlatformIsAwayAndSaysWhy() throws Exception {
        platform.append(create("100000-0", anObject(1)));
        platform.next(Answer.status(500), Answer.status(429).header("Retry-After", "1"), Answer.status(502));
        program = caravan.start();
        await().atMost(SOON).until(() -> consumer().trouble().orElse("").contains("answers 429"));
        awaitJournal(List.of(create("100000-0", anObject(1))));
        assertThat(consumer().trouble()).isEmpty();
        assertThat(consumer().counters().endings(Ending.REFUSED)).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403, 404, 410})
    void asksOnlyOnceAMinuteWhereAPersonIsNeeded(int status) throws Exception {
        platform.always(Answer.status(status));
        program = caravan.start();
        await().atMost(SOON).until(() -> consumer().trouble().orElse("").contains("answers " + status));
        await().during(Duration.ofSeconds(2))
                .until(() -> platform.streamRequests().size() == 1);
    }

    @Test
    void followsNoRedirectBecauseTheTokenWouldGoAlong() throws Exception {
        try (FakePlatform elsewhere = FakePlatform.start()) {
            platform.always(Answer.redirect(elsewhere.url() + "/stream/live?token=secret"));
            program = caravan.start();
            await().atMost(SOON)
                    .until(() -> consumer().trouble().orElse("").contains("redirects to " + elsewhere.url()));
            assertThat(elsewhere.requests()).isEmpty();
            assertThat(consumer().trouble().orElseThrow()).doesNotContain("secret");
        }
    }

    @Test
    void saysThatAPageIsNoStream() throws Exception {
        platform.always(Answer.html("<h1>Log in</h1>"));
        program = caravan.start();
        await().atMost(SOON)
                .until(() -> consumer().trouble().orElse("").contains("not an event stream but an HTML page"));
    }

    /** As what stands in front of a platform may send it, asked or not; each event is flushed, and nothing follows it. */
    @ParameterizedTest
    @EnumSource(names = {"GZIP", "DEFLATE", "RAW_DEFLATE"})
    void readsAStreamThatComesCompressed(Coding coding) throws Exception {
        platform.append(frames(1, 2)).heartbeats(Heartbeats.none()).always(play().coding(coding));
        program = caravan.start();
        awaitJournal(frames(1, 2));
        platform.append(frames(3, 4));
        awaitJournal(frames(1, 4));
        assertThat(consumer().trouble()).isEmpty();
        assertThat(platform.streamRequests()).hasSize(1);
    }

    @Test
    void namesACompressionThatItDoesNotRead() throws Exception {
        platform.append(frames(1, 2)).next(play().coding(Coding.BROTLI));
        program = caravan.start();
        await().atMost(SOON).until(() -> consumer().trouble().orElse("").contains("compressed (Content-Encoding: br)"));
    }

    /** As it answers an ordinary user's request for a stream without filters. */
    @Test
    void showsThePlatformsReason() throws Exception {
        platform.next(Answer.status(500).body("application/json", "{\"error\":\"Stream must have filters\"}"));
        platform.append(frames(1, 2));
        program = caravan.start();
        await().atMost(SOON)
                .until(() -> consumer().trouble().orElse("").endsWith("and says: Stream must have filters"));
        awaitJournal(frames(1, 2));
    }

    @Test
    void givesUpASilentConnection() throws Exception {
        List<Frame> events = frames(1, 2);
        platform.append(events).heartbeats(Heartbeats.none()).next(play().silentAfter(1));
        program = caravan.set("opencti.heartbeat-timeout", "1s").start();
        awaitJournal(events);
        assertThat(consumer().counters().endings(Ending.SILENT)).isEqualTo(1);
    }

    @Test
    void givesUpAPlatformThatTakesTheRequestAndNeverAnswers() throws Exception {
        List<Frame> events = frames(1, 1);
        platform.append(events).next(Script.silence());
        program = caravan.set("opencti.heartbeat-timeout", "1s").start();
        awaitJournal(events);
    }

    @Test
    void takesASlowSinkForNoSilence() throws Exception {
        CountDownLatch sinkIsThere = new CountDownLatch(1);
        List<Frame> events = IntStream.range(0, 20_000)
                .mapToObj(n -> create((1000 + n) + "-0", anObject(n)))
                .toList();
        platform.append(events).heartbeats(Heartbeats.none()).sendBuffer(1 << 16);
        program = startWithSink(batch -> awaitLatch(sinkIsThere), "1s");
        long taken = awaitStandstill();
        await().during(Duration.ofSeconds(2))
                .until(() -> platform.openStreams() == 1 && platform.bytesWritten() == taken);
        assertThat(platform.eventsSent()).isLessThan(20_000);
        assertThat(platform.streamRequests()).hasSize(1);
        sinkIsThere.countDown();
        await().atMost(SOON).until(() -> consumer().counters().delivered() == 20_000);
        assertThat(consumer().counters().endings(Ending.SILENT)).isZero();
    }

    @Test
    void reconnectsAfterAnErrorEvent() throws Exception {
        List<Frame> events = frames(1, 3);
        platform.append(events).next(play().errorAfter(1, "Something broke"));
        program = caravan.start();
        awaitJournal(events);
        assertThat(consumer().counters().endings(Ending.ERROR)).isEqualTo(1);
    }

    /** Each connection brings the event before, which may be open, one more, and a part of the next. */
    @Test
    void losesNothingWhicheverByteOfAFrameIsTheLast() throws Exception {
        int length = create("1000000-0", anObject(1)).wire().length;
        List<Frame> events = IntStream.rangeClosed(1, length + 2)
                .mapToObj(n -> create((1_000_000 + n) + "-0", anObject(n)))
                .toList();
        platform.append(events);
        for (int bytes = 0; bytes <= length; bytes++) {
            platform.next(play().cutWithin(3, bytes, bytes % 2 == 0 ? Play.Ending.EOF : Play.Ending.CLEAN));
        }
        program = caravan.start();
        awaitJournal(events);
        assertThat(platform.streamRequests()).hasSizeGreaterThan(length);
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void saysThatAnEmptyLogIsEmpty() throws Exception {
        platform.always(play().withoutConnected().errorAfter(0, "ERR no such key"));
        program = caravan.start();
        await().atMost(SOON).until(() -> consumer().trouble().orElse("").contains("empty log"));
    }

    @Test
    void beginsWithASnapshotOfEverythingAndGoesOnWithTheLog() throws Exception {
        Instant now = Instant.now();
        List<Frame> snapshot = List.of(
                Frames.snapshot(at(now.minusSeconds(500)), anObject(1)),
                Frames.snapshot(at(now.minusSeconds(900)), anObject(2)),
                Frames.snapshot(at(now.minusSeconds(700)), anObject(3)));
        Frame live = create(at(now.minusSeconds(10)), anObject(4));
        platform.heartbeats(Heartbeats.every(Duration.ofMillis(100)))
                .snapshot(snapshot)
                .append(create(at(now.minusSeconds(900)), anObject(2)), live);
        program = caravan.set("opencti.start", "").start();
        await().atMost(SOON).until(() -> caravan.journalLength() == 4);
        assertThat(caravan.journal()).isEqualTo(lines(Stream.concat(snapshot.stream(), Stream.of(live))));
        Request request = platform.streamRequests().get(0);
        assertThat(from(request)).isEqualTo("0-0");
        Instant until = Instant.parse(request.query().get("recover"));
        assertThat(until).isBetween(now.minusSeconds(63), now.minusSeconds(58));

        Frame later = create(at(now.minusSeconds(5)), anObject(5));
        platform.append(later);
        await().atMost(SOON).until(() -> caravan.journalLength() == 5);
        assertThat(requestsOfTheLog()).hasSize(1);
        assertThat(from(requestsOfTheLog().get(0))).isEqualTo(at(until.minus(Duration.ofMinutes(1))));
        platform.endStreams(Play.Ending.CLEAN);
        await().atMost(SOON).until(() -> requestsOfTheLog().size() == 2);
        assertThat(from(requestsOfTheLog().get(1))).isIn(live.id(), later.id()); // a heartbeat may prove the later
    }

    private List<Request> requestsOfTheLog() {
        return platform.streamRequests().stream()
                .filter(request -> !request.query().containsKey("recover"))
                .toList();
    }

    @Test
    void beginsWithASnapshotUpToALogThatIsYoung() throws Exception {
        Instant now = Instant.now();
        List<Frame> snapshot = List.of(Frames.snapshot(at(now.minusSeconds(500)), anObject(1)));
        List<Frame> log =
                List.of(create(at(now.minusSeconds(30)), anObject(2)), create(at(now.minusSeconds(10)), anObject(3)));
        platform.heartbeats(Heartbeats.every(Duration.ofMillis(100)))
                .snapshot(snapshot)
                .append(log);
        program = caravan.set("opencti.start", "").set("opencti.on-gap", "fail").start();
        await().atMost(SOON).until(() -> caravan.journalLength() == 3);
        assertThat(caravan.journal()).isEqualTo(lines(Stream.concat(snapshot.stream(), log.stream())));
        assertThat(consumer().counters().gaps()).isZero();
    }

    @Test
    void noticesThatTheLogWasLostWhileTheSnapshotWasRead() throws Exception {
        Instant now = Instant.now();
        platform.snapshot(List.of(
                        Frames.snapshot(at(now.minusSeconds(500)), anObject(1)),
                        Frames.snapshot(at(now.minusSeconds(600)), anObject(2))))
                .append(create(at(now.minusSeconds(500)), anObject(1)))
                .next(play().silentAfter(1));
        program = caravan.set("opencti.start", "").start();
        await().atMost(SOON).until(() -> caravan.journalLength() == 1);
        Frame last = create(at(now.minusSeconds(5)), anObject(3));
        platform.clockOffset(Duration.ofMinutes(2)).append(last).trimTo(last.id());
        platform.endStreams(Play.Ending.CLEAN);
        await().atMost(SOON).until(() -> consumer().counters().gaps() == 1);
        await().atMost(SOON)
                .until(() -> consumer().position().orElseThrow().reconcile().isPresent());
    }

    @Test
    void goesOnWithoutASnapshotWhereAStreamHasNone() throws Exception {
        platform.refuseRecovery();
        program = caravan.set("opencti.start", "").start();
        await().atMost(SOON).until(() -> consumer()
                .position()
                .filter(at -> at.snapshot().isEmpty())
                .isPresent());
        Frame live = create(at(Instant.now()), anObject(1));
        platform.append(live);
        awaitJournal(List.of(live));
        platform.endStreams(Play.Ending.CLEAN);
        platform.awaitConnections(2);
        assertThat(platform.streamRequests().get(1).query()).doesNotContainKey("recover");
    }

    @Test
    void startsNowAndNeverWithoutAPosition() throws Exception {
        platform.append(create("100000-0", anObject(1)), create("200000-0", anObject(2)));
        program = caravan.set("opencti.start", "now").start();
        platform.awaitConnections(2);
        Frame live = create("300000-0", anObject(3));
        platform.append(live);
        awaitJournal(List.of(live));
        assertThat(platform.streamRequests())
                .allSatisfy(request -> assertThat(request.query()).containsKey("from"));
        assertThat(from(platform.streamRequests().get(1))).isEqualTo("200000-0");
    }

    @Test
    void startsAtADateWithASnapshotOfWhatChangedSince() throws Exception {
        program = caravan.set("opencti.start", "2026-01-31").start();
        platform.awaitConnections(1);
        Request first = platform.streamRequests().get(0);
        assertThat(first.query())
                .containsEntry("from", Instant.parse("2026-01-30T23:59:59.999Z").toEpochMilli() + "-0")
                .containsKey("recover");
    }

    @Test
    void readsTheBaseStreamFromItsLogAlone() throws Exception {
        List<Frame> events = frames(1, 2);
        platform.append(events);
        program = caravan.set("opencti.start", "").set("opencti.stream", "raw").start();
        awaitJournal(events);
        assertThat(platform.streamRequests().get(0).path()).isEqualTo("/stream");
        assertThat(platform.streamRequests().get(0).query())
                .containsEntry("from", "0-0")
                .doesNotContainKey("recover");
    }

    @Test
    void asksForWhatTheSettingsSay() throws Exception {
        platform.basePath("/opencti");
        program = caravan.set("opencti.url", platform.url() + "/")
                .set("opencti.stream", FakePlatform.STREAM.id())
                .set("opencti.no-dependencies", "true")
                .set("opencti.with-inferences", "true")
                .set("opencti.listen-delete", "false")
                .start();
        platform.awaitConnections(1);
        Request request = platform.streamRequests().get(0);
        assertThat(request.path()).isEqualTo("/opencti/stream/" + FakePlatform.STREAM.id());
        assertThat(request.query())
                .containsEntry("no-dependencies", "true")
                .containsEntry("with-inferences", "true")
                .containsEntry("listen-delete", "false");
        assertThat(request.header("authorization")).contains("Bearer " + FakePlatform.TOKEN);
    }

    @Test
    void leavesDeletionsOutEvenIfThePlatformSendsThem() throws Exception {
        Frame kept = create("300000-0", anObject(2));
        platform.ignoreOptions().append(Frames.delete("200000-0", anObject(1)), kept);
        program = caravan.set("opencti.listen-delete", "false").start();
        awaitJournal(List.of(kept));
    }

    @Test
    void takesNoFirstEventAtOrBelowThePositionForAGap() throws Exception {
        program = caravan.start();
        platform.append(frames(1, 3));
        await().atMost(SOON).until(() -> caravan.journalLength() == 3);
        platform.trimTo("3000-0").endStreams(Play.Ending.CLEAN);
        platform.append(frames(4, 4));
        awaitJournal(frames(1, 4));
        assertThat(platform.streamRequests())
                .noneMatch(request -> request.query().containsKey("recover"));
    }

    @Test
    void failsAtAGapWhereAskedTo() throws Exception {
        caravan.set("opencti.on-gap", "fail");
        program = caravan.start();
        platform.append(frames(1, 3));
        await().atMost(SOON).until(() -> caravan.journalLength() == 3);
        program.close();
        platform.append(frames(4, 9)).trimTo("8000-0");
        program = caravan.start();
        assertThat(program.awaitFailure())
                .hasValueSatisfying(failure -> assertThat(failure).hasMessageContaining("a gap of 5 s"));
        assertThat(caravan.journalLength()).isEqualTo(3);
    }

    @Test
    void readsALogThatWasResetAsAGap() throws Exception {
        program = caravan.start();
        platform.append(frames(5, 7));
        await().atMost(SOON).until(() -> caravan.journalLength() == 3);
        program.close();
        platform.clear().append(frames(1, 2));
        program = caravan.start();
        platform.awaitConnections(3);
        assertThat(platform.streamRequests().get(2).query())
                .containsEntry("from", "0-0")
                .containsKey("recover");
    }

    @Test
    void keepsWhatItCannotReadAsDeadLettersAndGoesOn() throws Exception {
        platform.append(
                create("1000-0", anObject(1)),
                Frame.of("2000-0", "create", "{\"data\": {\"id\": \"tool--1\"}"),
                Frame.of("3000-0", "update", "{\"type\": \"update\", \"data\": {\"name\": \"no id\"}}"),
                Frame.of("4000-0", "restore", "{\"data\": {\"id\": \"tool--44444444-4444-4444-8444-444444444444\"}}"),
                Frame.of("5000-0", "weather", "\"sunny\""),
                Frames.large("6000-0", anObject(6), 2),
                create("7000-0", anObject(7)));
        program = caravan.set("caravan.event-max-bytes", "1MB").start();
        await().atMost(SOON).until(() -> consumer().counters().deadLetters() == 4 && caravan.journalLength() == 2);
        assertThat(caravan.journal())
                .isEqualTo(lines(Stream.of(create("1000-0", anObject(1)), create("7000-0", anObject(7)))));
        assertThat(caravan.deadLetters())
                .extracting(letter -> letter.path("position").asText(null))
                .containsExactly("2000-0", "3000-0", "4000-0", "6000-0");
        assertThat(caravan.deadLetters().get(0).path("event").asText()).isEqualTo("{\"data\": {\"id\": \"tool--1\"}");
        assertThat(caravan.deadLetters().get(2).path("id").asText())
                .isEqualTo("tool--44444444-4444-4444-8444-444444444444");
        assertThat(caravan.deadLetters().get(3).path("event").isNull()).isTrue();
        assertThat(caravan.deadLetters().get(3).path("error").asText()).contains("1048576");
    }

    @Test
    void carriesAnIdOverToAnEventWithoutOneButNotAHeartbeats() throws Exception {
        String body = "id: 1000-0\nevent: create\ndata: {\"data\":{\"id\":\"tool--1\"}}\n\n"
                + "event: create\ndata: {\"data\":{\"id\":\"tool--2\"}}\n\n"
                + "id: 2000-0\n\nevent: create\ndata: {\"data\":{\"id\":\"tool--3\"}}\n\n"
                + "id: 9000-0\nevent: heartbeat\ndata: \"x\"\n\n"
                + "event: create\ndata: {\"data\":{\"id\":\"tool--4\"}}\n\n";
        platform.always(play().body(body.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
        program = caravan.start();
        await().atMost(SOON).until(() -> caravan.deadLetters().size() >= 1 && caravan.journalLength() == 3);
        assertThat(caravan.journal())
                .extracting(Installation.Line::position)
                .containsExactly("1000-0", "1000-0", "2000-0");
        assertThat(caravan.deadLetters()
                        .get(0)
                        .path("event")
                        .path("data")
                        .path("id")
                        .asText())
                .isEqualTo("tool--4");
    }

    @Test
    void triesABatchAgainUntilTheSinkHasItAndNothingOvertakes() throws Exception {
        List<String> delivered = new ArrayList<>();
        AtomicInteger tries = new AtomicInteger();
        List<Frame> events = frames(1, 50);
        platform.append(events);
        caravan.set("caravan.batch-max-events", "7");
        program = startWithSink(
                batch -> {
                    if (tries.incrementAndGet() % 4 == 3) {
                        throw new IllegalStateException("the sink is away");
                    }
                    batch.events().forEach(event -> delivered.add(event.id().toString()));
                },
                "2s");
        await().atMost(SOON).until(() -> delivered.size() == 50);
        assertThat(delivered).isEqualTo(events.stream().map(Frame::id).toList());
        awaitJournal(events);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{throwException: {exceptionType: java.lang.IllegalStateException, message: I do not like it}}",
                "{removeHeaders: {pattern: '*'}}, {setBody: {constant: spoilt}}, {throwException: {exceptionType: java.lang.IllegalStateException, message: I do not like it}}",
                "{setBody: {constant: spoilt}}"
            })
    void keepsAnEventThatItsRouteFailsOnAndGoesOn(String steps) throws Exception {
        caravan.route("update.camel.yaml", Installation.byType("update", steps));
        Frame bad = Frames.update("2000-0", object(anObject(1)), object(anObject(1)));
        platform.append(create("1000-0", anObject(1)), bad, create("3000-0", anObject(3)));
        program = caravan.start();
        await().atMost(SOON)
                .until(() ->
                        caravan.journalLength() == 2 && consumer().counters().deadLetters() == 1);
        assertThat(caravan.deadLetters()).singleElement().satisfies(letter -> {
            assertThat(letter.path("sink").asText()).isEqualTo("update");
            assertThat(letter.path("position").asText()).isEqualTo("2000-0");
            assertThat(letter.path("error").asText()).containsAnyOf("I do not like it", "left a String as its body");
            assertThat(letter.path("event").path("data").path("id").asText()).isEqualTo(anObject(1));
        });
    }

    @Test
    void triesAgainWhereARouteFailsOnInputOrOutputAndKeepsADeadLetterOnce() throws Exception {
        caravan.route("create.camel.yaml", Installation.byType("create", "{to: {uri: 'bean:test?method=accept'}}"))
                .route(
                        "update.camel.yaml",
                        Installation.byType(
                                "update",
                                "{throwException: {exceptionType: java.lang.IllegalStateException, message: bad}}"));
        AtomicInteger tries = new AtomicInteger();
        Frame bad = Frames.update("1500-0", object(anObject(1)), object(anObject(1)));
        platform.append(frames(1, 1)).append(bad).append(frames(2, 3));
        program = startWith(event -> {
            if (tries.incrementAndGet() <= 2) {
                throw new java.io.UncheckedIOException(new IOException("a database is away"));
            }
        });
        awaitJournal(frames(1, 3));
        await().atMost(SOON).until(() -> consumer().counters().delivered() >= 4);
        assertThat(caravan.deadLetters()).hasSize(1);
        assertThat(tries.get()).isGreaterThanOrEqualTo(5); // the failed ones were tried again
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{stop: {}}",
                "{rollback: {markRollbackOnly: 'true'}}",
                "{rollback: {markRollbackOnlyLast: 'true'}}"
            })
    void losesNothingToARouteThatEndsABatchEarly(String step) throws Exception {
        caravan.route(
                "create.camel.yaml",
                Installation.byType(
                        "create",
                        "{choice: {when: [{simple: \"${body.objectId} contains '000000000003'\", steps: [" + step
                                + "]}]}}"));
        platform.append(frames(1, 5));
        program = caravan.start();
        await().atMost(SOON).until(() -> consumer().sinkTrouble().orElse("").contains("ended the batch early"));
        program.close();
        caravan.route("create.camel.yaml", Installation.byType("create", "{log: '${body}'}"));
        program = caravan.start();
        awaitJournal(frames(1, 5));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "onException: [{onException: {exception: [java.lang.Exception], handled: {constant: 'true'}}}]"
            })
    void losesNothingToASinkThatStopsOrHandlesItsErrors(String handled) throws Exception {
        String step = handled.isEmpty()
                ? "{stop: {}}"
                : "{throwException: {exceptionType: java.lang.IllegalStateException, message: bad}}";
        String handler =
                handled.isEmpty() ? "" : "errorHandler: {deadLetterChannel: {deadLetterUri: 'log:dead?level=DEBUG'}}";
        caravan.route("sinks/first.camel.yaml", """
                        - route:
                            id: sink-first
                            %s
                            from: {uri: "direct:sink-first", steps: [%s]}
                        """.formatted(handler, step)).set("caravan.sinks", "first,journal");
        platform.append(frames(1, 5));
        program = caravan.start();
        await().atMost(SOON).until(() -> consumer().sinkTrouble().orElse("").contains("ended the batch early"));
        assertThat(caravan.journalLength()).isZero();
        assertThat(consumer().getPosition()).isEqualTo("0-0");
    }

    @Test
    void triesAgainWhereAByTypeRouteIsStopped() throws Exception {
        program = caravan.start();
        program.context().getRouteController().stopRoute("create");
        program.context().getRouteController().startRoute("create");
        program.context().getRouteController().suspendRoute("create");
        platform.append(frames(1, 3));
        await().during(Duration.ofSeconds(1)).until(() -> caravan.deadLetters().isEmpty());
        program.context().getRouteController().resumeRoute("create");
        awaitJournal(frames(1, 3));
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void suspendsAndResumesWhileASinkIsAway() throws Exception {
        CountDownLatch isBack = new CountDownLatch(1);
        CountDownLatch tried = new CountDownLatch(2);
        List<String> delivered = new ArrayList<>();
        platform.append(frames(1, 3));
        program = startWithSink(
                batch -> {
                    tried.countDown();
                    if (isBack.getCount() > 0) {
                        throw new IllegalStateException("the sink is away");
                    }
                    batch.events().forEach(event -> delivered.add(event.id().toString()));
                },
                "2s");
        tried.await();
        program.context().getRouteController().suspendRoute("stream");
        program.context().getRouteController().resumeRoute("stream");
        isBack.countDown();
        awaitJournal(frames(1, 3));
        await().atMost(SOON).until(() -> delivered.size() == 3);
        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(Thread.getAllStackTraces().keySet().stream()
                        .filter(t -> t.getName().equals("opencti-live-deliver")))
                .hasSize(1);
    }

    @Test
    void waitsEvenIfThePlatformAsksToComeBackAtOnce() throws Exception {
        platform.always(Answer.status(429).header("Retry-After", "0"));
        program = caravan.start();
        await().atMost(SOON).until(() -> platform.streamRequests().size() >= 2);
        await().during(Duration.ofSeconds(1))
                .until(() -> platform.streamRequests().size() < 6);
    }

    @Test
    void followsOneStreamOnly() throws Exception {
        caravan.route(
                "second.camel.yaml",
                "- route: {id: second, from: {uri: 'opencti:raw', steps: [{to: {uri: 'direct:sinks'}}]}}");
        assertThatThrownBy(() -> caravan.start()).hasMessageContaining("2 start with from: opencti:...");
    }

    @Test
    void leavesOutWhatARouteDrops() throws Exception {
        caravan.route("create.camel.yaml", """
                - route:
                    id: create
                    errorHandler: {noErrorHandler: {}}
                    from:
                      uri: direct:create
                      steps:
                        - choice:
                            when:
                              - simple: "${body.objectId} contains '000000000002'"
                                steps: [{setBody: {simple: "${null}"}}]
                """);
        platform.append(frames(1, 3));
        program = caravan.start();
        awaitJournal(Stream.concat(frames(1, 1).stream(), frames(3, 3).stream()).toList());
    }

    @Test
    void goesOnFromTheStoredPositionAfterAStop() throws Exception {
        platform.append(frames(1, 5));
        program = caravan.start();
        await().atMost(SOON).until(() -> caravan.journalLength() == 5);
        program.close();
        platform.append(frames(6, 9));
        program = caravan.start();
        awaitJournal(frames(1, 9));
        assertThat(from(platform.streamRequests().get(1))).isEqualTo("4000-0");
    }

    @Test
    void suspendsAndResumesWithoutLosingAnEvent() throws Exception {
        platform.append(frames(1, 3));
        program = caravan.start();
        await().atMost(SOON).until(() -> caravan.journalLength() == 3);
        program.context().getRouteController().suspendRoute("stream");
        await().atMost(SOON).until(() -> platform.openStreams() == 0);
        platform.append(frames(4, 6));
        await().during(Duration.ofSeconds(1)).until(() -> caravan.journalLength() == 3);
        program.context().getRouteController().resumeRoute("stream");
        awaitJournal(frames(1, 6));
    }

    @Test
    void stopsInTimeWhileASinkIsAwayAndBringsTheBatchAtTheNextStart() throws Exception {
        platform.append(frames(1, 3));
        CountDownLatch tried = new CountDownLatch(3);
        program = startWithSink(
                batch -> {
                    tried.countDown();
                    throw new IllegalStateException("the sink is away");
                },
                "2s");
        tried.await();
        assertThat(consumer().sinkTrouble()).hasValue("sink-test: the sink is away");
        long start = System.nanoTime();
        program.close();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Patience.STOP);
        List<Batch> delivered = new ArrayList<>();
        program = startWithSink(delivered::add, "2s");
        awaitJournal(frames(1, 3));
        await().atMost(SOON)
                .until(() -> delivered.stream()
                                .mapToInt(batch -> batch.events().size())
                                .sum()
                        == 3);
    }

    @Test
    void refusesTheStateOfAnotherPlatformOrStream() throws Exception {
        platform.append(frames(1, 1));
        program = caravan.start();
        await().atMost(SOON).until(() -> caravan.journalLength() == 1);
        program.close();
        caravan.set("opencti.stream", FakePlatform.STREAM.id());
        assertThatThrownBy(() -> caravan.start())
                .isInstanceOf(Program.Unusable.class)
                .hasMessageContaining("the stored position is of live of " + platform.url())
                .hasMessageContaining(FakePlatform.STREAM.id());
    }

    @Test
    void showsItsStateToCamelsHealthChecksAndToJmx() throws Exception {
        platform.append(frames(1, 2));
        program = caravan.start();
        await().atMost(SOON).until(() -> caravan.journalLength() == 2);
        javax.management.MBeanServer beans =
                program.context().getManagementStrategy().getManagementAgent().getMBeanServer();
        javax.management.ObjectName name = beans.queryNames(
                        new javax.management.ObjectName("org.apache.camel:type=consumers,name=OpenctiConsumer*,*"),
                        null)
                .iterator()
                .next();
        assertThat(beans.getAttribute(name, "DeliveredEvents")).isEqualTo(2L);
        assertThat(beans.getAttribute(name, "Connected")).isEqualTo(true);
        assertThat(beans.getAttribute(name, "Position")).isEqualTo("2000-0");
        assertThat(health()).containsExactly("UP");
        platform.refuseConnections().endStreams(Play.Ending.EOF);
        await().atMost(SOON).until(() -> health().equals(List.of("DOWN")));
        platform.acceptConnections();
        await().atMost(SOON).until(() -> health().equals(List.of("UP")));
    }

    @Test
    void storesAPositionThatAHeartbeatProves() throws Exception {
        platform.append(frames(1, 1)).heartbeats(Heartbeats.scripted(Duration.ofMillis(100), "500000-0"));
        program = caravan.start();
        await().atMost(SOON)
                .until(() ->
                        caravan.journalLength() == 1 && consumer().counters().events("heartbeat") > 0);
        program.close();
        program = caravan.start();
        platform.awaitConnections(2);
        assertThat(from(platform.streamRequests().get(1))).isEqualTo("440000-0");
    }

    private OpenctiConsumer consumer() {
        return program.consumers().get(0);
    }

    private List<String> health() {
        return org.apache.camel.health.HealthCheckHelper.invoke(program.context(), "full").stream()
                .filter(result -> result.getCheck().getId().equals("consumer:stream"))
                .map(result -> result.getState().name())
                .toList();
    }

    private Program startWithSink(Consumer<Batch> sink, String heartbeatTimeout) throws Exception {
        caravan.route("sinks/test.camel.yaml", SINK_ROUTE)
                .set("caravan.sinks", "journal,test")
                .set("opencti.heartbeat-timeout", heartbeatTimeout);
        return startWith(body -> sink.accept((Batch) body));
    }

    private Program startWith(Consumer<Object> bean) throws Exception {
        Program started = new Program(caravan.settings());
        started.bind("test", new Bean(bean));
        started.start();
        return started;
    }

    /** A by-type route as users edit it: with their steps in place of the one that logs. */
    /** A bean of a user's route. */
    public record Bean(Consumer<Object> consumer) {
        public void accept(@org.apache.camel.Body Object body) {
            consumer.accept(body);
        }
    }

    /** Until the platform cannot write any more. */
    private long awaitStandstill() {
        long[] last = {-1};
        await().atMost(SOON).pollInterval(Duration.ofMillis(500)).until(() -> {
            long now = platform.bytesWritten();
            boolean stands = now > 0 && now == last[0];
            last[0] = now;
            return stands;
        });
        return last[0];
    }

    private void awaitJournal(List<Frame> events) {
        await().atMost(Patience.SOON).until(() -> caravan.journalLength() >= events.size());
        assertThat(caravan.journal()).isEqualTo(lines(events.stream()));
    }

    private static List<Installation.Line> lines(Stream<Frame> frames) {
        return frames.map(Installation.Line::of).toList();
    }

    /** Creates at 1000-0, 2000-0, … of objects told apart by their number. */
    private static List<Frame> frames(int first, int last) {
        return IntStream.rangeClosed(first, last)
                .mapToObj(n -> create(n + "000-0", anObject(n)))
                .toList();
    }

    private static String anObject(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }

    private static String at(Instant time) {
        return time.toEpochMilli() + "-0";
    }

    private static String from(Request request) {
        return request.query().get("from");
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException("a thread that carries a batch is never interrupted", e);
        }
    }
}
