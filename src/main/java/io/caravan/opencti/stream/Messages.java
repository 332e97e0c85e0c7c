package io.caravan.opencti.stream;

import io.caravan.event.Event;
import java.util.AbstractList;
import java.util.List;
import org.apache.camel.CamelContext;
import org.apache.camel.Message;
import org.apache.camel.support.DefaultMessage;

/** A batch's events as Camel messages, made when they are asked for: the event as body, its name in the header op. */
final class Messages extends AbstractList<Message> {

    private final CamelContext context;
    private final List<Event> events;

    Messages(CamelContext context, List<Event> events) {
        this.context = context;
        this.events = events;
    }

    @Override
    public Message get(int index) {
        Event event = events.get(index);
        Message message = new DefaultMessage(context);
        message.setBody(event);
        message.setHeader("op", event.op());
        return message;
    }

    @Override
    public int size() {
        return events.size();
    }

    /** The body's text, where a route logs it. */
    @Override
    public String toString() {
        return events.size() + " events";
    }
}
