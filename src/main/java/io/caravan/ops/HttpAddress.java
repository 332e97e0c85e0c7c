package io.caravan.ops;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.Optional;

/** Where the program shows its health and metrics: {@code caravan.http-host}, {@code caravan.http-port}. */
record HttpAddress(String host, int port) {

    static final String HEALTH = "/observe/health";
    static final String READY = "/observe/health/ready";
    static final String LIVE = "/observe/health/live";
    static final String METRICS = "/observe/metrics";

    /** False where the port is 0. */
    boolean isServed() {
        return port != 0;
    }

    /** The host as an address, so that nobody else looks its name up, by other means. */
    String ip() {
        InetSocketAddress address = new InetSocketAddress(host, port);
        return address.isUnresolved() ? host : address.getAddress().getHostAddress();
    }

    /** What is to be asked, from this machine: {@code 0.0.0.0} and {@code ::} are all its addresses, and none to connect to. */
    URI uri(String path) {
        InetSocketAddress address = new InetSocketAddress(host, port);
        boolean isEverywhere = !address.isUnresolved() && address.getAddress().isAnyLocalAddress();
        String to = isEverywhere ? "localhost" : host.contains(":") ? "[" + host + "]" : host;
        return URI.create("http://" + to + ":" + port + path);
    }

    /** Why nothing can listen here at the moment, and what would be right, on one line; asked by trying it. */
    Optional<String> obstacle() {
        if (new InetSocketAddress(host, port).isUnresolved()) {
            return Optional.of(
                    "caravan.http-host: the name " + host + " leads to no address; say 127.0.0.1 or 0.0.0.0");
        }
        if (bind(0).isPresent()) {
            return Optional.of("caravan.http-host: " + host + " is no address of this machine; say 127.0.0.1 (this"
                    + " machine alone can ask) or 0.0.0.0 (everyone)");
        }
        return bind(port)
                .map(failure -> isForbidden(failure)
                        ? "caravan.http-port: " + this + " is not for this user (" + failure.getMessage()
                                + "); say one above 1023, or 0 for none"
                        : "caravan.http-port: " + this + " is in use by another program; say another, or 0 for none");
    }

    @Override
    public String toString() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    private Optional<IOException> bind(int to) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(host, to));
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(e);
        }
    }

    private static boolean isForbidden(IOException failure) {
        return String.valueOf(failure.getMessage()).contains("denied");
    }
}
