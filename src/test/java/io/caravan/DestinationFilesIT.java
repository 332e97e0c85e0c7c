package io.caravan;

import static io.caravan.testkit.Frames.create;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.opencti.push.OpenctiProducer;
import io.caravan.opencti.push.PushCounters;
import io.caravan.ops.Program;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Request;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files on their way from the platform that is followed to another. */
class DestinationFilesIT {

    private static final Duration SOON = Patience.SOON;
    private static final String NAME = "échantillon é (100% sûr) #1.bin";
    private static final String COLLECTION = "c6f7ae2e-4b0b-4e4e-8d1c-1f0c6b3e2a11";

    @TempDir
    Path home;

    private FakePlatform platform;
    private FakeDestination destination;
    private Installation caravan;
    private Process process;
    private long batches;
    private final CompletableFuture<Program> running = new CompletableFuture<>();

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start().heartbeats(Heartbeats.none());
        destination = FakeDestination.start().collection(COLLECTION, true);
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "opencti")
                .to(destination)
                .set("destination.collection", COLLECTION);
    }

    @AfterEach
    void stop() throws Exception {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        platform.close();
        destination.close();
        assertThat(platform.failures()).isEmpty();
        assertThat(destination.failures()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bundle", "taxii"})
    void aFileArrivesByteForByteAndNoTokenWithIt(String way) throws Exception {
        byte[] content = new byte[300_000];
        new Random(1).nextBytes(content);
        String id = id(1);
        serve(id, NAME, content);
        serve(id(2), "second.pdf", new byte[0]);
        caravan.set("destination.way", way);

        PushCounters counters =
                follow(create("1000-0", withFiles(id, NAME)), create("2000-0", withFiles(id(2), "second.pdf")));

        assertThat(data(id, 0)).isEqualTo(content);
        assertThat(files(id).get(0).path("name").asText()).isEqualTo(NAME);
        assertThat(data(id(2), 0)).isEmpty();
        assertThat(counters.files()).isEqualTo(2);
        assertThat(counters.filesLeftOut()).isZero();
        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(destination.requests()).noneMatch(request -> holds(request, FakePlatform.TOKEN));
        assertThat(platform.requests())
                .noneMatch(request -> holds(request, FakeDestination.TOKEN))
                .filteredOn(request -> request.path().startsWith("/storage/"))
                .hasSize(2);
    }

    @Test
    void aMissingFileIsADeadLetterThatRedriveCompletes() throws Exception {
        byte[] content = "there, at last".getBytes(StandardCharsets.UTF_8);
        String id = id(1);
        serve(id, "there.txt", content);
        miss(id, NAME);

        PushCounters counters = follow(create("1000-0", withFiles(id, NAME, "there.txt")), create("2000-0", id(2)));
        assertThat(files(id)).hasSize(1);
        assertThat(data(id, 0)).isEqualTo(content);
        assertThat(destination.objects()).containsKey(id(2));
        assertThat(counters.filesLeftOut()).isEqualTo(1);
        assertThat(caravan.deadLetters()).singleElement().satisfies(letter -> {
            assertThat(letter.path("sink").asText()).isEqualTo("opencti");
            assertThat(letter.path("id").asText()).isEqualTo(id);
            assertThat(letter.path("error").asText()).contains(NAME, "answers 503", encoded(path(id, NAME)));
        });

        assertThat(redrive()).contains("0 of 1 sent, 1 kept").endsWith("exit 1");
        serve(id, NAME, content);
        assertThat(redrive()).contains("1 of 1 sent, 0 kept").endsWith("exit 0");
        destination.awaitApplied();
        assertThat(files(id)).hasSize(2).allSatisfy(file -> assertThat(file.has("data"))
                .isTrue());
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void oneTooLargeIsLeftOutAndCounted() throws Exception {
        String id = id(1);
        serve(id, "large.bin", new byte[2049]);
        serve(id, "small.bin", new byte[2048]);
        caravan.set("destination.files-max-bytes", "2KB");

        PushCounters counters = follow(create("1000-0", withFiles(id, "large.bin", "small.bin")));
        assertThat(files(id))
                .singleElement()
                .satisfies(file -> assertThat(file.path("name").asText()).isEqualTo("small.bin"));
        assertThat(counters.files()).isEqualTo(1);
        assertThat(counters.filesLeftOut()).isEqualTo(1);
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void filesWithWhichAnObjectIsRefusedAreLeftOut() throws Exception {
        String id = id(1);
        serve(id, "refused.bin", new byte[1000]);
        destination.refuse(1, 413);

        PushCounters counters = follow(create("1000-0", withFiles(id, "refused.bin")));
        assertThat(destination.objects()).containsKey(id);
        assertThat(files(id)).isEmpty();
        assertThat(counters.filesLeftOut()).isEqualTo(1);
        assertThat(caravan.deadLetters())
                .singleElement()
                .satisfies(letter -> assertThat(letter.path("error").asText()).contains("refused.bin", "413"));
    }

    @Test
    void aBatchThatIsTriedAgainFetchesNoFileThatIsThrough() throws Exception {
        Frame second = create("2000-0", withFiles(id(1), "1.bin"));
        Frame third = create("3000-0", withFiles(id(2), "2.bin"));
        platform.route(encoded(path(id(0), "0.bin")), request -> {
            platform.append(second, third); // while the first is delivered, which makes them one batch
            await().atMost(SOON).until(() -> received() == 3);
            return new Answer(200, "OK", Map.of(), new byte[1]);
        });
        byte[] content = new byte[13 << 20];
        AtomicInteger fetches = new AtomicInteger();
        for (String path : List.of(path(id(1), "1.bin"), path(id(2), "2.bin"))) {
            platform.route(encoded(path), request -> {
                if (fetches.incrementAndGet() == 2) {
                    destination.refuse(4, 503); // the other file is through
                }
                return new Answer(200, "OK", Map.of(), content);
            });
        }

        platform.append(create("1000-0", withFiles(id(0), "0.bin")));
        followUpTo(third);
        assertThat(data(id(1), 0)).hasSameSizeAs(content);
        assertThat(data(id(2), 0)).hasSameSizeAs(content);
        assertThat(batches).isEqualTo(2);
        assertThat(fetches).hasValue(3);
    }

    private long received() throws Exception {
        return running.get().consumers().get(0).counters().events("create");
    }

    private PushCounters follow(Frame... frames) throws Exception {
        platform.append(frames);
        return followUpTo(frames[frames.length - 1]);
    }

    private PushCounters followUpTo(Frame last) throws Exception {
        try (Program program = caravan.start()) {
            running.complete(program);
            await().atMost(SOON).until(() -> Delivered.upTo(last, program));
            OpenctiProducer producer = program.producers().get(0);
            destination.awaitApplied();
            batches = program.consumers().get(0).counters().batches();
            return producer.counters();
        }
    }

    private String redrive() throws Exception {
        Files.deleteIfExists(home.resolve("caravan.log"));
        process = caravan.run("redrive");
        assertThat(Patience.ends(process, SOON)).isTrue();
        String said = caravan.log();
        assertThat(said).doesNotContain("\tat ", FakePlatform.TOKEN, FakeDestination.TOKEN);
        return said + "exit " + process.exitValue();
    }

    /** To who shows the platform's token. */
    private void serve(String id, String name, byte[] content) {
        platform.route(
                encoded(path(id, name)),
                request -> isFromTheReader(request)
                        ? new Answer(200, "OK", Map.of("Content-Type", "application/octet-stream"), content)
                        : Answer.status(403));
    }

    /** As the platform answers for a file that is not there. */
    private void miss(String id, String name) {
        platform.route(encoded(path(id, name)), request -> Answer.status(503)
                .body("application/json", "{\"status\":\"error\",\"error\":\"File not found or restricted\"}"));
    }

    private Map<String, Object> withFiles(String id, String... names) {
        Map<String, Object> object = Frames.object(id);
        List<Map<String, Object>> files = new ArrayList<>();
        for (String name : names) {
            Map<String, Object> file = new LinkedHashMap<>();
            file.put("name", name);
            file.put("uri", path(id, name));
            file.put("version", "2026-11-21T17:00:00.000Z");
            file.put("mime_type", "application/octet-stream");
            file.put("object_marking_refs", List.of());
            files.add(file);
        }
        Frames.extension(object).put("files", files);
        return object;
    }

    private JsonNode files(String id) {
        return destination
                .objects()
                .get(id)
                .path("extensions")
                .path(Frames.OPENCTI_EXTENSION)
                .path("files");
    }

    private byte[] data(String id, int file) {
        return Base64.getDecoder().decode(files(id).get(file).get("data").asText());
    }

    private static boolean holds(Request request, String token) {
        return request.headers().toString().contains(token) || request.text().contains(token);
    }

    private static boolean isFromTheReader(Request request) {
        return request.header("Authorization").orElse("").equals("Bearer " + FakePlatform.TOKEN);
    }

    private static String id(int n) {
        return "malware--" + UUID.nameUUIDFromBytes(new byte[] {(byte) n});
    }

    private static String path(String id, String name) {
        return "/storage/get/import/Malware/" + Frames.internalId(id) + "/" + name;
    }

    private static String encoded(String path) {
        return Arrays.stream(path.split("/"))
                .map(segment ->
                        URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20"))
                .collect(Collectors.joining("/"));
    }
}
