package io.caravan.ops;

import io.caravan.event.Creation;
import io.caravan.event.DeadLetters;
import io.caravan.event.Deletion;
import io.caravan.event.FailureText;
import io.caravan.event.Meaning;
import io.caravan.event.Merge;
import io.caravan.event.Position;
import io.caravan.event.PositionStore;
import io.caravan.event.Reconciliation;
import io.caravan.event.State;
import io.caravan.event.Update;
import io.caravan.opencti.OpenctiComponent;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.OpenctiEndpoint;
import io.caravan.opencti.push.OpenctiProducer;
import io.caravan.opencti.push.Rights;
import io.caravan.opencti.stream.BatchAggregation;
import io.caravan.opencti.stream.Counters;
import io.caravan.opencti.stream.DeadLetterStep;
import io.caravan.opencti.stream.MeaningStep;
import io.caravan.opencti.stream.OpenctiConsumer;
import io.caravan.opencti.stream.Retries;
import io.caravan.sink.Contents;
import io.caravan.sink.DeadLetterFiles;
import io.caravan.sink.DeadLetterTopic;
import io.caravan.sink.Journal;
import io.caravan.sink.KafkaPositions;
import io.caravan.sink.KafkaSink;
import io.caravan.sink.Mirror;
import io.caravan.sink.PositionTopic;
import io.caravan.sink.Refusals;
import io.caravan.sink.Sinks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Route;
import org.apache.camel.component.micrometer.MicrometerConstants;
import org.apache.camel.main.Main;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running program: the routes of the routes folder in a Camel context, with the beans that they name. Made once,
 * started once, closed from any thread; closing stops in order and takes at most about 7 s.
 */
public final class Program implements AutoCloseable {

    public static final String VERSION = "0.1.0";

    private static final Logger LOG = LoggerFactory.getLogger(Program.class);
    /** Camel's own patience with exchanges under way, in seconds; the consumer's, 5 s, lies within it. */
    private static final int SHUTDOWN_TIMEOUT = 6;

    private static final long LOOK_EVERY_MILLIS = 200;

    private final Settings settings;
    private final Main main = new Main();
    private final State state;
    private final Journal journal;
    private final Mirror mirror;
    private final KafkaSink kafka;
    private final Metrics metrics;
    private final OpenctiComponent component = new OpenctiComponent();
    private Optional<HttpEndpoints> endpoints = Optional.empty();
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile Optional<Exception> failure = Optional.empty();
    private Optional<MinuteReport> report = Optional.empty();
    private Optional<ReconcileRequests> requests = Optional.empty();
    private boolean started;
    private boolean closed;

    /** The program cannot run with these settings, routes or state; one line a mistake. */
    public static final class Unusable extends Exception {
        private static final long serialVersionUID = 1L;
        private final transient List<String> mistakes;

        Unusable(List<String> mistakes, Throwable cause) {
            super(String.join("; ", mistakes), cause);
            this.mistakes = mistakes;
        }

        public List<String> mistakes() {
            return mistakes == null ? List.of(getMessage()) : mistakes;
        }
    }

    public Program(Settings settings) {
        this(settings, Optional.empty());
    }

    /** One that does not follow the platform, and sends dead letters again. */
    Program(Settings settings, Redelivery redelivery) {
        this(settings, Optional.of(redelivery));
    }

