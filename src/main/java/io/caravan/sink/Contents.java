package io.caravan.sink;

import io.caravan.event.Batch;
import io.caravan.event.Event;
import io.caravan.event.Known;
import io.caravan.event.Meaning;
import io.caravan.event.RecordFailedException;
import io.caravan.event.StixTypes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultComponent;
import org.apache.camel.support.ExchangeHelper;
import org.apache.camel.support.ProcessorEndpoint;

/**
 * {@code to: "contents:report"}, a step of a sink's route: leaves of a batch the containers of some types and what they
 * refer to. What comes into a container that was known before comes along, with what it needs itself; what none contains any
 * longer is removed. To it, objects that may not pass the sink's door are not there.
 */
public final class Contents extends DefaultComponent {

    /** The exchange property with the door of the sink whose route it is in. */
    public static final String DOOR = Batch.FILTER;

    private final Supplier<Known> known;
    private final Failures failures;

    /** Is told of the events of which it cannot be said what is contained; nothing of them is left. */
    @FunctionalInterface
    public interface Failures {
        void take(Exchange exchange, String sink, Event event, RecordFailedException failure);
    }

    /** @param known what is known before the batch under way */
    public Contents(Supplier<Known> known, Failures failures) {
        this.known = known;
        this.failures = failures;
    }

    /**
     * @param types STIX types of containers, comma separated
     * @throws IllegalArgumentException when one is no type of a container
     */
    @Override
    protected Endpoint createEndpoint(String uri, String types, Map<String, Object> parameters) {
        Set<String> asked = typesOf(Optional.ofNullable(types).orElse(""));
        return new ProcessorEndpoint(uri, this, exchange -> leave(asked, exchange));
    }

    private void leave(Set<String> types, Exchange exchange) throws Exception {
        Batch batch = exchange.getMessage().getMandatoryBody(Batch.class);
        Door door = exchange.getProperty(DOOR, Door.OPEN, Door.class);
        String sink = String.valueOf(ExchangeHelper.getAtRouteId(exchange)).replaceFirst("^sink-", "");
        exchange.getMessage()
                .setBody(of(batch, types, door, (event, failure) -> failures.take(exchange, sink, event, failure)));
    }

    Batch of(Batch batch, Set<String> types, Door door, Door.Failures failed) throws IOException {
        Selection selection = new Selection(known.get(), types, door);
        List<Meaning> meanings = new ArrayList<>();
        for (Meaning meaning : batch.meanings()) {
            try {
                meanings.addAll(RecordFailedException.during(() -> selection.of(meaning)));
            } catch (RecordFailedException e) {
                failed.take(meaning.event(), e);
            }
        }
        return batch.with(meanings);
    }

    private static Set<String> typesOf(String list) {
        Set<String> types = new HashSet<>();
        for (String type : list.split(",")) {
            String name = type.strip();
            if (!StixTypes.isContainer(name)) {
                throw new IllegalArgumentException("contents:" + list + ": \"" + name + "\" is no type of a container"
                        + StixTypes.insteadOfContainer(name));
            }
            types.add(name);
        }
        return types;
    }
}
