package io.caravan.opencti;

import io.caravan.event.Known;
import io.caravan.event.Pending;
import io.caravan.opencti.push.OpenctiProducer;
import io.caravan.opencti.push.PushedFiles;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.apache.camel.Endpoint;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.annotations.Component;
import org.apache.camel.support.DefaultComponent;

/** The {@code opencti:} component: its configuration is every endpoint's default. */
@Component("opencti")
public class OpenctiComponent extends DefaultComponent {

    @Metadata(description = "The options that every endpoint starts from.")
    private OpenctiConfiguration configuration = new OpenctiConfiguration();

    private static final Set<String> OF_THE_PLATFORM =
            Set.of("url", "token", "tokenFile", "sslVerify", "caFile", "clientCertFile", "clientKeyFile", "proxy");

    private final Map<String, Destination> destinations = new HashMap<>();

    private final List<OpenctiProducer> producers = new CopyOnWriteArrayList<>();

    private Path pushedFolder = Path.of("data", "pushed");

    private final Map<String, PushedFiles> pushed = new ConcurrentHashMap<>();

    private Supplier<Known> known = Pending::overNothing;

    private record Destination(OpenctiConfiguration platform, PushConfiguration push) {}

    public OpenctiConfiguration getConfiguration() {
        return configuration;
    }

    public void setConfiguration(OpenctiConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void doInit() throws Exception {
        super.doInit();
        EventConversions.register(getCamelContext().getTypeConverterRegistry());
    }

    /** What {@code to: opencti:<name>} writes to where the route says no more: by its name, the platform and how. */
    public void addDestination(String name, OpenctiConfiguration platform, PushConfiguration push) {
        destinations.put(name, new Destination(platform, push));
    }

    /** Where what was pushed is kept until it is known what became of it: {@code data/pushed}, unless set before the start. */
    public void keepPushedIn(Path folder) {
        pushedFolder = folder;
    }

    /** What a destination has queued and not told of, the same for all steps that write to it. */
    public PushedFiles pushed(String destination) {
        return pushed.computeIfAbsent(destination, name -> PushedFiles.of(name, pushedFolder));
    }

    /** What is known before the batch under way: what its objects bear goes to a destination before them. Nothing, unless set. */
    public void know(Supplier<Known> objects) {
        known = objects;
    }

    public Known known() {
        return known.get();
    }

    /** What writes to other platforms, as far as it is made. */
    public List<OpenctiProducer> producers() {
        return List.copyOf(producers);
    }

    void add(OpenctiProducer producer) {
        producers.add(producer);
    }

    @Override
    protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) throws Exception {
        OpenctiEndpoint endpoint = Optional.ofNullable(destinations.get(remaining))
                .map(known -> new OpenctiEndpoint(uri, this, known.platform.copy(), known.push.copy(), OF_THE_PLATFORM))
                .orElseGet(() -> new OpenctiEndpoint(
                        uri, this, configuration.copy(), new PushConfiguration(), Set.copyOf(parameters.keySet())));
        endpoint.setStream(remaining);
        setProperties(endpoint, parameters);
        return endpoint;
    }
}
