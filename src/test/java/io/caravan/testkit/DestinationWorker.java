package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/**
 * The destination's worker and its queue: applies what was pushed, in the order of its coming, in a thread of its own, and
 * counts it in the works. Any thread may push.
 */
final class DestinationWorker implements AutoCloseable {

    private static final Duration PATIENCE = Patience.SOON;

    /**
     * What is in the queue.
     *
     * @param steps what succeeds or fails as one: in a bundle each object, of an event all that it does
     * @param work may be empty: then nobody learns what failed
     */
    private record Message(
            List<List<ObjectNode>> steps,
            String work,
            String user,
            boolean replacing,
            String previous,
            long dueNanos) {}

    private final DestinationState state;
    private final BlockingQueue<Message> queue = new LinkedBlockingQueue<>();
    private final Thread thread;
    private int waiting;
    private boolean isHalted;

    DestinationWorker(DestinationState state, Consumer<Throwable> failed) {
        this.state = state;
        this.thread = Listener.daemon("destination-worker", () -> run(failed));
    }

    /**
     * Queues a bundle as the platform splits it, its work's count raised. What the worker then rejects is counted and never
     * reported: the work stays in progress.
     */
    void push(JsonNode bundle, String work) {
        List<List<ObjectNode>> steps = steps(bundle);
        state.works.expect(work, steps.size());
        push(acceptable(steps), work, FakeDestination.USER, false, "");
    }

    /**
     * Queues a bundle as one message that the worker splits, as TAXII collections do. A relation without its ends makes the
     * worker reject all of the bundle; a sighting without them is left out, and the work does not count it.
     */
    void pushWhole(JsonNode bundle, String work) {
        List<List<ObjectNode>> steps = steps(bundle);
        boolean isRejected =
                steps.stream().anyMatch(step -> isRejected(step.get(0)) && isOfType(step.get(0), "relationship"));
        List<List<ObjectNode>> accepted = isRejected ? List.of() : acceptable(steps);
        state.works.expect(work, steps.size() == 1 ? 1 : accepted.size());
        push(accepted, work, FakeDestination.USER, false, "");
    }

    private static List<List<ObjectNode>> acceptable(List<List<ObjectNode>> steps) {
        return steps.stream()
                .filter(step -> step.stream().noneMatch(DestinationWorker::isRejected))
                .toList();
    }

    /** What the worker's splitter makes nothing of, whatever is to be done with it. */
    private static boolean isRejected(ObjectNode object) {
        return isOfType(object, "relationship") && !(object.hasNonNull("source_ref") && object.hasNonNull("target_ref"))
                || isOfType(object, "sighting")
                        && (!object.hasNonNull("sighting_of_ref")
                                || object.path("where_sighted_refs").isEmpty());
    }

    private static boolean isOfType(ObjectNode object, String type) {
        return object.path("type").asText().equals(type);
    }

    /**
     * Takes a message as the queue carries it, of type {@code bundle} or {@code event}; returns its content. The work's count
     * is raised only where the worker itself splits a bundle: otherwise whoever sent the message has told.
     */
    JsonNode receive(byte[] body) {
        JsonNode message = Jackson.tree(body);
        JsonNode content =
                Jackson.tree(Base64.getDecoder().decode(message.path("content").asText()));
        List<List<ObjectNode>> steps =
                switch (message.path("type").asText()) {
                    case "bundle" -> steps(content);
                    case "event" -> List.of(event(content));
                    default -> throw new IllegalArgumentException("neither a bundle nor an event: " + message);
                };
        String work = message.path("work_id").asText();
        if (steps.size() > 1 && !message.path("no_split").asBoolean()) {
            state.works.expect(work, steps.size());
        }
        push(
                acceptable(steps),
                work,
                message.path("applicant_id").asText(FakeDestination.USER),
                message.path("synchronized").asBoolean(),
                message.path("previous_standard").asText());
        return content;
    }

