package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.assertj.core.data.MapEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What recorded events mean, by the names that the objects had on the platform. A relation is told as a sentence of the
 * names that it says its ends have: those when it was last sent.
 */
class RecordedMeaningsTest {

    private static final String ALL = "runA/runA-all.sse";
    private static final String GREEN = "runA/runA-green.sse";
    private static final String INDICATORS = "runA/runA-indicator.sse";
    private static final String VOLUME = "volume/vol-all.sse";

    private Readings readings = new Readings();

    // ---- Patches

    @ParameterizedTest
    @CsvSource({
        "runA/runA-all.sse,                                122",
        "runA/runA-green.sse,                              24",
        "runA/runA-indicator.sse,                          71",
        "volume/vol-all.sse,                               1100",
        "big/big-all.sse,                                  3",
        "reconnect/from-before-retention.sse,              5",
        "reconnect/recover-all-from-0.sse,                 0",
        "reconnect/recover-indicator-from-0.sse,           0",
        "reconnect/recover-on-origin-filtered-stream.sse,  0"
    })
    void everyPatchLeadsFromBeforeToAfterAndBack(String capture, int count) throws Exception {
        int patched = 0;
        for (Frame frame : Capture.events(capture)) {
            Meaning meaning = readings.read(frame);
            JsonNode envelope = Json.tree(meaning.event().raw());
            JsonNode context = envelope.path("context");
            if (context.has("reverse_patch")) {
                patched++;
                Change change = changeOf(meaning.event().object(), meaning);
                JsonNode before = tree(change.before().orElseThrow());
                JsonNode after = tree(change.after().orElseThrow());
                assertThat(after).isEqualTo(envelope.path("data"));
                assertThat(patched(context.path("patch"), before))
                        .as(frame.id())
                        .isEqualTo(plain(after));
                assertThat(patched(context.path("reverse_patch"), after))
                        .as(frame.id())
                        .isEqualTo(plain(before));
                assertThat(change.beforeComplete()).as(frame.id()).isTrue();
                assertThat(change.changed()).as(frame.id()).isNotEmpty();
            }
        }
        assertThat(patched).isEqualTo(count);
    }

    // ---- Renames

    @Test
    void renamesNameTheOldNameAndTheOldId() throws Exception {
        assertThat(renames(ALL))
                .containsExactly(
                        "malware Ashen Anvil 3898 is Tidal Lantern 8263",
                        "malware Glass Juniper 8990 is Lunar Mantis 9787",
                        "malware Copper Spindle 5026 is Amber Harbor 3874",
                        "malware Salt Glacier 5215 is Copper Kestrel 1546",
                        "malware Cobalt Mantis 4117 is Brisk Falcon 1018",
                        "malware Tidal Badger 6790 is Lunar Walnut 9548",
                        "malware Glass Heron 3214 is Hollow Walnut 941",
                        "malware Mossy Badger 8682 is Glass Juniper 53",
                        "tool Velvet Glacier 3475 is Ashen Heron 559",
                        "tool Paper Meadow 4653 is Salt Juniper 3308",
                        "tool Ashen Pylon 2210 is Salt Pylon 9909",
                        "tool Cobalt Spindle 1772 is Crimson Mantis 6061",
                        "indicator Silent Viper 5674 is Silent Viper 5674", // its pattern is another
                        "domain-name quarry538540.example.test is renamed862765.example.test");
    }

    @Test
    void aRenameHasTheIdsBeforeAndAfterAndKeepsTheKey() throws Exception {
        Change rename = readings.changes(Capture.events(ALL)).stream()
                .filter(change -> change.reason() == Reason.RENAMED)
                .findFirst()
                .orElseThrow();

        assertThat(rename.event().id()).hasToString("1795283506166-0");
        assertThat(rename.previousId()).contains("malware--30a84d07-766f-528b-a0e2-1df0e24a5108");
        assertThat(rename.object().id()).isEqualTo("malware--a10cd404-1f8e-5eae-a6c3-bc722434fdc5");
        assertThat(rename.object().internalId()).isEqualTo("d74aa9a7-ae4f-4044-97b4-2799296ec90d");
        assertThat(rename.before().orElseThrow().internalId()).isEqualTo("d74aa9a7-ae4f-4044-97b4-2799296ec90d");
        assertThat(rename.changed()).contains("/id", "/name");
    }

