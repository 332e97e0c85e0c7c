package io.caravan.ops;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Meaning;
import io.caravan.event.Overtaken;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Route;
import org.apache.camel.spi.RoutePolicy;
import org.apache.camel.spi.RoutePolicyFactory;
import org.apache.camel.support.RoutePolicySupport;

/**
 * What is different in a program that sends dead letters again: a batch may be for one sink alone, its events come late, and what is
 * refused of it again is collected, because it stands in a file already. Begun by the thread that brings the batches,
 * before each; asked by whatever threads carry it.
 */
final class Redelivery implements DeadLetters, RoutePolicyFactory {

    private final Set<String> counting;
    private final List<DeadLetter> refused = new ArrayList<>();
    private Optional<String> sink = Optional.empty();

    /** @param counting the sinks that see every batch, if without events, because they tell by its number one that comes again */
    Redelivery(Set<String> counting) {
        this.counting = Set.copyOf(counting);
    }

    /** @param only the sink that the next batch is for; empty: it is for all */
    synchronized void begin(Optional<String> only) {
        sink = only;
        refused.clear();
    }

    /** What of the batch was refused. */
    synchronized List<DeadLetter> refused() {
        return List.copyOf(refused);
    }

    @Override
    public synchronized void keep(DeadLetter letter) {
        refused.add(letter);
    }

    /** Whether the batch goes to a sink at all. */
    boolean goesTo(String name) {
        return isFor(name) || counting.contains(name);
    }

    Meaning.Reading late(Meaning.Reading reading) {
        return new Overtaken(reading, this::isForOne);
    }

    /** Stands at the head of every sink's route: one that the batch is not for finds it without events. */
    @Override
    public RoutePolicy createRoutePolicy(CamelContext context, String routeId, NamedNode node) {
        return Routes.sinkOf(node).map(Emptying::new).orElse(null);
    }

    private synchronized boolean isFor(String name) {
        return sink.isEmpty() || sink.get().equals(name);
    }

    /** What one sink alone refused, was read: all others have it, and it is known. */
    private synchronized boolean isForOne() {
        return sink.isPresent();
    }

    private final class Emptying extends RoutePolicySupport {
        private final String name;

        Emptying(String name) {
            this.name = name;
        }

        @Override
        public void onExchangeBegin(Route route, Exchange exchange) {
            if (!isFor(name) && exchange.getMessage().getBody() instanceof Batch batch) {
                exchange.getMessage().setBody(batch.with(List.of()));
            }
        }
    }
}
