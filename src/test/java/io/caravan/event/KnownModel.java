package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

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
    public void put(KnownObject object) {
        objects.put(object.object().key(), object);
    }

    @Override
    public void remove(String key) {
        objects.remove(key);
    }

    /** Asks both for everything that these ids may be: keys, STIX ids, ends, what is referred to, alone and two at a time. */
    void assertSameAs(Known known, List<String> ids) throws IOException {
        for (int i = 0; i < ids.size(); i++) {
            String id = ids.get(i);
            assertThat(known.object(id)).isEqualTo(object(id));
            assertThat(known.withId(id)).isEqualTo(withId(id));
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
