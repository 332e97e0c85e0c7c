package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Event.Kind;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.event.Position.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What may be stored after which arrivals. Ids in the tables are seconds: {@code 100} is {@code 100000-0}. */
class ArrivalsTest {

    private static final Instant UNTIL = Instant.ofEpochSecond(1000);

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
        Arrivals log = new Arrivals(at(50));
        arrive(log, arrivals);
        Position position = log.position(0);
        assertThat(position.resume()).isEqualTo(id(resume));
        assertThat(position.open().map(Position.Open::id))
                .isEqualTo(java.util.Optional.ofNullable(open).map(ArrivalsTest::id));
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
        Arrivals log = new Arrivals(at(50));
        arrive(log, before);
        assertThat(arriveOne(log, then)).isEqualTo(isNew);
    }

    @Test
    void knowsAfterARestartWhatOfTheOpenIdIsDelivered() {
        Arrivals before = new Arrivals(at(50));
        arrive(before, "d100 e100");
        Arrivals after = new Arrivals(before.position(1));
        assertThat(arriveOne(after, "d100")).isFalse();
        assertThat(arriveOne(after, "e100")).isFalse();
        assertThat(after.isNew(id(100), Kind.DEPENDENCY, 77)).isTrue();
    }

    @ParameterizedTest(name = "after \"{0}\" the snapshot is over: {1}")
    @CsvSource({
        "s900 s100 s500,                false,  50",
        "s900 d900 h900,                false,  50",
        "s900 s950 h960,                false,  50", // the clock of a platform that is behind
        "s900 h1001,                    true,  940",
        "s900 h1100,                    true,  940",
        "s900 h1100 h1101,              true, 1041",
        "s1005 h1003,                   false,  50", // not above what was seen
        "s900 e1001,                    true,  940",
        "s900 d1001,                    false,  50", // a dependency may belong to either
        "s900 d1001 e1001,              true,  940",
        "s900 e1001 e1002,              true, 1001",
        "s900 e990,                     false,  50",
    })
    void readsASnapshotToItsEnd(String arrivals, boolean over, long resume) {
        Arrivals log = new Arrivals(inSnapshot());
        arrive(log, arrivals);
        assertThat(log.position(0).snapshot().isEmpty()).isEqualTo(over);
        assertThat(log.position(0).resume()).isEqualTo(id(resume));
    }

    @Test
    void takesNothingInASnapshotForARepetition() {
        Arrivals log = new Arrivals(inSnapshot());
        assertThat(arriveOne(log, "s900")).isTrue();
        assertThat(arriveOne(log, "s100")).isTrue();
        assertThat(arriveOne(log, "s900")).isTrue();
    }

    @Test
    void countsASnapshotFromItsStartOnEachConnection() {
        Arrivals log = new Arrivals(inSnapshot());
        arrive(log, "s1500"); // an object that changed while the snapshot was made
        log.connected();
        arrive(log, "s900 h1002");
        assertThat(log.position(0).snapshot()).isEmpty();
    }

    @Test
    void remembersDependenciesOfTheEventThatEndsASnapshot() {
        Arrivals log = new Arrivals(inSnapshot());
        arrive(log, "s900 d1001 e1001");
        assertThat(arriveOne(log, "d1001")).isFalse();
    }

    @Test
    void goesOnWhereAStreamWithoutSnapshotsSaysTo() {
        Arrivals log = new Arrivals(inSnapshot());
        log.noRecover(id(1200));
        assertThat(log.position(0).snapshot()).isEmpty();
        assertThat(log.position(0).resume()).isEqualTo(id(1200));
        assertThat(arriveOne(log, "e1201")).isTrue();
    }

    @Test
    void goesNotBehindTheStartOfAShortSnapshot() {
        Snapshot lastTwentySeconds = new Snapshot(id(980), UNTIL);
        Arrivals log = new Arrivals(Position.startingWith("https://x", "live", lastTwentySeconds));
        arrive(log, "s990 e1001");
        assertThat(log.position(0).resume()).isEqualTo(id(980));
    }

    @Test
    void keepsMoreDistanceWhenClocksDisagree() {
        Arrivals log = new Arrivals(at(50));
        arrive(log, "h500 e410");
        assertThat(log.heartbeatLead()).isEqualTo(Duration.ofSeconds(90));
        assertThat(log.position(0).margin()).isEqualTo(Duration.ofSeconds(150));
        arrive(log, "h1000");
        assertThat(log.position(0).resume()).isEqualTo(id(850));
        assertThat(new Arrivals(log.position(0)).position(0).margin()).isEqualTo(Duration.ofSeconds(150));
    }

    @Test
    void measuresNoLeadAcrossConnections() {
        Arrivals log = new Arrivals(at(50));
        arrive(log, "h500");
        log.connected();
        arrive(log, "e100");
        assertThat(log.heartbeatLead()).isZero();
    }

    @Test
    void readsALogThatWasResetFromItsStart() {
        Arrivals log = new Arrivals(at(50));
        arrive(log, "e100 e200");
        log.beginLogAgain();
        assertThat(log.position(0).resume()).isEqualTo(EventId.ZERO);
        assertThat(arriveOne(log, "e100")).isTrue();
    }

    @Test
    void comparesIdsAsNumbers() {
        Arrivals log = new Arrivals(at(50));
        assertThat(log.isNew(new EventId(99_999, 9), Kind.MAIN, 1)).isTrue();
        assertThat(log.isNew(new EventId(99_999, 10), Kind.MAIN, 1)).isTrue();
        assertThat(log.isNew(new EventId(100_000, 0), Kind.MAIN, 1)).isTrue();
        assertThat(log.position(0).resume()).isEqualTo(new EventId(99_999, 10));
    }

    private static Position at(long seconds) {
        return Position.startingAt("https://x", "live", id(seconds));
    }

    private static Position inSnapshot() {
        return Position.startingWith("https://x", "live", new Snapshot(id(50), UNTIL));
    }

    private static EventId id(double seconds) {
        return new EventId(Math.round(seconds * 1000), 0);
    }

    private static void arrive(Arrivals log, String arrivals) {
        List.of(arrivals.split(" ")).forEach(arrival -> arriveOne(log, arrival));
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
