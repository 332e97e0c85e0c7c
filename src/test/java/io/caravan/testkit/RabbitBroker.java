package io.caravan.testkit;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A real RabbitMQ as a process of its own, Debian's {@code rabbitmq-server}, on free ports of the loopback interface with all
 * that it writes in a folder. It can be put to sleep, or killed and started again, at the same ports and with the same data. The test
 * plays the platform and its worker: {@link #queueFor} and {@link #consume}.
 *
 * <p>Every method may be called from any thread. Settings return the broker and hold from its next start.
 */
public final class RabbitBroker implements AutoCloseable {

    public static final String USER = "opencti";
    public static final String PASSWORD = "r4bbit-s3cret";
    public static final String EXCHANGE = "amqp.worker.exchange";

    /** Why a test is skipped where there is none. */
    public static final String MISSING =
            "RabbitMQ is not installed, the queue is not tested: apt-get install rabbitmq-server";

    /** The one in the search path changes the user, and then cannot be stopped. */
    private static final Path SERVER = Path.of("/usr/lib/rabbitmq/bin/rabbitmq-server");

    private static final Duration TO_START = Patience.LATER;

    private static final long IDLE_MILLIS = 20;

    /** Held while a message is with the worker. */
    private final Object worked = new Object();

    private final Path folder;
    private final Map<String, String> settings = new TreeMap<>();
    private final Thread atExit = new Thread(() -> kill(), "end of RabbitMQ");
    private final int port;
    private final int tlsPort;
    private final int innerPort;
    private final int epmdPort;
    private Optional<Process> epmd = Optional.empty();
    private Optional<Process> server = Optional.empty();

    /** The folder is made, or holds what an earlier broker left. */
    public RabbitBroker(Path folder) {
        List<Integer> ports = Ports.free(4);
        this.folder = folder;
        port = ports.get(0);
        tlsPort = ports.get(1);
        innerPort = ports.get(2);
        epmdPort = ports.get(3);
        set("listeners.tcp.default", "127.0.0.1:" + port);
        set("default_user", USER);
        set("default_pass", PASSWORD);
        set("log.file", "false");
        set("log.console", "true");
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /** Whether this machine has one. */
    public static boolean isInstalled() {
        return Files.isExecutable(SERVER);
    }

    /** Any setting of rabbitmq.conf. */
    public synchronized RabbitBroker set(String key, String value) {
        settings.put(key, value);
        return this;
    }

    /** Serves TLS, too, at {@link #tlsPort}. */
    public RabbitBroker tls(TestCertificates certificates) {
        return set("listeners.ssl.default", "127.0.0.1:" + tlsPort)
                .set("ssl_options.cacertfile", certificates.ca().toString())
                .set("ssl_options.certfile", certificates.server().toString())
                .set("ssl_options.keyfile", certificates.serverKey().toString())
                .set("ssl_options.verify", "verify_none");
    }

    public int port() {
        return port;
    }

    public int tlsPort() {
        return tlsPort;
    }

    /** Serves when this returns; some 5 s. */
    public synchronized RabbitBroker start() {
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("enabled_plugins"), "[].\n");
            List<String> lines = settings.entrySet().stream()
                    .map(setting -> setting.getKey() + " = " + setting.getValue())
                    .toList();
            Files.write(folder.resolve("rabbitmq.conf"), lines);
            // one that the server starts itself would outlive it
            epmd = Optional.of(process("epmd", "-port", String.valueOf(epmdPort), "-address", "127.0.0.1"));
            server = Optional.of(process(SERVER.toString()));
            await();
        } catch (IOException e) {
            kill();
            throw new UncheckedIOException(e);
        }
        return this;
    }

    /** At once, as a power cut would: what it has not written is gone. */
    public synchronized void kill() {
        server.ifPresent(RabbitBroker::kill);
        epmd.ifPresent(RabbitBroker::kill);
        server = Optional.empty();
        epmd = Optional.empty();
    }

    /** From now on it accepts connections, as its system does for it, and neither reads nor answers. Until {@link #wake}. */
    public synchronized RabbitBroker sleep() {
        signal("-STOP");
        return this;
    }

    public synchronized RabbitBroker wake() {
        signal("-CONT");
        return this;
    }

    /** A connection of the test's own. */
    public Connection connect() throws IOException {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setHost("127.0.0.1");
        factory.setPort(port);
        factory.setUsername(USER);
        factory.setPassword(PASSWORD);
        factory.setAutomaticRecoveryEnabled(false);
        factory.setHandshakeTimeout((int) Patience.SOON.toMillis());
        try {
            return factory.newConnection("test");
        } catch (TimeoutException e) {
            throw new IOException("RabbitMQ does not answer on port " + port, e);
        }
    }

    /** What the platform makes when a connector registers. */
    public void queueFor(String connector) throws IOException {
        ask(channel -> {
            channel.exchangeDeclare(EXCHANGE, "direct", true);
            channel.queueDeclare("push_" + connector, true, false, false, null);
            return channel.queueBind("push_" + connector, EXCHANGE, "push_routing_" + connector);
        });
    }

    /** Messages that wait in a connector's queue or are with the worker of {@link #consume}. */
    public long waiting(String connector) throws IOException {
        synchronized (worked) {
            return ask(channel -> channel.messageCount("push_" + connector));
        }
    }

    /** The worker's part: each message in turn, gone from the queue when it was taken. Ends when the connection is closed. */
    public Connection consume(String connector, Consumer<byte[]> worker) throws IOException {
        Connection connection = connect();
        Channel channel = connection.createChannel();
        Thread thread = new Thread(() -> work(channel, "push_" + connector, worker), "worker of " + connector);
        thread.setDaemon(true);
        thread.start();
        return connection;
    }

    /** Asks for each message: of one that the broker hands over by itself nobody could tell where it is. */
    private void work(Channel channel, String queue, Consumer<byte[]> worker) {
        try {
            while (true) {
                boolean isIdle;
                synchronized (worked) {
                    GetResponse message = channel.basicGet(queue, false);
                    isIdle = message == null;
                    if (message != null) {
                        worker.accept(message.getBody());
                        channel.basicAck(message.getEnvelope().getDeliveryTag(), false);
                    }
                }
                if (isIdle) {
                    Thread.sleep(IDLE_MILLIS);
                }
            }
        } catch (IOException | ShutdownSignalException e) {
            // the connection is closed, by the test or with the broker
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private interface Question<T> {
        T ask(Channel channel) throws IOException;
    }

    /** A broker on a busy machine fails now and then by timeouts of its own; a question may be asked again. */
    private <T> T ask(Question<T> question) throws IOException {
        long deadline = System.nanoTime() + Patience.SOON.toNanos();
        while (true) {
            try (Connection connection = connect()) {
                return question.ask(connection.createChannel());
            } catch (IOException | ShutdownSignalException e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
                pause();
            }
        }
    }

    /** Kills it and takes its folder away. */
    @Override
    public void close() {
        kill();
        Runtime.getRuntime().removeShutdownHook(atExit);
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(file -> file.delete());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What {@code rabbitmqctl} does: {@code set_vm_memory_high_watermark}. */
    public synchronized void control(String... command) {
        List<String> whole =
                new ArrayList<>(List.of(SERVER.resolveSibling("rabbitmqctl").toString(), "-q"));
        whole.addAll(List.of(command));
        try {
            Process control = process(whole.toArray(String[]::new));
            if (!control.waitFor(TO_START.toSeconds(), TimeUnit.SECONDS) || control.exitValue() != 0) {
                throw new IOException(whole + " fails: " + Files.readString(folder.resolve("log")));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted in " + whole, e);
        }
    }

    private void signal(String signal) {
        List<String> kill = new ArrayList<>(List.of("kill", signal));
        all(server.orElseThrow()).forEach(one -> kill.add(String.valueOf(one.pid())));
        try {
            if (new ProcessBuilder(kill).start().waitFor() != 0) {
                throw new IllegalStateException(kill + " fails");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted in " + kill, e);
        }
    }

    private Process process(String... command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()));
        Map<String, String> environment = builder.environment();
        environment.keySet().removeIf(name -> name.startsWith("RABBITMQ_"));
        environment.put("HOME", folder.toString()); // for Erlang's cookie
        environment.put("ERL_EPMD_PORT", String.valueOf(epmdPort));
        environment.put("ERL_EPMD_ADDRESS", "127.0.0.1");
        environment.put("RABBITMQ_NODENAME", "caravan" + port + "@localhost");
        environment.put("RABBITMQ_DIST_PORT", String.valueOf(innerPort));
        environment.put("RABBITMQ_CONF_ENV_FILE", folder.resolve("none").toString());
        environment.put("RABBITMQ_CONFIG_FILE", folder.resolve("rabbitmq.conf").toString());
        environment.put(
                "RABBITMQ_ADVANCED_CONFIG_FILE", folder.resolve("none.config").toString());
        environment.put(
                "RABBITMQ_ENABLED_PLUGINS_FILE",
                folder.resolve("enabled_plugins").toString());
        environment.put("RABBITMQ_MNESIA_BASE", folder.resolve("data").toString());
        environment.put("RABBITMQ_LOG_BASE", folder.resolve("logs").toString());
        environment.put("RABBITMQ_PID_FILE", folder.resolve("pid").toString());
        environment.put("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2 +sbwt none");
        return builder.start();
    }

    private void await() throws IOException {
        long deadline = System.nanoTime() + TO_START.toNanos();
        while (true) {
            try {
                connect().close();
                return;
            } catch (IOException | ShutdownSignalException e) {
                boolean isRunning = server.filter(Process::isAlive).isPresent();
                if (!isRunning || System.nanoTime() > deadline) {
                    throw new IOException(
                            "RabbitMQ " + (isRunning ? "does not answer" : "ends") + " after its start; it says:\n"
                                    + Files.readString(folder.resolve("log")),
                            e);
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(200);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while RabbitMQ started", e);
        }
    }

    /** The server is a child of a script, and has children. */
    private static List<ProcessHandle> all(Process process) {
        List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
        all.add(process.toHandle());
        return all;
    }

    private static void kill(Process process) {
        List<ProcessHandle> all = all(process);
        all.forEach(ProcessHandle::destroyForcibly);
        for (ProcessHandle one : all) {
            try {
                one.onExit().get(Patience.SOON.toSeconds(), TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (ExecutionException | TimeoutException e) {
                throw new IllegalStateException("process " + one.pid() + " cannot be killed", e);
            }
        }
    }
}