    /** Waits until everything pushed has been applied; after 20 s that is an AssertionError. */
    synchronized void awaitApplied() {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (waiting > 0) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new AssertionError(waiting + " pushes are not applied after " + PATIENCE.toSeconds() + " s");
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while " + waiting + " pushes were not applied", e);
            }
        }
    }

    /** Whether it begins with nothing, until it is told otherwise. */
    synchronized void halt(boolean halted) {
        isHalted = halted;
        notifyAll();
    }

    private synchronized void awaitGoingOn() throws InterruptedException {
        while (isHalted) {
            wait();
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private synchronized void push(
            List<List<ObjectNode>> steps, String work, String user, boolean replacing, String previous) {
        waiting++;
        long due = System.nanoTime() + state.workerDelay.toNanos();
        queue.add(new Message(steps, work, user, replacing, previous, due));
    }

    private void run(Consumer<Throwable> failed) {
        try {
            while (true) {
                Message message = queue.take();
                Thread.sleep(Math.max(0, (message.dueNanos - System.nanoTime()) / 1_000_000));
                awaitGoingOn();
                try {
                    message.steps.forEach(step -> apply(step, message));
                } catch (RuntimeException e) {
                    failed.accept(e);
                }
                applied();
            }
        } catch (InterruptedException closed) {
            // the destination is closed
        }
    }

    private synchronized void applied() {
        waiting--;
        notifyAll();
    }

    private void apply(List<ObjectNode> step, Message message) {
        Optional<String> error = Optional.empty();
        try {
            for (ObjectNode object : step) {
                apply(object, message);
            }
        } catch (Refused e) {
            error = Optional.of(e.told());
        }
        state.works.processed(message.work, error, step.get(0));
    }

    private void apply(ObjectNode object, Message message) throws Refused {
        if (state.refused.test(object)) {
            throw new Refused("FUNCTIONAL_ERROR", "Refused by the test");
        }
        if (StixFields.option(object, "is_inferred").asBoolean()) {
            return; // the worker passes over what rules have made, whatever is to be done with it, and reports success
        }
        String id = object.path("id").asText();
        switch (StixFields.option(object, "opencti_operation").asText()) {
            case "" -> upsert(object, message);
            case "delete", "delete_force" -> {
                state.need("KNDELETE");
                Optional<ObjectNode> last = state.objects.find(id);
                state.objects.delete(id);
                last.ifPresent(gone -> tell(gone, true, message));
            }
            case "merge" -> {
                state.need("KNMERGE");
                List<String> sources = new ArrayList<>();
                StixFields.option(object, "merge_source_ids").forEach(source -> sources.add(source.asText()));
                state.objects.merge(StixFields.option(object, "merge_target_id").asText(id), sources);
            }
            case "patch" -> {
                state.need("KNUPDATE");
                String patched =
                        StixFields.extension(object).path("id").asText(id); // the extension's beats the object's
                state.objects.patch(patched, StixFields.option(object, "opencti_field_patch"));
                state.objects.find(patched).ifPresent(now -> tell(now, false, message));
            }
            default -> throw new IllegalArgumentException("this worker does not know the operation in " + object);
        }
    }

    private void upsert(ObjectNode given, Message message) throws Refused {
        state.need("KNUPDATE");
        ObjectNode object = given.deepCopy();
        if (isOfType(object, "marking-definition")) {
            state.need("SETMARKINGS");
        }
        if (isOfType(object, "kill-chain-phase")) {
            state.need("SETKILLCHAINPHASES");
        }
        if (!state.has("SETLABELS")) {
            if (isOfType(object, "label")) {
                return;
            }
            StixFields.dropLabels(object, label -> !state.objects.hasLabel(label));
        }
        if (!state.has("SETKILLCHAINPHASES")) {
            object.remove("kill_chain_phases"); // as far as they are not there; none is looked up here
        }
        StixFields.labels(object).forEach(state.objects::ensureLabel);
        StixFields.dropMarkings(object, marking -> !state.objects.hasMarking(marking));
        state.objects.upsert(object, message.user, message.replacing && state.synchronizing, message.previous);
        state.objects.find(object.path("id").asText()).ifPresent(now -> tell(now, false, message));
    }

    private void tell(ObjectNode object, boolean isGone, Message message) {
        state.told.accept(new FakeDestination.Written(object, isGone, message.user));
    }

    private static List<ObjectNode> event(JsonNode event) {
        ObjectNode object = event.path("data").deepCopy();
        ObjectNode operation = object.deepCopy();
        operation.put("opencti_operation", event.path("type").asText());
        return switch (event.path("type").asText()) {
            case "create", "update" -> List.of(object);
            case "delete" -> List.of(operation);
            case "merge" -> {
                List<String> sources = new ArrayList<>();
                event.path("context")
                        .path("sources")
                        .forEach(source -> sources.add(source.path("id").asText()));
                operation.setAll(Jackson.object("merge_target_id", object.get("id"), "merge_source_ids", sources));
                yield List.of(operation, object);
            }
            default -> throw new IllegalArgumentException("not an event for the worker: " + event);
        };
    }

    /** The bundle's objects, of one id the last, in the order of how much each depends on in the bundle. */
    private static List<List<ObjectNode>> steps(JsonNode bundle) {
        Map<String, ObjectNode> objects = new LinkedHashMap<>();
        bundle.path("objects").forEach(object -> objects.put(object.path("id").asText(), object.deepCopy()));
        Map<String, Integer> counts = new LinkedHashMap<>();
        objects.keySet().forEach(id -> count(id, objects, counts, new HashSet<>()));
        counts.forEach((id, count) -> objects.get(id).put("nb_deps", count));
        return counts.entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .map(entry -> List.of(objects.get(entry.getKey())))
                .toList();
    }

    /** An object, and all that its references count. */
    private static int count(
            String id, Map<String, ObjectNode> objects, Map<String, Integer> counts, Set<String> above) {
        if (!objects.containsKey(id) || !above.add(id)) {
            return 0;
        }
        Integer known = counts.get(id);
        if (known == null) {
            int sum = 1;
            for (String name : (Iterable<String>) objects.get(id)::fieldNames) {
                if (name.endsWith("_ref") || name.endsWith("_refs")) {
                    for (String reference : StixFields.texts(objects.get(id), List.of(name))) {
                        sum += count(reference, objects, counts, above);
                    }
                }
            }
            known = sum;
            counts.put(id, known);
        }
        above.remove(id);
        return known;
    }
}
