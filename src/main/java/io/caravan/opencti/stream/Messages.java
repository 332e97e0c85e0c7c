package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.Event;
import java.util.AbstractList;
import org.apache.camel.CamelContext;
import org.apache.camel.Message;
import org.apache.camel.support.DefaultMessage;

/**
 * A batch's events as Camel messages, made when they are asked for: the event as body, its name in the
 * header op; the header event keeps it when a route changes the body.
 */
final class Messages extends AbstractList<Message> {

    private final CamelContext context;
    private final Batch batch;

    Messages(CamelContext context, Batch batch) {
        this.context = context;
        this.batch = batch;
    }

    @Override
    public Message get(int index) {
        Event event = batch.events().get(index);
        Message message = new DefaultMessage(context);
        message.setBody(event);
        message.setHeader("op", event.op());
        message.setHeader("event", event);
        return message;
    }

    @Override
    public int size() {
        return batch.events().size();
    }

    /** The body's text, where a route logs it. */
    @Override
    public String toString() {
        return batch.toString();
    }
}
