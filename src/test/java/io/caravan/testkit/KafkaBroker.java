package io.caravan.testkit;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import kafka.server.BrokerServer;
import kafka.server.ControllerServer;
import kafka.server.FaultHandlerFactory;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.server.Server;
import kafka.server.SharedServer;
import org.apache.kafka.common.security.scram.ScramLoginModule;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.metadata.bootstrap.BootstrapMetadata;
import org.apache.kafka.metadata.properties.MetaPropertiesEnsemble;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.raft.QuorumConfig;
import org.apache.kafka.server.common.MetadataVersion;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

/**
 * A real Kafka in this JVM: one node, broker and controller (KRaft), on the loopback interface; a second broker may join. It can be stopped and
 * started again, at the same ports and with the same data. Kafka's own defaults hold but where one node, little memory or
 * a quick start ask for others, and topics are not made by asking for them.
 *
 * <p>Every method may be called from any thread. Settings return the broker and hold from its next start. A fault that
 * would end a broker's process ends nothing here: it is logged, and kept in {@link #faults}.
 */
public final class KafkaBroker implements AutoCloseable {

    private static final String HOST = "localhost";
    private static final int FIRST = 1;
    /** A killed broker's successor is let in once the controller believes in the death. */
    private static final Duration BELIEVED_ALIVE = Duration.ofSeconds(2);

    private static final List<String> LOGGERS = List.of("kafka", "state", "org.apache.kafka");
    private static final List<String> CLIENTS = List.of("org.apache.kafka.clients", "org.apache.kafka.common.network");

    private final Path data;
    private final Map<String, String> settings = new TreeMap<>();
    private final List<Throwable> faults = new ArrayList<>();
    private final int saslPort;
    private final int node;
    private final int controllerPort;
    private int port;
    private Optional<String> credentials = Optional.empty();
    private Optional<Node> running = Optional.empty();

    /** The servers of a node that runs; one that joined another's has no controller. */
    private record Node(BrokerServer broker, Optional<ControllerServer> controller) {}

    /** The one that the tests of this JVM share; made when first asked for, gone with the JVM. */
    private static final class OfThisRun {
        private static final Path DATA = folder();
        private static final KafkaBroker BROKER =
                new KafkaBroker(DATA).sasl("caravan", "s3cret").start();

        static {
            Runtime.getRuntime().addShutdownHook(new Thread(OfThisRun::end, "end of the Kafka broker"));
        }

