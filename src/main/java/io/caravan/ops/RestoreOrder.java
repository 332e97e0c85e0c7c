package io.caravan.ops;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.caravan.event.Bytes;
import io.caravan.event.RecordFailedException;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The order in which objects are restored: what one refers to comes before it, as far as it is held. Of the objects on the way
 * from one to what it needs, only ids and references are in memory. Where references go round in a circle, one object goes
 * without those that are still to come, and has to be sent again, whole, when all are there.
 */
final class RestoreOrder {

    /** What has gone by now, on a disk too. */
    @FunctionalInterface
    interface Sent {
        boolean has(String id) throws IOException;
    }

    /** Who gets the objects in their order. */
    interface Receiver {

        void take(RestoredObject object) throws IOException, InterruptedException;

        /** There is nothing to send; it counts as gone from now on. */
        void unreadable(String id, String why) throws IOException, InterruptedException;
    }

    private final Holdings holdings;
    private final Sent sent;
    private final Receiver receiver;

    RestoreOrder(Holdings holdings, Sent sent, Receiver receiver) {
        this.holdings = holdings;
        this.sent = sent;
        this.receiver = receiver;
    }

    /** An object under way, with those of its references that have not been looked at. */
    private static final class Step {
        private final String id;
        /** It waits for nobody: nothing goes without its markings. */
        private final boolean isMarking;

        private final Iterator<String> references;
        private final Set<String> missing = new LinkedHashSet<>();
        private Optional<StixObject> object;

        Step(StixObject object) {
            this.id = object.id();
            this.isMarking = object.type().equals("marking-definition");
            this.object = Optional.of(object);
            this.references = references(object).iterator();
        }
    }

    /** Hands the object over, after all that it needs; nothing where it has gone. */
    void place(String id) throws IOException, InterruptedException {
        Deque<Step> path = new ArrayDeque<>(); // no recursion: a chain of references may be long
        Set<String> onPath = new HashSet<>();
        enter(id, path, onPath);
        while (!path.isEmpty()) {
            Step last = path.peek();
            if (last.references.hasNext()) {
                String reference = last.references.next();
                boolean waits = !last.isMarking || sent.has(reference);
                if (waits && !onPath.contains(reference)) {
                    enter(reference, path, onPath);
                } else if (!reference.equals(last.id)) {
                    last.missing.add(reference);
                }
            } else {
                path.pop();
                onPath.remove(last.id);
                Optional<StixObject> object = last.object.isPresent() ? last.object : read(last.id);
                if (object.isPresent()) {
                    receiver.take(new RestoredObject(object.get(), last.missing));
                }
            }
        }
    }

    private void enter(String id, Deque<Step> path, Set<String> onPath) throws IOException, InterruptedException {
        Optional<StixObject> object = sent.has(id) ? Optional.empty() : read(id);
        if (object.isPresent() && !sent.has(object.get().id())) {
            if (!path.isEmpty()) {
                path.peek().object = Optional.empty(); // read again when its turn comes
            }
            path.push(new Step(object.get()));
            onPath.add(object.get().id());
        }
    }

    /** As it is to go, all of its references right; a mirror has its id in small letters. */
    Optional<StixObject> read(String id) throws IOException, InterruptedException {
        Optional<Bytes> json = holdings.object(id);
        if (json.isEmpty()) {
            return Optional.empty();
        }
        try {
            StixObject object = StixObject.read(json.get());
            if (object.id().equalsIgnoreCase(id)) {
                return Optional.of(RecordFailedException.during(() -> References.putRight(object, holdings::now)));
            }
            receiver.unreadable(id, "it is the object " + object.id());
        } catch (JsonProcessingException e) {
            receiver.unreadable(id, "it is no JSON: " + e.getOriginalMessage());
        } catch (RecordFailedException e) {
            receiver.unreadable(id, e.getMessage());
        }
        return Optional.empty();
    }

    /** By their STIX ids: internal ids are the ones of the platform that it came from. */
    private static Stream<String> references(StixObject object) {
        return Stream.of(object.references(), object.markings(), object.ends())
                .flatMap(List::stream)
                .filter(id -> id.contains("--"));
    }
}
