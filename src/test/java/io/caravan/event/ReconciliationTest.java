package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.testkit.Frames;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an event named reconcile means: an object that is known is gone. */
class ReconciliationTest {

    private static final EventId ID = new EventId(5, 0);

    private final Readings readings = new Readings();

    @ParameterizedTest
    @CsvSource({"false, DELETED", "true, RECONCILED"})
    void theObjectIsGoneOrOutsideTheFilter(boolean isFiltered, Reason reason) throws Exception {
        readings.read(Frames.create("1-0", "tool--a"));
        StixObject last = readings.known().withId("tool--a").orElseThrow().object();
        Event event = Reconciliation.event(ID, last);

        Meaning meaning = new Reconciliation().of(event, readings.known(), isFiltered);

        assertThat(meaning.changes()).singleElement().satisfies(change -> {
            assertThat(change.type()).isEqualTo(Type.REMOVE);
            assertThat(change.reason()).isEqualTo(reason);
            assertThat(change.before()).contains(event.object());
            assertThat(change.event().op()).isEqualTo("reconcile");
        });
        assertThat(readings.known().withId("tool--a")).isEmpty();
    }

    @Test
    void itsEnvelopeIsADeletionsWithTheLastState() throws Exception {
        readings.read(Frames.create("1-0", "tool--a"));
        StixObject last = readings.known().withId("tool--a").orElseThrow().object();

        Event event = Reconciliation.event(ID, last);

        assertThat(event.raw()).hasToString("{\"type\":\"delete\",\"message\":\"\",\"data\":" + last.json() + "}");
        assertThat(event.kind()).isEqualTo(Event.Kind.MAIN);
        assertThat(event.object())
                .usingRecursiveComparison()
                .ignoringFields("json")
                .isEqualTo(last);
    }

    @Test
    void whatEndsAtItIsLeftToItsOwn() throws Exception {
        readings.read(Frames.create("1-0", "tool--a"));
        readings.read(Frames.create("2-0", Frames.relation("relationship--r", "uses", "tool--b", "tool--a")));
        StixObject last = readings.known().withId("tool--a").orElseThrow().object();

        Meaning meaning = new Reconciliation().of(Reconciliation.event(ID, last), readings.known(), false);

        assertThat(meaning.changes()).hasSize(1);
    }
}
