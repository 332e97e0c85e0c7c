package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Changes;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakePlatform;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FilesTest {

    private static final String ROOT = "/storage/get/import/Report/1/";

    private FakePlatform platform;
    private Storage storage;

    @BeforeEach
    void start() {
        platform = FakePlatform.start();
        OpenctiConfiguration source = new OpenctiConfiguration();
        source.setUrl(platform.url());
        source.setToken(FakePlatform.TOKEN);
        storage = new Storage(new Platform(source), Duration.ofSeconds(10));
    }

    @AfterEach
    void stop() {
        platform.close();
    }

    @Test
    void anObjectWithoutFilesIsWhatCame() throws Exception {
        Item item = report("no files here", "");
        Item almost = report("the word embedded, and \\\"files\\\"", "");
        assertThat(Files.mayBeIn(item)).isFalse();
        List<Files.Part> parts = load(item, almost);
        assertThat(parts).hasSize(1);
        assertThat(parts.get(0).run().items().get(0).json()).isSameAs(item.json());
        assertThat(parts.get(0).run().items().get(1).json()).isSameAs(almost.json());
        assertThat(platform.requests()).isEmpty();
    }

    @Test
    void aFilesContentIsInItsEntry() throws Exception {
        platform.route(ROOT + "a", request -> StorageTest.file(new byte[] {-1, 0, 62}));
        JsonNode sent = only(load(report("", entries("a"))));
        JsonNode entry = sent.at("/extensions/" + StixObject.OPENCTI + "/files/0");
        assertThat(entry.path("data").asText()).isEqualTo("/wA+");
        assertThat(entry.path("no_trigger_import").asBoolean()).isTrue();
        assertThat(entry.path("name").asText()).isEqualTo("a");
        assertThat(entry.path("mime_type").asText()).isEqualTo("text/plain");
    }

    @Test
    void anEntryWithoutContentIsTakenOut() throws Exception {
        platform.route(ROOT + "b", request -> StorageTest.file("b".getBytes(StandardCharsets.UTF_8)));
        platform.route(ROOT + "large", request -> StorageTest.file(new byte[(20 << 20) + 1]));
        List<Files.Part> parts = load(report("", entries("gone", "b", "large")));
        assertThat(names(parts.get(0))).containsExactly("b");
        assertThat(parts.get(0).lacking()).singleElement().satisfies(lacking -> {
            assertThat(lacking.lack().files()).isEqualTo(2);
            assertThat(lacking.lack().failures()).singleElement().satisfies(failure -> assertThat(failure)
                    .startsWith("gone (" + ROOT + "gone): ")
                    .contains("answers 503: it is not there, or this user may not read it"));
        });

        assertThat(only(load(report("", entries("gone")))).toString()).doesNotContain("\"files\"");
    }

    @Test
    void whereFilesAreNotWantedEntriesGo() throws Exception {
        List<Files.Part> parts = new ArrayList<>();
        new Files(Optional.empty(), 1000)
                .load(new Run(List.of(report("![i](embedded/i.png)", entries("a")))), parts::add);
        assertThat(only(parts).toString()).doesNotContain("\"files\"").contains("(embedded/i.png)");
        assertThat(platform.requests()).isEmpty();
    }

    @Test
    void aRunIsCutWhereItBecomesTooLarge() throws Exception {
        for (String name : List.of("1", "2", "3")) {
            platform.route(ROOT + name, request -> StorageTest.file(new byte[9 << 20]));
        }
        Item before = report("before", "");
        Item item = report("with three", entries("1", "2", "gone", "3"));
        List<Files.Part> parts = load(before, item, report("after", ""));
        assertThat(parts).extracting(FilesTest::names).containsExactly(List.of("1"), List.of("2"), List.of("3"));
        assertThat(parts.stream().flatMap(part -> part.whole().stream()))
                .contains(before, item)
                .hasSize(3);
        assertThat(parts.get(2).whole()).contains(item);
        assertThat(parts.get(2).lacking()).hasSize(1);
        assertThat(parts.stream().map(part -> part.run().id()).distinct()).hasSize(3);
        assertThat(parts).allSatisfy(part -> assertThat(part.run().bytes()).isLessThan(17 << 20));
    }

    @Test
    void embeddedImagesAreInTheText() throws Exception {
        byte[] image = {(byte) 0x89, 'P', 'N', 'G'};
        platform.route("/storage/get/embedded/Report/internal/an%20image.png", request -> StorageTest.file(image));
        platform.route("/storage/get/embedded/Note/n/b.JPG", request -> StorageTest.file(image));
        String text =
                "![1](embedded/an%20image.png) ![2](<embedded/an image.png>) ![3](/storage/view/embedded/Note/n/b.JPG)"
                        + " ![4](" + platform.url() + "/storage/get/embedded%2FNote%2Fn%2Fb.JPG)"
                        + " ![5](https://evil.example/storage/get/embedded/Note/n/b.JPG) ![6](embedded/gone.gif) ![7](embedded/a.exe)"
                        + " ![8](embedded/../../../graphql.png)";
        List<Files.Part> parts = load(report(text, ""));
        String data = Base64.getEncoder().encodeToString(image);
        String png = "data:image/png;base64," + data;
        String jpeg = "data:image/jpeg;base64," + data;
        assertThat(only(parts).path("description").asText())
                .isEqualTo("![1](" + png + ") ![2](<" + png + ">) ![3](" + jpeg + ") ![4](" + jpeg + ")"
                        + " ![5](https://evil.example/storage/get/embedded/Note/n/b.JPG) ![6](embedded/gone.gif) ![7](embedded/a.exe)"
                        + " ![8](embedded/../../../graphql.png)");
        assertThat(platform.requests()).hasSize(3);
        assertThat(parts.get(0).lacking().get(0).lack().failures()).hasSize(2);
    }

    @Test
    void anImageThatThePlatformWouldRefuseStaysALink() throws Exception {
        platform.route(
                "/storage/get/embedded/Report/internal/i.png",
                request -> StorageTest.file(new byte[(int) Images.MOST_BYTES + 1]));
        List<Files.Part> parts = load(report("![i](embedded/i.png)", ""));
        assertThat(only(parts).path("description").asText()).isEqualTo("![i](embedded/i.png)");
        assertThat(parts.get(0).lacking().get(0).lack().files()).isEqualTo(1);
        assertThat(parts.get(0).lacking().get(0).lack().failures()).isEmpty();
    }

    @Test
    void whatIsAwayIsNoAnswer() throws Exception {
        platform.route(ROOT + "a", request -> Answer.status(504));
        List<Files.Part> parts = load(report("", entries("a")));
        assertThat(parts.get(0).lacking().get(0).lack().failures())
                .singleElement()
                .satisfies(failure -> assertThat(failure).endsWith("answers 504"));
        assertThat(platform.requests()).hasSize(4);
    }

    private List<Files.Part> load(Item... items) throws Exception {
        List<Files.Part> parts = new ArrayList<>();
        new Files(Optional.of(storage), 20 << 20).load(new Run(List.of(items)), parts::add);
        return parts;
    }

    private static JsonNode only(List<Files.Part> parts) throws Exception {
        assertThat(parts).hasSize(1);
        return Json.tree(parts.get(0).run().items().get(0).json());
    }

    private static List<String> names(Files.Part part) {
        return part.run().items().stream()
                .flatMap(item -> item.files().stream())
                .map(path -> path.substring(path.lastIndexOf('/') + 1))
                .toList();
    }

    private static Item report(String description, String files) {
        StixObject object = Changes.object(
                """
                {"id":"report--1","type":"report","description":"%s","extensions":{"%s":{"id":"internal","type":"Report"%s}}}""".formatted(description, StixObject.OPENCTI, files.isEmpty() ? "" : ",\"files\":" + files));
        return new Item(Changes.upsert(object), Item.Operation.UPSERT, object.json());
    }

    private static String entries(String... names) {
        return Arrays.stream(names)
                .map(name ->
                        "{\"name\":\"%s\",\"uri\":\"%s%s\",\"mime_type\":\"text/plain\"}".formatted(name, ROOT, name))
                .collect(Collectors.joining(",", "[", "]"));
    }
}