        private static Path folder() {
            try {
                return Files.createTempDirectory("caravan-kafka-");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static void end() {
            BROKER.stop();
            try (Stream<Path> files = Files.walk(DATA)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(file -> file.delete());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** On free ports; the folder is made, or holds what an earlier broker left. */
    public KafkaBroker(Path data) {
        this(data, FIRST, Ports.free(3));
    }

    private KafkaBroker(Path data, int node, List<Integer> ports) {
        this.data = data;
        this.node = node;
        port = ports.get(0);
        saslPort = ports.get(1);
        controllerPort = ports.get(2);
    }

    /** Another broker of this one's cluster, for a second replica; this one is its controller and must run. */
    public KafkaBroker second(Path others) {
        List<Integer> free = Ports.free(2);
        return new KafkaBroker(others, FIRST + 1, List.of(free.get(0), free.get(1), controllerPort));
    }

    /**
     * A broker that runs as long as this JVM, for all its tests: each uses topics of its own. It takes {@code caravan}
     * with {@code s3cret} on its SASL listener. A test that stops a broker makes its own.
     */
    public static KafkaBroker ofThisRun() {
        return OfThisRun.BROKER;
    }

    /** As a program: the arguments are its folder and perhaps its port; it says where it listens and runs until it is killed. */
    public static void main(String[] arguments) throws InterruptedException {
        KafkaBroker broker = new KafkaBroker(Path.of(arguments[0]));
        if (arguments.length > 1) {
            broker.port(Integer.parseInt(arguments[1]));
        }
        System.out.println("Kafka listens at " + broker.start().brokers());
        Thread.currentThread().join();
    }

    /** This broker as a process of its own, which can be killed and halted; {@link #start} is not for it then. */
    public synchronized Process process() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        KafkaBroker.class.getName(),
                        data.toString(),
                        String.valueOf(port))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    public synchronized KafkaBroker port(int plain) {
        port = plain;
        return this;
    }

    /** Adds a listener that asks for this user, by SASL/PLAIN without TLS, at {@link #saslBrokers}. */
    public synchronized KafkaBroker sasl(String user, String password) {
        credentials = Optional.of("org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=\"%s\";"
                .formatted(user, password));
        return this;
    }

    /**
     * Users have the rights that ACLs give them, and whoever comes without a password has all. The listener at {@link
     * #saslBrokers} takes the users that are made at the running broker, by SCRAM-SHA-256.
     */
    public synchronized KafkaBroker withAcls() {
        set("authorizer.class.name", StandardAuthorizer.class.getName());
        set("super.users", "User:ANONYMOUS");
        set("sasl.enabled.mechanisms", "SCRAM-SHA-256");
        set(
                "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config",
                ScramLoginModule.class.getName() + " required;");
        return sasl("unused", "unused");
    }

    /** Any property of a Kafka broker: {@code message.max.bytes}. */
    public synchronized KafkaBroker set(String property, Object value) {
        settings.put(property, String.valueOf(value));
        return this;
    }

    /** {@code kafka.brokers}, without a password. */
    public synchronized String brokers() {
        return HOST + ":" + port;
    }

    public synchronized String saslBrokers() {
        return HOST + ":" + saslPort;
    }

    /** Serves when this returns; nothing happens where it serves already. */
    public synchronized KafkaBroker start() {
        if (running.isEmpty()) {
            quiet();
            KafkaConfig config = KafkaConfig.apply(properties(), false);
            Node node = node(config);
            try {
                node.controller().ifPresent(ControllerServer::startup);
                node.broker().startup();
            } catch (Exception e) { // Scala's methods do not say what they throw
                stop(node);
                throw new IllegalStateException("Kafka does not start on port " + port + ": " + e.getMessage(), e);
            }
            running = Optional.of(node);
        }
        return this;
    }

    /** In order: what was under way is finished, clients are told to look elsewhere. */
    public synchronized void stop() {
        running.ifPresent(KafkaBroker::stop);
        running = Optional.empty();
    }

    /**
     * As near to a kill as a JVM allows: connections break first, with no answer to what was under way; nothing is told
     * to anybody, and the next start finds its logs not closed in order. The next start waits for the controller to
     * notice, some 3 s.
     */
    public synchronized void kill() {
        running.ifPresent(node -> {
            node.broker().socketServer().shutdown();
            node.controller().ifPresent(ControllerServer::shutdown);
            node.broker().shutdown(Duration.ZERO);
            try {
                Files.deleteIfExists(data.resolve(".kafka_cleanshutdown"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        running = Optional.empty();
    }

    /** What would have ended a broker's process; empty in a sound test. */
    public List<Throwable> faults() {
        synchronized (faults) {
            return List.copyOf(faults);
        }
    }

    @Override
    public void close() {
        stop();
    }

    private static void stop(Node node) {
        node.broker().shutdown();
        node.controller().ifPresent(ControllerServer::shutdown);
    }

    private Node node(KafkaConfig config) {
        format();
        Tuple2<MetaPropertiesEnsemble, BootstrapMetadata> read =
                KafkaRaftServer.initializeLogDirs(config, LoggerFactory.getLogger("kafka"), "");
        SharedServer shared = new SharedServer(
                config,
                read._1(),
                Time.SYSTEM,
                Server.initializeMetrics(
                        config, Time.SYSTEM, read._1().clusterId().orElseThrow()),
                CompletableFuture.completedFuture(QuorumConfig.parseVoterConnections(config.quorumVoters())),
                QuorumConfig.parseBootstrapServers(config.quorumBootstrapServers()),
                faultHandlers());
        BrokerServer broker = new BrokerServer(shared);
        return new Node(
                broker,
                isController()
                        ? Optional.of(new ControllerServer(shared, KafkaRaftServer.configSchema(), read._2()))
                        : Optional.empty());
    }

    private boolean isController() {
        return node == FIRST;
    }

    /** As {@code kafka-storage.sh format} does; a folder that has been formatted stays as it is. */
    private void format() {
        try (PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8)) {
            Files.createDirectories(data);
            new Formatter()
                    .setClusterId("caravan-testkit-kafka-")
                    .setNodeId(node)
                    .setControllerListenerName("CONTROLLER")
                    .addDirectory(data.toString())
                    .setMetadataLogDirectory(data.toString())
                    .setReleaseVersion(MetadataVersion.LATEST_PRODUCTION)
                    .setIgnoreFormatted(true)
                    .setPrintStream(nowhere)
                    .run();
        } catch (Exception e) {
            throw new IllegalStateException(data + " cannot be formatted for Kafka: " + e.getMessage(), e);
        }
    }

    private FaultHandlerFactory faultHandlers() {
        return (name, fatal, action) -> (message, cause) -> {
            RuntimeException fault = new IllegalStateException(name + ": " + message, cause);
            if (fatal) {
                LoggerFactory.getLogger(KafkaBroker.class).error("Kafka is broken", fault);
                synchronized (faults) {
                    faults.add(fault);
                }
            }
            action.run();
            return fault;
        };
    }

    private Map<String, String> properties() {
        Map<String, String> properties = new TreeMap<>();
        properties.put("process.roles", isController() ? "broker,controller" : "broker");
        properties.put("node.id", String.valueOf(node));
        properties.put("controller.quorum.voters", FIRST + "@" + HOST + ":" + controllerPort);
        properties.put("controller.listener.names", "CONTROLLER");
        properties.put("log.dirs", data.toString());
        String controller = isController() ? ",CONTROLLER://" + HOST + ":" + controllerPort : "";
        String listeners = "PLAINTEXT://" + brokers() + controller;
        properties.put("listeners", listeners);
        properties.put(
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT");
        credentials.ifPresent(login -> {
            properties.put("listeners", listeners + ",SASL_PLAINTEXT://" + saslBrokers());
            properties.put("sasl.enabled.mechanisms", "PLAIN");
            properties.put("listener.name.sasl_plaintext.plain.sasl.jaas.config", login);
        });
        properties.put("auto.create.topics.enable", "false");
        oneNode(properties);
        littleMemory(properties);
        properties.putAll(settings);
        return properties;
    }

    private static void oneNode(Map<String, String> properties) {
        properties.put("offsets.topic.num.partitions", "1");
        properties.put("offsets.topic.replication.factor", "1");
        properties.put("transaction.state.log.num.partitions", "1");
        properties.put("transaction.state.log.replication.factor", "1");
        properties.put("transaction.state.log.min.isr", "1");
        properties.put("group.initial.rebalance.delay.ms", "0");
        properties.put("broker.session.timeout.ms", String.valueOf(BELIEVED_ALIVE.toMillis()));
        properties.put("broker.heartbeat.interval.ms", String.valueOf(BELIEVED_ALIVE.toMillis() / 4));
        properties.put("server.max.startup.time.ms", "60000");
    }

    private static void littleMemory(Map<String, String> properties) {
        properties.put("log.cleaner.dedupe.buffer.size", "2097152");
        properties.put("num.network.threads", "2");
        properties.put("num.io.threads", "2");
        properties.put("background.threads", "2");
    }

    /** A broker's start and stop fill screens; its clients' warnings stay. What logback's configuration says holds. */
    private static void quiet() {
        LOGGERS.forEach(name -> levelUnlessSet(name, Level.OFF));
        CLIENTS.forEach(name -> levelUnlessSet(name, Level.WARN));
        // the node's own connections warn at each stop that they are closed already
        levelUnlessSet("org.apache.kafka.clients.NetworkClient", Level.ERROR);
    }

    private static void levelUnlessSet(String name, Level level) {
        Logger logger = (Logger) LoggerFactory.getLogger(name);
        if (logger.getLevel() == null) {
            logger.setLevel(level);
        }
    }
}
