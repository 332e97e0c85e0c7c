package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.PossibleAuthenticationFailureException;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection to the queue of a destination's workers, on RabbitMQ. What is sent is persistent and must reach a queue. After
 * any failure it is of no use: open another. Its messages name host and port, and never the password.
 *
 * <p>One thread sends; any may close, and what the other waits for fails then.
 */
final class WorkerQueue {

    private static final Logger LOG = LoggerFactory.getLogger(WorkerQueue.class);

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    /** A stop of the program waits no longer for the broker's answer to a farewell. */
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(1);
    /** A broker that is gone without a word is noticed after two of them. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(15);

    private static final String NO_ANSWER = "it does not answer: open the way to it, or set way=bundle";

    /** Kept over a restart; the encoding is what the Python client of the platform says. */
    private static final AMQP.BasicProperties PERSISTENT = MessageProperties.MINIMAL_PERSISTENT_BASIC
            .builder()
            .contentEncoding("utf-8")
            .build();

    private final String where;
    private final String exchange;
    private final String routing;
    private final Duration patience;
    private volatile Optional<Socket> socket = Optional.empty();
    private volatile Optional<String> blocked = Optional.empty();
    private volatile boolean isReturned;
    private volatile boolean isSending;
    private Connection connection;
    private Channel channel;

    /**
     * How it is connected to.
     *
     * @param tls for a broker that asks for it; empty where the JVM's own is right
     * @param isVerifying whether the broker's certificate must be one for its host
     * @param patience the longest wait for an answer
     */
    record Terms(Optional<SSLContext> tls, boolean isVerifying, Duration patience) {}

    /** The broker takes no message of this size. */
    static final class TooLarge extends Exception {
        private static final long serialVersionUID = 1L;

        TooLarge(String message) {
            super(message);
        }
    }

    private WorkerQueue(String where, JsonNode config, Duration patience) {
        this.where = where;
        this.exchange = config.path("push_exchange").asText();
        this.routing = config.path("push_routing").asText();
        this.patience = patience;
    }

    /**
     * Connects, logs in, and looks whether exchange and queue are there.
     *
     * @param config what a connector is told when it registers
     */
    static WorkerQueue open(JsonNode config, Terms terms) throws IOException {
        JsonNode told = config.path("connection");
        String host = told.path("host").asText();
        int port = told.path("port").asInt();
        WorkerQueue queue = new WorkerQueue("RabbitMQ at " + host + ":" + port, config, terms.patience());
        if (host.isEmpty() || port == 0 || queue.exchange.isEmpty() || queue.routing.isEmpty()) {
            throw new IOException(
                    "the destination does not tell where its RabbitMQ is, being too old or keeping it to itself: set way=bundle");
        }
        boolean isOpen = false;
        try {
            queue.connect(told, terms);
            queue.look(config.path("push").asText());
            isOpen = true;
        } finally {
            if (!isOpen) {
                queue.close();
            }
        }
        return queue;
    }

    boolean isOpen() {
        return channel.isOpen();
    }

    /** What it is, for a person. */
    @Override
    public String toString() {
        return where;
    }

    void send(byte[] message) throws IOException, TooLarge {
        isSending = true;
        try {
            channel.basicPublish(exchange, routing, true, PERSISTENT, message);
        } catch (ShutdownSignalException e) {
            throw ended(e);
        } catch (IOException e) {
            throw new IOException(where + " does not take what is sent: " + e.getMessage(), e);
        }
    }

    /** All that was sent is in a queue, and on the broker's disk, when this returns. */
    void awaitConfirms() throws IOException, InterruptedException, TooLarge {
        boolean isTaken;
        try {
            isTaken = channel.waitForConfirms(patience.toMillis());
        } catch (ShutdownSignalException e) {
            throw ended(e);
        } catch (TimeoutException e) {
            String why = blocked.map(reason -> "it takes nothing for now, " + reason)
                    .orElse("is it short of disk or memory?");
            throw new IOException(
                    where + " has not confirmed within " + patience.toSeconds() + " s what was sent: " + why, e);
        }
        if (isReturned) {
            throw new IOException(where + " has no queue for the messages of this connector: nothing is bound to "
                    + routing + " at the exchange " + exchange);
        }
        if (!isTaken) {
            throw new IOException(where + " could not keep all that was sent; its log says why");
        }
        isSending = false;
    }

    /** Takes some 2 s at most: to a broker that takes nothing, a thread writes for ever, and a farewell would wait for it. */
    void close() {
        try {
            if (connection != null && !isSending) {
                connection.abort((int) CLOSE_TIMEOUT.toMillis());
            }
            if (socket.isPresent() && !socket.get().isClosed()) {
                socket.get().setSoLinger(true, 0); // else TLS waits for that thread, too
                socket.get().close();
            }
        } catch (IOException e) {
            LOG.debug("{} is left without a word", where, e);
        }
    }

