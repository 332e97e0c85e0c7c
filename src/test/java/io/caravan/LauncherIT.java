package io.caravan;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frames;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher, as it lies beside the built program, under each POSIX shell that this machine has. */
class LauncherIT {

    @TempDir
    Path home;

    private final Map<String, String> environment = new TreeMap<>();

    private record Ended(int code, String out, String err) {}

    @BeforeEach
    void install() throws IOException {
        Files.copy(Path.of("caravan"), home.resolve("caravan"));
        try (Stream<Path> files = Files.walk(Path.of("routes"))) {
            for (Path file : files.toList()) {
                Files.copy(file, home.resolve(file.toString()));
            }
        }
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes()
                .put(
                        Attributes.Name.CLASS_PATH,
                        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                                .filter(entry -> !entry.endsWith("test-classes"))
                                .map(entry -> Path.of(entry).toUri().toString())
                                .collect(Collectors.joining(" ")));
        Files.createDirectories(home.resolve("lib"));
        new JarOutputStream(Files.newOutputStream(home.resolve("lib/caravan.jar")), manifest).close();
        environment.put("JAVA_HOME", System.getProperty("java.home"));
    }

    static Stream<List<String>> shells() {
        return Stream.of(List.of("sh"), List.of("dash"), List.of("busybox", "sh"), List.of("bash", "--posix"))
                .filter(shell -> Stream.of("/bin", "/usr/bin")
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, shell.get(0)))));
    }

    @ParameterizedTest
    @MethodSource("shells")
    void startsTheProgramWithTheOptionsOfJavaOpts(List<String> shell) throws Exception {
        environment.put("JAVA_OPTS", "-Xmx200m -Dsome=thing");
        assertThat(run(shell, "--version")).isEqualTo(new Ended(0, "Caravan 0.1.0\n", ""));
    }

    @ParameterizedTest
    @MethodSource("shells")
    void saysThatJavaIsTooOld(List<String> shell) throws Exception {
        for (String version : List.of("1.8.0_292", "11.0.2", "16", "9-ea")) {
            Path old = java("JAVA_VERSION=\"" + version + "\"\n", "exit 1");
            environment.put("JAVA_HOME", old.toString());
            assertThat(run(shell, "run"))
                    .isEqualTo(new Ended(
                            2,
                            "",
                            "caravan: the Java at " + old + " is " + version
                                    + ", and 17 or later is needed: install a JDK of"
                                    + " 17, or set JAVA_HOME to one\n"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.8.0_292", "11.0.2"})
    void asksAJavaThatHasNoReleaseFile(String version) throws Exception {
        Path old = java("", "echo 'openjdk version \"" + version + "\" 2021-04-20' >&2");
        environment.put("JAVA_HOME", old.toString());
        Ended ended = run(List.of("sh"), "run");
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err()).contains(" is " + version + ", and 17 or later is needed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"17", "17.0.15", "21-ea", "25.0.1"})
    void takesAJavaOf17OrLater(String version) throws Exception {
        environment.put(
                "JAVA_HOME",
                java("JAVA_VERSION=\"" + version + "\"\n", "echo \"started $*\"")
                        .toString());
        Ended ended = run(List.of("sh"), "run");
        assertThat(ended.out()).startsWith("started --enable-native-access").endsWith("io.caravan.Caravan run\n");
        assertThat(ended.code()).isZero();
    }

    @ParameterizedTest
    @MethodSource("shells")
    void saysThatJavaDoesNotTakeJavaOpts(List<String> shell) {
        environment.put("JAVA_OPTS", "-Xmxlots");
        assertThat(run(shell, "run")).isEqualTo(refused("Invalid maximum heap size: -Xmxlots"));
    }

    @Test
    void saysWhatJavaDoesNotTakeOfJavaOpts() {
        Map<String, String> reasons = Map.of(
                "-Dpassword=hush -Xmx512", "Too small maximum heap",
                "-Xms2g -Xmx1g", "Initial heap size set to a larger value than the maximum heap size",
                "-XX:+NoSuchFlag", "Unrecognized VM option 'NoSuchFlag'",
                "-unknown", "Unrecognized option: -unknown",
                "Xmx512m", "Could not find or load main class Xmx512m");
        reasons.forEach((options, reason) -> {
            environment.put("JAVA_OPTS", options);
            assertThat(run(List.of("sh"), "run")).isEqualTo(refused(reason));
        });
    }

    private static Ended refused(String reason) {
        return new Ended(
                2, "", "caravan: Java does not take JAVA_OPTS: " + reason + "; -Xmx512m would be right, for example\n");
    }

    @Test
    void startsJavaOnceWhereNothingIsToBeTried() throws Exception {
        Path starts = home.resolve("starts");
        environment.put(
                "JAVA_HOME",
                java("JAVA_VERSION=\"17\"\n", "echo \"$*\" >>" + starts).toString());
        for (String options : List.of("", "-XX:MaxRAMPercentage=50", "-Dsome=thing -agentlib:jdwp=server=y")) {
            environment.put("JAVA_OPTS", options);
            Files.deleteIfExists(starts);
            run(List.of("sh"), "run");
            assertThat(Files.readAllLines(starts)).singleElement().asString().contains(options);
        }
    }

    @Test
    void asksForHealthWithoutJavaOpts() throws Exception {
        environment.put("JAVA_OPTS", "-Xmxlots");
        environment.put("CARAVAN_HTTP_PORT", "0");
        assertThat(run(List.of("sh"), "health"))
                .isEqualTo(new Ended(1, "unknown: caravan.http-port is 0, so there is no health to ask for\n", ""));
    }

    @Test
    void saysWhatToRaiseWhenTheMemoryIsOut() throws Exception {
        try (FakePlatform platform = FakePlatform.start()) {
            platform.append(Frames.large("1000-0", "tool--00000000-0000-4000-8000-000000000001", 24));
            environment.put("OPENCTI_URL", platform.url());
            environment.put("OPENCTI_TOKEN", FakePlatform.TOKEN);
            environment.put("OPENCTI_START", "0-0");
            environment.put("CARAVAN_HTTP_PORT", "0");
            environment.put("JAVA_OPTS", "-Xmx32m");
            Ended ended = run(List.of("sh"), "run");
            assertThat(ended.code()).as(ended.toString()).isEqualTo(3);
            assertThat(ended.err())
                    .isEqualTo(
                            "caravan: out of memory, exit code 3: raise the heap, for example JAVA_OPTS=-Xmx512m, or lower"
                                    + " caravan.batch-max-bytes, caravan.event-max-bytes or destination.files-max-bytes; the next start"
                                    + " goes on from the stored position\n");
        }
    }

    /** A folder as JAVA_HOME names it, with a Java that does no more than this. */
    private Path java(String release, String script) throws IOException {
        Path folder = Files.createTempDirectory(home, "java");
        Path java = Files.createDirectories(folder.resolve("bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\n" + script + "\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        if (!release.isEmpty()) {
            Files.writeString(folder.resolve("release"), "IMPLEMENTOR=\"Some\"\n" + release);
        }
        return folder;
    }

    private Ended run(List<String> shell, String... arguments) {
        try {
            List<String> command = new ArrayList<>(shell);
            command.add(home.resolve("caravan").toString());
            command.addAll(List.of(arguments));
            File out = home.resolve("out").toFile();
            File err = home.resolve("err").toFile();
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectOutput(out).redirectError(err);
            builder.environment().keySet().removeIf(name -> name.startsWith("JAVA_") || name.startsWith("JDK_"));
            builder.environment().putAll(environment);
            Process process = builder.start();
            try {
                assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            } finally {
                process.destroyForcibly();
            }
            return new Ended(
                    process.exitValue(),
                    Files.readString(out.toPath(), StandardCharsets.UTF_8),
                    Files.readString(err.toPath(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException("tests are not interrupted", e);
        }
    }
}
