package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Event.Kind;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Reconcile;
import io.caravan.event.Position.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What may be stored after which arrivals. Ids in the tables are seconds: {@code 100} is {@code 100000-0}. */
class ArrivalsTest {

    private static final Instant UNTIL = Instant.ofEpochSecond(1000);
    /** What the platform's clock says when a snapshot has been read. */
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(2000));

    @ParameterizedTest(name = "after \"{0}\" the position is {1}, open {2}")
    @CsvSource({
        // an event alone proves nothing but what lies before it
        "e100,                    50,   100",
        "d100 d100 e100,          50,   100",
        "e100 e200,              100,   200",
        "d100 e100 d200,         100,   200",
        "e100 e200 e300,         200,   300",
        // a heartbeat that carries the unfinished id proves nothing
        "d100 h100,               50,   100",
        "d100 h100 e100 h100,     50,   100",
        // one above it proves that id, and on its own goes to its time less a minute
        "e100 h101,              100,   100",
        "e100 h159,              100,   100",
        "e100 h161,              101,   100",
        "h500,                   440,      ",
        "e100 h500,              440,   100",
        // and it is a clock that may stand before the next event
        "h500 e499,              440,   499",
        "h500 e430,              429.999, 430",
        "e100 h500 e430,         429.999, 430",
        // old heartbeats move nothing back
        "e100 e200 h90,          100,   200",
        "e100 h500 h300,         440,   100",
    })
    void storesNothingThatIsNotProven(String arrivals, double resume, Double open) {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, arrivals);
        Position position = log.position(0);
        assertThat(position.resume()).isEqualTo(id(resume));
        assertThat(position.open().map(Position.Open::id))
                .isEqualTo(Optional.ofNullable(open).map(ArrivalsTest::id));
    }

    @ParameterizedTest(name = "\"{0}\" then \"{1}\": new is {2}")
    @CsvSource({
        "e100,           e100, false",
        "d100,           e100, true", // the same object as a dependency and then as itself: two events
        "d100 e100,      d100, false",
        "e100 e200,      e100, false",
        "e200,           e100, false",
        "e100 h500,      e100, false",
        "e100 h500,      e101, true", // an event below a heartbeat's id is still to come
    })
    void tellsRepetitionsFromEvents(String before, String then, boolean isNew) {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, before);
        assertThat(arriveOne(log, then)).isEqualTo(isNew);
    }

    @Test
    void knowsAfterARestartWhatOfTheOpenIdIsDelivered() {
        Arrivals before = new Arrivals(at(50), CLOCK);
        arrive(before, "d100 e100");
        Arrivals after = new Arrivals(before.position(1), CLOCK);
        assertThat(arriveOne(after, "d100")).isFalse();
        assertThat(arriveOne(after, "e100")).isFalse();
        assertThat(after.isNew(id(100), Kind.DEPENDENCY, 77)).isTrue();
    }

    @ParameterizedTest(name = "after \"{0}\" the snapshot is over: {1}")
    @CsvSource({
        "s900 s100 s500,                false",
        "s900 d900 h900,                false",
        "s900 s950 h960,                false", // the clock of a platform that is behind
        "s900 h1001,                    true",
        "s900 h1100,                    true",
        "s900 h1100 h1101,              true", // the connection is over by then
        "s1005 h1003,                   false", // not above what was seen
        "s900 e1001,                    true",
        "s900 d1001,                    false", // a dependency may belong to either
        "s900 d1001 e1001,              true",
        "s900 e1001 e1002,              true",
        "s900 e990,                     false",
    })
    void readsASnapshotToItsEnd(String arrivals, boolean over) {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        arrive(log, arrivals);
        assertThat(log.isDone()).isEqualTo(over);
        assertThat(log.position(0).snapshot().orElseThrow().isFollowUp()).isEqualTo(over);
        assertThat(log.position(0).resume()).as("a restart begins here").isEqualTo(id(50));
    }

    @Test
    void readsWhatWasTouchedMeanwhileBehindASnapshot() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        log.connecting();
        arrive(log, "s900 h1001");
        for (Arrivals each : List.of(log, new Arrivals(log.position(1), CLOCK))) {
            assertThat(each.snapshot()).contains(followUp(940, 2000));
            assertThat(seconds(each.delivered()))
                    .as("where the log has to begin at the latest")
                    .isEqualTo(1000);
        }
        log.connecting();
        assertThat(arriveOne(log, "s1500")).isTrue();
        arrive(log, "h2001");

        assertThat(log.isDone()).isTrue();
        assertThat(log.position(2).snapshot()).isEmpty();
        assertThat(log.position(2).resume())
                .as("deletions are told from there on")
                .isEqualTo(id(940));
        assertThat(log.position(2).snapshotEnd()).contains(UNTIL);
        assertThat(log.position(2).shownUntil()).contains(Instant.ofEpochSecond(2000));
    }

    @ParameterizedTest(name = "an object made at {0} makes another window necessary: {1}")
    @CsvSource({
        ",     true",
        "500,  true",
        "940,  true",
        "941,  false", // the log tells of it
        "1500, false",
    })
    void readsAnotherWindowBehindOneThatShowsWhatTheSnapshotMissed(Long made, boolean isNecessary) {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        arrive(log, "s900 h1001");
        log.connecting();
        assertThat(log.isInFollowUp()).isTrue();
        log.showsMissed(7, Optional.ofNullable(made).map(Instant::ofEpochSecond));
        arrive(log, "s1500 h2001");
        assertThat(log.snapshot()).isEqualTo(isNecessary ? Optional.of(followUp(1940, 2000)) : Optional.empty());
        if (isNecessary) {
            log.connecting();
            log.showsMissed(7, Optional.empty()); // it is known by now
            arrive(log, "s1950 h2001");
            assertThat(log.snapshot()).isEmpty();
        }
    }

    @Test
    void readsAnotherWindowBehindOneThatWasBegunBeforeARestart() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        arrive(log, "s900 h1001");
        Arrivals restarted = new Arrivals(log.position(1), CLOCK);
        restarted.connecting();
        arrive(restarted, "h2001");
        assertThat(restarted.snapshot()).contains(followUp(1940, 2000));
        restarted.connecting();
        arrive(restarted, "h2001");
        assertThat(restarted.snapshot()).isEmpty();
    }

    @Test
    void asksForLessOfAFollowUpWindowThatWasCut() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        arrive(log, "s900 h1001");
        log.connecting();
        arrive(log, "s1900 s1200 s1500");
        log.connecting();
        assertThat(log.snapshot())
                .contains(
                        new Snapshot(id(940), id(1500).time(), id(2000).time(), Optional.empty(), Optional.of(UNTIL)));
        arrive(log, "s1200 h1501");
        log.connecting();
        assertThat(log.snapshot().orElseThrow().from()).isEqualTo(id(1499.999));
        assertThat(log.snapshot().orElseThrow().firstEnd()).contains(UNTIL);
    }

    @ParameterizedTest
    @CsvSource({"true, 940", "false, 50"})
    void readsTheLogWhereTheStreamCeasesToHaveSnapshots(boolean ofGap, long resume) {
        Arrivals log = new Arrivals(at(50), CLOCK);
        log.begin(new Reconcile(3, ofGap, UNTIL, Optional.empty()));
        arrive(log, "s900 h1001");
        log.connecting();
        log.noRecover(id(2000));
        assertThat(log.isDone()).isTrue();
        assertThat(log.position(3).snapshot()).isEmpty();
        assertThat(log.position(3).reconcile()).as("not all was seen").isEmpty();
        assertThat(log.position(3).resume()).isEqualTo(id(resume));
    }

    @ParameterizedTest(name = "cut after \"{0}\" a snapshot of (50, 1000] is asked for up to {1}")
    @CsvSource({
        "'',                            1000", // nothing came: it is not too large
        "h900,                          1000",
        "s900,                           900",
        "s1000,                      999.999", // never the same again
        "s900 s100 s500,                 500",
        "s100 s200 s300 s400,            300", // in order: half of what came
        "s800 s700 s600 s500,            700",
        "d1200 s60,                  999.999", // an object that changed meanwhile
        "s50,                         50.001", // never nothing
    })
    void asksForLessOfASnapshotThatWasCut(String arrivals, double window) {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        log.connecting();
        arrive(log, arrivals);
        Position stored = log.position(1);
        log.connecting();
        Arrivals restarted = new Arrivals(stored, CLOCK);
        restarted.connecting();

        Snapshot next = new Snapshot(id(50), id(window).time(), UNTIL, Optional.empty());
        assertThat(log.snapshot()).contains(next);
        assertThat(restarted.snapshot()).contains(next);
    }

    @Test
    void asksForEverLessWhereEvenThatIsCut() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        log.connecting();
        arrive(log, "s900 s800 s700 s600");
        log.connecting();
        arrive(log, "s790 s780 s770 s760");
        log.connecting();
        assertThat(log.snapshot().orElseThrow().window()).isEqualTo(id(770).time());
    }

    @ParameterizedTest
    @ValueSource(strings = {"h501", "e501", "e1200", "d700 e700"})
    void goesOnWithAllTheRestBehindAWindow(String end) {
        Arrivals log = new Arrivals(inWindowTo(500), CLOCK);
        log.connecting();
        arrive(log, "s400 s300");
        assertThat(log.isDone()).isFalse();
        arrive(log, end);
        assertThat(log.isDone()).isTrue();
        assertThat(arriveOne(log, "e1300")).isFalse(); // it comes again, in its turn

        log.connecting();
        assertThat(log.isDone()).isFalse();
        assertThat(log.snapshot()).contains(new Snapshot(id(499.999), UNTIL));
        assertThat(log.position(0).resume()).isEqualTo(id(50));
        arrive(log, "s900 e1001");
        followUp(log);
        assertThat(log.position(0).resume()).isEqualTo(id(940));
    }

    @Test
    void readsAWholeSnapshotBehindAGap() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, "e100 e200");
        log.begin(new Reconcile(3, true, UNTIL, Optional.empty()));
        log.connecting();
        assertThat(log.snapshot()).contains(new Snapshot(EventId.ZERO, UNTIL));
        assertThat(log.position(3).open()).isEmpty();
        assertThat(arriveOne(log, "s150")).isTrue();
        assertThat(arriveOne(log, "e1001")).isFalse();
        followUp(log);
        assertThat(log.position(4).resume()).isEqualTo(id(940));
    }

    @ParameterizedTest
    @ValueSource(strings = {"e1001", "h1001", "d1003 e1003", "s1002 e1001 e1002", "s1002 h1004", "s1500 d1200 e1003"})
    void readsTheLogBehindASnapshotOnAConnectionOfItsOwn(String end) {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        log.connecting();
        arrive(log, "s900 " + end);
        followUp(log);
        assertThat(log.resume()).isEqualTo(id(940));
        assertThat(arriveOne(log, "e1003")).isTrue();
        assertThat(arriveOne(log, "d1003")).isTrue();
    }

    @Test
    void takesNoDependencyInASnapshotForTheBeginOfTheLog() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        arrive(log, "d1200 s900 h1201");
        followUp(log);
        assertThat(arriveOne(log, "e1001")).isTrue();
    }

    @ParameterizedTest(name = "{0} {1}: a log that begins above {2} has a gap, above {3} a reconcile lacks something")
    @CsvSource({
        "snapshot,  's900',            1000,     ",
        "snapshot,  's900 e1001',      1000,     ",
        "log,       'e100',             100,     ",
        "log,       'h500',             440,     ",
        "gap,       's900',            1000,     ",
        "gap,       's900 e1001',      1000,     ",
        "asked,     's900',             500, 1000",
        "asked,     's900 e1001',       500, 1000",
        "askedLate, 's900',            1600, 1000", // what changed since the snapshot is to be seen again
        "askedLate, 's900 e1001',      1600, 1000",
    })
    void knowsWhatOfTheLogIsStillWanted(String start, String arrivals, long delivered, Long unseen) {
        Arrivals log = new Arrivals(start.equals("snapshot") ? inSnapshot() : at(50), CLOCK);
        if (start.equals("gap") || start.startsWith("asked")) {
            arrive(log, start.equals("askedLate") ? "e1500 e1600" : "e500");
            log.begin(new Reconcile(3, start.equals("gap"), UNTIL, Optional.empty()));
        }
        log.connecting();
        arrive(log, arrivals);
        for (Arrivals each : List.of(log, new Arrivals(log.position(4), CLOCK))) {
            assertThat(seconds(each.delivered())).isEqualTo(delivered);
            assertThat(each.unseen().map(ArrivalsTest::seconds)).isEqualTo(Optional.ofNullable(unseen));
        }
    }

    @Test
    void knowsTheEndOfASnapshotUntilTheLogIsDeliveredBeyondIt() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        log.connecting();
        arrive(log, "s900 h1001");
        followUp(log);
        assertThat(log.position(1).snapshotEnd()).contains(UNTIL);
        log.connecting();
        arrive(log, "e1100 e1200");
        assertThat(log.position(2).snapshotEnd()).isEmpty();
        assertThat(seconds(log.delivered())).isEqualTo(1200);
    }

    @Test
    void leavesTheLogToTheLogInAReconcileThatWasAskedFor() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, "e900 e1100");
        log.begin(new Reconcile(3, false, UNTIL, Optional.empty()));
        log.connecting();
        assertThat(arriveOne(log, "s500")).isTrue();
        assertThat(arriveOne(log, "s1500")).isFalse();
        assertThat(arriveOne(log, "d1050")).isFalse();
        assertThat(arriveOne(log, "e1050")).isFalse();
        followUp(log);
        assertThat(arriveOne(log, "e1200")).isTrue();
    }

    @Test
    void leavesWhatCannotBeReadAboveASnapshotToTheLog() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        log.connecting();
        assertThat(log.isNew(id(900), 1)).isTrue();
        assertThat(log.isNew(id(1100), 2)).isFalse();
        arrive(log, "e1101");
        followUp(log);
        assertThat(log.isNew(id(1100), 2)).isTrue();
    }

    @Test
    void leavesTheLogWhereItWasWithoutAGap() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, "e900 e1100");
        log.begin(new Reconcile(3, false, UNTIL, Optional.empty()));
        log.connecting();
        arrive(log, "s150 d1050 e1050");
        followUp(log);
        assertThat(log.position(3).resume())
                .as("what changed since the snapshot's end")
                .isEqualTo(id(900));
        assertThat(arriveOne(log, "e950")).isFalse();
        assertThat(arriveOne(log, "e1100")).isFalse();
        assertThat(arriveOne(log, "d1100")).isTrue();
        assertThat(arriveOne(log, "e1101")).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"500, 500", "5000, 940"})
    void readsOnWhereTheLogWasOrTheSnapshotEnded(long before, long resume) {
        Arrivals log = new Arrivals(at(before), CLOCK);
        log.begin(new Reconcile(3, false, UNTIL, Optional.empty()));
        arrive(log, "s900 h1001");
        followUp(log);
        assertThat(log.position(3).resume()).isEqualTo(id(resume));
    }

    @Test
    void removesNothingBeforeTheLogIsReadToWhereTheSnapshotWasRead() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        log.begin(new Reconcile(3, true, UNTIL, Optional.empty()));
        arrive(log, "s900 e1001");
        followUp(log);
        assertThat(log.reconcile().orElseThrow().judgedAt()).contains(Instant.ofEpochSecond(2030));
        assertThat(log.position(4).dueReconcile()).isEmpty();
        arrive(log, "e2029 e2035");
        assertThat(log.position(5).dueReconcile()).isEmpty();
        arrive(log, "h2089");
        assertThat(log.position(5).dueReconcile()).isPresent();
        log.endReconcile();
        assertThat(log.position(5).reconcile()).isEmpty();
    }

    @Test
    void takesNothingFromBeforeTheSnapshotsEndForWhatThereIs() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, "e500");
        assertThat(log.showsObject(id(500))).isFalse();
        log.begin(new Reconcile(3, false, UNTIL, Optional.empty()));
        assertThat(log.showsObject(id(100))).isTrue();
        arrive(log, "s900 h1001");
        followUp(log);
        assertThat(log.showsObject(id(500))).isFalse();
        assertThat(log.showsObject(id(941))).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"true, 1200", "false, 50"})
    void reconcilesNothingWhereThereAreNoSnapshots(boolean ofGap, long resume) {
        Arrivals log = new Arrivals(at(50), CLOCK);
        log.begin(new Reconcile(3, ofGap, UNTIL, Optional.empty()));
        log.connecting();
        log.noRecover(id(1200));
        assertThat(log.position(3).reconcile()).isEmpty();
        assertThat(log.position(3).snapshot()).isEmpty();
        assertThat(log.position(3).resume()).isEqualTo(id(resume));
        assertThat(log.isDone()).isEqualTo(!ofGap);
    }

    @Test
    void takesNothingInASnapshotForARepetition() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        assertThat(arriveOne(log, "s900")).isTrue();
        assertThat(arriveOne(log, "s100")).isTrue();
        assertThat(arriveOne(log, "s900")).isTrue();
    }

    @Test
    void countsASnapshotFromItsStartOnEachConnection() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        arrive(log, "s1500"); // an object that changed while the snapshot was made
        log.connecting();
        arrive(log, "s900 h1002");
        assertThat(log.isDone()).isTrue();
    }

    @Test
    void goesOnWhereAStreamWithoutSnapshotsSaysTo() {
        Arrivals log = new Arrivals(inSnapshot(), CLOCK);
        log.noRecover(id(1200));
        assertThat(log.position(0).snapshot()).isEmpty();
        assertThat(log.position(0).resume()).isEqualTo(id(1200));
        assertThat(arriveOne(log, "e1201")).isTrue();
    }

    @Test
    void goesNotBehindTheStartOfAShortSnapshot() {
        Snapshot lastTwentySeconds = new Snapshot(id(980), UNTIL);
        Arrivals log = new Arrivals(Position.startingWith("https://x", "live", lastTwentySeconds), CLOCK);
        arrive(log, "s990 e1001");
        assertThat(log.snapshot().orElseThrow().from()).isEqualTo(id(980));
        followUp(log);
        assertThat(log.position(0).resume()).isEqualTo(id(980));
    }

    @Test
    void keepsMoreDistanceWhenClocksDisagree() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, "h500 e410");
        assertThat(log.heartbeatLead()).isEqualTo(Duration.ofSeconds(90));
        assertThat(log.position(0).margin()).isEqualTo(Duration.ofSeconds(150));
        arrive(log, "h1000");
        assertThat(log.position(0).resume()).isEqualTo(id(850));
        assertThat(new Arrivals(log.position(0), CLOCK).position(0).margin()).isEqualTo(Duration.ofSeconds(150));
    }

    @Test
    void measuresNoLeadAcrossConnections() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, "h500");
        log.connecting();
        arrive(log, "e100");
        assertThat(log.heartbeatLead()).isZero();
    }

    @Test
    void readsALogThatWasResetFromItsStart() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        arrive(log, "e100 e200");
        log.beginLogAgain();
        assertThat(log.position(0).resume()).isEqualTo(EventId.ZERO);
        assertThat(arriveOne(log, "e100")).isTrue();
    }

    @Test
    void comparesIdsAsNumbers() {
        Arrivals log = new Arrivals(at(50), CLOCK);
        assertThat(log.isNew(new EventId(99_999, 9), Kind.MAIN, 1)).isTrue();
        assertThat(log.isNew(new EventId(99_999, 10), Kind.MAIN, 1)).isTrue();
        assertThat(log.isNew(new EventId(100_000, 0), Kind.MAIN, 1)).isTrue();
        assertThat(log.position(0).resume()).isEqualTo(new EventId(99_999, 10));
    }

    /** The follow-up window behind the snapshot shows nothing that it missed; then the log is connected to. */
    private static void followUp(Arrivals log) {
        assertThat(log.isDone()).isTrue();
        log.connecting();
        arrive(log, "h2001");
        assertThat(log.isDone()).isTrue();
        log.connecting();
    }

    private static Snapshot followUp(long from, long until) {
        Instant end = Instant.ofEpochSecond(until);
        return new Snapshot(id(from), end, end, Optional.empty(), Optional.of(UNTIL));
    }

    private static long seconds(EventId id) {
        return id.time().getEpochSecond();
    }

    private static Position at(long seconds) {
        return Position.startingAt("https://x", "live", id(seconds));
    }

    private static Position inSnapshot() {
        return Position.startingWith("https://x", "live", new Snapshot(id(50), UNTIL));
    }

    private static Position inWindowTo(long seconds) {
        Snapshot window = new Snapshot(id(50), id(seconds).time(), UNTIL, Optional.empty());
        return Position.startingWith("https://x", "live", window);
    }

    private static EventId id(double seconds) {
        return new EventId(Math.round(seconds * 1000), 0);
    }

    private static void arrive(Arrivals log, String arrivals) {
        List.of(arrivals.split(" ")).stream()
                .filter(arrival -> !arrival.isEmpty())
                .forEach(arrival -> arriveOne(log, arrival));
    }

    /** {@code e} a main event, {@code d} a dependency, {@code s} one of a snapshot, {@code h} a heartbeat, and its second. */
    private static boolean arriveOne(Arrivals log, String arrival) {
        EventId id = id(Long.parseLong(arrival.substring(1)));
        switch (arrival.charAt(0)) {
            case 'e':
                return log.isNew(id, Kind.MAIN, 1);
            case 'd':
                return log.isNew(id, Kind.DEPENDENCY, 2);
            case 's':
                return log.isNew(id, Kind.SNAPSHOT, 3);
            default:
                log.heartbeat(id);
                return true;
        }
    }
}
