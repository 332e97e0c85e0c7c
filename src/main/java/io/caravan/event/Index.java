package io.caravan.event;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** The ways in which an object is found by ids other than its key. */
enum Index {
    STIX_ID('i', object -> List.of(object.id())),
    END('e', StixObject::ends),
    REFERENCE('r', StixObject::references);

    private final byte mark;
    private final Function<StixObject, Collection<String>> ids;

    Index(char mark, Function<StixObject, Collection<String>> ids) {
        this.mark = (byte) mark;
        this.ids = ids;
    }

    /** One way in which an object is found. */
    record Entry(Index index, Digest id) {}

    /** The first byte of its keys in the store. */
    byte mark() {
        return mark;
    }

    static Set<Entry> entries(StixObject object) {
        Set<Entry> entries = new HashSet<>();
        for (Index index : values()) {
            for (String id : index.ids.apply(object)) {
                entries.add(new Entry(index, Digest.of(id)));
            }
        }
        return entries;
    }
}
