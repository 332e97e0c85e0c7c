package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Event.Kind;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What tells the events of one id apart, in stored positions too. */
class EventTest {

    private static final String STIX_ID = "indicator--6f2f1c1e-7d1a-5b1e-9d1c-0d6c0e1f2a3b";

    /** Positions on disks hold fingerprints: another function would take every event of the open id for a new one. */
    @Test
    void theFingerprintIsTheSameInEveryVersion() {
        assertThat(Long.toHexString(event("create", Kind.MAIN, STIX_ID).fingerprint()))
                .isEqualTo("f66209cf1bc79f7b");
        assertThat(Long.toHexString(event("create", Kind.DEPENDENCY, STIX_ID).fingerprint()))
                .isEqualTo("a034a456acf79ebf");
    }

    @Test
    void theFingerprintKnowsNeitherPlaceNorContent() {
        Event one = Events.event(EventId.parse("1-0"), "create", Kind.MAIN, STIX_ID, Bytes.of("{}"));
        Event other = Events.event(EventId.parse("2-0"), "create", Kind.MAIN, STIX_ID, Bytes.of("[]"));

        assertThat(one.fingerprint()).isEqualTo(other.fingerprint());
    }

    @Test
    void anObjectAsDependencyAndAsItselfAreTwoEvents() {
        assertThat(event("create", Kind.DEPENDENCY, STIX_ID).fingerprint())
                .isNotEqualTo(event("create", Kind.MAIN, STIX_ID).fingerprint());
    }

    @Test
    void theNameOfTheEventAndEachEndOfTheIdCount() {
        List<Event> events = List.of(
                event("create", Kind.MAIN, STIX_ID),
                event("update", Kind.MAIN, STIX_ID),
                event("create", Kind.MAIN, "Indicator" + STIX_ID.substring(9)),
                event("create", Kind.MAIN, STIX_ID.substring(0, STIX_ID.length() - 1) + "c"),
                event("create", Kind.MAIN, STIX_ID.substring(0, STIX_ID.length() - 1)),
                event("create", Kind.MAIN, ""));

        assertThat(events.stream().map(Event::fingerprint)).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @ValueSource(strings = {"runA/runA-all.sse", "volume/vol-all.sse"})
    void noTwoRecordedEventsThatDifferHaveOneFingerprint(String capture) throws Unreadable {
        Set<String> events = new HashSet<>();
        Set<Long> fingerprints = new HashSet<>();
        for (Frame frame : Capture.events(capture)) {
            byte[] data = frame.data();
            Envelope envelope = Envelope.read(new Bytes(data, data.length));
            Event event =
                    event(frame.event(), envelope.kind(), envelope.object().id());
            events.add(event.op() + event.objectId() + frame.isDependency());
            fingerprints.add(event.fingerprint());
        }

        assertThat(fingerprints).hasSameSizeAs(events);
    }

    @Test
    void inALogItSaysWhatHappenedToWhatAndWhere() {
        assertThat(event("create", Kind.MAIN, STIX_ID)).hasToString("create " + STIX_ID + " at 1795282698973-0");
    }

    private static Event event(String op, Kind kind, String objectId) {
        return Events.event(EventId.parse("1795282698973-0"), op, kind, objectId, Bytes.of("{}"));
    }
}
