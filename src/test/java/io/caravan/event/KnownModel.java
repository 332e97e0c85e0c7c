package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** What is known, as simply as it can be said: a sorted map that is gone through. */
final class KnownModel implements Known {

    private final Map<String, KnownObject> objects = new TreeMap<>();

    KnownModel copy() {
        KnownModel copy = new KnownModel();
        copy.objects.putAll(objects);
        return copy;
    }

    @Override
    public Optional<KnownObject> object(String key) {
        return Optional.ofNullable(objects.get(key));
    }

    @Override
    public Optional<KnownObject> withId(String stixId) {
        return objects.values().stream()
                .filter(known -> known.object().id().equals(stixId))
                .findFirst();
    }

    @Override
    public List<KnownObject> endingAt(Collection<String> ids) {
        return objects.values().stream()
                .filter(known -> !Collections.disjoint(known.object().ends(), ids))
                .toList();
    }

    @Override
    public long referringTo(Collection<String> ids) {
        return objects.values().stream()
                .filter(known -> !Collections.disjoint(known.object().references(), ids))
                .count();
    }

    @Override
    public Optional<KnownObject> firstReferringTo(Collection<String> ids, Set<String> types, Asked asked)
            throws IOException {
        return first(known -> known.object().references(), ids, types, asked);
    }

    @Override
    public Optional<KnownObject> firstEndingAt(Collection<String> ids, Asked asked) throws IOException {
        return first(known -> known.object().ends(), ids, Set.of(), asked);
    }

    private Optional<KnownObject> first(
            Function<KnownObject, Collection<String>> named, Collection<String> ids, Set<String> types, Asked asked)
            throws IOException {
        for (KnownObject known : objects.values()) {
            boolean isOf = types.isEmpty() || types.contains(known.object().type());
            if (isOf && !Collections.disjoint(named.apply(known), ids) && asked.of(known)) {
                return Optional.of(known);
            }
        }
        return Optional.empty();
    }

    @Override
    public Optional<KnownObject> withFormerId(String stixId) {
        return objects.values().stream()
                .filter(known -> known.formerIds().contains(stixId))
                .findFirst();
    }

    @Override
    public void put(KnownObject object) {
        objects.put(object.object().key(), object);
    }

    @Override
    public void remove(String key) {
        objects.remove(key);
    }

    /** What refers to the id or ends at it, asked for one by one. */
    private static List<KnownObject> all(String id, Known known) throws IOException {
        List<KnownObject> all = new ArrayList<>();
        known.firstEndingAt(Set.of(id), object -> !all.add(object));
        known.firstReferringTo(Set.of(id), Set.of("malware"), object -> !all.add(object));
        known.firstReferringTo(Set.of(id), Set.of(), object -> !all.add(object));
        return all;
    }

    /** Asks both for everything that these ids may be: keys, STIX ids, ends, what is referred to, alone and two at a time. */
    void assertSameAs(Known known, List<String> ids) throws IOException {
        for (int i = 0; i < ids.size(); i++) {
            String id = ids.get(i);
            assertThat(known.object(id)).isEqualTo(object(id));
            assertThat(known.withId(id)).isEqualTo(withId(id));
            assertThat(known.withFormerId(id)).isEqualTo(withFormerId(id));
            assertThat(all(id, known)).containsExactlyInAnyOrderElementsOf(all(id, this));
            List<String> two = new ArrayList<>(List.of(id, ids.get((i + 1) % ids.size())));
            for (List<String> asked : List.of(List.of(id), two)) {
                assertThat(known.endingAt(asked)).isEqualTo(endingAt(asked));
                assertThat(known.referringTo(asked)).isEqualTo(referringTo(asked));
            }
        }
        assertThat(known.endingAt(ids)).isEqualTo(endingAt(ids));
        assertThat(known.referringTo(ids)).isEqualTo(referringTo(ids));
    }
}