    private Program(Settings settings, Optional<Redelivery> redelivery) {
        this.settings = settings;
        Path data = settings.dataDirectory();
        boolean canAllTellABatchAgain = settings.countingSinks().containsAll(settings.sinks());
        state = canAllTellABatchAgain
                ? new State(settings.stateDirectory())
                : State.withBatchLog(settings.stateDirectory(), data.resolve("state/batch"));
        metrics = new Metrics(settings.sinks());
        DeadLetters files = metrics.counting(redelivery
                .<DeadLetters>map(collecting -> collecting)
                .orElseGet(() -> new DeadLetterFiles(settings.deadLetters(), Clock.systemUTC())));
        DeadLetterTopic topic = settings.deadLetterTopic(files);
        DeadLetters deadLetters = settings.sinks().contains("kafka") ? topic : files;
        journal = new Journal(
                settings.filesDirectory().resolve("journal"), data.resolve("state/journal.json"), deadLetters);
        mirror = new Mirror(settings.filesDirectory().resolve("objects"), deadLetters);
        Optional<PositionTopic> positions = settings.positionTopic();
        kafka = new KafkaSink(settings.kafka(), positions, topic, this::fail);

        OpenctiConfiguration opencti = settings.opencti();
        opencti.setPositionStore(positions.isPresent() ? new KafkaPositions(positions.get(), state, kafka) : state);
        opencti.setFollowing(redelivery.isEmpty());
        opencti.setDeadLetters(deadLetters);
        opencti.setFailureHandler(this::fail);
        component.setConfiguration(opencti);
        component.keepPushedIn(data.resolve("pushed"));
        component.know(state::look);
        if (settings.sinks().contains("opencti")) {
            OpenctiConfiguration destination = settings.destination();
            destination.setDeadLetters(deadLetters);
            component.addDestination(OpenctiEndpoint.DESTINATION, destination, settings.push());
        }

        main.setDefaultPropertyPlaceholderLocation("false");
        main.configure().withShutdownTimeout(SHUTDOWN_TIMEOUT).withShutdownLogInflightExchangesOnTimeout(false);
        main.configure().withAutoConfigurationEnvironmentVariablesEnabled(false);
        main.configure().health().setConsumersEnabled(true);
        Path routes = settings.routesDirectory();
        main.configure().withRoutesIncludePattern("file:" + routes + "/*.y*ml,file:" + routes + "/**/*.y*ml");
        settings.all().forEach((name, value) -> main.addInitialProperty(name.toString(), value.toString()));
        main.bind("opencti", component);
        main.bind("journal", journal);
        main.bind("mirror", mirror);
        main.bind("kafka", kafka);
        UnaryOperator<Meaning.Reading> reading =
                redelivery.<UnaryOperator<Meaning.Reading>>map(r -> r::late).orElse(UnaryOperator.identity());
        main.bind("create", new MeaningStep(reading.apply(new Creation())));
        main.bind("update", new MeaningStep(reading.apply(new Update())));
        main.bind("delete", new MeaningStep(reading.apply(new Deletion())));
        main.bind("merge", new MeaningStep(reading.apply(new Merge())));
        main.bind("reconcile", new MeaningStep(reading.apply(new Reconciliation())));
        main.bind("deadLetter", new DeadLetterStep(Refusals::isOutage));
        main.bind("doors", new Doors(settings.doors()));
        main.bind("contents", new Contents(state::look, DeadLetterStep::refuse));
        main.bind("refusedEvent", new RefusedEvent());
        main.bind(
                "sinks",
                new Sinks(
                        settings.sinks(),
                        sink -> redelivery.isEmpty() || redelivery.get().goesTo(sink)));
        redelivery.ifPresent(policies -> main.bind("redelivery", policies));
        main.bind("changes", new BatchAggregation());
        main.bind("keepBatch", new KeepBatch());
        main.bind("retries", metrics.countingFailures(new Retries()));
        main.bind("metrics", metrics);
        main.bind(MicrometerConstants.METRICS_REGISTRY_NAME, metrics.registry());
        main.bind("caravanHealth", new ProgramHealthCheck(this::context));
    }

    /** Makes a bean known to routes by its name, before the start. */
    public void bind(String name, Object bean) {
        main.bind(name, bean);
    }

    /** Loads the routes and starts them. */
    public void start() throws Unusable {
        HttpAddress address = settings.http();
        if (address.isServed()) {
            require(address.obstacle());
            endpoints = Optional.of(new HttpEndpoints(address, metrics.registry()));
            endpoints.get().configure(main);
        }
        startAll();
        consumers().forEach(metrics::watch);
        component.producers().forEach(metrics::watch);
        started = true;
        LOG.info(
                "Caravan runs, sinks: {}; {}",
                String.join(", ", settings.sinks()),
                address.isServed() ? "health at " + address.uri(HttpAddress.HEALTH) : "health is not served");
        report = Optional.of(new MinuteReport(consumers()));
        if (consumer().hasSnapshots()) {
            requests = Optional.of(new ReconcileRequests(settings.dataDirectory(), consumer()));
        }
    }

    /** Starts the routes that batches are carried through, where the platform is not followed. Nothing is served. */
    OpenctiConsumer startWithoutFollowing() throws Unusable {
        startAll();
        OpenctiConsumer consumer = consumers().get(0);
        try {
            require(
                    consumer.readPosition().isPresent()
                            ? Optional.empty()
                            : Optional.of("caravan.data-dir: no position is stored in " + settings.dataDirectory()
                                    + ": let ./caravan run begin to follow the stream first"));
        } catch (IOException e) {
            throw new Unusable(List.of("caravan.position-store: the position cannot be read: " + FailureText.of(e)), e);
        }
        return consumer;
    }

    private void startAll() throws Unusable {
        init();
        for (WritableFolder folder : settings.writableFolders()) {
            require(folder.make());
        }
        startKafka();
        startRoutes();
    }

    /** Loads the routes and makes all their steps, but starts none. */
    public void rehearse() throws Unusable {
        main.configure().withAutoStartup(false);
        init();
        startRoutes();
    }

    private void init() throws Unusable {
        if (!Files.isDirectory(settings.routesDirectory())) {
            throw new Unusable(List.of("routes: there is no folder " + settings.routesDirectory()), null);
        }
        try {
            main.init();
        } catch (Exception e) {
            throw new Unusable(List.of(describe(e)), e);
        }
        require(endpoints.flatMap(http -> http.listen(context())));
        List<String> mistakes = new Routes(context()).mistakes(settings.sinks());
        if (!mistakes.isEmpty()) {
            throw new Unusable(mistakes, null);
        }
    }

