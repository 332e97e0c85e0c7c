package io.caravan;

import io.caravan.event.FailureText;
import io.caravan.event.State;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Start;
import io.caravan.ops.Check;
import io.caravan.ops.DryRun;
import io.caravan.ops.HealthQuestion;
import io.caravan.ops.Program;
import io.caravan.ops.Redrive;
import io.caravan.ops.Restore;
import io.caravan.ops.Settings;
import io.caravan.ops.Tail;
import io.caravan.sink.KafkaOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * The program's command line. Exits 0 when stopped, 1 when it failed, 2 when the settings, the routes or the state cannot
 * be used: then each mistake is one line on the error output. The launcher makes the JVM exit with 3 when it is out of memory.
 */
@Command(
        name = "caravan",
        description = "Carries threat intelligence out of OpenCTI: every change, once and in order.",
        mixinStandardHelpOptions = true,
        version = "Caravan " + Program.VERSION,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = CommandLine.HelpCommand.class,
        footer = {
            "",
            "Settings are read from application.properties beside the launcher; an",
            "environment variable beats a property (opencti.url is OPENCTI_URL).",
            "Exits: 0 stopped, 1 failed, 2 settings, routes or state cannot be used,",
            "or Java or its options; 3 out of memory: raise the heap with JAVA_OPTS=-Xmx512m."
        })
public final class Caravan {

    private static final int STOPPED = 0;
    private static final int FAILED = 1;
    private static final int UNUSABLE = 2;
    /** Below the 10 s after which Docker kills. */
    private static final Duration LONGEST_STOP = Duration.ofMillis(7_500);

    @Option(names = "--home", hidden = true, description = "The folder that holds application.properties and routes/.")
    private Path home = Path.of("").toAbsolutePath();

    private final PrintStream out = System.out;
    private final PrintStream err = System.err;

    /** What the program is to exit with, should it not fail. */
    private volatile int exitCode = STOPPED;

    private Caravan() {}

    public static void main(String[] arguments) {
        CommandLine commands = new CommandLine(new Caravan());
        if (arguments.length == 0) {
            commands.usage(System.err);
            System.exit(UNUSABLE);
        }
        System.exit(commands.execute(arguments));
    }

    @Command(description = "Follow the stream until stopped.", mixinStandardHelpOptions = true)
    int run() {
        Optional<Settings> settings = settings("", "");
        if (settings.isEmpty()) {
            return UNUSABLE;
        }
        settings.get().doubts().forEach(err::println);
        return run(settings.get(), program -> program.awaitFailure().isPresent() ? FAILED : STOPPED);
    }

    @Command(
            description = {
                "Read everything the platform has and tell what differs: removals, upserts.",
                "Asks the Caravan that runs on this data directory; where none does, runs until it is through. A gap is"
                        + " reconciled by itself."
            },
            mixinStandardHelpOptions = true)
    int reconcile(
            @Option(names = "--dry-run", description = "Only say what would be removed and upserted.")
                    boolean isDryRun) {
        Optional<Settings> settings = settings("", isDryRun ? "WARN" : "");
        if (settings.isEmpty()) {
            return UNUSABLE;
        }
        if (!Platform.hasSnapshots(settings.get().get("opencti.stream"))) {
            return unusable(List.of("opencti.stream: raw, the base stream, has no snapshot to reconcile with"));
        }
        try {
            if (isDryRun) {
                new DryRun(settings.get(), out).run();
                return STOPPED;
            }
            boolean isRunning = State.isInUse(settings.get().stateDirectory());
            Program.askReconcile(settings.get());
            if (isRunning) {
                out.println("Asked the Caravan that runs here to reconcile; its log says how it goes");
                return STOPPED;
            }
            return run(settings.get(), this::reconcile);
        } catch (IOException e) {
            err.println(FailureText.of(e));
            return FAILED;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return FAILED;
        }
    }

    private int reconcile(Program program) throws InterruptedException {
        Optional<String> found = program.awaitReconcile();
        boolean isStopped = program.failure().isEmpty();
        program.close();
        found.ifPresentOrElse(
                counts -> out.println("Reconciled: " + counts), () -> out.println("Not reconciled; see the log"));
        return found.isPresent() && isStopped ? STOPPED : FAILED;
    }

    /** Until when the program runs; its exit code. */
    private interface Run {
        int code(Program program) throws InterruptedException;
    }

