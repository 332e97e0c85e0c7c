package io.caravan.testkit;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/**
 * One accepted connection. Its own thread reads requests and writes answers; any thread may close or reset it, which
 * ends what that thread is doing with an IOException. What is written is buffered until {@link #flush}.
 */
final class HttpConnection implements Closeable {

    private static final long KEEP_ALIVE_MS = 5_000;

    private final Socket transport;
    private final BufferedInputStream in;
    private final OutputStream out;
    private volatile boolean gone;
    private volatile Thread watcher;

    /**
     * @param transport the TCP socket
     * @param socket the same, or TLS above it
     */
    HttpConnection(Socket transport, Socket socket, LongAdder bytesWritten) throws IOException {
        this.transport = transport;
        this.in = new BufferedInputStream(socket.getInputStream());
        this.out = new BufferedOutputStream(new Counting(socket.getOutputStream(), bytesWritten), 1 << 16);
    }

    /** The client's next request; empty when there comes none. */
    Optional<Request> read() throws IOException {
        return Request.read(in);
    }

    void write(byte[] bytes, int from, int length) throws IOException {
        out.write(bytes, from, length);
    }

    void write(byte[] bytes) throws IOException {
        out.write(bytes);
    }

    void flush() throws IOException {
        out.flush();
    }

    void write(Answer answer, Map<String, String> moreHeaders) throws IOException {
        writeHead(answer, moreHeaders);
        write(answer.body());
        flush();
    }

    /** Status line and headers; with a length, unless the body is to come in chunks. */
    void writeHead(Answer answer, Map<String, String> moreHeaders) throws IOException {
        StringBuilder head = new StringBuilder("HTTP/1.1 " + answer.status() + " " + answer.reason() + "\r\n");
        answer.headers().forEach((name, value) -> header(head, name, value));
        moreHeaders.forEach((name, value) -> header(head, name, value));
        if (!moreHeaders.containsKey("Transfer-Encoding")) {
            header(head, "Content-Length", Integer.toString(answer.body().length));
        }
        write(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    }

    /** From here on, notices in a thread of its own that the client has gone, and says so once. */
    void watch(Runnable whenGone) {
        watcher = Listener.daemon("watch-" + transport.getPort(), () -> {
            if (!hasMore()) {
                gone = true;
                whenGone.run();
            }
        });
    }

    boolean isGone() {
        return gone;
    }

    /** After a watched answer: whether the client wants more of this connection, within the usual time. */
    boolean awaitNextRequest() throws InterruptedException {
        watcher.join(KEEP_ALIVE_MS);
        return !watcher.isAlive() && !gone;
    }

    /** Closes with a RST, and discards what the socket has not sent; nothing, if it is closed already. */
    void reset() throws IOException {
        try {
            transport.setSoLinger(true, 0);
        } catch (SocketException e) {
            if (!transport.isClosed()) {
                throw e;
            }
        }
        transport.close();
    }

    /** Closes the TCP connection; no TLS farewell. */
    @Override
    public void close() throws IOException {
        transport.close();
    }

    BufferedInputStream in() {
        return in;
    }

    private boolean hasMore() {
        synchronized (in) { // nobody reads between the byte's coming and its being put back
            try {
                in.mark(1);
                boolean more = in.read() >= 0;
                in.reset();
                return more;
            } catch (IOException theClientWentOrTheConnectionWasClosed) {
                return false;
            }
        }
    }

    private static void header(StringBuilder head, String name, String value) {
        head.append(name).append(": ").append(value).append("\r\n");
    }

    /** Counts what the socket has taken, in pieces small enough to show where it stopped taking. */
    private static final class Counting extends FilterOutputStream {

        private static final int PIECE = 1 << 16;

        private final LongAdder written;

        Counting(OutputStream out, LongAdder written) {
            super(out);
            this.written = written;
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
            for (int at = 0; at < length; at += PIECE) {
                int piece = Math.min(PIECE, length - at);
                out.write(bytes, from + at, piece);
                written.add(piece);
            }
        }

        @Override
        public void write(int b) throws IOException {
            out.write(b);
            written.increment();
        }
    }
}
