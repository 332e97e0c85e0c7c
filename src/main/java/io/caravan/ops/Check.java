package io.caravan.ops;

import io.caravan.event.EventId;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.OpenctiEndpoint;
import io.caravan.opencti.Platform;
import io.caravan.opencti.Platform.LiveStream;
import io.caravan.opencti.push.Rights;
import io.caravan.opencti.stream.StreamProbe;
import io.caravan.sink.DeadLetterTopic;
import io.caravan.sink.KafkaCheck;
import io.caravan.sink.KafkaTopics;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * {@code ./caravan check}: what can be known before a run, one line a finding with what to do. It opens the stream once
 * and reads nothing of it, makes no topic, writes nothing to a destination (which is told of this connector where only that tells the
 * way to its queue), and does not touch the state, which a running program may hold.
 */
public final class Check {

    private final Settings settings;
    private final PrintStream out;
    private boolean usable = true;

    public Check(Settings settings, PrintStream out) {
        this.settings = settings;
        this.out = out;
    }

    /** True when nothing stands against a run. */
    public boolean run() {
        good("settings", "can be used");
        settings.writableFolders().forEach(this::checkFolder);
        checkHttp();
        List<Rights> destinations = checkRoutes();
        checkPlatform();
        if (settings.sinks().contains("kafka")) {
            checkKafka();
        }
        destinations.forEach(this::checkDestination);
        return usable;
    }

    private void checkFolder(WritableFolder folder) {
        Optional<String> obstacle = folder.obstacle();
        if (obstacle.isPresent()) {
            bad(folder.setting(), obstacle.get());
        } else {
            good(folder.setting(), folder.path().toString());
        }
    }

    private void checkHttp() {
        HttpAddress address = settings.http();
        Optional<String> obstacle = address.isServed() ? address.obstacle() : Optional.empty();
        if (obstacle.isEmpty()) {
            good(
                    "caravan.http-port",
                    address.isServed() ? address + " is free" : "0: health and metrics are not served");
        } else if (HealthQuestion.isAnswered(address)) {
            good("caravan.http-port", address + " is in use by a Caravan: this one, if it runs");
        } else {
            String[] said = obstacle.get().split(": ", 2);
            bad(said[0], said[1]);
        }
    }

    /** What is to be known of the other platforms that the routes write to; nothing where the routes cannot be used. */
    private List<Rights> checkRoutes() {
        try (Program program = new Program(settings)) {
            program.rehearse();
            good("routes", program.routeCount() + " loaded, sinks: " + String.join(", ", settings.sinks()));
            return program.destinations();
        } catch (Program.Unusable e) {
            e.mistakes().forEach(mistake -> bad("routes", mistake.replaceFirst("^routes: ", "")));
            return List.of();
        }
    }

    private void checkPlatform() {
        OpenctiConfiguration options = settings.opencti();
        Platform platform = new Platform(options);
        Duration patience = Duration.ofMillis(options.getHeartbeatTimeout());
        String stream = settings.get("opencti.stream");
        String what = stream + " of " + platform.url();
        try {
            Instant now = platform.time(patience).orElseGet(Instant::now);
            StreamProbe.Log log = StreamProbe.read(platform, stream, EventId.at(now), patience);
            String size =
                    log.size().map(n -> "; its log holds " + n + " events").orElse("");
            String last = log.last().map(id -> ", the newest of " + id.time()).orElse("");
            good("platform", what + " opens" + size + last);
        } catch (Platform.Refused e) {
            bad("platform", what + " " + e.getMessage());
            if (e.status() == 401) {
                listStreams(platform, patience);
            }
        } catch (IOException e) {
            bad("platform", what + " " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            bad("platform", what + " was not reached before the check was interrupted");
        }
    }

    private void checkKafka() {
        try {
            DeadLetterTopic letters = settings.deadLetterTopic(letter -> {});
            KafkaCheck kafka = new KafkaCheck(settings.kafka(), letters, settings.positionTopic());
            for (KafkaTopics.Finding finding : kafka.look()) {
                if (finding.usable()) {
                    good("kafka", finding.text());
                } else {
                    bad("kafka", finding.text());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            bad("kafka", "was not reached before the check was interrupted");
        }
    }

    private void checkDestination(Rights rights) {
        boolean isTheSettings = rights.name().equals(OpenctiEndpoint.DESTINATION);
        String part = isTheSettings ? rights.name() : "opencti:" + rights.name();
        try {
            for (Rights.Finding finding : rights.look()) {
                switch (finding.verdict()) {
                    case GOOD -> good(part, finding.text());
                    case MISTAKE -> bad(part, finding.text());
                    case NOTE -> note(finding.text());
                }
            }
        } catch (IOException e) {
            String said = e.getMessage();
            bad(part, said.startsWith(rights.url()) ? said : rights.url() + " " + said);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            bad(part, "was not reached before the check was interrupted");
        }
    }

    private void listStreams(Platform platform, Duration patience) {
        try {
            List<LiveStream> streams = platform.liveStreams(patience);
            if (streams.isEmpty()) {
                note(
                        "this token is known, and may read no live stream: make one in the platform, under Data sharing, or give"
                                + " its user access to one");
            }
            for (LiveStream stream : streams) {
                note("this token may read opencti.stream=" + stream.id() + " (" + stream.name()
                        + (stream.started() ? ")" : ", stopped)"));
            }
        } catch (Platform.Refused e) {
            note(
                    e.status() == 401
                            ? "the platform does not know this token: copy it from the user's profile"
                            : "the live streams that this token may read cannot be listed: " + e.getMessage());
        } catch (IOException e) {
            note("the live streams that this token may read cannot be listed: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void good(String part, String finding) {
        print("ok", part, finding);
    }

    private void bad(String part, String finding) {
        usable = false;
        print("mistake", part, finding);
    }

    private void note(String finding) {
        print("", "", finding);
    }

    private void print(String verdict, String part, String finding) {
        out.printf("%-8s %-17s %s%n", verdict, part, finding);
    }
}
