package io.caravan.opencti.push;

import io.caravan.event.Batch;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.Known.KnownObject;
import io.caravan.opencti.OpenctiComponent;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.OpenctiEndpoint;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
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
    private final Way way;
    private final Pusher pusher;
    private final Outcomes outcomes;
    private Optional<ScheduledExecutorService> background = Optional.empty();
    private volatile String state = "{}";

    /** @throws IllegalArgumentException when the destination's options cannot be used; says which and why */
    public OpenctiProducer(OpenctiEndpoint endpoint, OpenctiConfiguration connection, PushConfiguration options) {
        super(endpoint);
        this.connection = connection;
        this.options = options;
        Platform platform = new Platform(connection);
        GraphQl api = new GraphQl(platform, Duration.ofMillis(options.getAnswerTimeout()));
        String connector = Connector.idOf(endpoint.getStream(), endpoint.sourceUrl());
        way = Ways.of(connection, platform, options, connector);
        DeadLetters deadLetters =
                Optional.ofNullable(connection.getDeadLetters()).orElse(OpenctiProducer::nobodyKeeps);
        PushedFiles pushed = ((OpenctiComponent) endpoint.getComponent()).pushed(endpoint.getStream());
        outcomes = new Outcomes(way, deadLetters, counters, pushed);
        Files files = new Files(options.isFiles() ? storage(endpoint) : Optional.empty(), options.getFilesMaxBytes());
        OpenctiComponent component = (OpenctiComponent) endpoint.getComponent();
        Rules rules = new Rules(
                Wording.of(options),
                options.isDeletions(),
                protection(api),
                files,
                Optional.of(new Presence(api, collection(), options.isCheckMarkings())),
                component::known);
        pusher = new Pusher(way, rules, deadLetters, outcomes, counters);
    }

    /** Of the platform that is followed, with that platform's token; empty where none is said. */
    private Optional<Storage> storage(OpenctiEndpoint endpoint) {
        OpenctiConfiguration source = endpoint.source();
        return Optional.ofNullable(source.getUrl())
                .filter(url -> !url.isBlank())
                .map(url -> new Storage(new Platform(source), Duration.ofMillis(options.getAnswerTimeout())));
    }

    private Optional<Protection> protection(GraphQl api) {
        if (!options.isDeletions() || !options.isProtectOthers()) {
            return Optional.empty();
        }
        return Optional.of(new Protection(api, options, collection(), outcomes::isAllApplied, counters));
    }

    private Optional<TaxiiWay> collection() {
        return way instanceof TaxiiWay taxii ? Optional.of(taxii) : Optional.empty();
    }

    @Override
    public void process(Exchange exchange) throws Exception {
        begin();
        Batch batch = exchange.getMessage().getMandatoryBody(Batch.class);
        String route = String.valueOf(ExchangeHelper.getAtRouteId(exchange));
        pusher.deliver(batch, route.replaceFirst("^sink-", ""), mayPass(exchange));
        state = "{\"position\":\"" + batch.after().newest() + "\"}";
    }

    /** What of the known objects may go along, by the filter of the sink whose route this is in. */
    @SuppressWarnings("unchecked")
    private static Predicate<KnownObject> mayPass(Exchange exchange) {
        Predicate<KnownObject> all = object -> true;
        return exchange.getProperty(Batch.FILTER, all, Predicate.class);
    }

    /** The destination's, as the route says it. */
    public String name() {
        return ((OpenctiEndpoint) getEndpoint()).getStream();
    }

    /** What may be known of the destination before anything is written there. */
    public Rights rights() {
        OpenctiEndpoint endpoint = (OpenctiEndpoint) getEndpoint();
        return new Rights(connection, options, name(), endpoint.sourceUrl());
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
        if (getEndpoint().getCamelContext().isAutoStartup()) { // else steps are made to be looked at, as by check
            begin();
        }
    }

    private synchronized void begin() {
        if (background.isPresent()) {
            return;
        }
        OpenctiEndpoint endpoint = (OpenctiEndpoint) getEndpoint();
        if (endpoint.source().isFollowing()) { // a redrive leaves to the next run what the last one has left
            outcomes.goOn();
        }
        ScheduledExecutorService executor = getEndpoint()
                .getCamelContext()
                .getExecutorServiceManager()
                .newScheduledThreadPool(this, "destination", 2); // answers that are slow to come hold up no ping
        executor.scheduleWithFixedDelay(this::ping, 0, PING.toSeconds(), TimeUnit.SECONDS);
        executor.scheduleWithFixedDelay(this::look, LOOK.toSeconds(), LOOK.toSeconds(), TimeUnit.SECONDS);
        background = Optional.of(executor);
    }

    @Override
    protected synchronized void doStop() throws Exception {
        background.ifPresent(executor ->
                getEndpoint().getCamelContext().getExecutorServiceManager().shutdownNow(executor));
        background = Optional.empty();
        way.close();
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
