package io.caravan;

import static io.caravan.testkit.Frames.create;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.caravan.ops.Check;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Patience;
import io.caravan.testkit.RabbitBroker;
import io.caravan.testkit.TestCertificates;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole program and a destination's RabbitMQ: what {@code ./caravan check} says of it, and a stop while it stalls. */
class QueueIT {

    @TempDir
    private static Path certificatesFolder;

    private static RabbitBroker broker;
    private static TestCertificates certificates;

    @TempDir
    Path home;

    private final FakePlatform platform = FakePlatform.start();
    private final FakeDestination destination = FakeDestination.start();
    private Installation caravan;
    private boolean isUsable;

    @BeforeAll
    static void startBroker() throws IOException {
        assumeTrue(RabbitBroker.isInstalled(), RabbitBroker.MISSING);
        certificates = TestCertificates.in(certificatesFolder);
        broker = new RabbitBroker(Files.createTempDirectory("caravan-rabbitmq-"))
                .tls(certificates)
                .start();
    }

    @AfterAll
    static void stopBroker() {
        if (broker != null) {
            broker.close();
        }
    }

    @BeforeEach
    void install() throws IOException {
        destination.broker("127.0.0.1", broker.port(), false, RabbitBroker.USER, RabbitBroker.PASSWORD);
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "opencti")
                .to(destination)
                .set("destination.way", "queue");
    }

    @AfterEach
    void close() {
        platform.close();
        destination.close();
        assertThat(destination.failures()).isEmpty();
    }

    @Test
    void findsTheConnectorsQueue() throws Exception {
        makeTheQueue();
        assertThat(said())
                .contains("ok       destination       RabbitMQ at 127.0.0.1:" + broker.port()
                        + " takes the platform's login, and has this connector's exchange and queue push_"
                        + connector());
        assertThat(isUsable).isTrue();
        assertThat(broker.waiting(connector())).isZero();
        assertThat(destination.pushes()).isEmpty();
    }

    @Test
    void findsItByTls() throws Exception {
        makeTheQueue();
        destination.broker("127.0.0.1", broker.tlsPort(), true, RabbitBroker.USER, RabbitBroker.PASSWORD);
        assertMistake(
                broker.tlsPort(),
                "cannot be reached: its certificate is not trusted, ",
                "name its authority by ca-file");
        caravan.set("destination.ca-file", certificates.ca().toString());
        said();
        assertThat(isUsable).isTrue();
    }

    @Test
    void saysThatItSpeaksNoTls() throws Exception {
        destination.broker("127.0.0.1", broker.port(), true, RabbitBroker.USER, RabbitBroker.PASSWORD);
        assertMistake(broker.port(), "cannot be reached: TLS fails: ", "");
    }

    @Test
    void saysThatItIsNotReached() throws Exception {
        destination.broker("127.0.0.1", 1, false, RabbitBroker.USER, RabbitBroker.PASSWORD);
        assertMistake(1, "cannot be reached: it refuses connections", "or set way=bundle");
    }

    @Test
    void saysThatItDoesNotAnswer() throws Exception {
        broker.sleep();
        try {
            assertMistake(broker.port(), "cannot be reached: it does not answer", "or set way=bundle");
        } finally {
            broker.wake();
        }
    }

    @Test
    void saysThatTheLoginIsRefused() throws Exception {
        destination.broker("127.0.0.1", broker.port(), false, RabbitBroker.USER, "wr0ng-s3cret");
        assertMistake(broker.port(), "refuses the login of opencti: ", "RABBITMQ__PASSWORD");
    }

    @Test
    void saysThatThereIsNoSuchVirtualHost() throws Exception {
        destination.virtualHost("nowhere");
        assertMistake(broker.port(), "refuses its virtual host nowhere", "RABBITMQ__VHOST");
    }

    @Test
    void saysWhatIsMissing() throws Exception {
        broker.control("add_vhost", "bare");
        broker.control("set_permissions", "-p", "bare", RabbitBroker.USER, ".*", ".*", ".*");
        destination.virtualHost("bare");
        assertMistake(broker.port(), "has no exchange amqp.worker.exchange", "that the platform uses?");
        destination.virtualHost("/");
        broker.queueFor("of-another");
        assertMistake(broker.port(), "has no queue push_" + connector(), "that the platform uses?");
    }

    @Test
    void registersNothingWhereItMayNot() throws Exception {
        destination.rights("KNOWLEDGE");
        assertThat(said()).anyMatch(line -> line.contains("CONNECTORAPI"));
        assertThat(destination.connectors()).isEmpty();
    }

    @Test
    void stopsInOrderWhileItStalls() throws Exception {
        makeTheQueue();
        platform.append(create("1000-0", "tool--00000000-0000-4000-8000-000000000001"));
        Process process = caravan.run("run");
        try {
            await().atMost(Patience.SOON).until(() -> broker.waiting(connector()) == 1);
            broker.sleep();
            process.destroy();
            assertThat(Patience.ends(process, Patience.SOON)).isTrue();
        } finally {
            broker.wake();
            process.destroyForcibly().waitFor();
        }
        assertThat(process.exitValue()).isZero();
        assertThat(caravan.log()).contains("Stopped"); // else it was halted
    }

    private void assertMistake(int port, String wrong, String right) throws IOException {
        assertThat(said())
                .filteredOn(line -> line.contains("RabbitMQ"))
                .singleElement()
                .asString()
                .startsWith("mistake  destination       RabbitMQ at 127.0.0.1:" + port + " " + wrong)
                .contains(right);
        assertThat(isUsable).isFalse();
    }

    /** What the platform does as a connector registers, which a check is the first to do here. */
    private void makeTheQueue() throws IOException {
        said();
        broker.queueFor(connector());
    }

    private String connector() {
        return destination.connectors().keySet().iterator().next();
    }

    /** Every line of a check. */
    private List<String> said() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        isUsable = new Check(caravan.settings(), new PrintStream(out, true, StandardCharsets.UTF_8)).run();
        String said = out.toString(StandardCharsets.UTF_8);
        assertThat(said).doesNotContain(RabbitBroker.PASSWORD, "s3cret", FakeDestination.TOKEN);
        return said.lines().toList();
    }
}
