package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiComponent;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Tls;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.Patience;
import io.caravan.testkit.RabbitBroker;
import io.caravan.testkit.TestCertificates;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.impl.DefaultCamelContext;
import org.awaitility.core.ThrowingRunnable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Through a real RabbitMQ to a worker that applies what it finds in its queue. */
class QueueWayIT {

    private static final String MALWARE = "malware--00000000-0000-4000-8000-00000000000";
    private static final String TOO_LARGE = "x".repeat(1_200_000);

    @TempDir
    private static Path certificatesFolder;

    @TempDir
    private Path folder;

    private static RabbitBroker broker;
    private static TestCertificates certificates;

    private final FakeDestination destination = FakeDestination.start();
    private final String id = UUID.randomUUID().toString();
    private final List<JsonNode> messages = new CopyOnWriteArrayList<>();
    private final List<DeadLetter> deadLetters = new CopyOnWriteArrayList<>();
    private final PushCounters counters = new PushCounters();
    private final OpenctiConfiguration connection = new OpenctiConfiguration();
    private final List<QueueWay> ways = new ArrayList<>();
    private Optional<String> user = Optional.empty();
    private boolean perfectSync;
    private Duration patience = Patience.SOON;
    private Optional<Connection> worker = Optional.empty();
    private Outcomes outcomes;
    private long batches;

    @BeforeAll
    static void startBroker() throws IOException {
        assumeTrue(RabbitBroker.isInstalled(), RabbitBroker.MISSING);
        certificates = TestCertificates.in(certificatesFolder);
        broker = new RabbitBroker(Files.createTempDirectory("caravan-rabbitmq-"))
                .tls(certificates)
                .set("max_message_size", "1000000")
                .start();
    }

    @AfterAll
    static void stopBroker() {
        if (broker != null) {
            broker.close();
        }
    }

    @BeforeEach
    void tellTheBroker() throws IOException {
        destination.broker("127.0.0.1", broker.port(), false, RabbitBroker.USER, RabbitBroker.PASSWORD);
        connection.setUrl(destination.url());
        connection.setToken(FakeDestination.TOKEN);
        broker.queueFor(id);
    }