    private void connect(JsonNode told, Terms terms) throws IOException {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setHost(told.path("host").asText());
        factory.setPort(told.path("port").asInt());
        factory.setVirtualHost(told.path("vhost").asText("/"));
        factory.setUsername(told.path("user").asText());
        factory.setPassword(told.path("pass").asText());
        factory.setAutomaticRecoveryEnabled(false);
        factory.setConnectionTimeout((int) CONNECT_TIMEOUT.toMillis());
        factory.setHandshakeTimeout((int) CONNECT_TIMEOUT.toMillis());
        factory.setChannelRpcTimeout((int) terms.patience().toMillis());
        factory.setRequestedHeartbeat((int) HEARTBEAT.toSeconds());
        factory.setThreadFactory(WorkerQueue::daemon);
        if (told.path("use_ssl").asBoolean()) {
            factory.useSslProtocol(terms.tls().orElseGet(WorkerQueue::ofTheJvm));
            if (terms.isVerifying()) {
                factory.enableHostnameVerification();
            }
        }
        factory.setSocketConfigurator(
                factory.getSocketConfigurator().andThen(connected -> socket = Optional.of(connected)));
        try {
            connection = factory.newConnection("Caravan");
            connection.addBlockedListener(this::block, () -> blocked = Optional.empty());
            channel = connection.createChannel();
            channel.addReturnListener(returned -> isReturned = true);
            channel.confirmSelect();
        } catch (PossibleAuthenticationFailureException e) {
            throw new IOException(
                    where + " refuses the login of " + factory.getUsername()
                            + ": see that the user and password that the platform tells (RABBITMQ__USERNAME, RABBITMQ__PASSWORD) may"
                            + " log in from here, which guest may not",
                    e);
        } catch (TimeoutException e) {
            throw unreachable(NO_ANSWER, e);
        } catch (ShutdownSignalException e) {
            throw unreachable(said(e), e);
        } catch (IOException e) {
            if (e.getCause() instanceof ShutdownSignalException ended && code(ended) == AMQP.NOT_ALLOWED) {
                throw new IOException(
                        where + " refuses its virtual host " + factory.getVirtualHost() + " (" + said(ended)
                                + "): correct the one that the platform tells (RABBITMQ__VHOST)",
                        e);
            }
            throw unreachable(reason(e), e);
        }
    }

    private void block(String reason) {
        blocked = Optional.of(reason);
        LOG.warn("{} takes nothing for now, {}", where, reason);
    }

    /** Asking changes nothing there and needs no right. */
    private void look(String queueName) throws IOException {
        String missing = "exchange " + exchange;
        try {
            channel.exchangeDeclarePassive(exchange);
            missing = "queue " + queueName;
            channel.queueDeclarePassive(queueName);
        } catch (IOException e) {
            if (e.getCause() instanceof ShutdownSignalException ended && code(ended) == AMQP.NOT_FOUND) {
                throw new IOException(
                        where + " has no " + missing
                                + ", which the platform makes where its connectors register: is this the RabbitMQ, and the virtual"
                                + " host, that the platform uses?",
                        e);
            }
            throw unreachable(reason(e), e);
        } catch (ShutdownSignalException e) {
            throw unreachable(said(e), e);
        }
    }

    private IOException ended(ShutdownSignalException signal) throws TooLarge {
        if (code(signal) == AMQP.PRECONDITION_FAILED && said(signal).contains("size")) {
            throw new TooLarge(where + " does not take it: " + said(signal));
        }
        return new IOException(where + " has ended the connection: " + said(signal), signal);
    }

    private IOException unreachable(String why, Exception cause) {
        return new IOException(where + " cannot be reached: " + why, cause);
    }

    private static String reason(IOException e) {
        if (e instanceof UnknownHostException) {
            return "this host is not known here, perhaps a name of the platform's own network: make it known, or set way=bundle";
        }
        if (e instanceof ConnectException) {
            return "it refuses connections, or nothing listens there: open the way to it, or set way=bundle";
        }
        if (e instanceof SocketTimeoutException) {
            return NO_ANSWER;
        }
        if (e.getCause() instanceof CertificateException) {
            return "its certificate is not trusted, " + e.getMessage()
                    + ": name its authority by ca-file, or give it a certificate for this host";
        }
        if (e instanceof SSLException) {
            return "TLS fails: " + e.getMessage();
        }
        if (e.getCause() instanceof ShutdownSignalException signal) {
            return said(signal);
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    /** The broker's own words, as far as it said any. */
    private static String said(ShutdownSignalException signal) {
        Method reason = signal.getReason();
        if (reason instanceof AMQP.Channel.Close close) {
            return close.getReplyText();
        }
        if (reason instanceof AMQP.Connection.Close close) {
            return close.getReplyText();
        }
        Throwable cause = signal.getCause();
        return cause == null || cause.getMessage() == null ? "it went away" : cause.getMessage();
    }

    private static int code(ShutdownSignalException signal) {
        Method reason = signal.getReason();
        if (reason instanceof AMQP.Channel.Close close) {
            return close.getReplyCode();
        }
        return reason instanceof AMQP.Connection.Close close ? close.getReplyCode() : 0;
    }

    private static SSLContext ofTheJvm() {
        try {
            return SSLContext.getDefault();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JVM has no TLS of its own: " + e.getMessage(), e);
        }
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "rabbitmq");
        thread.setDaemon(true);
        return thread;
    }
}
