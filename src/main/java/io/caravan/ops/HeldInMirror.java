package io.caravan.ops;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.caravan.event.Bytes;
import io.caravan.event.StixObject;
import io.caravan.sink.MirroredObjects;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/** The objects of a mirror: its folders are the order by type, its file names the index. */
record HeldInMirror(MirroredObjects mirror, HeldIds ids) implements Holdings {

    @Override
    public Map<String, Long> learn() throws IOException, InterruptedException {
        Map<String, Long> counts = new TreeMap<>();
        for (String type : mirror.types()) {
            AtomicLong count = new AtomicLong();
            mirror.each(type, id -> {
                count.incrementAndGet();
                learn(id);
            });
            if (count.get() > 0) {
                counts.put(type, count.get());
            }
        }
        ids.write();
        return counts;
    }

    private void learn(String id) throws IOException {
        Optional<Bytes> json = mirror.object(id);
        try {
            if (json.isPresent()) {
                ids.learn(StixObject.read(json.get()), false);
            }
        } catch (JsonProcessingException e) {
            return; // said when its turn comes
        }
    }

    @Override
    public Optional<String> now(String reference) throws IOException {
        return ids.now(reference);
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