    private int run(Settings settings, Run run) {
        try (Program program = new Program(settings)) {
            Thread hook = new Thread(() -> stop(program), "stop");
            Runtime.getRuntime().addShutdownHook(hook);
            try {
                program.start();
            } catch (Program.Unusable e) {
                return isStopping(hook) ? STOPPED : unusable(e.mistakes());
            } catch (RuntimeException e) {
                if (isStopping(hook)) {
                    return STOPPED; // what a stop took away before it was used
                }
                throw e;
            }
            int code = run.code(program);
            exitCode = code;
            System.exit(code); // and no return: the hook closes the program, and does not wait for what hangs
            return code;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return FAILED;
        }
    }

    /** Takes the hook away, unless it runs by now. */
    private static boolean isStopping(Thread hook) {
        try {
            return !Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            return true;
        }
    }

    @Command(
            description = "Check the settings and routes, and open the stream once; one line a finding.",
            mixinStandardHelpOptions = true)
    int check() {
        Optional<Settings> settings = settings("", "ERROR");
        if (settings.isEmpty()) {
            return UNUSABLE;
        }
        settings.get().doubts().forEach(out::println);
        return new Check(settings.get(), out).run() ? STOPPED : UNUSABLE;
    }

    @Command(
            description =
                    "Send dead letters again to who refused them, in order; what fails again is kept. Exits 1 where"
                            + " something is. No Caravan may run meanwhile.",
            mixinStandardHelpOptions = true)
    int redrive(
            @Option(names = "--sink", paramLabel = "NAME", description = "Only those of this sink or by-type route.")
                    String sink,
            @Option(
                            names = "--since",
                            paramLabel = "DATE",
                            description = "Only those kept since, such as 2026-01-31 or 2026-01-31T12:00:00Z.")
                    String since,
            @Option(names = "--dry-run", description = "Say what would be sent, and send nothing.") boolean dryRun) {
        Optional<Settings> settings = settings(dryRun ? "caravan." : "", "ERROR");
        if (settings.isEmpty()) {
            return UNUSABLE;
        }
        try {
            Optional<Instant> begin = Optional.ofNullable(since).map(Start::instant);
            Optional<String> mistake = sink == null ? Optional.empty() : Redrive.mistakeIn(sink, settings.get());
            if (mistake.isPresent()) {
                return unusable(List.of(mistake.get()));
            }
            if (dryRun) {
                Redrive.show(settings.get(), Optional.ofNullable(sink), begin, out);
                return STOPPED;
            }
            Redrive redrive = new Redrive(settings.get(), Optional.ofNullable(sink), begin, out);
            return send(redrive::run, redrive::stop);
        } catch (DateTimeParseException e) {
            return unusable(
                    List.of("--since: \"" + since + "\" is no date such as 2026-01-31 or 2026-01-31T12:00:00Z"));
        } catch (IOException e) {
            err.println(FailureText.of(e));
            return FAILED;
        }
    }

    @Command(
            description = {
                "Send what the mirror holds, or what the journal told up to a place, to the destination (destination.*),"
                        + " in an order that resolves.",
                "Stopped or killed, it goes on when it is started again with the same arguments. Exits 1 where it was"
                        + " stopped or something was not taken. A running Caravan is not in its way."
            },
            mixinStandardHelpOptions = true)
    int restore(
            @Option(
                            names = "--from",
                            paramLabel = "files|FOLDER",
                            description = "files.dir, or another folder that is laid out as it is.")
                    String from,
            @Option(
                            names = "--until",
                            paramLabel = "POSITION|DATE",
                            description = "As it was then, by the journal: up to this event, such as"
                                    + " 1795282698973-0, or this time, such as 2026-01-31 (its begin) or"
                                    + " 2026-01-31T12:00:00Z.")
                    String until,
            @Option(names = "--again", description = "Begin anew, whatever was begun before.") boolean again,
            @Option(names = "--dry-run", description = "Say what would be sent, and send nothing.") boolean dryRun) {
        for (String prefix : List.of("caravan.data-dir", "files.")) {
            if (settings(prefix, "ERROR").isEmpty()) {
                return UNUSABLE;
            }
        }
        Optional<Settings> settings = settings(dryRun ? "files." : "destination.", "ERROR");
        if (settings.isEmpty()) {
            return UNUSABLE;
        }
        try {
            if (dryRun) {
                Restore.show(settings.get(), Optional.ofNullable(from), Optional.ofNullable(until), out);
                return STOPPED;
            }
            List<String> mistakes = settings.get().destinationMistakes("restore writes there");
            if (!mistakes.isEmpty()) {
                return unusable(mistakes);
            }
            Restore restore =
                    new Restore(settings.get(), Optional.ofNullable(from), Optional.ofNullable(until), again, out);
            return send(restore::run, restore::stop);
        } catch (Program.Unusable e) {
            return unusable(e.mistakes());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return FAILED;
        } catch (IOException e) {
            err.println(FailureText.of(e));
            return FAILED;
        }
    }

