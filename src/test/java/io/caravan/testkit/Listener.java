package io.caravan.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * Accepts connections on a port of the loopback interface, a daemon thread for each, and can stop doing so for a while:
 * clients are then refused, and later find it at the same port. Thread-safe; {@code close} ends every connection.
 */
final class Listener implements AutoCloseable {

    /** Serves one connection from its first request to its last, in the connection's thread. */
    interface Service {
        void serve(HttpConnection connection) throws IOException, InterruptedException;
    }

    /** TLS with this context; if asked, no client gets in without a certificate. */
    record Tls(SSLContext context, boolean clientCertificateRequired) {}

    private static final long PORT_AWAITED_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final String name;
    private final Optional<Tls> tls;
    private final Service service;
    private final Consumer<Throwable> failed;
    private final Set<HttpConnection> open = ConcurrentHashMap.newKeySet();
    private final LongAdder bytesWritten = new LongAdder();
    private final int port;
    private volatile int sendBuffer;
    private ServerSocket listening;
    private Optional<Thread> accepting = Optional.empty();

    /**
     * @param port 0 for any
     * @param failed is told what breaks a connection other than its client's going
     */
    Listener(String name, int port, Optional<Tls> tls, Service service, Consumer<Throwable> failed) {
        this.name = name;
        this.tls = tls;
        this.service = service;
        this.failed = failed;
        this.listening = bind(port);
        this.port = listening.getLocalPort();
    }

    int port() {
        return port;
    }

    boolean isTls() {
        return tls.isPresent();
    }

    long bytesWritten() {
        return bytesWritten.sum();
    }

    void sendBuffer(int bytes) {
        sendBuffer = bytes;
    }

    /** Begins to accept. */
    synchronized void start() {
        ServerSocket socket = listening;
        accepting = Optional.of(daemon(name + "-" + port, () -> accept(socket)));
    }

    /** New connections are refused; those that are open go on. */
    synchronized void refuse() {
        closeQuietly(listening);
        accepting.ifPresent(Listener::awaitEnd); // the system listens for as long as a thread is in accept()
        accepting = Optional.empty();
    }

    /** Accepts again, at the same port. */
    synchronized void resume() {
        if (listening.isClosed()) {
            listening = bind(port);
            start();
        }
    }

    @Override
    public void close() {
        refuse();
        open.forEach(Listener::closeQuietly);
    }

    static Thread daemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    static void closeQuietly(AutoCloseable closeable) {
        try {
            closeable.close();
        } catch (Exception closedEnough) {
            // a socket that cannot be closed is of no more use either
        }
    }

    private static void awaitEnd(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void accept(ServerSocket socket) {
        while (!socket.isClosed()) {
            try {
                Socket accepted = socket.accept();
                daemon(name + "-" + port + "-" + accepted.getPort(), () -> serve(accepted, socket));
            } catch (IOException refusingOrOutOfSockets) {
                if (!socket.isClosed()) {
                    failed.accept(refusingOrOutOfSockets);
                }
            }
        }
    }

    private void serve(Socket accepted, ServerSocket acceptedBy) {
        try (accepted) {
            accepted.setTcpNoDelay(true);
            if (sendBuffer > 0) {
                accepted.setSendBufferSize(sendBuffer);
            }
            HttpConnection connection = new HttpConnection(accepted, secured(accepted), bytesWritten);
            open.add(connection);
            try {
                if (!acceptedBy.isClosed()) { // else close() may have passed before this one was in the set
                    service.serve(connection);
                }
            } finally {
                open.remove(connection);
            }
        } catch (IOException theClientWentOrTheConnectionWasClosed) {
            // what clients of a platform do; a test that minds sees it in what was recorded
        } catch (InterruptedException | RuntimeException e) {
            failed.accept(e);
        }
    }

    private Socket secured(Socket accepted) throws IOException {
        if (tls.isEmpty()) {
            return accepted;
        }
        SSLSocket socket = (SSLSocket)
                tls.get().context().getSocketFactory().createSocket(accepted, null, accepted.getPort(), true);
        socket.setUseClientMode(false);
        socket.setNeedClientAuth(tls.get().clientCertificateRequired());
        return socket;
    }

    /** Waits for a port that a connection of an earlier time still holds. */
    private static ServerSocket bind(int port) {
        long deadline = System.nanoTime() + PORT_AWAITED_NANOS;
        while (true) {
            try {
                ServerSocket socket = new ServerSocket();
                socket.setReuseAddress(true);
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 100);
                return socket;
            } catch (BindException taken) {
                if (System.nanoTime() > deadline) {
                    throw new UncheckedIOException("port " + port + " is taken", taken);
                }
                Thread.onSpinWait();
            } catch (IOException e) {
                throw new UncheckedIOException("cannot listen on port " + port, e);
            }
        }
    }
}
