package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.Creation;
import io.caravan.event.Deletion;
import io.caravan.event.Event;
import io.caravan.event.Meaning;
import io.caravan.event.PositionStore;
import io.caravan.event.Reconciliation;
import io.caravan.event.Update;
import io.caravan.opencti.OpenctiComponent;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.testkit.FakePlatform;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;

/**
 * A stream that is followed in this JVM, with one sink and nothing else of the program: it starts within milliseconds, so a
 * test can start it thousands of times. A sink or a store that throws {@link Killed} ends the delivery where it stands, as a
 * kill does: nothing after that is delivered or stored.
 */
public final class InProcessFollower implements AutoCloseable {

    private static final Map<String, Meaning.Reading> READINGS = Map.of(
            "create",
            new Creation(),
            "update",
            new Update(),
            "delete",
            new Deletion(),
            Reconciliation.OP,
            new Reconciliation());

    /** The end of the process, as far as the delivery notices one. */
    public static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    /** Gets each batch with its changes. */
    @FunctionalInterface
    public interface Sink {
        void deliver(Batch batch) throws Exception;
    }

    private final Sink sink;
    private final DefaultCamelContext context = new DefaultCamelContext();

    /** Follows the live stream, from a snapshot of everything on. */
    public InProcessFollower(FakePlatform platform, PositionStore store, int batchMaxEvents, Sink sink)
            throws Exception {
        this.sink = sink;
        OpenctiConfiguration options = new OpenctiConfiguration();
        options.setUrl(platform.url());
        options.setToken(FakePlatform.TOKEN);
        options.setBatchMaxEvents(batchMaxEvents);
        options.setPositionStore(store);
        OpenctiComponent opencti = new OpenctiComponent();
        opencti.setConfiguration(options);
        context.addComponent("opencti", opencti);
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                errorHandler(noErrorHandler());
                from("opencti:live").process(InProcessFollower.this::deliver);
            }
        });
        context.start();
    }

    private void deliver(Exchange exchange) throws Exception {
        Handover handover = Handover.of(exchange);
        for (Event event : handover.events()) {
            handover.leave(handover.read(event, READINGS.get(event.op())));
        }
        try {
            sink.deliver(handover.forSinks());
        } catch (Killed e) { // Camel would make an exception of it, after which the batch is tried again
            throw new InterruptedException("killed");
        }
    }

    @Override
    public void close() {
        context.stop();
    }
}
