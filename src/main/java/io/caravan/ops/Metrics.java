package io.caravan.ops;

import io.caravan.event.DeadLetters;
import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.opencti.push.OpenctiProducer;
import io.caravan.opencti.push.PushCounters;
import io.caravan.opencti.stream.Counters;
import io.caravan.opencti.stream.Counters.Ending;
import io.caravan.opencti.stream.OpenctiConsumer;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.spi.RoutePolicy;
import org.apache.camel.spi.RoutePolicyFactory;
import org.apache.camel.support.RoutePolicySupport;

/**
 * The program's metrics: what {@link Counters} count anyway, read when somebody asks, and how long each sink takes, once a
 * batch; an event costs nothing more. All are there from the start with all their labels, and what the platform sends
 * never becomes one. Camel finds the sinks' routes through the {@link RoutePolicyFactory}.
 */
final class Metrics implements RoutePolicyFactory, AutoCloseable {

    private static final String DELIVERY = "CaravanSinkDelivery";
    private static final List<String> OPS = List.of("create", "update", "delete", "merge");
    private static final Duration[] BUCKETS =
            Stream.of(10, 50, 250, 1_000, 5_000, 30_000).map(Duration::ofMillis).toArray(Duration[]::new);

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Map<String, Sink> sinks = new LinkedHashMap<>();
    private final Map<String, Counter> deadLetters = new LinkedHashMap<>();
    private final JvmGcMetrics collections = new JvmGcMetrics();

    Metrics(List<String> sinkNames) {
        for (String sink : sinkNames) {
            sinks.put(sink, new Sink(sink));
        }
        Stream.of(List.of("stream"), OPS, List.of("reconcile"), sinkNames, List.of("other"))
                .flatMap(List::stream)
                .forEach(this::letters);
    }

    /** What is served. */
    PrometheusMeterRegistry registry() {
        return registry;
    }

    /** What is written to a platform: one a name of its endpoint. */
    void watch(OpenctiProducer producer) {
        Tags tags = Tags.of("destination", producer.name());
        PushCounters counters = producer.counters();
        count("pushed", tags, "Objects queued at the destination.", counters, PushCounters::pushed);
        count("push.applied", tags, "Objects that the destination has applied.", counters, PushCounters::applied);
        count("push.failed", tags, "Objects that the destination did not apply.", counters, PushCounters::failed);
        count("push.refused", tags, "Objects that the destination did not take.", counters, PushCounters::refused);
        count("push.unknown", tags, "Objects of which the destination does not tell.", counters, PushCounters::unknown);
        count(
                "push.kept",
                tags,
                "Objects that are gone and were not removed at the destination because others wrote them, too.",
                counters,
                PushCounters::kept);
        count("push.files", tags, "Files that went with their objects.", counters, PushCounters::files);
        count(
                "push.files.left.out",
                tags,
                "Files that objects went without: too large, not to be had, or refused.",
                counters,
                PushCounters::filesLeftOut);
        Gauge.builder("caravan.push.waiting", producer, OpenctiProducer::waiting)
                .tags(tags)
                .description("Objects queued at the destination of which it has not told yet.")
                .register(registry);
    }

