package io.caravan.ops;

import io.caravan.event.Bytes;
import io.caravan.sink.MirroredObjects;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/** The objects of a mirror: its folders are the order by type, its file names the index. */
record HeldInMirror(MirroredObjects mirror) implements Holdings {

    @Override
    public Map<String, Long> counts() throws IOException, InterruptedException {
        Map<String, Long> counts = new TreeMap<>();
        for (String type : mirror.types()) {
            AtomicLong count = new AtomicLong();
            mirror.each(type, id -> count.incrementAndGet());
            if (count.get() > 0) {
                counts.put(type, count.get());
            }
        }
        return counts;
    }

    @Override
    public void each(Kind kind, MirroredObjects.Visit visit) throws IOException, InterruptedException {
        for (String type : mirror.types()) {
            if (Kind.of(type) == kind) {
                mirror.each(type, visit);
            }
        }
    }

    @Override
    public Optional<Bytes> object(String id) throws IOException {
        return mirror.object(id);
    }
}
