package io.caravan.ops;

import io.caravan.event.Batch;
import io.caravan.opencti.stream.DeadLetterStep;
import io.caravan.sink.Contents;
import io.caravan.sink.Door;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Route;
import org.apache.camel.spi.RoutePolicy;
import org.apache.camel.spi.RoutePolicyFactory;
import org.apache.camel.support.RoutePolicySupport;

/**
 * Stands at the head of every sink's route, users' own too, whatever their YAML says: the batch that enters is what may go
 * to that sink. Should that fail, nothing enters.
 */
final class Doors implements RoutePolicyFactory {

    private final Map<String, Door> doors;

    /** @param doors by the names of the sinks; one that is not there is open */
    Doors(Map<String, Door> doors) {
        this.doors = Map.copyOf(doors);
    }

    @Override
    public RoutePolicy createRoutePolicy(CamelContext context, String routeId, NamedNode node) {
        return Routes.sinkOf(node)
                .filter(doors::containsKey)
                .map(sink -> new Keeper(sink, doors.get(sink)))
                .orElse(null);
    }

    private static final class Keeper extends RoutePolicySupport {
        private final String sink;
        private final Door door;

        Keeper(String sink, Door door) {
            this.sink = sink;
            this.door = door;
        }

        @Override
        public void onExchangeBegin(Route route, Exchange exchange) {
            exchange.setProperty(Contents.DOOR, door);
            try {
                Batch batch = exchange.getMessage().getMandatoryBody(Batch.class);
                Batch let = door.let(batch, (event, failure) -> DeadLetterStep.refuse(exchange, sink, event, failure));
                exchange.getMessage().setBody(let);
            } catch (Exception e) {
                exchange.getMessage().setBody(null);
                exchange.setException(e);
            }
        }
    }
}
