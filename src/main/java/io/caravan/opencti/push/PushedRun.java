package io.caravan.opencti.push;

import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What is kept of a run that the destination has queued, until it tells what became of it: enough to make dead letters.
 *
 * @param work what its outcome is asked for by
 * @param sink whose dead letters they are
 * @param ofRemovals whether its objects are to be removed
 * @param events what the objects follow from
 */
record PushedRun(String work, String sink, boolean ofRemovals, List<Told> events, List<Sent> objects) {

    static final PushedRun NOTHING = new PushedRun("", "", false, List.of(), List.of());

    /** An event, with its envelope as it came. */
    record Told(String position, String op, byte[] envelope) {
        Told {
            Objects.requireNonNull(position);
            Objects.requireNonNull(op);
            Objects.requireNonNull(envelope);
        }
    }

    /**
     * An object of the run.
     *
     * @param as the STIX id that the destination knows it by
     * @param id its own
     * @param event where in the events the one stands that it follows from
     */
    record Sent(String as, String id, int event) {
        Sent {
            Objects.requireNonNull(as);
            Objects.requireNonNull(id);
        }
    }

    PushedRun {
        Objects.requireNonNull(work);
        Objects.requireNonNull(sink);
        events = List.copyOf(events);
        objects = List.copyOf(objects);
        for (Sent object : objects) {
            Objects.checkIndex(object.event, events.size());
        }
    }

    static PushedRun of(String work, String sink, Run run) {
        Map<Event, Integer> places = new IdentityHashMap<>();
        List<Told> events = new ArrayList<>();
        List<Sent> objects = new ArrayList<>();
        for (Item item : run.items()) {
            Event event = item.change().event();
            if (places.putIfAbsent(event, events.size()) == null) {
                events.add(
                        new Told(event.id().toString(), event.op(), event.kept().exactly()));
            }
            objects.add(new Sent(item.sentId(), item.object().id(), places.get(event)));
        }
        return new PushedRun(work, sink, run.isOfRemovals(), events, objects);
    }

    /** The object that a failure is of; empty where it is not told, and there are several. */
    Optional<Sent> failed(Way.Failure failure) {
        boolean isTheOnlyOne = failure.object().isEmpty() && objects.size() == 1;
        return objects.stream()
                .filter(object -> isTheOnlyOne || object.as.equals(failure.object()))
                .findFirst();
    }

    DeadLetter letter(Sent object, String error) {
        Told event = events.get(object.event);
        Bytes envelope = new Bytes(event.envelope, event.envelope.length);
        return new DeadLetter(sink, event.position, event.op, object.id, error, 1, Optional.of(envelope));
    }
}
