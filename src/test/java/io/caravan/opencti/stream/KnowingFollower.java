package io.caravan.opencti.stream;

import io.caravan.event.Batch;
import io.caravan.event.BatchLimits;
import io.caravan.event.Change;
import io.caravan.event.Creation;
import io.caravan.event.Deletion;
import io.caravan.event.Event;
import io.caravan.event.Meaning;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.PositionStore;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.event.UnfinishedBatch;
import io.caravan.opencti.OpenctiComponent;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.testkit.FakePlatform;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;

/**
 * A program that follows a platform and tells on its output what the events mean. When its only sink has a batch it says
 * "delivered" and waits for a line, on which the sink succeeds, or fails where it is "fail"; then, if the batch is stored, it
 * says "stored".
 */
final class KnowingFollower {

    private static final Map<String, Meaning.Reading> READINGS =
            Map.of("create", new Creation(), "delete", new Deletion());

    private final PrintStream tell;
    private final BufferedReader words = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private KnowingFollower(PrintStream tell) {
        this.tell = tell;
    }

    static Process start(String url, Path state) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        KnowingFollower.class.getName(),
                        url,
                        state.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream tell = System.out;
        System.setOut(System.err); // for the log
        OpenctiConfiguration options = new OpenctiConfiguration();
        options.setUrl(arguments[0]);
        options.setStart("0-0");
        options.setToken(FakePlatform.TOKEN);
        options.setPositionStore(new Announcing(
                State.withBatchLog(Path.of(arguments[1]), Path.of(arguments[1]).resolveSibling("batch")), tell));
        OpenctiComponent opencti = new OpenctiComponent();
        opencti.setConfiguration(options);
        KnowingFollower follower = new KnowingFollower(tell);
        DefaultCamelContext context = new DefaultCamelContext();
        context.addComponent("opencti", opencti);
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                errorHandler(noErrorHandler());
                from("opencti:live").process(follower::deliver);
            }
        });
        context.start();
        Thread.currentThread().join();
    }

    private void deliver(Exchange exchange) throws Exception {
        Handover handover = Handover.of(exchange);
        for (Event event : handover.events()) {
            Meaning meaning = READINGS.get(event.op()).of(event, handover.known(), false);
            for (Change change : meaning.changes()) {
                tell.println(change.type() + " " + change.reason() + " "
                        + change.object().id());
            }
        }
        tell.println("delivered");
        if ("fail".equals(words.readLine())) {
            throw new IOException("the sink was told to fail");
        }
    }

    /** Says when a batch is stored. */
    private record Announcing(State state, PrintStream tell) implements PositionStore {
        @Override
        public Optional<Position> read() throws IOException {
            return state.read();
        }

        @Override
        public void write(Position position) throws IOException {
            state.write(position);
        }

        @Override
        public void log(Batch batch, Collection<String> seen) throws IOException {
            state.log(batch, seen);
        }

        @Override
        public Optional<UnfinishedBatch> unfinished(Position at, BatchLimits limits) throws IOException {
            return state.unfinished(at, limits);
        }

        @Override
        public void mark(long reconcile, Collection<String> keys) throws IOException {
            state.mark(reconcile, keys);
        }

        @Override
        public boolean isMarked(long reconcile, String key) throws IOException {
            return state.isMarked(reconcile, key);
        }

        @Override
        public boolean hasMarks(long reconcile) throws IOException {
            return state.hasMarks(reconcile);
        }

        @Override
        public List<StixObject> unmarked(long reconcile, Optional<String> after, int most, long mostBytes)
                throws IOException {
            return state.unmarked(reconcile, after, most, mostBytes);
        }

        @Override
        public Pending begin() {
            return state.begin();
        }

        @Override
        public void write(Position position, Pending known) throws IOException {
            state.write(position, known);
            tell.println("stored");
        }
    }
}