    private void startKafka() throws Unusable {
        if (!settings.sinks().contains("kafka")) {
            return;
        }
        try {
            requireState(); // before another instance is fenced off
            kafka.start();
        } catch (PositionStore.Unusable | KafkaSink.Unusable e) {
            throw new Unusable(List.of(e.getMessage()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Unusable(List.of("kafka: interrupted at the start"), e);
        }
    }

    /** A state that is away only, as on a full disk, is waited for later. */
    private void requireState() throws PositionStore.Unusable {
        try {
            state.read();
        } catch (PositionStore.Unusable e) {
            throw e;
        } catch (IOException e) {
            LOG.debug("The state cannot be read yet", e);
        }
    }

    private void startRoutes() throws Unusable {
        try {
            main.start();
        } catch (Exception e) {
            throw new Unusable(List.of(describe(e)), e);
        }
    }

    private static void require(Optional<String> mistake) throws Unusable {
        if (mistake.isPresent()) {
            throw new Unusable(List.of(mistake.get()), null);
        }
    }

    /** Waits until the stream cannot be followed any further, or the program is closed. */
    public Optional<Exception> awaitFailure() throws InterruptedException {
        ended.await();
        return failure;
    }

    /** Asks the program that uses the data directory to reconcile: the one that runs, or the next that is started. */
    public static void askReconcile(Settings settings) throws IOException {
        ReconcileRequests.ask(settings.dataDirectory());
    }

    /**
     * Waits until it is known of all that was written to other platforms what became of it, or is known that it is not told.
     *
     * @return false when the program ended before
     */
    boolean awaitOutcomes() throws InterruptedException {
        while (component.producers().stream().anyMatch(producer -> producer.waiting() > 0)) {
            if (ended.await(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Waits until a reconcile is through, the one that is under way or the next.
     *
     * @return what it found; empty when it came to nothing, or the program ended before
     */
    public Optional<String> awaitReconcile() throws InterruptedException {
        boolean hasBegun = false;
        boolean isUnderWay = true;
        while (isUnderWay || !hasBegun) {
            if (ended.await(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
                return Optional.empty();
            }
            isUnderWay = consumer().position().flatMap(Position::reconcile).isPresent();
            hasBegun = hasBegun || isUnderWay || consumer().counters().reconcilesBegun() > 0;
        }
        Counters counters = consumer().counters();
        return counters.reconciles() > 0 ? Optional.of(counters.reconcile()) : Optional.empty();
    }

    public Optional<Exception> failure() {
        return failure;
    }

    public CamelContext context() {
        return main.getCamelContext();
    }

    /** How many routes are loaded. */
    public int routeCount() {
        return new Routes(context()).count();
    }

    /** What may be known of the other platforms that the routes of sinks write to, before anything is written there. */
    List<Rights> destinations() {
        Set<String> names = new Routes(context()).destinations(settings.sinks());
        return component.producers().stream()
                .filter(producer -> names.contains(producer.name()))
                .map(OpenctiProducer::rights)
                .toList();
    }

    /** What writes to other platforms. */
    public List<OpenctiProducer> producers() {
        return component.producers();
    }

    /** What follows a stream. */
    public List<OpenctiConsumer> consumers() {
        return routes().map(Route::getConsumer)
                .map(consumer -> consumer instanceof OpenctiConsumer opencti ? opencti : null)
                .filter(Objects::nonNull)
                .toList();
    }

    /** There is one: no program starts with more. */
    private OpenctiConsumer consumer() {
        return consumers().get(0);
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        log("Stopping");
        report.ifPresent(MinuteReport::close);
        requests.ifPresent(ReconcileRequests::close);
        try {
            main.stop();
        } catch (Exception e) {
            LOG.warn("Stopping the routes failed: {}", FailureText.of(e));
        }
        main.shutdown();
        metrics.close();
        journal.close();
        mirror.close();
        kafka.close();
        state.close();
        log("Stopped");
        ended.countDown();
    }

    private void log(String step) {
        if (started) {
            LOG.info(step);
        }
    }

    private Stream<Route> routes() {
        return context().getRoutes().stream();
    }

    private String describe(Exception e) {
        return StartFailure.describe(e, route -> new Routes(context()).fileOf(route));
    }

    private void fail(Exception e) {
        failure = Optional.of(e);
        ended.countDown();
    }

    /** What comes out of a fan-out is the batch that went in. */
    private static final class KeepBatch implements AggregationStrategy {
        @Override
        public Exchange aggregate(Exchange oldExchange, Exchange newExchange) {
            throw new UnsupportedOperationException("only within a fan-out, whose own exchange is passed on");
        }

        @Override
        public Exchange aggregate(Exchange oldExchange, Exchange newExchange, Exchange batchExchange) {
            return batchExchange;
        }
    }
}