    @AfterEach
    void close() throws IOException {
        ways.forEach(QueueWay::close);
        if (worker.isPresent()) {
            worker.get().close();
        }
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    @Test
    void createsUpdatesRenamesDeletesAndMerges() throws Exception {
        Pusher pusher = pusher(way());
        StixObject one = named(1, "one");
        pusher.deliver(
                batch(Changes.upsert(one), Changes.upsert(named(2, "two")), Changes.upsert(named(3, "three"))), "");
        pusher.deliver(batch(Changes.upsert(relation(7, 1, 2)), Changes.upsert(relation(8, 3, 2))), "");
        pusher.deliver(batch(Changes.upsert(described(1, "one", "changed"))), "");
        pusher.deliver(batch(Changes.renamed(MALWARE + 2, named(4, "four"))), "");
        pusher.deliver(
                Changes.batchOfOneEvent(
                        batches++,
                        because(Reason.MERGED, Changes.upsert(described(1, "one", "merged"))),
                        because(Reason.MERGED_INTO, Changes.remove(named(3, "three")))),
                "");
        pusher.deliver(batch(Changes.upsert(named(5, "five"))), "");
        pusher.deliver(batch(Changes.remove(named(5, "five"))), "");
        work();

        assertThat(destination.objects()).containsOnlyKeys(MALWARE + 1, MALWARE + 4, "relationship--7");
        assertThat(destination.objects().get(MALWARE + 1).path("description").asText())
                .isEqualTo("merged");
        assertThat(destination.objects().get(MALWARE + 4).path("name").asText()).isEqualTo("four");
        assertThat(messages.stream()
                        .map(message -> message.path("type").asText() + " "
                                + message.path("previous_standard").asText()))
                .filteredOn(said -> said.startsWith("event"))
                .containsExactly("event " + MALWARE + 2);
        outcomes.ask();
        assertThat(counters.applied()).isEqualTo(11).isEqualTo(counters.pushed());
        assertThat(outcomes.waiting()).isZero();
    }

    @Test
    void sendsWhatThePlatformWouldSend() throws Exception {
        pusher(way()).deliver(batch(Changes.upsert(named(1, "one")), Changes.upsert(named(2, "two"))), "");
        work();
        JsonNode message = messages.get(1);
        assertThat(message.fieldNames())
                .toIterable()
                .containsExactlyInAnyOrder("type", "applicant_id", "content", "work_id", "update", "no_split");
        assertThat(message.path("type").asText()).isEqualTo("bundle");
        assertThat(message.path("applicant_id").asText()).isEqualTo(FakeDestination.USER);
        assertThat(message.path("work_id").asText())
                .startsWith("work_" + id)
                .isEqualTo(messages.get(0).path("work_id").asText());
        assertThat(message.path("update").asBoolean()).isTrue();
        assertThat(message.path("no_split").asBoolean()).isTrue();
        assertThat(content(message).path("objects")).hasSize(1);
        assertThat(content(message).at("/objects/0/name").asText()).isEqualTo("two");
    }

    @Test
    void writesInTheNameOfAnother() throws Exception {
        user = Optional.of("88ec0c6a-13ce-5e39-b486-354fe4a7084f");
        pusher(way()).deliver(batch(Changes.upsert(named(1, "one"))), "");
        work();
        assertThat(messages.get(0).path("applicant_id").asText()).isEqualTo(user.get());
    }

    @Test
    void shrinksAListWithPerfectSync() throws Exception {
        StixObject both = listing("\"one\",\"two\"");
        StixObject less = listing("\"one\"");
        Pusher adding = pusher(way());
        adding.deliver(batch(Changes.upsert(both)), "");
        adding.deliver(batch(Changes.upsert(less)), "");
        work();
        assertThat(destination.objects().get(MALWARE + 1).path("aliases")).hasSize(2);

        perfectSync = true;
        pusher(way()).deliver(batch(Changes.upsert(less)), "");
        await().atMost(Patience.SOON).until(() -> messages.size() == 3);
        destination.awaitApplied();
        assertThat(destination.objects().get(MALWARE + 1).path("aliases")).hasToString("[\"one\"]");
        assertThat(messages.get(2).path("synchronized").asBoolean()).isTrue();
        outcomes.ask();
        assertThat(outcomes.waiting()).isZero();
    }

    @Test
    void tellsWhatTheWorkerRefused() throws Exception {
        destination.refuseObjects(object -> object.path("name").asText().equals("two"));
        pusher(way()).deliver(batch(Changes.upsert(named(1, "one")), Changes.upsert(named(2, "two"))), "queue");
        outcomes.ask();
        assertThat(outcomes.waiting()).isEqualTo(2);
        work();
        outcomes.ask();
        assertThat(outcomes.waiting()).isZero();
        assertThat(counters.applied()).isEqualTo(1);
        assertThat(deadLetters).extracting(DeadLetter::id).containsExactly(MALWARE + 2);
        assertThat(deadLetters.get(0).error()).contains("Refused by the test");
    }

    @Test
    void losesNothingWhenTheBrokerIsKilledBetweenPushes() throws Exception {
        QueueWay way = way();
        Pusher pusher = pusher(way);
        pusher.deliver(batch(1, 40), "");
        broker.kill();
        Batch next = batch(41, 80);
        assertThatThrownBy(() -> pusher.deliver(next, ""))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(
                        at(broker.port()) + " cannot be reached: it refuses connections, or nothing listens there");
        broker.start();
        assertThat(broker.waiting(id)).isEqualTo(40);
        pusher.deliver(next, "");
        work();
        assertThat(destination.objects()).hasSize(80);
    }

    @Test
    void losesNothingWhenTheBrokerIsKilledWhilePushing() throws Exception {
        Pusher pusher = pusher(way());
        CompletableFuture<Void> killer = new CompletableFuture<>();
        int failed = 0;
        int batches = 0;
        for (; batches < 60 || !killer.isDone(); batches++) {
            if (batches == 20) {
                killer = CompletableFuture.runAsync(() -> {
                    broker.kill();
                    broker.start();
                });
            }
            Batch batch = batch(batches * 10 + 1, batches * 10 + 10);
            for (boolean isThrough = false; !isThrough; ) {
                try {
                    pusher.deliver(batch, "");
                    isThrough = true;
                } catch (IOException e) {
                    failed++;
                }
            }
        }
        killer.join();
        work();
        assertThat(failed).isPositive();
        assertThat(destination.objects()).hasSize(batches * 10);
    }

    @Test
    void opensAnotherConnectionWhenTheOldOneIsGone() throws Exception {
        QueueWay way = way();
        push(way, run(Changes.upsert(named(1, "one"))));
        broker.kill();
        broker.start();
        push(way, run(Changes.upsert(named(2, "two"))));
        way.close();
        push(way, run(Changes.upsert(named(3, "three"))));
        work();
        assertThat(destination.objects()).hasSize(3);
    }

    @Test
    void saysThatTheLoginIsRefused() {
        destination.broker("127.0.0.1", broker.port(), false, RabbitBroker.USER, "wrong-s3cret");
        awaitSaid(() -> assertThatThrownBy(() -> way().push(run(Changes.upsert(named(1, "one")))))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(at(broker.port()) + " refuses the login of " + RabbitBroker.USER + ": ")
                .satisfies(e -> {
                    StringWriter trace = new StringWriter();
                    e.printStackTrace(new PrintWriter(trace));
                    assertThat(trace.toString()).doesNotContain("s3cret");
                }));
    }

    @Test
    void asksTheDestinationAnewForAddressAndPassword() throws Exception {
        QueueWay way = way();
        destination.broker("nowhere.invalid", 5672, false, RabbitBroker.USER, "wrong-s3cret");
        assertThatThrownBy(() -> way.push(run(Changes.upsert(named(1, "one")))))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(
                        "RabbitMQ at nowhere.invalid:5672 cannot be reached: this host is not known here");
        tellTheBroker();
        push(way, run(Changes.upsert(named(1, "one"))));
        work();
        assertThat(destination.objects()).hasSize(1);
    }

    @Test
    void registersAgainWhereItsConnectorWasDeleted() throws Exception {
        Pusher pusher = pusher(way());
        pusher.deliver(batch(Changes.upsert(named(1, "one"))), "");
        work();
        worker.orElseThrow().close();
        destination.deleteConnectors();
        onBroker(channel -> channel.queueDelete("push_" + id));
        broker.queueFor(id); // as the platform does when it is registered again
        pusher.deliver(batch(Changes.upsert(named(2, "two"))), "");
        work();
        assertThat(destination.connectors()).containsOnlyKeys(id);
        assertThat(destination.objects()).containsOnlyKeys(MALWARE + 1, MALWARE + 2);
    }

    @Test
    void isAnOutageWhereNoQueueTakesIt() throws Exception {
        Pusher pusher = pusher(way());
        pusher.deliver(batch(Changes.upsert(named(1, "one"))), "");
        onBroker(channel -> channel.queueUnbind("push_" + id, RabbitBroker.EXCHANGE, "push_routing_" + id));
        Batch next = batch(Changes.upsert(named(2, "two")));
        assertThatThrownBy(() -> pusher.deliver(next, ""))
                .isInstanceOf(IOException.class)
                .hasMessage(at(broker.port()) + " has no queue for the messages of this connector: nothing is bound to"
                        + " push_routing_" + id + " at the exchange " + RabbitBroker.EXCHANGE);
        assertThat(counters.pushed()).isEqualTo(1);

        broker.queueFor(id);
        pusher.deliver(next, "");
        work();
        assertThat(destination.objects()).hasSize(2);
    }

    @Test
    void saysWhichQueueOrExchangeIsMissing() throws Exception {
        QueueWay way = way();
        onBroker(channel -> channel.queueDelete("push_" + id));
        awaitSaid(() -> assertThatThrownBy(() -> way.push(run(Changes.upsert(named(1, "one")))))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(at(broker.port()) + " has no queue push_" + id + ", "));
        onBroker(channel -> channel.exchangeDelete(RabbitBroker.EXCHANGE));
        awaitSaid(() -> assertThatThrownBy(() -> way.push(run(Changes.upsert(named(1, "one")))))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(at(broker.port()) + " has no exchange " + RabbitBroker.EXCHANGE + ", "));
        assertThat(destination.requests())
                .noneMatch(request -> request.text().contains("workAdd")); // no work that never ends
    }

    @Test
    void whatIsTooLargeForTheBrokerBecomesADeadLetter() throws Exception {
        Pusher pusher = pusher(way());
        pusher.deliver(
                batch(
                        Changes.upsert(named(1, "one")),
                        Changes.upsert(described(2, "two", TOO_LARGE)),
                        Changes.upsert(named(3, "three"))),
                "queue");
        work();
        assertThat(destination.objects()).containsOnlyKeys(MALWARE + 1, MALWARE + 3);
        assertThat(deadLetters).extracting(DeadLetter::id).containsExactly(MALWARE + 2);
        assertThat(deadLetters.get(0).error()).startsWith(at(broker.port()) + " does not take it: ");
        assertThat(counters.refused()).isEqualTo(1);
    }

    @Test
    void isAnOutageWhileTheBrokerTakesNothing() throws Exception {
        patience = Duration.ofSeconds(3);
        QueueWay way = way();
        broker.control("set_vm_memory_high_watermark", "0.00001");
        try {
            awaitSaid(() -> assertThatThrownBy(() -> way.push(run(Changes.upsert(named(1, "one")))))
                    .isInstanceOf(IOException.class)
                    .hasMessage(at(broker.port())
                            + " has not confirmed within 3 s what was sent: it takes nothing for now, low on memory"));
        } finally {
            broker.control("set_vm_memory_high_watermark", "0.4");
        }
        push(way, run(Changes.upsert(named(1, "one"))));
        work();
        assertThat(destination.objects()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void closesSoonWhereTheBrokerStalls(boolean isTls) throws Exception {
        destination.broker(
                "127.0.0.1", isTls ? broker.tlsPort() : broker.port(), isTls, RabbitBroker.USER, RabbitBroker.PASSWORD);
        connection.setSslVerify(false);
        QueueWay idle = way();
        QueueWay awaiting = way();
        QueueWay writing = way();
        for (QueueWay way : ways) {
            push(way, run(Changes.upsert(named(1, "one"))));
        }
        int works = works();
        broker.sleep();
        try {
            CompletableFuture<Void> small = pushing(awaiting, batch(1, 1, ""));
            CompletableFuture<Void> large = pushing(writing, batch(1, 20, "x".repeat(600_000)));
            await().atMost(Patience.SOON).until(() -> works() == works + 2);

            assertThat(toClose(idle)).isLessThan(Patience.STOP);
            assertThat(toClose(awaiting)).isLessThan(Patience.STOP);
            assertThat(toClose(writing)).isLessThan(Patience.STOP);
            assertThatThrownBy(() -> small.get(Patience.SOON.toSeconds(), TimeUnit.SECONDS))
                    .hasCauseInstanceOf(IOException.class);
            assertThatThrownBy(() -> large.get(Patience.SOON.toSeconds(), TimeUnit.SECONDS))
                    .hasCauseInstanceOf(IOException.class);
        } finally {
            broker.wake();
        }
    }

    @Test
    void verifiesTheBrokersCertificate() throws Exception {
        destination.broker("127.0.0.1", broker.tlsPort(), true, RabbitBroker.USER, RabbitBroker.PASSWORD);
        awaitSaid(() -> assertThatThrownBy(() -> way().push(run(Changes.upsert(named(1, "one")))))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(at(broker.tlsPort()) + " cannot be reached: its certificate is not trusted, "));
        connection.setCaFile(certificates.ca().toString());
        push(way(), run(Changes.upsert(named(1, "one"))));
        connection.setCaFile(null);
        connection.setSslVerify(false);
        push(way(), run(Changes.upsert(named(2, "two"))));
        work();
        assertThat(destination.objects()).hasSize(2);
    }

    @Test
    void servesARoute() throws Exception {
        try (DefaultCamelContext camel = new DefaultCamelContext()) {
            OpenctiComponent opencti = new OpenctiComponent();
            opencti.keepPushedIn(folder);
            camel.addComponent("opencti", opencti);
            camel.start();
            ProducerTemplate template = camel.createProducerTemplate();
            String uri = "opencti:elsewhere?way=queue&perfectSync=true&url=" + destination.url() + "&token="
                    + FakeDestination.TOKEN;
            assertThatThrownBy(() -> template.sendBody(uri, batch(Changes.upsert(named(1, "one")))))
                    .rootCause() // not yet what the platform does when a connector registers
                    .hasMessageContaining("no queue 'push_");
            String registered = destination.connectors().keySet().iterator().next();
            broker.queueFor(registered);
            template.sendBody(uri, batch(Changes.upsert(named(1, "one"))));
            work(registered);
        }
        assertThat(destination.objects()).containsOnlyKeys(MALWARE + 1);
    }

    /** What the platform's worker does, until the queue is empty. */
    private void work() throws Exception {
        work(id);
    }

    private void work(String connector) throws Exception {
        worker = Optional.of(broker.consume(connector, message -> {
            destination.receive(message);
            messages.add(tree(message));
        }));
        await().atMost(Patience.LATER).until(() -> broker.waiting(connector) == 0);
        destination.awaitApplied();
    }

    /** As whoever pushes does: a broker that does not answer for a while is an outage, and it is tried again. */
    private static void push(QueueWay way, Run run) {
        await().atMost(Patience.LATER)
                .ignoreExceptionsInstanceOf(IOException.class)
                .until(() -> {
                    way.push(run);
                    return true;
                });
    }

    /** A broker that does not answer for a while says nothing of what is wrong. */
    private static void awaitSaid(ThrowingRunnable assertion) {
        await().atMost(Patience.LATER).untilAsserted(assertion);
    }

    private QueueWay way() {
        WorkerQueue.Terms terms = new WorkerQueue.Terms(Tls.context(connection), connection.isSslVerify(), patience);
        GraphQl api = new GraphQl(new Platform(connection), Duration.ofSeconds(20));
        QueueWay way = new QueueWay(new Connector(api, id, "Caravan"), terms, user, perfectSync);
        ways.add(way);
        return way;
    }

    private Pusher pusher(QueueWay way) {
        outcomes = new Outcomes(way, deadLetters::add, counters, new PushedFiles(folder));
        Rules rules = new Rules(
                new Wording(Optional.empty()),
                true,
                Optional.empty(),
                new io.caravan.opencti.push.Files(Optional.empty(), 0));
        return new Pusher(way, rules, deadLetters::add, outcomes, counters);
    }

    private interface OnChannel {
        void run(Channel channel) throws IOException;
    }

    private static void onBroker(OnChannel change) throws IOException {
        try (Connection connection = broker.connect()) {
            change.run(connection.createChannel());
        }
    }

    private Batch batch(Change... changes) {
        return Changes.batch(batches++, changes);
    }

    private Batch batch(int first, int last) {
        return batch(first, last, "");
    }

    private Batch batch(int first, int last, String more) {
        List<Change> changes = new ArrayList<>();
        for (int i = first; i <= last; i++) {
            String name = "malware--00000000-0000-4000-8000-%012d".formatted(i);
            changes.add(Changes.upsert(Changes.object(name, UUID.randomUUID().toString(), "m" + i + more)));
        }
        return Changes.batch(batches++, changes);
    }

    private static CompletableFuture<Void> pushing(QueueWay way, Batch batch) throws IOException {
        Run run = Runs.of(batch, new Wording(Optional.empty()), true, RunsTest::noneFails)
                .get(0);
        CompletableFuture<Void> end = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                way.push(run);
                end.complete(null);
            } catch (IOException | InterruptedException | Way.Refused e) {
                end.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return end;
    }

    /** Of which the destination was told how many objects they will be. */
    private int works() {
        return (int) destination.requests().stream()
                .filter(request -> request.text().contains("addExpectations"))
                .count();
    }

    private static Duration toClose(QueueWay way) {
        long begin = System.nanoTime();
        way.close();
        return Duration.ofNanos(System.nanoTime() - begin);
    }

    private Run run(Change change) throws IOException {
        return Runs.of(batch(change), new Wording(Optional.empty()), true, RunsTest::noneFails)
                .get(0);
    }

    private static Change because(Reason reason, Change change) {
        return Changes.of(change.event(), reason, change);
    }

    private static StixObject named(int number, String name) {
        return Changes.object(MALWARE + number, "00000000-0000-4000-8000-00000000010" + number, name);
    }

    private static StixObject described(int number, String name, String description) {
        return Changes.object("{\"type\":\"malware\",\"id\":\"%s\",\"name\":\"%s\",\"description\":\"%s\"}"
                .formatted(MALWARE + number, name, description));
    }

    private static StixObject listing(String aliases) {
        return Changes.object("{\"type\":\"malware\",\"id\":\"%s\",\"name\":\"one\",\"aliases\":[%s]}"
                .formatted(MALWARE + 1, aliases));
    }

    private static StixObject relation(int number, int from, int to) {
        return Changes.object(
                "{\"type\":\"relationship\",\"id\":\"relationship--%d\",\"relationship_type\":\"uses\",\"source_ref\":\"%s\",\"target_ref\":\"%s\"}"
                        .formatted(number, MALWARE + from, MALWARE + to));
    }

    private static JsonNode content(JsonNode message) {
        return tree(Base64.getDecoder().decode(message.path("content").asText()));
    }

    private static JsonNode tree(byte[] json) {
        try {
            return Json.mapper().readTree(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String at(int port) {
        return "RabbitMQ at 127.0.0.1:" + port;
    }
}
