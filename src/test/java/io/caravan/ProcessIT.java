package io.caravan;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.testkit.Answer;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.LiveStream;
import io.caravan.testkit.Patience;
import io.caravan.testkit.SmallDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program as a process of its own: killed, stopped, short of memory and of disk, and given things it cannot use. */
class ProcessIT {

    private static final Duration SOON = Patience.SOON;
    private static final Duration LATER = Patience.LATER;

    @TempDir
    Path home;

    private FakePlatform platform;
    private Installation caravan;
    private Process process;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        caravan = new Installation(home, platform);
    }

    @AfterEach
    void stop() {
        if (process != null) {
            process.destroyForcibly();
        }
        platform.close();
    }

    @Test
    void hasEveryEventOnceHoweverOftenItIsKilled() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<Frame> events = Capture.events("volume/vol-all.sse");
        platform.append(events).always(play().rate(600));
        int kills = 4; // ChaosIT kills more often
        for (int kill = 0; kill < kills; kill++) {
            process = caravan.run("run");
            int before = caravan.journalLength();
            int more = 1 + random.nextInt(600);
            await().atMost(SOON)
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> caravan.journalLength() >= before + more);
            process.destroyForcibly().waitFor();
        }
        platform.always(play());
        process = caravan.run("run");
        await().atMost(LATER).until(() -> caravan.journalLength() >= events.size());
        assertThat(caravan.journal())
                .as("seed %d", seed)
                .isEqualTo(events.stream().map(Installation.Line::of).toList());
    }

    @Test
    void stopsInOrderOnSigterm() throws Exception {
        platform.append(create("1000-0", anObject(1)));
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.journalLength() == 1);
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();
        assertThat(process.exitValue()).isZero();
        assertThat(caravan.log()).contains("Stopped").doesNotContain("Exception");
    }

    @Test
    void stopsInOrderOnSigtermWhileASinkHangs() throws Exception {
        caravan.route("create.camel.yaml", """
                - route:
                    id: create
                    errorHandler: {noErrorHandler: {}}
                    from:
                      uri: direct:create
                      steps:
                        - log: {message: in hand, loggingLevel: WARN}
                        - delay: {expression: {constant: "3600000"}}
                """);
        platform.append(create("1000-0", anObject(1)));
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.log().contains("in hand"));
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();
        assertThat(process.exitValue()).isZero();
        assertThat(afterStopping())
                .satisfiesExactly(
                        line -> assertThat(line).contains("The batch under way is given up where it stands"),
                        line -> assertThat(line).endsWith("Stopped"));
    }

    @Test
    void saysOnceAtAStopThatABatchWaitsForASink() throws Exception {
        caravan.route("sinks/test.camel.yaml", sinkThatIsAway("routeConfigurationId: sink"))
                .set("caravan.sinks", "journal,test");
        platform.append(create("1000-0", anObject(1)));
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.log().contains("cannot deliver: the index is away"));
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();
        assertThat(process.exitValue()).isZero();
        assertThat(afterStopping())
                .satisfiesExactly(
                        line -> assertThat(line).contains("they come again at the next start"),
                        line -> assertThat(line).endsWith("Stopped"));
    }

    /** What the log has behind "Stopping", line by line. */
    private List<String> afterStopping() throws IOException {
        List<String> lines = caravan.log().lines().toList();
        int stopping = IntStream.range(0, lines.size())
                .filter(i -> lines.get(i).endsWith("Stopping"))
                .findFirst()
                .orElseThrow();
        return lines.subList(stopping + 1, lines.size());
    }

    private static String sinkThatIsAway(String errors) {
        return """
                - route:
                    id: sink-test
                    %s
                    from:
                      uri: direct:sink-test
                      steps: [{throwException: {exceptionType: "java.lang.IllegalStateException", message: "the index is away"}}]
                """.formatted(errors);
    }

    @Test
    void needsLittleMemoryForALongStreamWithALargeEventInIt() throws Exception {
        List<Frame> events = new ArrayList<>();
        IntStream.range(0, 40_000)
                .mapToObj(n -> create((1000 + n) + "-0", anObject(n)))
                .forEach(events::add);
        events.add(20_000, Frames.large("20999-1", anObject(77_777), 24));
        events.add(30_000, Frames.large("30998-1", anObject(88_888), 24));
        platform.append(events);
        process = caravan.run("run", "-Xmx128m");
        await().atMost(LATER).until(() -> !process.isAlive() || caravan.journalLength() >= events.size());
        assertThat(caravan.log()).doesNotContain("OutOfMemory").doesNotContain("heap");
        assertThat(caravan.journal()
                        .equals(events.stream().map(Installation.Line::of).toList()))
                .isTrue();
    }

    @Test
    void goesOnWhenAFullDiskHasRoomAgain() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(home.resolve("data"), 6)) {
            List<Frame> events = Capture.events("volume/vol-all.sse");
            platform.append(events);
            process = caravan.run("run");
            await().atMost(SOON).until(() -> caravan.log().contains("No space left on device"));
            assertThat(process.isAlive()).isTrue();
            disk.resize(64);
            await().atMost(LATER).until(() -> caravan.journalLength() >= events.size());
            assertThat(caravan.journal()
                            .equals(events.stream().map(Installation.Line::of).toList()))
                    .isTrue();
            assertThat(caravan.log()).doesNotContain("\tat ");
        }
    }

    @Test
    void waitsForRoomOnADiskThatIsFullAtTheStart() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(home.resolve("data"), 1)) {
            disk.fill();
            platform.append(create("1000-0", anObject(1)));
            process = caravan.run("run");
            await().atMost(SOON).until(() -> caravan.log().contains("No space left on device"));
            disk.free();
            await().atMost(SOON).until(() -> caravan.journalLength() == 1);
            assertThat(caravan.log()).doesNotContain("\tat ");
        }
    }

    @Test
    void saysWhyNothingCanBeWrittenInsteadOfAPath() throws Exception {
        Path journal = Files.createDirectories(home.resolve("data/files/journal"));
        int year = LocalDate.now(ZoneOffset.UTC).getYear();
        Files.createFile(journal.resolve(String.valueOf(year)));
        Files.createFile(journal.resolve(String.valueOf(year + 1)));
        platform.append(create("1000-0", anObject(1)));
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.log().contains("cannot deliver: "));
        assertThat(caravan.log())
                .containsPattern("cannot deliver: " + journal + "/[0-9]{4}[/0-9]*: (a file is there|Not a directory)");
    }

    @Test
    void saysBeforeTheStartThatNothingCanBeWrittenWhereTheFilesGo() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(home.resolve("disk"), 1)) {
            disk.makeReadOnly();
            caravan.set("files.dir", "disk/files");
            String why = disk.path()
                    + " cannot be written to: it lies on a read-only file system; give this user the right to"
                    + " write there, or say another folder\n";
            assertThat(unusable("run")).isEqualTo("files.dir: " + why);
            assertThat(unusable("check")).contains("mistake  files.dir         " + why);
            caravan.set("files.dir", "files").set("caravan.data-dir", "disk/data");
            assertThat(unusable("run")).isEqualTo("caravan.data-dir: " + why);
        }
    }

    @Test
    void saysThatASinkIsNamedTwice() throws Exception {
        caravan.set("caravan.sinks", "journal,mirror,journal");
        assertThat(unusable("run"))
                .isEqualTo("caravan.sinks (from CARAVAN_SINKS): \"journal\" is named twice; name each once\n");
    }

    @Test
    void saysThatNoDeadLettersAreOfASinkThatIsNotThere() throws Exception {
        assertThat(unusable("redrive --dry-run --sink jornal"))
                .isEqualTo(
                        "--sink: \"jornal\" is no sink and no by-type route; did you mean journal?; there are: create,"
                                + " delete, journal, merge, reconcile, stream, update\n");
    }

    @Test
    void saysThatThereIsNoToken() throws Exception {
        caravan.set("opencti.token", "");
        assertThat(unusable("run")).startsWith("opencti.token: not set");
    }

    @Test
    void saysEachMistakeInTheSettingsOnALineOfItsOwn() throws Exception {
        Files.writeString(home.resolve("application.properties"), """
                opencti.strat=now
                opencti.on-gap=perhaps
                caravan.batch-max-bytes=lots
                """);
        assertThat(unusable("run").lines())
                .containsExactly(
                        "opencti.strat: there is no such setting; did you mean opencti.start?",
                        "opencti.on-gap: \"perhaps\" is not recover or fail",
                        "caravan.batch-max-bytes: \"lots\" is no size, which is like 65536, 512KB, 16MB or 1GB");
    }

    @Test
    void saysWhereTheMistakeInARouteIs() throws Exception {
        Path file = home.resolve("routes/sinks/journal.camel.yaml");
        Files.writeString(file, Files.readString(file).replace("- bean:", "- bena:"));
        assertThat(unusable("run")).startsWith(file + ", line 9, column 11: ").contains("bena");
    }

    @Test
    void saysWhichBeanARouteDoesNotFind() throws Exception {
        Path file = home.resolve("routes/sinks/journal.camel.yaml");
        Files.writeString(file, Files.readString(file).replace("ref: journal", "ref: jornal"));
        assertThat(unusable("run"))
                .startsWith(file + ", the route sink-journal: ")
                .contains("jornal");
    }

    @Test
    void saysThatThereIsNoSuchSink() throws Exception {
        caravan.set("caravan.sinks", "journal,splunk");
        assertThat(unusable("run"))
                .startsWith("caravan.sinks: there is no sink \"splunk\"")
                .contains("there are: journal");
    }

    @Test
    void saysThatTheStateIsBrokenAndBeginsNothingAnew() throws Exception {
        runUntilDelivered();
        try (Stream<Path> files = Files.list(home.resolve("data/state/store"))) {
            for (Path file : files.filter(f -> f.getFileName().toString().startsWith("MANIFEST"))
                    .toList()) {
                Files.writeString(file, "this is no manifest");
            }
        }
        assertThat(unusable("run")).contains("the state in " + home.resolve("data/state/store") + " cannot be opened");
        assertThat(caravan.journalLength()).isEqualTo(1);
    }

    @Test
    void saysThatTheStateIsAnotherPlatforms() throws Exception {
        runUntilDelivered();
        caravan.set("opencti.url", "http://127.0.0.1:1/other");
        assertThat(unusable("run")).contains("the stored position is of live of " + platform.url());
    }

    @Test
    void saysThatTheStateIsInUse() throws Exception {
        platform.append(create("1000-0", anObject(1)));
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.journalLength() == 1);
        Process second = caravan.run("run");
        assertThat(Patience.ends(second, Patience.SOON)).isTrue();
        assertThat(second.exitValue()).isEqualTo(2);
        assertThat(caravan.log()).contains("is in use by another Caravan");
    }

    @Test
    void saysWhatA401CanMeanAndTriesAgain() throws Exception {
        caravan.set("opencti.token", "wrong");
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.log().contains("answers 401"));
        assertThat(caravan.log()).contains("token").contains("next try in 60 s").doesNotContain("\tat ");
        assertThat(process.isAlive()).isTrue();
    }

    @Test
    void checksASoundInstallation() throws Exception {
        platform.append(create("1000-0", anObject(1)));
        process = caravan.run("check");
        assertThat(Patience.ends(process, Patience.SOON)).isTrue();
        assertThat(caravan.log()).contains("ok       platform          live of " + platform.url() + " opens");
        assertThat(process.exitValue()).isZero();
        assertThat(home.resolve("data")).doesNotExist();
    }

    @Test
    void checksTheDestination() throws Exception {
        try (FakeDestination destination = FakeDestination.start().rights("CONNECTORAPI", "KNOWLEDGE_KNUPDATE")) {
            caravan.set("caravan.sinks", "opencti").to(destination);
            assertThat(unusable("check"))
                    .contains("ok       destination       " + destination.url() + " is OpenCTI 7.260817.0")
                    .contains("mistake  destination       pusher lacks the right SETTINGS_SETLABELS")
                    .doesNotContain(FakeDestination.TOKEN);
            assertThat(destination.connectors()).isEmpty();
        }
    }

    @Test
    void checksTheDestinationsOfRoutesWhoseSinksAreNamed() throws Exception {
        try (FakeDestination destination = FakeDestination.start()) {
            for (String name : List.of("partner", "asleep")) {
                String step = "opencti:" + name + "?url=" + destination.url() + "&token=RAW(wr0ng-t0ken)";
                caravan.route("sinks/" + name + ".camel.yaml", """
                        - route:
                            id: sink-%s
                            from:
                              uri: direct:sink-%s
                              steps: [{to: "%s"}]
                        """.formatted(name, name, step));
            }
            caravan.set("caravan.sinks", "journal,partner");
            assertThat(unusable("check"))
                    .contains("mistake  opencti:partner   " + destination.url() + " does not know this token")
                    .doesNotContain("opencti:asleep", "wr0ng-t0ken");
        }
    }

    @Test
    void listsTheStreamsThatATokenMayReadWhereOneIsRefused() throws Exception {
        platform.streams(LiveStream.of("0f9f6ed4-5b1c-4a5e-9d0a-3f3f5f5f5f5f", "Indicators"));
        caravan.set("opencti.stream", "11111111-5b1c-4a5e-9d0a-3f3f5f5f5f5f");
        assertThat(unusable("check"))
                .contains("answers 401")
                .contains("this token may read opencti.stream=0f9f6ed4-5b1c-4a5e-9d0a-3f3f5f5f5f5f (Indicators)");
    }

    @Test
    void saysThatThePlatformDoesNotKnowTheToken() throws Exception {
        caravan.set("opencti.token", "wr0ng-t0ken");
        assertThat(unusable("check"))
                .contains("the platform does not know this token")
                .doesNotContain("wr0ng-t0ken");
    }

    @Test
    void saysWhereThePlatformOfAPastedAddressIs() throws Exception {
        caravan.set("opencti.url", platform.url() + "/stream/3089c815-2cc4-467b-9e94-8468b6dd060e");
        assertThat(unusable("check"))
                .contains("opencti.url is the address of a stream: say " + platform.url() + " as url and 3089c815-");
        assertThat(platform.requests()).isEmpty();
    }

    @Test
    void checkShowsThePlatformsReason() throws Exception {
        platform.always(Answer.status(500).body("application/json", "{\"error\":\"Stream must have filters\"}"));
        assertThat(unusable("check"))
                .contains(" answers 500: the platform could not begin the stream, and says: Stream must");
    }

    @Test
    void checksRoutesToo() throws Exception {
        Files.delete(home.resolve("routes/merge.camel.yaml"));
        platform.always(Answer.status(503));
        assertThat(unusable("check"))
                .contains("mistake  routes            none starts with from: direct:merge")
                .contains("mistake  platform          live of " + platform.url() + " answers 503");
    }

    @Test
    void logsJsonThatTellsAReaderTheSameAsPlainText() throws Exception {
        caravan.route("sinks/test.camel.yaml", sinkThatIsAway("errorHandler: {noErrorHandler: {}}"))
                .set("caravan.sinks", "journal,test")
                .set("caravan.log-format", "json")
                .set("caravan.log-level", "DEBUG");
        platform.append(create("1000-0", anObject(1)));
        long before = System.currentTimeMillis();
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.log().contains("\"throwable\":{"));
        process.destroy();
        process.waitFor();

        List<JsonNode> entries = new ArrayList<>();
        for (String line : caravan.log().lines().toList()) {
            entries.add(new ObjectMapper().readTree(line));
        }
        assertThat(entries).allSatisfy(entry -> {
            assertThat(entry.path("message").asText()).isNotBlank().doesNotContain("{}");
            assertThat(entry.path("level").asText()).isIn("DEBUG", "INFO", "WARN");
            assertThat(entry.path("loggerName").asText()).contains(".");
            assertThat(entry.path("timestamp").asLong()).isBetween(before, System.currentTimeMillis());
        });
        assertThat(entries).anySatisfy(entry -> {
            assertThat(entry.path("message").asText()).isEqualTo("Following live of " + platform.url() + " from 0-0");
            assertThat(entry.path("level").asText()).isEqualTo("INFO");
            assertThat(entry.path("loggerName").asText()).isEqualTo("io.caravan.opencti.stream.Follower");
        });
        assertThat(entries).anySatisfy(entry -> {
            assertThat(entry.path("message").asText()).contains(" not delivered: the index is away; next try in ");
            assertThat(entry.path("level").asText()).isEqualTo("WARN");
        });
        assertThat(entries).anySatisfy(entry -> {
            assertThat(entry.path("throwable").toString())
                    .contains("java.lang.IllegalStateException", "the index is away");
        });
    }

    private void runUntilDelivered() throws Exception {
        platform.append(create("1000-0", anObject(1)));
        process = caravan.run("run");
        await().atMost(SOON).until(() -> caravan.journalLength() == 1);
        process.destroy();
        process.waitFor();
    }

    /** Runs to the end with exit code 2 and no stack trace; what it said last. */
    private String unusable(String command) throws Exception {
        int before = caravan.log().length();
        process = caravan.run(command);
        assertThat(Patience.ends(process, Patience.SOON)).isTrue();
        String said = caravan.log().substring(before);
        assertThat(process.exitValue()).as(said).isEqualTo(2);
        assertThat(said).doesNotContain("\tat ").doesNotContain("Exception");
        return said;
    }

    private static String anObject(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }
}
