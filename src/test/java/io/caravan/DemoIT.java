package io.caravan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.caravan.testkit.Demo;
import io.caravan.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo as a process of its own, in a folder with the project's own routes and settings. */
class DemoIT {

    private static final Duration SOON = Patience.SOON;
    private static final Path DISTRIBUTION = Path.of("target/caravan").toAbsolutePath();

    @TempDir
    Path home;

    private Process demo;

    @BeforeEach
    void install() throws IOException {
        copy(Path.of("routes"), home.resolve("routes"));
        Files.copy(Path.of("application.properties"), home.resolve("application.properties"));
    }

    @AfterEach
    void kill() throws Exception {
        if (demo != null) {
            demo.destroyForcibly().waitFor();
        }
        Files.deleteIfExists(home.resolve("lib")); // links, and no affair of what cleans up
        Files.deleteIfExists(home.resolve("demo"));
    }

    @Test
    void bringsEventsToFilesAndToTheConsoleAndKeepsAKafkaUntilItIsStopped() throws Exception {
        Path brokers = home.resolve("data/demo/brokers");
        demo = run(java());
        await().atMost(SOON).until(() -> journal().size() >= 5);
        await().atMost(SOON).until(() -> said().contains("so far"));
        assertThat(said()).containsPattern("create +[a-z-]+ +\\S").contains("tail -F data/demo/files/journal/");
        assertThat(journal()).allMatch(line -> line.startsWith("{\"position\":\"") && line.endsWith("}"));
        try (Admin admin = Admin.create(
                Map.of("bootstrap.servers", Files.readString(brokers).strip()))) {
            assertThat(admin.listTopics().names().get()).contains("opencti.events");
            TopicPartition first = new TopicPartition("opencti.events", 0);
            await().atMost(SOON)
                    .until(() -> admin.listOffsets(Map.of(first, OffsetSpec.latest()))
                                    .partitionResult(first)
                                    .get()
                                    .offset()
                            >= 5);
        }
        demo.destroy();
        assertThat(Patience.ends(demo, Patience.SOON)).isTrue();
        assertThat(demo.exitValue()).isZero();
        assertThat(said()).doesNotContain("\tat ").doesNotContain("Exception").doesNotContain("ERROR");
        assertThat(brokers).doesNotExist();
    }

    @Test
    void leavesTheStateOfARealPlatformAloneAndBeginsAnewItself() throws Exception {
        Path state = Files.createDirectories(home.resolve("data/state")).resolve("theirs");
        Path journal = Files.createDirectories(home.resolve("data/files")).resolve("theirs");
        Path old =
                Files.createDirectories(home.resolve("data/demo/files/journal")).resolve("old.ndjson");
        for (Path file : List.of(state, journal, old)) {
            Files.writeString(file, "");
        }
        demo = run(java());
        await().atMost(SOON).until(() -> said().contains("Ctrl-C"));
        assertThat(state).exists();
        assertThat(journal).exists();
        assertThat(old).doesNotExist();
        assertThat(names(home.resolve("data"))).containsExactlyInAnyOrder("state", "files", "demo");
    }

    @Test
    void runsOnceAFolder() throws Exception {
        demo = run(java());
        await().atMost(SOON).until(() -> said().contains("Ctrl-C"));
        Process second = new ProcessBuilder(java())
                .directory(home.toFile())
                .redirectErrorStream(true)
                .start();
        assertThat(second.inputReader().lines()).containsExactly("demo: another one runs in " + home + "/data/demo");
        assertThat(second.waitFor()).isEqualTo(2);
        assertThat(demo.isAlive()).isTrue();
    }

    @Test
    void saysWhereTheMistakeInARouteIs() throws Exception {
        Path file = home.resolve("routes/sinks/journal.camel.yaml");
        Files.writeString(file, Files.readString(file).replace("ref: journal", "ref: jornal"));
        demo = run(java());
        assertThat(Patience.ends(demo, Patience.SOON)).isTrue();
        assertThat(demo.exitValue()).isEqualTo(2);
        assertThat(said()).contains(file + ", the route sink-journal: ").doesNotContain("\tat ");
    }

    @Test
    void isPartOfWhatIsBuilt() throws Exception {
        assumeTrue(Files.exists(DISTRIBUTION.resolve("demo")), "./mvnw package has not run");
        link("lib", "demo");
        demo = run(List.of(launcher(), "demo"));
        await().atMost(SOON).until(() -> !journal().isEmpty());
        demo.destroy();
        assertThat(Patience.ends(demo, Patience.SOON)).isTrue();
        assertThat(demo.exitValue()).isZero();
    }

    @Test
    void saysThatItIsNotInstalled() throws Exception {
        assumeTrue(Files.exists(DISTRIBUTION.resolve("lib/caravan.jar")), "./mvnw package has not run");
        link("lib");
        demo = run(List.of(launcher(), "demo"));
        assertThat(Patience.ends(demo, Patience.SOON)).isTrue();
        assertThat(demo.exitValue()).isEqualTo(2);
        assertThat(said().lines()).singleElement().asString().startsWith("demo: not part of this installation");
    }

    private Process run(List<String> command) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(home.toFile()).redirectErrorStream(true);
        builder.environment().put("OPENCTI_URL", "https://opencti.example.org");
        builder.environment().put("CARAVAN_SINKS", "elsewhere");
        return builder.redirectOutput(home.resolve("demo.log").toFile()).start();
    }

    private static List<String> java() {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return List.of(java, "-cp", System.getProperty("java.class.path"), Demo.class.getName());
    }

    private String launcher() throws IOException {
        return Files.copy(Path.of("caravan"), home.resolve("caravan"), StandardCopyOption.COPY_ATTRIBUTES)
                .toString();
    }

    private void link(String... parts) throws IOException {
        for (String part : parts) {
            Files.createSymbolicLink(home.resolve(part), DISTRIBUTION.resolve(part));
        }
    }

    private String said() throws IOException {
        Path log = home.resolve("demo.log");
        return Files.exists(log) ? Files.readString(log) : "";
    }

    private List<String> journal() throws IOException {
        Path journal = home.resolve("data/demo/files/journal");
        if (!Files.exists(journal)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(journal)) {
            Path hour = files.filter(file -> file.toString().endsWith(".ndjson"))
                    .findFirst()
                    .orElse(null);
            String text = hour == null ? "" : Files.readString(hour);
            return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)));
            }
        }
    }
}
