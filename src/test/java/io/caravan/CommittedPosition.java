package io.caravan;

import static org.awaitility.Awaitility.await;

import io.caravan.event.Position;
import io.caravan.testkit.Frame;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Topics;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** The position that readers of committed records find in Kafka, where one stream's are in the topic. */
record CommittedPosition(KafkaBroker broker, String prefix) {

    /** The last one; there must be one. */
    Position read() throws IOException {
        AtomicReference<Optional<byte[]>> last = new AtomicReference<>(Optional.empty());
        Topics.of(broker).forEach(prefix + "positions", record -> last.set(Optional.of(record.value())));
        return Position.parse(last.get().orElseThrow());
    }

    /** Until everything is delivered; a heartbeat may have moved it further by then. */
    void awaitTheEndOf(List<Frame> events, Duration atMost) {
        await().atMost(atMost)
                .pollInterval(Duration.ofMillis(500))
                .ignoreExceptions()
                .until(() -> Delivered.upTo(Delivered.last(events), read()));
    }
}