    /** What is sent until it is through; true when all of it went. */
    private interface Sending {
        boolean run() throws Program.Unusable, IOException, InterruptedException;
    }

    private int send(Sending sending, Runnable stop) throws IOException {
        Thread hook = new Thread(() -> stop(stop, FAILED), "stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            int code = sending.run() ? STOPPED : FAILED;
            isStopping(hook);
            return code;
        } catch (Program.Unusable e) {
            return isStopping(hook) ? FAILED : unusable(e.mistakes());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return FAILED;
        }
    }

    @Command(description = "Show a Kafka topic's records as they come, until stopped.", mixinStandardHelpOptions = true)
    int tail(
            @Parameters(paramLabel = "TOPIC", description = "The topic, with its prefix or without: events.")
                    String topic,
            @Option(names = "--from-start", description = "All that the topic holds, then what comes.")
                    boolean fromStart,
            @Option(names = "--json", description = "One JSON object a record, whole.") boolean asJson,
            @Option(names = "-n", paramLabel = "COUNT", description = "Stop after so many records.") Long most) {
        Optional<Settings> settings = settings("kafka.", "ERROR");
        if (settings.isEmpty()) {
            return UNUSABLE;
        }
        try {
            Optional<KafkaOptions> kafka = Tail.whereToLook(settings.get());
            if (kafka.isEmpty()) {
                return unusable(List.of("kafka.brokers: not set, and no demo runs here: say host:port of a broker"));
            }
            Optional<String> mistake = kafka.get().mistake();
            if (mistake.isPresent()) {
                return unusable(List.of("kafka.client: " + mistake.get()));
            }
            new Tail(kafka.get(), out).run(topic, new Tail.Manner(fromStart, asJson, Optional.ofNullable(most)));
            return STOPPED;
        } catch (IOException e) {
            err.println(FailureText.of(e));
            return FAILED;
        }
    }

    /** The launcher starts the demo where it is installed; this is for where it is not. */
    @Command(
            description =
                    "Run between a platform that replays a recording and a Kafka broker, in data/demo; nothing to set.",
            mixinStandardHelpOptions = true)
    int demo() {
        return unusable(List.of("demo: not part of this installation; ./caravan demo in a checkout has it"));
    }

    @Command(
            description = "Ask the running program whether it is ready; one line a finding. Exits 1 where it is not.",
            mixinStandardHelpOptions = true)
    int health(
            @Option(names = "--live", description = "Only whether it is alive, whatever it waits for.") boolean live) {
        Optional<Settings> settings = settings("caravan.http-", "ERROR");
        if (settings.isEmpty()) {
            return UNUSABLE;
        }
        HealthQuestion question = new HealthQuestion(settings.get(), out);
        return (live ? question.isLive() : question.isReady()) ? STOPPED : FAILED;
    }

    /**
     * Those whose names begin so; without mistakes.
     *
     * @param logLevel instead of the one that is set; empty: that one
     */
    private Optional<Settings> settings(String prefix, String logLevel) {
        try {
            configureLogging(logLevel);
            Settings settings = Settings.loadOnly(prefix, home.toAbsolutePath(), System.getenv());
            if (settings.mistakes().isEmpty()) {
                return Optional.of(settings);
            }
            unusable(settings.mistakes());
        } catch (IOException e) {
            unusable(List.of("application.properties cannot be read: " + FailureText.withoutPath(e)));
        }
        return Optional.empty();
    }

    private int unusable(List<String> mistakes) {
        mistakes.forEach(err::println);
        return UNUSABLE;
    }

    /** Before the first logger is made, as the Kafka clients do when their settings are looked at: logback reads these once. */
    private void configureLogging(String level) throws IOException {
        Settings log = Settings.loadOnly("caravan.log-", home.toAbsolutePath(), System.getenv());
        if (log.mistakes().isEmpty()) {
            System.setProperty("caravan.log-format", log.get("caravan.log-format"));
            System.setProperty("caravan.log-level", level.isEmpty() ? log.get("caravan.log-level") : level);
        }
    }

    /**
     * On SIGTERM. The JVM would exit with 143 after its hooks; a stop in order is no failure. Whatever hangs is left where
     * it is: what was not stored comes again at the next start.
     */
    private void stop(Program program) {
        stop(program::close, program.failure().isPresent() ? FAILED : exitCode);
    }

    private static void stop(Runnable close, int code) {
        Thread closing = new Thread(close, "close");
        closing.start();
        try {
            closing.join(LONGEST_STOP.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(code);
    }
}