    /** Once the consumer is there. */
    void watch(OpenctiConsumer consumer) {
        Counters counters = consumer.counters();
        Stream.concat(OPS.stream(), Stream.of("unknown"))
                .forEach(op -> count(
                        "events.received",
                        Tags.of("op", op),
                        "Events received, by their name.",
                        counters,
                        c -> c.events(op)));
        count("heartbeats.received", "Heartbeats received.", counters, c -> c.events("heartbeat"));
        count("received.bytes", "Bytes of the events received.", counters, Counters::bytes);
        count(
                "stale.references",
                "Known objects that refer to what was renamed, merged or deleted, by ids that hold no longer.",
                counters,
                Counters::staleReferences);
        count("events.repeated", "Events that the platform sent again, dropped.", counters, Counters::repetitions);
        count(
                "deletions.left.out",
                "Deletions that came although opencti.listen-delete is off, dropped.",
                counters,
                Counters::leftOutDeletions);
        count(
                "events.ignored",
                "Events by the users of opencti.ignore-users, dropped.",
                counters,
                Counters::ignoredEvents);
        count("events.delivered", "Events that every sink has.", counters, Counters::delivered);
        count("batches.delivered", "Batches that every sink has.", counters, Counters::batches);
        for (Ending cause : Ending.values()) {
            Tags tags = Tags.of("cause", cause.name().toLowerCase(Locale.ROOT));
            count("reconnects", tags, "Connections that ended or did not begin.", counters, c -> c.endings(cause));
        }
        count("gaps", "Gaps: the platform no longer kept what came after the position.", counters, Counters::gaps);
        count(
                "gap.seconds",
                "How long the gaps were together.",
                counters,
                c -> c.gapLength().toMillis() / 1000.0);
        count("reconciles", "Reconciles that are through.", counters, Counters::reconciles);
        count("reconcile.removals", "Objects removed because a snapshot lacked them.", counters, Counters::removals);
        count(
                "reconcile.removals.skipped",
                Tags.of("reason", "still_shown"),
                "Objects that a snapshot lacked and that were not removed, by why.",
                counters,
                Counters::stillShown);
        count(
                "reconcile.removals.skipped",
                Tags.of("reason", "unanswered"),
                "Objects that a snapshot lacked and that were not removed, by why.",
                counters,
                Counters::unanswered);
        gauge(
                "reconcile.running",
                null,
                "1 from the beginning of a reconcile until its last removal is delivered, else 0.",
                consumer,
                c -> flag(c.position().flatMap(Position::reconcile).isPresent()));
        gauge("platform.up", null, "1 while the platform is heard, else 0.", consumer, c -> flag(c.isConnected()));
        gauge(
                "ready",
                null,
                "1 while the platform is heard, no batch is refused and no gap is being recovered, else 0; as /observe/health/ready.",
                consumer,
                c -> flag(c.isConnected() && c.sinkTrouble().isEmpty() && !c.isRecovering()));
        gauge("snapshot.reading", null, "1 while a snapshot is read, else 0.", consumer, c -> flag(isInSnapshot(c)));
        gauge(
                "lag",
                "seconds",
                "How far the log was behind the platform's clock when an event or an idle heartbeat came last; NaN before, and in a snapshot.",
                consumer,
                c -> isInSnapshot(c) ? Double.NaN : seconds(counters.lag()));
        gauge(
                "position.age",
                "seconds",
                "How far the stored position lies behind the platform's clock; NaN before the first and in a snapshot.",
                consumer,
                c -> seconds(positionAge(c)));
        gauge(
                "position.stored.age",
                "seconds",
                "Time since the position was last stored, or since the start; about a minute at most while all is well.",
                consumer,
                c -> seconds(Optional.of(c.sincePositionStored())));
        watchProcess(consumer);
    }

    private void watchProcess(OpenctiConsumer consumer) {
        Gauge.builder("caravan.build.info", () -> 1)
                .description("1, with the versions as labels.")
                .tag("version", Program.VERSION)
                .tag("camel", consumer.getEndpoint().getCamelContext().getVersion())
                .tag("java", System.getProperty("java.version"))
                .register(registry);
        Stream.of(
                        new JvmMemoryMetrics(),
                        collections,
                        new ProcessorMetrics(),
                        new FileDescriptorMetrics(),
                        new UptimeMetrics())
                .forEach(meters -> meters.bindTo(registry));
    }

    /** The same dead letters, counted once they are kept. */
    DeadLetters counting(DeadLetters letters) {
        return letter -> {
            letters.keep(letter);
            deadLetters.getOrDefault(letter.sink(), deadLetters.get("other")).increment();
        };
    }

