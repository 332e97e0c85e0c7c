package io.caravan.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports that nobody listens on, for servers that must know theirs before they start. They lie below those that systems
 * give to clients: or a client could take the port of a server that is stopped for a while.
 */
final class Ports {

    private static final int FIRST = 20_000;
    private static final int LAST = 32_000;

    /** What this JVM has had: a server may not listen yet on the port that it was given. */
    private static final Set<Integer> GIVEN = ConcurrentHashMap.newKeySet();

    private Ports() {}

    /** So many, each another. */
    static List<Integer> free(int count) {
        List<ServerSocket> held = new ArrayList<>();
        while (held.size() < count) {
            try {
                ServerSocket socket =
                        new ServerSocket(ThreadLocalRandom.current().nextInt(FIRST, LAST));
                if (GIVEN.add(socket.getLocalPort())) {
                    held.add(socket);
                } else {
                    release(socket);
                }
            } catch (IOException inUse) {
                // another one then
            }
        }
        held.forEach(Ports::release);
        return held.stream().map(ServerSocket::getLocalPort).toList();
    }

    /** This one if it is free, otherwise another. */
    static int freeOr(int preferred) {
        try (ServerSocket socket = new ServerSocket(preferred)) {
            return socket.getLocalPort();
        } catch (IOException inUse) {
            return free(1).get(0);
        }
    }

    private static void release(ServerSocket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
