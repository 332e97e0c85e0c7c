package io.caravan.event;

import io.caravan.event.Known.KnownObject;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** The ways in which an object is found by ids other than its key. */
enum Index {
    STIX_ID('i', known -> List.of(known.object().id())),
    FORMER_ID('f', KnownObject::formerIds),
    END('e', known -> known.object().ends()),
    REFERENCE('r', known -> known.object().references());

    private final byte mark;
    private final Function<KnownObject, Collection<String>> ids;

    Index(char mark, Function<KnownObject, Collection<String>> ids) {
        this.mark = (byte) mark;
        this.ids = ids;
    }

    /** One way in which an object is found. */
    record Entry(Index index, Digest id) {}

    /** The first byte of its keys in the store. */
    byte mark() {
        return mark;
    }

    static Set<Entry> entries(KnownObject known) {
        Set<Entry> entries = new HashSet<>();
        for (Index index : values()) {
            for (String id : index.ids.apply(known)) {
                entries.add(new Entry(index, Digest.of(id)));
            }
        }
        return entries;
    }
}