    /** What is done before a sink is tried again, behind the count of the failure. */
    Processor countingFailures(Processor retries) {
        return exchange -> {
            Delivery delivery = exchange.getProperty(DELIVERY, Delivery.class);
            if (delivery != null) {
                delivery.sink().failed();
            }
            retries.process(exchange);
        };
    }

    @Override
    public RoutePolicy createRoutePolicy(CamelContext context, String routeId, NamedNode route) {
        return Routes.sinkOf(route).map(sinks::get).orElse(null);
    }

    @Override
    public void close() {
        collections.close();
        registry.close();
    }

    /** A batch that a sink has been handed. */
    private record Delivery(Sink sink, long since) {}

    /** One sink's meters, as the policy of its route. Called by the thread that carries the batch. */
    private final class Sink extends RoutePolicySupport {

        private final Timer delivery;
        private final Counter failures;
        private volatile boolean up = true;

        Sink(String name) {
            delivery = Timer.builder("caravan.sink.delivery")
                    .description("Time from handing a sink a batch until it has it, waits between tries included.")
                    .serviceLevelObjectives(BUCKETS)
                    .tag("sink", name)
                    .register(registry);
            failures = Counter.builder("caravan.sink.failures")
                    .description("Tries of a batch, or of a part of it, that a sink failed on.")
                    .tag("sink", name)
                    .register(registry);
            Gauge.builder("caravan.sink.up", this, sink -> flag(sink.up))
                    .description("0 from a try that the sink failed on until it has the batch, else 1.")
                    .tag("sink", name)
                    .register(registry);
        }

        @Override
        public void onExchangeBegin(Route route, Exchange exchange) {
            exchange.setProperty(DELIVERY, new Delivery(this, System.nanoTime()));
        }

        @Override
        public void onExchangeDone(Route route, Exchange exchange) {
            if (exchange.getException() != null) {
                failed();
                return;
            }
            Delivery delivered = exchange.getProperty(DELIVERY, Delivery.class);
            delivery.record(Duration.ofNanos(System.nanoTime() - delivered.since()));
            up = true;
        }

        void failed() {
            failures.increment();
            up = false;
        }
    }

    private void letters(String sink) {
        deadLetters.put(
                sink,
                Counter.builder("caravan.dead.letters")
                        .description("Events kept as dead letters, by who refused them.")
                        .tag("sink", sink)
                        .register(registry));
    }

    private void count(String name, String help, Counters counters, ToDoubleFunction<Counters> value) {
        count(name, Tags.empty(), help, counters, value);
    }

    private <T> void count(String name, Tags tags, String help, T counters, ToDoubleFunction<T> value) {
        FunctionCounter.builder("caravan." + name, counters, value)
                .description(help)
                .tags(tags)
                .register(registry);
    }

    private void gauge(
            String name, String unit, String help, OpenctiConsumer consumer, ToDoubleFunction<OpenctiConsumer> value) {
        Gauge.builder("caravan." + name, consumer, value)
                .description(help)
                .baseUnit(unit)
                .register(registry);
    }

    private static boolean isInSnapshot(OpenctiConsumer consumer) {
        return consumer.position().flatMap(Position::snapshot).isPresent();
    }

    /** Of a snapshot's position nothing can be said: its ids are as old as its objects. */
    private static Optional<Duration> positionAge(OpenctiConsumer consumer) {
        return consumer.position()
                .filter(position -> position.snapshot().isEmpty())
                .map(Position::newest)
                .filter(newest -> newest.isAbove(EventId.ZERO))
                .map(newest ->
                        Duration.between(newest.time(), consumer.counters().platformTime()))
                .map(age -> age.isNegative() ? Duration.ZERO : age);
    }

    private static double seconds(Optional<Duration> duration) {
        return duration.map(d -> d.toMillis() / 1000.0).orElse(Double.NaN);
    }

    private static double flag(boolean on) {
        return on ? 1 : 0;
    }
}
