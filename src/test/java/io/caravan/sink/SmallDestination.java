package io.caravan.sink;

import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Meaning;
import io.caravan.event.StixObject;
import io.caravan.sink.SmallPlatform.Moment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * What another platform makes of changes: what ends at what is removed goes with it, and on a merge it moves; neither needs
 * to be told. What lacks something that could be there is an error.
 */
final class SmallDestination {

    private final SmallPlatform platform;
    private final Door door;
    private final Map<String, StixObject> there = new TreeMap<>();
    private final Map<String, List<String>> ends = new HashMap<>();
    /** Relations that went, or never came, because the door keeps away what they end at. */
    private final Set<String> lost = new HashSet<>();

    SmallDestination(SmallPlatform platform, Door door) {
        this.platform = platform;
        this.door = door;
    }

    Map<String, StixObject> there() {
        return there;
    }

    Set<String> lost() {
        return lost;
    }

    /** @param before how many events it has been told of before; of one of them, what comes after it may show already */
    void take(Meaning meaning, int before) {
        int number = (int) meaning.event().id().millis();
        int told = Math.max(number, before);
        Optional<Change> target = meaning.changes().stream()
                .filter(change -> change.reason() == Reason.MERGED && change.type() == Type.UPSERT)
                .filter(change ->
                        change.object().key().equals(meaning.event().object().key()))
                .findFirst();
        List<Change> sources = meaning.changes().stream()
                .filter(change -> change.reason() == Reason.MERGED_INTO)
                .toList();
        if (target.isPresent() && !sources.isEmpty()) {
            merge(sources, target.get(), number, number > before);
        }
        for (Change change : meaning.changes()) {
            boolean isOfMerge = target.isPresent() && !sources.isEmpty();
            if (change.type() == Type.REMOVE) {
                if (change.reason() != Reason.CASCADE && !(isOfMerge && change.reason() == Reason.MERGED_INTO)) {
                    remove(change.object().key(), platform.behind(number));
                }
            } else if (!isOfMerge || change == target.get()) {
                upsert(change.object(), number, told);
            }
        }
    }

    private void merge(List<Change> sources, Change target, int number, boolean isFirst) {
        String into = target.object().key();
        if (!there.containsKey(into) && isFirst) {
            throw new AssertionError(number + ": merges into what is not there: " + into);
        }
        for (Change source : sources) {
            String key = source.object().key();
            if (there.remove(key) == null && isFirst) {
                throw new AssertionError(number + ": merges what is not there: " + key);
            }
            for (String relation : List.copyOf(there.keySet())) {
                List<String> at = ends.get(relation);
                if (at.contains(key)) {
                    List<String> moved = new ArrayList<>(at);
                    moved.replaceAll(end -> end.equals(key) ? into : end);
                    boolean isOne = !platform.behind(number).known().containsKey(relation)
                            && ends.entrySet().stream()
                                    .anyMatch(other -> there.containsKey(other.getKey())
                                            && other.getValue().equals(moved));
                    ends.put(relation, moved);
                    if (isOne) {
                        remove(relation, platform.behind(number));
                    }
                }
            }
        }
    }

    private void remove(String key, Moment moment) {
        there.remove(key);
        for (String other : List.copyOf(there.keySet())) {
            if (ends.get(other).contains(key)) {
                if (!moment.mayPass(key, door) || lost.contains(key)) {
                    lost.add(other);
                }
                remove(other, moment);
            }
        }
    }

    private void upsert(StixObject object, int number, int told) {
        Set<String> needed = new LinkedHashSet<>(object.markings());
        needed.addAll(object.references());
        needed.addAll(object.ends());
        for (String id : needed) {
            String key = platform.behind(number).key(id);
            boolean couldBe = !lost.contains(key)
                    && platform.behind(number - 1).mayPass(key, door)
                    && platform.behind(number).mayPass(key, door);
            for (int at = number; at < told; at++) {
                couldBe &= platform.behind(at).needed(door).contains(key)
                        && platform.behind(at + 1).needed(door).contains(key);
            }
            if (couldBe && !isThere(id, number)) {
                throw new AssertionError(number + ": " + object.key() + " lacks " + id);
            }
        }
        if (object.ends().stream().allMatch(id -> isThere(id, number))) {
            there.put(object.key(), object);
            Moment moment = platform.behind(number);
            ends.put(object.key(), object.ends().stream().map(moment::key).toList());
            lost.remove(object.key());
        } else {
            lost.add(object.key());
        }
    }

    private boolean isThere(String id, int number) {
        return there.containsKey(platform.behind(number).key(id))
                || there.containsKey(platform.behind(number - 1).key(id));
    }
}