    /** Where the filter lets the object itself through, its rename comes; otherwise only the object, under its new id. */
    @ParameterizedTest
    @CsvSource({"runA/runA-green.sse, 3, 5", "runA/runA-indicator.sse, 1, 7"})
    void onAFilteredStreamMostRenamesComeAsDependencies(String capture, int renames, int dependencies)
            throws Exception {
        List<Change> renamed = readings.changes(Capture.events(capture)).stream()
                .filter(change ->
                        change.type() == Type.UPSERT && change.previousId().isPresent())
                .toList();

        assertThat(renamed.stream().filter(change -> change.reason() == Reason.RENAMED))
                .hasSize(renames);
        assertThat(renamed.stream().filter(change -> change.reason() == Reason.DEPENDENCY))
                .hasSize(dependencies);
        assertThat(renamed)
                .filteredOn(change -> change.object().name().equals("Lunar Mantis 9787"))
                .singleElement()
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.DEPENDENCY);
                    assertThat(change.previousId()).contains("malware--bdb9f83d-55a6-5e67-a954-70f06a197375");
                });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "volume/vol-all.sse",
                "big/big-all.sse",
                "reconnect/from-before-retention.sse",
                "reconnect/recover-all-from-0.sse",
                "reconnect/recover-indicator-from-0.sse"
            })
    void elsewhereNothingWasRenamedOrMerged(String capture) throws Exception {
        assertThat(readings.changes(Capture.events(capture)))
                .noneMatch(change -> change.previousId().isPresent())
                .noneMatch(change -> change.mergedInto().isPresent());
    }

    // ---- Merges

    @Test
    void twoMalwaresWentIntoAmberHarborWithAllTheirRelations() throws Exception {
        assertThat(told(merge(ALL, "Amber Harbor 3874")))
                .startsWith(
                        "Tidal Lantern 8263 merged-into Amber Harbor 3874",
                        "Copper Kestrel 1546 merged-into Amber Harbor 3874",
                        "Amber Harbor 3874 merged")
                .containsExactlyInAnyOrder(
                        "Tidal Lantern 8263 merged-into Amber Harbor 3874",
                        "Copper Kestrel 1546 merged-into Amber Harbor 3874",
                        "Amber Harbor 3874 merged",
                        "(Copper Heron 2030 indicates Amber Harbor 3874) merged",
                        "(Amber Viper 2198 indicates Amber Harbor 3874) merged",
                        "(Lunar Heron 6266 uses Amber Harbor 3874) merged",
                        "(Copper Quarry 8075 uses Amber Harbor 3874) merged",
                        "(Amber Harbor 3874 uses Cobalt Badger 1941) merged",
                        "(Salt Glacier 5215 uses Silent Pylon 7065) cascade", // Amber Harbor used it already
                        "(Amber Harbor 3874 targets CVE-2026-73181) merged",
                        "(Amber Harbor 3874 targets CVE-2026-61840) merged",
                        "(Copper Spindle 5026 related-to Amber Harbor 3874) merged");
    }

    @Test
    void whereARelationEndedAtASourceItEndsAtAmberHarbor() throws Exception {
        Map<String, Change> changes = new HashMap<>();
        merge(ALL, "Amber Harbor 3874").changes().forEach(change -> changes.put(sentence(change.object()), change));

        assertThat(changes.get("(Copper Heron 2030 indicates Amber Harbor 3874)"))
                .satisfies(change -> {
                    assertThat(sentence(change.before().orElseThrow()))
                            .isEqualTo("(Copper Heron 2030 indicates Tidal Lantern 8263)");
                    assertThat(change.object().ends())
                            .containsExactlyInAnyOrder(
                                    "indicator--f4bda716-3a2b-5964-acc8-22bf020a58d5",
                                    "22c05fc8-4e4d-4fae-a6db-d12ad86d27c9",
                                    "malware--f15ecdd8-5c04-5376-ba0c-cd64302f48fb",
                                    "a85d0219-6c06-49be-bc5a-652bb4f05c83");
                });
        // last sent before the rename to Copper Kestrel 1546: its STIX id has been another's name since then
        assertThat(changes.get("(Amber Viper 2198 indicates Amber Harbor 3874)"))
                .satisfies(change -> {
                    assertThat(sentence(change.before().orElseThrow()))
                            .isEqualTo("(Amber Viper 2198 indicates Salt Glacier 5215)");
                    assertThat(change.object().ends())
                            .contains(
                                    "malware--b7b0e10a-3778-50f1-9cd9-406da5425fcc",
                                    "a85d0219-6c06-49be-bc5a-652bb4f05c83")
                            .doesNotContain("96633246-150c-4a91-a2da-10174760d944");
                });
    }

    @Test
    void ashenViperTookOverHollowViperButForWhatItTargetedItself() throws Exception {
        assertThat(told(merge(ALL, "Ashen Viper 2615")))
                .startsWith("Hollow Viper 226 merged-into Ashen Viper 2615", "Ashen Viper 2615 merged")
                .containsExactlyInAnyOrder(
                        "Hollow Viper 226 merged-into Ashen Viper 2615",
                        "Ashen Viper 2615 merged",
                        "(Hollow Quarry 7185 attributed-to Ashen Viper 2615) merged",
                        "(Ashen Viper 2615 uses Glass Heron 3214) merged",
                        "(Ashen Viper 2615 attributed-to Gilded Anvil 2197) merged",
                        "(Hollow Viper 226 targets Sector Quiet Lantern 3425) cascade");
        assertThat(readings.known().withId("relationship--3c0e3502-8a84-5380-a3e8-f1afba252529"))
                .map(known -> sentence(known.object()))
                .contains("(Ashen Viper 2615 targets Sector Quiet Lantern 3425)");
    }

    /** Which of the relations the platform had afterwards, asked one by one. */
    @Test
    void ofTheRelationsOfMergedMalwareThoseStayThatThePlatformHadAfterwards() throws Exception {
        for (Frame frame : Capture.events("quiet/merge-drops-relations-live.sse")) {
            Meaning meaning = readings.read(frame);
            if (meaning.event().op().equals("merge")) {
                break; // what follows deletes them all
            }
        }
        JsonNode asked;
        try (InputStream json = Capture.class.getResourceAsStream("/captures/quiet/merge-drops-relations.json")) {
            asked = new ObjectMapper().readTree(json);
        }
        assertThat(asked).hasSize(10);
        for (JsonNode relation : asked) {
            String id = relation.path(0).textValue();
            boolean isDropped = relation.path(1).textValue().equals("DROPPED");
            assertThat(readings.known().withId(id).isEmpty()).as(id).isEqualTo(isDropped);
        }
    }

    /** One is too many: the platform lost a relation that was made just before its end was merged. */
    @Test
    void whatAPlatformHadAfterManyMergesIsKnown() throws Exception {
        Set<String> known = new TreeSet<>();
        for (Change change : readings.changes(Capture.events("runP/runP-all.sse"))) {
            if (change.type() == Type.UPSERT) {
                change.previousId().ifPresent(known::remove);
                known.add(change.object().id());
            } else {
                known.remove(change.object().id());
                change.previousId().ifPresent(known::remove);
            }
        }
        Set<String> atThePlatform = new TreeSet<>();
        try (InputStream packed = Capture.class.getResourceAsStream("/captures/runP/runP-platform.ndjson.gz");
                MappingIterator<JsonNode> objects =
                        new ObjectMapper().readerFor(JsonNode.class).readValues(new GZIPInputStream(packed))) {
            objects.forEachRemaining(
                    object -> atThePlatform.add(object.path("id").textValue()));
        }
        assertThat(atThePlatform).hasSize(1262);
        assertThat(known).containsAll(atThePlatform);
        known.removeAll(atThePlatform);
        assertThat(known).singleElement().asString().startsWith("relationship--b7a9d0ef");
    }

    @Test
    void aSectorAndAnAddressWereMerged() throws Exception {
        assertThat(told(merge(ALL, "Sector Salt Orchard 9672")))
                .containsExactly(
                        "Sector Lunar Quarry 610 merged-into Sector Salt Orchard 9672",
                        "Sector Salt Orchard 9672 merged",
                        "(Lunar Heron 6266 targets Sector Salt Orchard 9672) merged");
        assertThat(told(merge(ALL, "198.51.100.48")))
                .containsExactly("198.51.100.6 merged-into 198.51.100.48", "198.51.100.48 merged");
        assertThat(told(merge(GREEN, "198.51.100.48")))
                .containsExactly("198.51.100.6 merged-into 198.51.100.48", "198.51.100.48 merged");
    }

    @Test
    void theIndicatorsOfMergedMalwareNameTheTarget() throws Exception {
        assertThat(merge(ALL, "Amber Harbor 3874").indicators())
                .extracting(state -> state.indicator().name())
                .containsExactlyInAnyOrder("Copper Heron 2030", "Amber Viper 2198");
    }

    // ---- Cascades

    @Test
    void whatEndedAtADeletedObjectWentWithIt() throws Exception {
        assertThat(cascades(ALL))
                .containsExactly(
                        entry(
                                "Ashen Viper 2615",
                                List.of(
                                        "(Amber Spindle 7044 attributed-to Ashen Viper 2615)",
                                        "(Ashen Viper 2615 attributed-to Brisk Thistle 600)",
                                        "(Ashen Viper 2615 attributed-to Gilded Anvil 2197)",
                                        "(Ashen Viper 2615 targets Sector Quiet Lantern 3425)",
                                        "(Ashen Viper 2615 uses Cobalt Mantis 4117)",
                                        "(Ashen Viper 2615 uses Glass Heron 3214)",
                                        "(Hollow Quarry 7185 attributed-to Ashen Viper 2615)")),
                        entry(
                                "Copper Heron 2030",
                                List.of(
                                        "(Copper Heron 2030 based-on 198.51.100.48)",
                                        "(Copper Heron 2030 based-on gilded794864.example.test)",
                                        "(Copper Heron 2030 indicates Amber Harbor 3874)",
                                        "(Copper Heron 2030 seen at Org Quiet Thistle 6176)")),
                        SILENT_WALNUT,
                        ADDRESS,
                        entry("Org Quiet Thistle 6176", List.of("(Salt Badger 7680 seen at Org Quiet Thistle 6176)")),
                        entry("Temp Amber Anvil 6562", List.of("(Temp Amber Anvil 6562 related-to Salt Pylon 9909)")),
                        IRON_THISTLE,
                        COBALT_WALNUT);
    }

    @Test
    void onFilteredStreamsWhatWasToldOfItWent() throws Exception {
        MapEntry<String, List<String>> copperHeron = entry(
                "Copper Heron 2030",
                List.of(
                        "(Copper Heron 2030 based-on 198.51.100.48)",
                        "(Copper Heron 2030 based-on gilded794864.example.test)",
                        "(Copper Heron 2030 indicates Tidal Lantern 8263)",
                        "(Copper Heron 2030 seen at Org Quiet Thistle 6176)"));

        assertThat(cascades(GREEN)).containsExactly(copperHeron, SILENT_WALNUT, ADDRESS, COBALT_WALNUT);
        assertThat(cascades(INDICATORS)).containsExactly(copperHeron, SILENT_WALNUT, IRON_THISTLE, COBALT_WALNUT);
    }

    private static final MapEntry<String, List<String>> SILENT_WALNUT = entry(
            "Silent Walnut 2460",
            List.of(
                    "(Silent Walnut 2460 based-on 198.51.100.48)",
                    "(Silent Walnut 2460 indicates Lunar Mantis 9787)",
                    "(Silent Walnut 2460 seen at Org Quiet Thistle 6176)"));
    private static final MapEntry<String, List<String>> ADDRESS = entry(
            "198.51.100.3",
            List.of(
                    "(badger837479.example.test resolves-to 198.51.100.3)",
                    "(glacier572161.example.test resolves-to 198.51.100.3)",
                    "(otter968768.example.test resolves-to 198.51.100.3)",
                    "(quarry538540.example.test resolves-to 198.51.100.3)"));
    private static final MapEntry<String, List<String>> IRON_THISTLE =
            entry("Iron Thistle 730", List.of("(Crimson Glacier 3254 indicates Lunar Mantis 9787)"));
    private static final MapEntry<String, List<String>> COBALT_WALNUT =
            entry("Cobalt Walnut 8189", List.of("(Crimson Badger 4060 indicates Amber Harbor 3874)"));

    /** By the numbers in their names: "Vol 7 44 oscar papa quebec indicates Volume malware 7 9". */
    @Test
    void ofManyDeletedIndicatorsWhatTheyIndicatedIsNoLongerIndicated() throws Exception {
        List<String> cascades = new ArrayList<>();
        cascades(VOLUME).forEach((deleted, relations) -> {
            String number = deleted.replaceFirst("Vol 7 (\\d+) .*", "$1");
            cascades.add(number + ":"
                    + String.join(
                            " ",
                            relations.stream()
                                    .map(relation -> relation.replace(
                                                    "(" + deleted + " indicates Volume malware 7 ", "")
                                            .replace(")", ""))
                                    .toList()));
        });

        assertThat(String.join(", ", cascades))
                .isEqualTo(
                        "1:1 2, 5:8, 106:6, 87:4, 62:3, 518:1, 246:8, 101:1, 190:0, 139:4, 492:6, 231:9, 104:7, 19:0, 762:3,"
                                + " 268:9, 260:4 5, 159:5, 290:6, 637:0, 162:3, 173:5, 36:1 7, 44:0 9, 705:9, 12:0, 115:7, 148:2,"
                                + " 1476:5, 128:3, 1839:2, 895:5, 2096:2, 1609:0, 2289:3, 485:3, 341:1, 711:7, 2441:8, 1167:4 8,"
                                + " 1495:3, 2242:3, 981:7 8, 1289:1 2, 1571:9, 2329:1, 859:0 9, 1150:6 8, 1266:4, 929:7, 2734:1,"
                                + " 379:3, 2714:1, 498:0 3, 450:1, 1089:8, 1710:7, 1597:2, 1031:5, 2195:6, 545:5 9, 681:8, 1101:4,"
                                + " 1777:0, 4513:3, 395:0, 1522:4");
    }

    @Test
    void whatLeftTheFilterTookNothingWithIt() throws Exception {
        List<String> left = new ArrayList<>();
        for (Frame frame : Capture.events(GREEN)) {
            Meaning meaning = readings.read(frame);
            if (meaning.changes().stream().anyMatch(change -> change.reason() == Reason.LEFT_SCOPE)) {
                assertThat(meaning.changes()).hasSize(1);
                left.add(meaning.event().object().name());
            }
        }

        assertThat(left)
                .containsExactly(
                        "Cobalt Mantis 9540",
                        "Salt Badger 7680",
                        "Brisk Lantern 4657",
                        "Velvet Meadow 2162",
                        "Paper Meadow 2658",
                        "Mossy Thistle 1860",
                        "Velvet Falcon 2778",
                        "Quiet Orchard 8397",
                        "Lunar Walnut 8339",
                        "Paper Lantern 2754");
    }

    // ---- All of it

    @ParameterizedTest
    @ValueSource(
            strings = {
                "runA/runA-all.sse",
                "runA/runA-green.sse",
                "runA/runA-indicator.sse",
                "runP/runP-all.sse",
                "quiet/merge-drops-relations-live.sse",
                "volume/vol-all.sse",
                "big/big-all.sse",
                "reconnect/recover-all-from-0.sse",
                "reconnect/recover-indicator-from-0.sse",
                "reconnect/from-before-retention.sse"
            })
    void theChangesLeaveWhatTheStreamLeaves(String capture) throws Exception {
        Map<String, Change> left = new HashMap<>();
        OutcomeModel model = new OutcomeModel();
        for (Frame frame : Capture.events(capture)) {
            model.take(frame);
            for (Change change : readings.read(frame).changes()) {
                if (change.type() == Type.UPSERT) {
                    left.put(change.object().key(), change);
                } else {
                    left.remove(change.object().key());
                }
            }
        }
        Map<String, JsonNode> byId = new TreeMap<>();
        for (Change change : left.values()) {
            byId.put(change.object().id(), OutcomeModel.bare((ObjectNode) tree(change.object())));
            assertThat(readings.known()
                            .object(change.object().key())
                            .map(known -> new Known.KnownObject(known.object(), known.dependency(), known.strictest())))
                    .contains(new Known.KnownObject(
                            change.object(), change.dependency(), change.state().strictest()));
        }

        assertThat(byId).hasSameSizeAs(left);
        assertThat(byId.keySet()).isEqualTo(model.outcome().keySet());
        model.outcome().forEach((id, object) -> assertThat(byId.get(id)).as(id).isEqualTo(object));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"runA/runA-all.sse", "runA/runA-green.sse", "runA/runA-indicator.sse", "volume/vol-all.sse"})
    void aStateBeforeThatWasToldIsTheOneThatWasToldUnlessThePlatformSaysOtherwise(String capture) throws Exception {
        Map<String, StixObject> told = new HashMap<>();
        for (Frame frame : Capture.events(capture)) {
            Meaning meaning = readings.read(frame);
            boolean isPatched = meaning.event().op().equals("update")
                    || meaning.event().op().equals("merge");
            for (Change change : meaning.changes()) {
                String key = change.object().key();
                if (change.type() == Type.UPSERT
                        && !(isPatched && key.equals(meaning.event().object().key()))) {
                    assertThat(change.before().map(StixObject::json))
                            .as(change.toString())
                            .isEqualTo(Optional.ofNullable(told.get(key)).map(StixObject::json));
                }
                told.put(key, change.object());
                if (change.type() == Type.REMOVE) {
                    told.remove(key);
                }
            }
        }
    }

    private List<String> renames(String capture) throws Exception {
        List<String> renames = new ArrayList<>();
        for (Change change : readings.changes(Capture.events(capture))) {
            if (change.previousId().isPresent()) {
                assertThat(change.reason()).isEqualTo(Reason.RENAMED);
                assertThat(change.before().map(StixObject::id)).isEqualTo(change.previousId());
                renames.add(change.object().type() + " "
                        + change.before().orElseThrow().name() + " is "
                        + change.object().name());
            }
        }
        return renames;
    }

    /** Reads the capture up to the merge, and that. */
    private Meaning merge(String capture, String target) throws Exception {
        readings = new Readings();
        for (Frame frame : Capture.events(capture)) {
            Meaning meaning = readings.read(frame);
            if (frame.event().equals("merge") && meaning.event().object().name().equals(target)) {
                return meaning;
            }
        }
        throw new AssertionError("nothing was merged into " + target);
    }

    private static List<String> told(Meaning meaning) {
        return meaning.changes().stream()
                .map(change -> sentence(change.object()) + " " + change.reason()
                        + change.mergedInto()
                                .map(id -> " " + meaning.event().object().name())
                                .orElse(""))
                .toList();
    }

    /** By the names of what was deleted, in order; each in alphabetical order. */
    private Map<String, List<String>> cascades(String capture) throws Exception {
        readings = new Readings();
        Map<String, List<String>> cascades = new LinkedHashMap<>();
        for (Frame frame : Capture.events(capture)) {
            Meaning meaning = readings.read(frame);
            if (frame.event().equals("delete") && meaning.changes().size() > 1) {
                List<Change> changes = meaning.changes();
                int last = changes.size() - 1;
                assertThat(changes.get(last).reason()).isEqualTo(Reason.DELETED);
                assertThat(changes.subList(0, last)).allMatch(change -> change.reason() == Reason.CASCADE);
                cascades.put(
                        changes.get(last).object().name(),
                        changes.subList(0, last).stream()
                                .map(change -> sentence(change.object()))
                                .sorted()
                                .toList());
            }
        }
        return cascades;
    }

    private static Change changeOf(StixObject object, Meaning meaning) {
        return meaning.changes().stream()
                .filter(change -> change.object().equals(object))
                .findFirst()
                .orElseThrow();
    }

    private static String sentence(StixObject object) {
        JsonNode extension = tree(object).path("extensions").path(StixObject.OPENCTI);
        return switch (object.type()) {
            case "relationship" ->
                "(" + extension.path("source_value").asText() + " " + object.relationshipType() + " "
                        + extension.path("target_value").asText() + ")";
            case "sighting" ->
                "(" + extension.path("sighting_of_value").asText() + " seen at "
                        + extension.path("where_sighted_values").path(0).asText() + ")";
            default -> object.name();
        };
    }

    private static Object patched(JsonNode patch, JsonNode object) throws IOException {
        Object state = plain(object);
        for (JsonNode operation : patch) {
            state = PlainPatch.apply((Map<?, ?>) plain(operation), state);
        }
        return state;
    }

    private static Object plain(JsonNode json) throws IOException {
        return Json.mapper().treeToValue(json, Object.class);
    }

    private static JsonNode tree(StixObject object) {
        try {
            return Json.tree(object.json());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
