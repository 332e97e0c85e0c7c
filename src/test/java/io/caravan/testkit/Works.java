package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What became of what was pushed: how much each work expects, how much the worker has seen of it, what failed. Thread-safe. */
final class Works {

    /** A work names no more. */
    private static final int MOST_ERRORS = 100;

    /** One work; changed only under the monitor of the works. */
    private static final class Work {
        private final List<JsonNode> errors = new ArrayList<>();
        private int expected;
        private int processed;

        private String status() {
            return expected == 0 ? "wait" : processed < expected ? "progress" : "complete";
        }
    }

    private final Map<String, Work> works = new HashMap<>();
    private Instant last = Instant.EPOCH;

    /** A new work; its id bears a time that no other has. */
    synchronized String begin(String connector) {
        Instant now = Instant.now();
        last = now.isAfter(last.plusMillis(1)) ? now : last.plusMillis(1);
        String id = "work_" + connector + "_" + Frames.isoMillis(last);
        works.put(id, new Work());
        return id;
    }

    /** Nothing, for a work that is not there: what becomes of its objects is then told nowhere. */
    synchronized void expect(String id, int more) {
        if (works.containsKey(id)) {
            works.get(id).expected += more;
        }
    }

    synchronized void processed(String id, Optional<String> error, JsonNode source) {
        Work work = works.getOrDefault(id, new Work());
        work.processed++;
        error.filter(message -> work.errors.size() < MOST_ERRORS)
                .ifPresent(message -> work.errors.add(Jackson.object(
                        "timestamp",
                        Frames.isoMillis(Instant.now()),
                        "message",
                        message,
                        "source",
                        source.toString())));
    }

    /** As {@code work(id)} answers it. */
    synchronized Optional<ObjectNode> find(String id) {
        return Optional.ofNullable(works.get(id)).map(work -> {
            String since = id.substring(id.lastIndexOf('_') + 1);
            String until = work.status().equals("complete") ? since : null;
            ObjectNode answer = Jackson.object("id", id, "name", id, "status", work.status(), "errors", work.errors);
            answer.put("timestamp", since).put("received_time", since);
            answer.put("processed_time", until).put("completed_time", until);
            answer.set("user", Jackson.object("id", FakeDestination.USER, "name", "pusher"));
            answer.set("tracking", tracking(work));
            return answer;
        });
    }

    private static JsonNode tracking(Work work) {
        return Jackson.object("import_expected_number", work.expected, "import_processed_number", work.processed);
    }
}
