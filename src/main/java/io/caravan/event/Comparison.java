package io.caravan.event;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a reconcile would find, by the events that it would read, and without changing anything. It holds some tens of bytes
 * of each object that comes. Used by one thread,
 * but for what says so.
 */
public final class Comparison {

    /** What would become of an object. */
    public enum Finding {
        /** It would be removed. */
        GONE,
        /** It would stay: the snapshot lacks it, and the platform still shows it. */
        STILL_SHOWN,
        /** It would stay: the snapshot lacks it, and the platform does not say whether it exists. */
        UNANSWERED,
        /** It would be upserted: it is not as it was told. */
        DIFFERENT,
        /** It would be upserted: it was never told. */
        NEW,
        /** Nothing. */
        SAME
    }

    /** What the platform says of objects when asked for them by their ids. */
    @FunctionalInterface
    public interface Existence {
        /** By key, what would become of each: gone, still shown, or unanswered. */
        Map<String, Finding> of(List<StixObject> objects) throws IOException, InterruptedException;
    }

    /** No reconcile has this number, so everything that is known is without its mark. */
    private static final long NONE = -1;

    private static final int PAGE = 1000;
    private static final long PAGE_BYTES = 16 << 20;

    private final PositionStore store;
    private final boolean isFiltered;
    private final int mostExamples;
    private final Set<Digest> seen = Collections.synchronizedSet(new HashSet<>());
    private final Map<Finding, Long> counts = new EnumMap<>(Finding.class);
    private final Map<Finding, List<String>> examples = new EnumMap<>(Finding.class);

    /**
     * @param isFiltered whether the stream has a filter
     * @param mostExamples how many STIX ids are kept of each finding
     */
    public Comparison(PositionStore store, boolean isFiltered, int mostExamples) {
        this.store = store;
        this.isFiltered = isFiltered;
        this.mostExamples = mostExamples;
    }

    /** An event of the snapshot or, behind it, of the log: what happens to an object there is told without a reconcile. */
    public void see(Event event) throws IOException {
        boolean isFirst = seen.add(Digest.of(event.object().key()));
        if (!isFirst || event.kind() == Event.Kind.MAIN) {
            return;
        }
        Pending known = store.begin();
        known.reconciling();
        Optional<Change> change = new Creation().of(event, known, isFiltered).ofItself();
        boolean wasTold = change.flatMap(Change::told).isPresent();
        note(change.isEmpty() ? Finding.SAME : wasTold ? Finding.DIFFERENT : Finding.NEW, event.object());
    }

    /** Whether the object of this key has been seen; asked by any thread. */
    public boolean hasSeen(String key) {
        return seen.contains(Digest.of(key));
    }

    /** Once everything has been seen: what else is known may be gone. */
    public void finish(Existence platform) throws IOException, InterruptedException {
        Optional<String> last = Optional.empty();
        List<StixObject> page = store.unmarked(NONE, last, PAGE, PAGE_BYTES);
        while (!page.isEmpty()) {
            List<StixObject> unseen =
                    page.stream().filter(object -> !hasSeen(object.key())).toList();
            Map<String, Finding> findings = unseen.isEmpty() ? Map.of() : platform.of(unseen);
            unseen.forEach(object -> note(findings.get(object.key()), object));
            last = Optional.of(page.get(page.size() - 1).key());
            page = store.unmarked(NONE, last, PAGE, PAGE_BYTES);
        }
    }

    public long count(Finding finding) {
        return counts.getOrDefault(finding, 0L);
    }

    /** The STIX ids of the first. */
    public List<String> examples(Finding finding) {
        return examples.getOrDefault(finding, List.of());
    }

    private void note(Finding finding, StixObject object) {
        counts.merge(finding, 1L, Long::sum);
        List<String> first = examples.computeIfAbsent(finding, none -> new ArrayList<>());
        if (first.size() < mostExamples) {
            first.add(object.id());
        }
    }
}
