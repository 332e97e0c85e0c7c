package io.caravan.opencti.push;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Bytes;
import io.caravan.event.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * By the workers' queue on RabbitMQ, where the platform's own synchronizer puts its messages: one an object, in the form that
 * the platform gives to a bundle it has cut. What no bundle can say goes as an event: that the stream's version replaces
 * the destination's, and by which id the object was known before.
 *
 * <p>The run is pushed when the broker has it on disk, all of it. A run that fails goes again as a whole, as another work:
 * of the first, nobody could say how many objects it will be of.
 */
final class QueueWay implements Way {

    private final Connector connector;
    private final WorkerQueue.Terms terms;
    private final Optional<String> user;
    private final boolean isReplacing;

    /** Written by the thread that pushes; another may close it. */
    private volatile Optional<WorkerQueue> queue = Optional.empty();

    /**
     * @param user in whose name objects are written; else the token's
     * @param isReplacing whether the stream's version replaces the destination's
     */
    QueueWay(Connector connector, WorkerQueue.Terms terms, Optional<String> user, boolean isReplacing) {
        this.connector = connector;
        this.terms = terms;
        this.user = user;
        this.isReplacing = isReplacing;
    }

    @Override
    public Optional<String> push(Run run) throws IOException, InterruptedException, Refused {
        boolean isPushed = false;
        try {
            String applicant = user.isPresent() ? user.get() : connector.user();
            WorkerQueue open = queue();
            String work = connector.work(run.toString());
            connector.expect(work, run.items().size());
            for (Item item : run.items()) {
                open.send(message(item, applicant, work));
            }
            open.awaitConfirms();
            isPushed = true;
            return Optional.of(work);
        } catch (WorkerQueue.TooLarge e) {
            throw new Refused(e.getMessage());
        } finally {
            if (!isPushed) {
                close();
                connector.forget(); // registered anew, it may be told another address, and has its queue again
            }
        }
    }

    @Override
    public Optional<Outcome> outcome(String work) throws IOException, InterruptedException {
        return connector.outcome(work);
    }

    @Override
    public void ping(String state) throws IOException, InterruptedException {
        connector.ping(state);
    }

    @Override
    public void close() {
        Optional<WorkerQueue> open = queue;
        queue = Optional.empty();
        open.ifPresent(WorkerQueue::close);
    }

    private WorkerQueue queue() throws IOException, InterruptedException {
        if (queue.filter(WorkerQueue::isOpen).isEmpty()) {
            close();
            JsonNode config = connector.registered().path("config");
            queue = Optional.of(WorkerQueue.open(config, terms));
        }
        return queue.orElseThrow(() -> new IOException("the connection to RabbitMQ was closed meanwhile"));
    }

    private byte[] message(Item item, String applicant, String work) throws IOException {
        Optional<String> previousId = item.change().previousId();
        boolean isEvent = item.operation() == Item.Operation.UPSERT && (isReplacing || previousId.isPresent());
        Bytes content = isEvent ? event(item) : Bundles.of(new Run(List.of(item)));
        ByteArrayOutputStream message = new ByteArrayOutputStream(Math.max(512, content.length()));
        try (JsonGenerator json = Json.mapper().createGenerator(message)) {
            json.writeStartObject();
            json.writeStringField("type", isEvent ? "event" : "bundle");
            json.writeStringField("applicant_id", applicant);
            json.writeStringField("work_id", work);
            json.writeBooleanField("update", true);
            if (isEvent) {
                json.writeBooleanField("synchronized", isReplacing);
                if (previousId.isPresent()) {
                    json.writeStringField("previous_standard", previousId.get());
                }
            } else {
                json.writeBooleanField("no_split", true);
            }
            json.writeFieldName("content");
            json.writeBinary(content.array(), content.offset(), content.length());
            json.writeEndObject();
        }
        return message.toByteArray();
    }

    /** As it would stand in a stream; the worker looks at no more of it. */
    private static Bytes event(Item item) {
        Bytes object = item.json();
        ByteArrayOutputStream json = new ByteArrayOutputStream(object.length() + 64);
        json.writeBytes("{\"version\":\"4\",\"type\":\"update\",\"data\":".getBytes(StandardCharsets.US_ASCII));
        json.write(object.array(), object.offset(), object.length());
        json.write('}');
        byte[] bytes = json.toByteArray();
        return new Bytes(bytes, bytes.length);
    }
}
