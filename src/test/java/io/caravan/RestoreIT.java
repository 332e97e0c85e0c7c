package io.caravan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.ops.Program;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a mirror or a journal holds, sent to a destination by the program as a process of its own. */
class RestoreIT {

    private static final Duration SOON = Patience.SOON;
    private static final String EXTENSION = "/extensions/extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path home;

    private final FakeDestination destination = FakeDestination.start();
    private FakePlatform platform;
    private Installation caravan;
    private Process process;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start();
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "journal,mirror")
                .to(destination);
    }

    @AfterEach
    void stop() throws Exception {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        platform.close();
        destination.close();
    }

    @Test
    void theDestinationHoldsWhatTheMirrorHolds() throws Exception {
        follow(Capture.events("runA/runA-all.sse"));
        platform.close(); // it is not needed
        Map<String, JsonNode> mirror = caravan.mirrorAtRest();
        int count = mirror.size();

        assertThat(restore("--from files --dry-run"))
                .contains(count + " would be sent, from the mirror ")
                .endsWith("exit 0");
        assertThat(destination.requests()).isEmpty();

        assertThat(restore("--from files"))
                .contains(count + " of " + count + " sent, " + count + " applied, 0 failed, 0 refused, 0 unknown\n")
                .endsWith("exit 0");
        assertSame(held(), mirror);
        assertThat(home.resolve("data/restore.json")).doesNotExist();
        assertThat(home.resolve("data/restore")).doesNotExist();
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"runA/runA-all.sse, 150", "runA/runA-all.sse, 330", "runA/runA-all.sse, 1000", "volume/vol-all.sse, 700"
    })
    void theDestinationHoldsWhatThereWasAtAPlaceInTheJournal(String capture, int count) throws Exception {
        List<Frame> events = Capture.events(capture);
        int middle = Math.min(count, events.size());
        while (middle < events.size()
                && events.get(middle).id().equals(events.get(middle - 1).id())) {
            middle++;
        }
        follow(events.subList(0, middle));
        Map<String, JsonNode> then = caravan.mirrorAtRest();
        if (middle < events.size()) {
            follow(events.subList(middle, events.size()));
            assertThat(caravan.mirrorAtRest()).isNotEqualTo(then);
        }

        String said = restore("--from files --until " + events.get(middle - 1).id());
        assertThat(said)
                .contains(then.size() + " of " + then.size() + " sent, ")
                .contains(", 0 failed, 0 refused, 0 unknown\n");
        assertThat(said).endsWith("exit 0");
        assertSame(held(), then);
    }

    @Test
    void aFolderWithAJournalAloneIsReadToItsEndAndBesideARunningProgram() throws Exception {
        List<Frame> events = Capture.events("runA/runA-all.sse");
        follow(events);
        Map<String, JsonNode> mirror = caravan.mirrorAtRest();
        Files.createDirectories(home.resolve("elsewhere"));
        Files.move(home.resolve("data/files/journal"), home.resolve("elsewhere/journal"));

        try (Program running = caravan.start()) {
            assertThat(running.failure()).isEmpty();
            assertThat(restore("--from elsewhere")).endsWith("exit 0");
        }
        assertSame(held(), mirror);
    }

    @Test
    void nothingIsMissingWhereverItIsKilled() throws Exception {
        Map<String, JsonNode> mirror = aMirror(4000);
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        int kills = 3;
        for (int kill = 0; kill < kills; kill++) {
            int more = destination.pushes().size() + 1 + random.nextInt(3);
            process = caravan.run("restore --from files");
            await().atMost(SOON)
                    .pollInterval(Duration.ofMillis(2))
                    .until(() -> destination.pushes().size() >= more || !process.isAlive());
            process.destroyForcibly().waitFor();
        }
        assertThat(home.resolve("data/restore.json")).as("seed %d", seed).exists();
        assertThat(restore("--from data/files")).contains("goes on at ").endsWith("exit 0");

        destination.awaitApplied();
        assertThat(held()).as("seed %d", seed).isEqualTo(mirror);
        int bundles = 1 + 4 + 8 + 2; // of each kind, 1,000 a bundle
        assertThat(destination.pushes()).as("seed %d", seed).hasSizeLessThanOrEqualTo(bundles + kills);
    }

    @Test
    void waitsForADestinationThatGoesAwayAndGoesOnAfterAStop() throws Exception {
        Map<String, JsonNode> mirror = aMirror(3000);
        process = caravan.run("restore --from files");
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(2))
                .until(() -> destination.pushes().size() >= 2);
        destination.refuse(100_000, 503);
        await().atMost(SOON).until(() -> caravan.log().contains("; waits: "));
        process.destroy();
        assertThat(Patience.ends(process, Patience.STOP)).isTrue();
        assertThat(process.exitValue()).isEqualTo(1);
        assertThat(caravan.log()).contains("stopped, start it again to go on").doesNotContain("\tat ");
        assertThat(destination.objects().size()).isLessThan(mirror.size());

        try (FakeDestination other = FakeDestination.start()) {
            String said = restoreTo(other, "--from files");
            assertThat(said)
                    .contains("was begun and is not through")
                    .contains("--again")
                    .endsWith("exit 2");
            assertThat(restoreTo(other, "--from files --again")).endsWith("exit 0");
            assertThat(new TreeMap<>(other.objects())).isEqualTo(mirror);
        }
    }

    @Test
    void whatBearsAMarkingThatWaitsAtTheDestinationWaitsAfterARestartToo() throws Exception {
        String marking = "marking-definition--00000000-0000-4000-8000-0000000000aa";
        mirror(object(marking).put("definition_type", "statement"));
        for (int i = 1; i <= 3; i++) {
            ObjectNode marked = object(tool(i));
            marked.putArray("object_marking_refs").add(marking);
            mirror(marked);
        }
        Map<String, JsonNode> mirror = caravan.mirrorAtRest();
        destination.haltWorker();
        process = caravan.run("restore --from files");
        await().atMost(SOON).until(() -> caravan.log().contains("has not yet made the marking"));
        process.destroyForcibly().waitFor();

        Files.deleteIfExists(home.resolve("caravan.log"));
        process = caravan.run("restore --from files");
        await().atMost(SOON).until(() -> caravan.log().contains("has not yet made the marking") || !process.isAlive());
        destination.letWorkerGoOn();
        assertThat(Patience.ends(process, SOON)).isTrue();
        assertThat(caravan.log()).contains("goes on at ");
        assertThat(process.exitValue()).isZero();
        destination.awaitApplied();
        assertThat(held()).isEqualTo(mirror);
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void whatIsNotTakenIsADeadLetterAndTheRestGoesOn() throws Exception {
        Map<String, JsonNode> mirror = aMirror(50);
        String refused = tool(7);
        destination.refuseObjects(object -> object.path("id").asText().equals(refused));
        Files.writeString(home.resolve("data/files/objects/tool/" + tool(3) + ".json"), "{\"id\": \"to");

        String said = restore("--from files");
        assertThat(said)
                .contains(tool(3) + " cannot be sent: it is no JSON")
                .contains(" 1 cannot be read")
                .endsWith("exit 1");
        Set<String> missing = new HashSet<>(mirror.keySet());
        missing.removeAll(destination.objects().keySet());
        assertThat(missing).contains(refused, tool(3));
        assertThat(caravan.deadLetters())
                .filteredOn(letter -> letter.path("id").asText().equals(refused))
                .singleElement()
                .satisfies(letter -> {
                    assertThat(letter.path("sink").asText()).isEqualTo("opencti");
                    assertThat(letter.path("error").asText()).contains("Refused by the test");
                    assertThat(letter.path("event").path("data").path("id").asText())
                            .isEqualTo(refused);
                });

        destination.mayReadWorks(false);
        destination.refuseObjects(object -> false);
        Files.writeString(
                home.resolve("data/files/objects/tool/" + tool(3) + ".json"),
                mirror.get(tool(3)).toString());
        assertThat(restore("--from files")).contains(mirror.size() + " unknown").endsWith("exit 0");
        destination.awaitApplied();
        assertSame(held(), mirror);
    }

    @Test
    void whatRefersToEachOtherIsWholeInTheEnd() throws Exception {
        String one = "note--00000000-0000-4000-8000-000000000001";
        String two = "note--00000000-0000-4000-8000-000000000002";
        mirror(note(one, two));
        mirror(note(two, one));

        assertThat(restore("--from files"))
                .contains("3 of 3 sent, 3 applied, 0 failed")
                .endsWith("exit 0");
        assertThat(destination.objects().get(one).path("object_refs").get(0).asText())
                .isEqualTo(two);
        assertThat(destination.objects().get(two).path("object_refs").get(0).asText())
                .isEqualTo(one);
    }

    @Test
    void saysInALineWhatCannotBeUsed() throws Exception {
        assertThat(restore(""))
                .isEqualTo(
                        "--from: not set: say files, which is files.dir, or a folder that is laid out as it is\nexit 2");
        assertThat(restore("--from nowhere")).isEqualTo("--from: there is no folder " + home + "/nowhere\nexit 2");
        Files.createDirectories(home.resolve("empty"));
        assertThat(restore("--from empty"))
                .isEqualTo(
                        "--from: " + home + "/empty holds neither a mirror (objects) nor a journal (journal)\nexit 2");
        aMirror(1);
        assertThat(restore("--from files --until 2026-01-31"))
                .isEqualTo(
                        "--until: only a journal tells what was, and there is none in " + home + "/data/files\nexit 2");
        assertThat(restore("--from files --until yesterday"))
                .startsWith("--until: \"yesterday\" is neither a position such as")
                .endsWith("\nexit 2")
                .hasLineCount(2);

        caravan.set("destination.token", "");
        assertThat(restore("--from files"))
                .startsWith("destination.token: not set, and restore writes there: ")
                .endsWith("exit 2")
                .hasLineCount(2);
        caravan.set("destination.token", "wrong");
        assertThat(restore("--from files"))
                .contains("AUTH_REQUIRED")
                .endsWith("exit 1")
                .hasLineCount(2);
        assertThat(destination.objects()).isEmpty();
    }

    /** What the platform sends, followed to its end and the program stopped. */
    private void follow(List<Frame> events) throws Exception {
        platform.append(events);
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == events.size());
        }
    }

    /** What the command says, and its exit code at the end. */
    private String restore(String options) throws Exception {
        Files.deleteIfExists(home.resolve("caravan.log"));
        process = caravan.run(("restore " + options).strip());
        assertThat(Patience.ends(process, SOON)).isTrue();
        String said = caravan.log();
        assertThat(said).doesNotContain("\tat ").doesNotContain(FakeDestination.TOKEN);
        return said + "exit " + process.exitValue();
    }

    private String restoreTo(FakeDestination other, String options) throws Exception {
        caravan.set("destination.url", other.url());
        return restore(options);
    }

    /**
     * All but for references: of those, ends mean the same objects by their internal ids; and none that may be left out
     * means an object that is not there.
     */
    private static void assertSame(Map<String, JsonNode> held, Map<String, JsonNode> mirror) {
        Set<String> told = new TreeSet<>(held.keySet());
        told.removeIf(id -> !mirror.containsKey(id) && isBorne(held.get(id), mirror));
        assertThat(told).isEqualTo(mirror.keySet());
        Map<String, String> ids = new TreeMap<>();
        mirror.forEach((id, object) -> {
            ids.put(object.at(EXTENSION + "/id").asText(), id);
            object.at(EXTENSION + "/stix_ids").forEach(former -> ids.put(former.asText(), id));
        });
        mirror.keySet().forEach(id -> ids.put(id, id));
        mirror.forEach(
                (id, object) -> assertThat(held.get(id)).isEqualTo(current((ObjectNode) object, ids, held.get(id))));
    }

    /** A label that objects bear and the recorded stream never told of, older than it: the destination's worker makes it. */
    private static boolean isBorne(JsonNode label, Map<String, JsonNode> mirror) {
        return label.path("type").asText().equals("label")
                && mirror.values().stream()
                        .flatMap(object -> object.findValues("labels").stream())
                        .flatMap(names -> StreamSupport.stream(names.spliterator(), false))
                        .anyMatch(name -> name.equals(label.path("value")));
    }

    private static JsonNode current(ObjectNode mirrored, Map<String, String> ids, JsonNode held) {
        ObjectNode object = mirrored.deepCopy();
        ((ObjectNode) object.at(EXTENSION)).remove("files"); // nothing is fetched for them
        for (String end : List.of("source_ref", "target_ref", "sighting_of_ref")) {
            if (object.at(EXTENSION + "/" + end).isTextual()) {
                object.put(end, ids.get(object.at(EXTENSION + "/" + end).asText()));
            }
        }
        if (object.path("object_refs").isArray()) {
            Set<String> refs = new HashSet<>();
            object.get("object_refs").forEach(ref -> refs.add(ids.getOrDefault(ref.asText(), "")));
            held.path("object_refs").forEach(ref -> assertThat(ids).containsValue(ref.asText()));
            Set<String> sent = new HashSet<>();
            held.path("object_refs").forEach(ref -> sent.add(ref.asText()));
            assertThat(sent)
                    .containsAll(refs.stream().filter(id -> !id.isEmpty()).toList());
            object.remove("object_refs");
            if (held.has("object_refs")) {
                object.set("object_refs", held.path("object_refs"));
            }
        }
        if (object.has("created_by_ref")
                && !ids.containsKey(object.get("created_by_ref").asText())) {
            object.remove("created_by_ref");
        }
        return object;
    }

    private Map<String, JsonNode> held() {
        return new TreeMap<>(destination.objects());
    }

    /** So many tools of one author, twice as many relations between them, and half as many reports of these. */
    private Map<String, JsonNode> aMirror(int tools) throws IOException {
        String author = "identity--00000000-0000-4000-8000-000000000000";
        mirror(object(author));
        for (int i = 1; i <= tools; i++) {
            mirror(object(tool(i)).put("created_by_ref", author));
        }
        for (int i = 1; i <= 2 * tools; i++) {
            String id = "relationship--00000000-0000-4000-8000-%012d".formatted(i);
            ObjectNode relation = object(id).put("relationship_type", "related-to");
            mirror(relation.put("source_ref", tool(1 + i % tools)).put("target_ref", tool(1 + i * 7 % tools)));
        }
        for (int i = 1; i <= tools / 2; i++) {
            ObjectNode report = object("report--00000000-0000-4000-8000-%012d".formatted(i));
            report.putArray("object_refs").add(tool(i)).add("relationship--00000000-0000-4000-8000-%012d".formatted(i));
            mirror(report);
        }
        return caravan.mirrorAtRest();
    }

    private static ObjectNode note(String id, String about) {
        ObjectNode note = object(id);
        note.putArray("object_refs").add(about);
        return note;
    }

    private static ObjectNode object(String id) {
        return JSON.valueToTree(Frames.object(id));
    }

    private static String tool(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }

    private void mirror(ObjectNode object) throws IOException {
        String id = object.path("id").asText();
        Path folder = home.resolve("data/files/objects").resolve(id.replaceFirst("--.*", ""));
        Files.createDirectories(folder);
        Files.write(folder.resolve(id + ".json"), JSON.writeValueAsBytes(object));
    }
}
