package io.caravan.testkit;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How often a stream says that it is alive, and under which id. Safe for the connections to share; the scripted one
 * counts over all of them.
 *
 * @param period zero for none
 */
public record Heartbeats(Duration period, Id id) {

    /** Gives a heartbeat its id. */
    @FunctionalInterface
    public interface Id {

        /**
         * @param lastId of what went out on this connection; until then, of where it started
         * @param idle whether everything in the log has been sent
         * @param now the platform's clock
         */
        String of(String lastId, boolean idle, Instant now);
    }

    public static Heartbeats none() {
        return new Heartbeats(Duration.ZERO, (lastId, idle, now) -> lastId);
    }

    /** As the platform does: the last id while events wait, its clock when there are none; never back. */
    public static Heartbeats every(Duration period) {
        return new Heartbeats(period, (lastId, idle, now) -> idle ? later(lastId, now) : lastId);
    }

    /** Always the last id, as if time stood still. */
    public static Heartbeats ofLastId(Duration period) {
        return new Heartbeats(period, (lastId, idle, now) -> lastId);
    }

    /** Always the platform's clock, whatever has been sent. */
    public static Heartbeats ofClock(Duration period) {
        return new Heartbeats(period, (lastId, idle, now) -> EventId.at(now).toString());
    }

    /** These ids, one after the other, then the last of them for ever. */
    public static Heartbeats scripted(Duration period, String... ids) {
        List<String> script = List.of(ids);
        AtomicInteger next = new AtomicInteger();
        return new Heartbeats(
                period, (lastId, idle, now) -> script.get(Math.min(next.getAndIncrement(), script.size() - 1)));
    }

    private static String later(String lastId, Instant now) {
        EventId clock = EventId.at(now);
        EventId last = EventId.parse(lastId).orElse(EventId.ZERO);
        return (clock.compareTo(last) > 0 ? clock : last).toString();
    }
}
