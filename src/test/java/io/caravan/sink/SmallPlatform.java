package io.caravan.sink;

import io.caravan.event.Known;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Pending;
import io.caravan.event.Readings;
import io.caravan.event.StixObject;
import io.caravan.event.Unreadable;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A platform with room for a few objects, of which it tells as the real one does: of what changes because something else
 * did, it says nothing. No id ever means two objects.
 */
final class SmallPlatform {

    private static final String GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
    private static final String RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";

    /** The types of the places that it has. */
    private static final List<String> PLACES = List.of(
            "tool",
            "tool",
            "malware",
            "malware",
            "identity",
            "identity",
            "note",
            "note",
            "relationship",
            "relationship",
            "relationship",
            "report",
            "report",
            "marking-definition");

    private static final Set<String> CONTAINERS = Set.of("note", "report");

    /** What happens to the object of a place; where there is none, one is made. */
    enum Act {
        CHANGE,
        RENAME,
        CONTAIN_ONE,
        CONTAIN,
        MARK,
        AUTHOR,
        DELETE,
        DELETE_RELATIONS_FIRST,
        MERGE,
        TELL_AGAIN,
        SNAPSHOT
    }

    /** What is known behind an event, and where each id leads. */
    record Moment(Map<String, KnownObject> known, Map<String, String> keys) {

        /** The key of what bears this id, or has taken over what bore it. */
        String key(String id) {
            return keys.getOrDefault(id, id);
        }

        boolean mayPass(String key, Door door) {
            return known.containsKey(key) && door.mayPass(known.get(key));
        }

        /** The keys of the reports that the door lets through, and of what they contain and need. */
        Set<String> needed(Door door) {
            Set<String> needed = new HashSet<>();
            Deque<String> open = new ArrayDeque<>();
            known.forEach((key, object) -> {
                if (object.object().type().equals("report")) {
                    open.add(key);
                }
            });
            while (!open.isEmpty()) {
                String key = open.remove();
                if (mayPass(key, door) && needed.add(key)) {
                    StixObject object = known.get(key).object();
                    Stream.of(object.markings(), object.references(), object.ends())
                            .flatMap(List::stream)
                            .map(this::key)
                            .forEach(open::add);
                }
            }
            return needed;
        }
    }

    private static final class Thing {
        final int place;
        final String type;
        final String key;
        String id;
        int version;
        Optional<String> marking = Optional.empty();
        Optional<Thing> author = Optional.empty();
        final List<Thing> ends = new ArrayList<>();
        Set<Thing> contained = new HashSet<>();

        Thing(int place, int number) {
            this.place = place;
            type = PLACES.get(place);
            key = type + "-" + number;
            id = type + "--" + number;
        }

        /** In no circle. */
        boolean mayContain(Thing other) {
            boolean isUnder = !CONTAINERS.contains(other.type) || other.place < place;
            return CONTAINERS.contains(type) && isUnder && !other.type.equals("marking-definition");
        }
    }

    private final Map<Integer, Thing> things = new TreeMap<>();
    private final Map<String, String> keys = new HashMap<>();
    private final Known known = Pending.overNothing();
    private final Readings readings = new Readings(known, false);
    private final List<Frame> frames = new ArrayList<>();
    private final List<Moment> moments = new ArrayList<>(List.of(new Moment(Map.of(), Map.of())));
    private int number;

    /** What it has told. */
    List<Frame> frames() {
        return frames;
    }

    /** What is known behind as many events. */
    Moment behind(int events) {
        return moments.get(events);
    }

    /** What happened, for a person. */
    @Override
    public String toString() {
        return frames.stream()
                .map(frame -> frame.id() + " " + frame.event() + " " + new String(frame.data(), StandardCharsets.UTF_8))
                .collect(Collectors.joining("\n"));
    }

    void act(Act act, int place, int one, int other) throws IOException {
        Thing thing = things.get(place % PLACES.size());
        if (thing == null) {
            make(place % PLACES.size(), one, other);
            return;
        }
        Map<String, Object> before = object(thing);
        switch (act) {
            case CHANGE -> thing.version++;
            case RENAME -> rename(thing);
            case CONTAIN_ONE -> containOne(thing, one);
            case CONTAIN -> thing.contained = some(thing, one);
            case MARK -> thing.marking = marking(thing, one);
            case AUTHOR -> thing.author = author(thing, one);
            case DELETE -> delete(thing, false);
            case DELETE_RELATIONS_FIRST -> delete(thing, true);
            case MERGE -> merge(thing, one);
            case TELL_AGAIN -> {}
            case SNAPSHOT -> tell(Frames.snapshot(id(), before));
        }
        if (Set.of(Act.DELETE, Act.DELETE_RELATIONS_FIRST, Act.MERGE, Act.SNAPSHOT)
                .contains(act)) {
            return;
        }
        tell(Frames.update(id(), before, object(thing)));
    }

    private void make(int place, int one, int other) throws IOException {
        Thing thing = new Thing(place, ++number);
        if (thing.type.equals("relationship")) {
            Optional<Thing> source = end(one, Set.of("tool", "malware"));
            Optional<Thing> target = end(other, Set.of("tool", "malware", "identity", "relationship"));
            if (source.isEmpty() || target.isEmpty() || source.equals(target)) {
                return;
            }
            thing.ends.addAll(List.of(source.get(), target.get()));
            if (things.values().stream().anyMatch(same -> same.ends.equals(thing.ends))) {
                return;
            }
        }
        thing.contained = some(thing, one);
        thing.marking = marking(thing, other);
        thing.author = author(thing, one + other);
        keys.put(thing.id, thing.key);
        things.put(place, thing);
        tell(Frames.create(id(), object(thing)));
    }

