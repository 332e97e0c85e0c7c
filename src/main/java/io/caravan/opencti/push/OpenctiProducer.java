package io.caravan.opencti.push;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.OpenctiEndpoint;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultProducer;
import org.apache.camel.support.ExchangeHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes to another platform: {@code to: opencti:<name>}, in a sink's route. The body is a batch; it is queued at the
 * destination when the step is done.
 */
public final class OpenctiProducer extends DefaultProducer {

    private static final Logger LOG = LoggerFactory.getLogger(OpenctiProducer.class);
    /** The platform takes a connector for dead that has not been heard of for some minutes. */
    private static final Duration PING = Duration.ofSeconds(40);

    private static final Duration LOOK = Duration.ofSeconds(2);

    private final OpenctiConfiguration connection;
    private final PushConfiguration options;
    private final PushCounters counters = new PushCounters();
    private final Platform platform;
    private final Way way;
    private final Pusher pusher;
    private final Outcomes outcomes;
    private ScheduledExecutorService background;
    private volatile String state = "{}";

    /** @throws IllegalArgumentException when the destination's options cannot be used; says which and why */
    public OpenctiProducer(OpenctiEndpoint endpoint, OpenctiConfiguration connection, PushConfiguration options) {
        super(endpoint);
        this.connection = connection;
        this.options = options;
        platform = new Platform(connection);
        way = way(platform, options, "caravan " + endpoint.getStream() + " " + endpoint.sourceUrl());
        DeadLetters deadLetters =
                Optional.ofNullable(connection.getDeadLetters()).orElse(OpenctiProducer::nobodyKeeps);
        outcomes = new Outcomes(way, deadLetters, counters);
        Optional<String> author =
                Optional.ofNullable(options.getDefaultAuthor()).filter(id -> !id.isBlank());
        pusher = new Pusher(way, new Wording(author), options.isDeletions(), deadLetters, outcomes, counters);
    }

    /** @param identity what tells this connector from others, the same in every run */
    static Way way(Platform platform, PushConfiguration options, String identity) {
        Duration patience = Duration.ofMillis(options.getAnswerTimeout());
        if (options.getWay() == PushConfiguration.Way.taxii) {
            if (options.getCollection() == null || options.getCollection().isBlank()) {
                throw new IllegalArgumentException(
                        "collection is not set: say the id of the TAXII collection to write to");
            }
            return new TaxiiWay(platform, options.getApiRoot(), options.getCollection(), patience);
        }
        GraphQl api = new GraphQl(platform, patience);
        UUID id = UUID.nameUUIDFromBytes(identity.getBytes(StandardCharsets.UTF_8));
        return new BundleWay(api, new Connector(api, id.toString(), options.getName()));
    }

    @Override
    public void process(Exchange exchange) throws Exception {
        Batch batch = exchange.getMessage().getMandatoryBody(Batch.class);
        String route = String.valueOf(ExchangeHelper.getAtRouteId(exchange));
        pusher.deliver(batch, route.replaceFirst("^sink-", ""));
        state = "{\"position\":\"" + batch.after().newest() + "\"}";
    }

    /** The destination's, as the route says it. */
    public String name() {
        return ((OpenctiEndpoint) getEndpoint()).getStream();
    }

    /** What became of what was pushed, until now. */
    public PushCounters counters() {
        return counters;
    }

    /** Objects that are queued at the destination and of which it has not told yet what became of them. */
    public int waiting() {
        return outcomes.waiting();
    }

    @Override
    protected void doStart() throws Exception {
        super.doStart();
        background = getEndpoint()
                .getCamelContext()
                .getExecutorServiceManager()
                .newSingleThreadScheduledExecutor(this, "destination");
        background.scheduleWithFixedDelay(this::ping, 0, PING.toSeconds(), TimeUnit.SECONDS);
        background.scheduleWithFixedDelay(this::look, LOOK.toSeconds(), LOOK.toSeconds(), TimeUnit.SECONDS);
    }

    @Override
    protected void doStop() throws Exception {
        getEndpoint().getCamelContext().getExecutorServiceManager().shutdownNow(background);
        super.doStop();
    }

    private void ping() {
        try {
            way.ping(state);
        } catch (IOException e) {
            LOG.debug("The destination does not hear that this connector is alive", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.warn("The destination cannot be told that this connector is alive", e);
        }
    }

    private void look() {
        try {
            outcomes.ask();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.warn("What became of what was pushed cannot be asked", e);
        }
    }

    private static void nobodyKeeps(DeadLetter letter) throws IOException {
        throw new IOException("nobody keeps dead letters: " + letter.error());
    }
}
