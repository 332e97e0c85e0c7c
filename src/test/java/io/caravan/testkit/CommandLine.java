package io.caravan.testkit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * The platform as a program: serves one capture's events from the beginning of time, until it is killed. A client that
 * asks to recover gets the log in place of a snapshot, for there is no database behind it.
 */
final class CommandLine {

    private static final String USAGE = "arguments: capture.sse[.gz] [--port N] [--token T] [--rate EVENTS_PER_SECOND]"
            + " [--heartbeat SECONDS] [--log]";

    private final Path capture;
    private int port;
    private String token = FakePlatform.TOKEN;
    private double rate;
    private Duration heartbeat = Duration.ofSeconds(5);
    private boolean log;

    private CommandLine(Deque<String> arguments) {
        String file = "";
        while (!arguments.isEmpty()) {
            String argument = arguments.pop();
            switch (argument) {
                case "--port" -> port = Integer.parseInt(value(argument, arguments));
                case "--token" -> token = value(argument, arguments);
                case "--rate" -> rate = Double.parseDouble(value(argument, arguments));
                case "--heartbeat" ->
                    heartbeat = Duration.ofMillis(Math.round(1000 * Double.parseDouble(value(argument, arguments))));
                case "--log" -> log = true;
                default -> file = onlyFile(file, argument);
            }
        }
        capture = Path.of(onlyFile("", file));
        if (!Files.isReadable(capture)) {
            throw new IllegalArgumentException("cannot be read: " + capture);
        }
    }

    static void run(String[] arguments) throws InterruptedException {
        CommandLine options;
        try {
            options = new CommandLine(new ArrayDeque<>(List.of(arguments)));
        } catch (RuntimeException unusable) {
            System.err.println(unusable.getMessage() + "\n" + USAGE);
            System.exit(2);
            return;
        }
        options.serve();
    }

    private void serve() throws InterruptedException {
        List<Frame> events = Capture.events(capture);
        try (FakePlatform platform = FakePlatform.start(port)) {
            platform.append(events)
                    .token(token)
                    .ignoreRecovery()
                    .heartbeats(Heartbeats.every(heartbeat))
                    .always(Play.play().rate(rate));
            if (log) {
                platform.onRequest(CommandLine::print);
            }
            System.out.println("fake platform on " + platform.url() + " with " + events.size() + " events");
            new CountDownLatch(1).await();
        }
    }

    private static void print(Request request) {
        System.out.println(request
                + request.header("Last-Event-ID").map(id -> " after " + id).orElse(""));
    }

    private static String value(String option, Deque<String> arguments) {
        if (arguments.isEmpty()) {
            throw new IllegalArgumentException(option + " needs a value");
        }
        return arguments.pop();
    }

    private static String onlyFile(String before, String argument) {
        if (!before.isEmpty() || argument.isEmpty() || argument.startsWith("--")) {
            throw new IllegalArgumentException(argument.isEmpty() ? "no capture given" : "not understood: " + argument);
        }
        return argument;
    }
}