    private Optional<Thing> end(int number, Set<String> types) {
        List<Thing> those = things.values().stream()
                .filter(thing -> types.contains(thing.type))
                .toList();
        return those.isEmpty() ? Optional.empty() : Optional.of(those.get(number % those.size()));
    }

    private Set<Thing> some(Thing container, int bits) {
        Set<Thing> some = new HashSet<>();
        things.forEach((place, thing) -> {
            if ((bits >> place & 1) == 1 && container.mayContain(thing)) {
                some.add(thing);
            }
        });
        return some;
    }

    private Optional<String> marking(Thing thing, int number) {
        if (thing.type.equals("marking-definition")) {
            return Optional.empty();
        }
        return switch (number % 6) {
            case 0 -> Optional.of(RED);
            case 1 -> Optional.of(GREEN);
            case 2 ->
                Optional.ofNullable(things.get(PLACES.indexOf("marking-definition")))
                        .map(marking -> marking.id);
            default -> Optional.empty();
        };
    }

    private Optional<Thing> author(Thing thing, int number) {
        boolean hasNone = number % 3 == 0 || thing.type.equals("marking-definition");
        return hasNone
                ? Optional.empty()
                : end(number, Set.of("identity")).filter(author -> mayBeAuthor(author, thing));
    }

    private static boolean mayBeAuthor(Thing author, Thing thing) {
        return !thing.type.equals("identity") || author.place < thing.place;
    }

    private void rename(Thing thing) {
        if (!thing.type.equals("marking-definition")) {
            thing.id = thing.type + "--" + ++number;
            keys.put(thing.id, thing.key);
        }
    }

    private void containOne(Thing thing, int number) {
        Set<Thing> one = some(thing, 1 << number % PLACES.size());
        if (!thing.contained.removeAll(one)) {
            thing.contained.addAll(one);
        }
    }

    private void delete(Thing thing, boolean isOfItsRelationsTold) throws IOException {
        if (thing.type.equals("marking-definition")) {
            return;
        }
        if (isOfItsRelationsTold) {
            for (Thing relation : endingAt(thing)) {
                delete(relation, true);
            }
        }
        tell(Frames.delete(id(), object(thing)));
        forget(thing);
    }

    private void forget(Thing thing) {
        for (Thing relation : endingAt(thing)) {
            forget(relation);
        }
        things.values().remove(thing);
        for (Thing other : things.values()) {
            other.contained.remove(thing);
            other.author = other.author.filter(author -> author != thing);
        }
    }

    private List<Thing> endingAt(Thing thing) {
        return things.values().stream()
                .filter(other -> other.ends.contains(thing))
                .toList();
    }

    private void merge(Thing target, int number) throws IOException {
        List<Thing> sources = things.values().stream()
                .filter(thing -> thing != target && thing.type.equals(target.type))
                .filter(thing -> !Set.of("relationship", "marking-definition").contains(thing.type))
                .toList();
        if (sources.isEmpty()) {
            return;
        }
        Thing source = sources.get(number % sources.size());
        Map<String, Object> before = object(target);
        Map<String, Object> gone = object(source);
        target.version++;
        target.contained.addAll(source.contained);
        for (Thing thing : things.values()) {
            thing.ends.replaceAll(end -> end == source ? target : end);
            if (thing.contained.remove(source) && thing.mayContain(target)) {
                thing.contained.add(target);
            }
            thing.author = thing.author
                    .map(author -> author == source ? target : author)
                    .filter(author -> mayBeAuthor(author, thing));
        }
        target.contained.removeIf(one -> !target.mayContain(one));
        target.author = target.author.filter(author -> mayBeAuthor(author, target));
        things.values().remove(source);
        keys.replaceAll((id, key) -> key.equals(source.key) ? target.key : key);
        keys.put(source.key, target.key);
        tell(Frames.merge(id(), before, object(target), List.of(gone)));
        for (Thing thing : List.copyOf(things.values())) { // relations that were the same
            if (known.object(thing.key).isEmpty()) {
                forget(thing);
            }
        }
    }

    private Map<String, Object> object(Thing thing) {
        Map<String, Object> object = Frames.object(thing.id, thing.key);
        object.put("description", "version " + thing.version);
        object.put("object_marking_refs", thing.marking.stream().toList());
        thing.author.ifPresent(author -> object.put("created_by_ref", author.id));
        if (CONTAINERS.contains(thing.type)) {
            object.put(
                    "object_refs",
                    thing.contained.stream().map(one -> one.id).sorted().toList());
        }
        if (thing.type.equals("relationship")) {
            Map<String, Object> extension = Frames.extension(object);
            Map<String, Thing> ends = new LinkedHashMap<>();
            ends.put("source_ref", thing.ends.get(0));
            ends.put("target_ref", thing.ends.get(1));
            ends.forEach((name, end) -> {
                object.put(name, end.id);
                extension.put(name, end.key);
                extension.put(
                        name + "_object_marking_refs", end.marking.stream().toList());
            });
            object.put("relationship_type", "uses");
        }
        return object;
    }

    private String id() {
        return frames.size() + 1 + "-0";
    }

    private void tell(Frame frame) throws IOException {
        try {
            readings.read(frame);
        } catch (Unreadable e) {
            throw new IllegalStateException(e);
        }
        frames.add(frame);
        Map<String, KnownObject> all = new HashMap<>();
        for (String key : keys.values()) {
            known.object(key).ifPresent(object -> all.put(key, object));
        }
        moments.add(new Moment(all, Map.copyOf(keys)));
    }
}
