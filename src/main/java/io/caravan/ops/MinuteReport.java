package io.caravan.ops;

import io.caravan.event.Position;
import io.caravan.opencti.stream.Counters;
import io.caravan.opencti.stream.OpenctiConsumer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One line a minute in the log while events flow: how many, how fast, how far behind the platform, and where. */
final class MinuteReport implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(MinuteReport.class);
    private static final long PERIOD_SECONDS = 60;

    private final ScheduledExecutorService clock = Clocks.daemon("minute-report");

    MinuteReport(List<OpenctiConsumer> consumers) {
        for (OpenctiConsumer consumer : consumers) {
            Stream stream = new Stream(consumer);
            clock.scheduleAtFixedRate(stream::report, PERIOD_SECONDS, PERIOD_SECONDS, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }

    private static final class Stream {
        private final OpenctiConsumer consumer;
        private long reported;

        Stream(OpenctiConsumer consumer) {
            this.consumer = consumer;
        }

        /** A snapshot's ids are as old as its objects, and say nothing of how far behind it is. */
        private String behind() {
            boolean inSnapshot = consumer.position().flatMap(Position::snapshot).isPresent();
            return inSnapshot
                    ? "reading a snapshot"
                    : consumer.counters()
                            .lag()
                            .map(lag -> roughly(lag) + " behind the platform")
                            .orElse("not yet at the log");
        }

        void report() {
            Counters counters = consumer.counters();
            long delivered = counters.delivered();
            long events = delivered - reported;
            reported = delivered;
            if (events > 0) {
                LOG.info(
                        "{} events in the last minute, {}/s, {}, position {}",
                        events,
                        String.format(Locale.ROOT, "%.1f", events / (double) PERIOD_SECONDS),
                        behind(),
                        consumer.getPosition());
                if (consumer.position().flatMap(Position::reconcile).isPresent()) {
                    LOG.info("Reconciling: {} so far", counters.reconcile());
                }
            }
        }
    }

    private static String roughly(Duration lag) {
        if (lag.toDays() > 1) {
            return lag.toDays() + " days";
        }
        if (lag.toMinutes() > 90) {
            return lag.toHours() + " h";
        }
        return lag.toSeconds() > 90 ? lag.toMinutes() + " min" : lag.toSeconds() + " s";
    }
}
