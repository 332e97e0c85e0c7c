package io.caravan.ops;

import io.caravan.event.FailureText;
import io.caravan.event.Position;
import io.caravan.opencti.stream.OpenctiConsumer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks every two seconds whether somebody asks for a reconcile, by a file in the state's folder. The file goes when it is
 * stored that one is under way, so no kill loses the request.
 */
final class ReconcileRequests implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(ReconcileRequests.class);
    private static final long PERIOD_SECONDS = 2;

    private final Path file;
    private final OpenctiConsumer consumer;

    /** How many reconciles had begun when the request was first seen; empty while there is none. */
    private OptionalLong begunBefore = OptionalLong.empty();

    private final ScheduledExecutorService clock = Clocks.daemon("reconcile-requests");

    ReconcileRequests(Path dataDirectory, OpenctiConsumer consumer) {
        this.file = fileIn(dataDirectory);
        this.consumer = consumer;
        clock.scheduleWithFixedDelay(this::look, 0, PERIOD_SECONDS, TimeUnit.SECONDS);
    }

    /** Asks the program that uses this data directory, now or when it is started. */
    static void ask(Path dataDirectory) throws IOException {
        Path file = fileIn(dataDirectory);
        Files.createDirectories(file.getParent());
        if (!Files.exists(file)) {
            Files.createFile(file);
        }
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }

    private static Path fileIn(Path dataDirectory) {
        return dataDirectory.resolve("state/reconcile");
    }

    private void look() {
        try {
            if (!Files.exists(file)) {
                begunBefore = OptionalLong.empty();
                return;
            }
            boolean isUnderWay =
                    consumer.position().flatMap(Position::reconcile).isPresent();
            long begun = consumer.counters().reconcilesBegun();
            if (begunBefore.isEmpty()) {
                begunBefore = OptionalLong.of(begun);
            }
            if (isUnderWay || begun > begunBefore.getAsLong()) {
                Files.delete(file);
            } else {
                consumer.askReconcile();
            }
        } catch (IOException e) {
            LOG.warn("The request to reconcile cannot be taken away: {}", FailureText.of(e));
        }
    }
}
