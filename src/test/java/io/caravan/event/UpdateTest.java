package io.caravan.event;

import static io.caravan.event.StixObjects.json;
import static io.caravan.event.StixObjects.tree;
import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Change.Reason;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What events named update mean: the object as it is, as it was, and what it was called. */
class UpdateTest {

    private static final String EMOTET = "malware--emotet";
    private static final String GEODO = "malware--geodo";
    private static final String HEODO = "malware--heodo";

    private final Readings readings = new Readings();

    @Test
    void theStateBeforeIsWhatTheReversePatchMakesOfTheOneAfter() throws Exception {
        Map<String, Object> before = Frames.object(EMOTET);
        before.put("labels", List.of("bot"));
        before.put("lang", "en");
        Map<String, Object> after = Frames.object(EMOTET);
        after.put("labels", List.of("bot", "spam"));
        after.put("description", "a banking trojan");

        assertThat(change(Frames.update("2-0", before, after))).satisfies(change -> {
            assertThat(change).hasToString("upsert malware--emotet (updated)");
            assertThat(tree(change.before().orElseThrow())).isEqualTo(tree(before));
            assertThat(change.beforeComplete()).isTrue();
            assertThat(tree(change.after().orElseThrow())).isEqualTo(tree(after));
            assertThat(change.changed()).containsExactlyInAnyOrder("/labels", "/lang", "/description");
            assertThat(change.previousId()).isEmpty();
            assertThat(change.dependency()).isFalse();
        });
    }

    @Test
    void whatThePlatformSaysOfTheStateBeforeGoesBeforeWhatWasLastTold() throws Exception {
        readings.read(Frames.create("1-0", EMOTET));

        assertThat(change(update(
                        Frames.object(EMOTET),
                        "'reverse_patch':[{'op':'add','path':'/description','value':'never told'}]")))
                .satisfies(change -> {
                    assertThat(text(change, "/description")).isEqualTo("never told");
                    assertThat(change.changed()).containsExactly("/description");
                });
    }

    @Test
    void withoutPatchesTheStateBeforeIsTheOneLastTold() throws Exception {
        readings.read(Frames.create("1-0", EMOTET));
        Map<String, Object> after = Frames.object(EMOTET);
        after.put("description", "a banking trojan");

        for (String context : List.of("", "'reverse_patch':null", "'patch':[]")) {
            assertThat(change(update(after, context))).satisfies(change -> {
                assertThat(change.reason()).isEqualTo(Reason.UPDATED);
                assertThat(change.before()).isPresent();
                assertThat(change.beforeComplete()).isTrue();
            });
        }
    }

    @Test
    void withoutPatchesNothingIsSaidOfAnObjectThatIsNotKnown() throws Exception {
        assertThat(change(update(Frames.object(EMOTET), ""))).satisfies(change -> {
            assertThat(change.before()).isEmpty();
            assertThat(change.beforeComplete()).isFalse();
            assertThat(change.previousId()).isEmpty();
        });
    }

    /** A relation that touches a visible object: it has no context at all. */
    @Test
    void anUpdateThatAnEventNeedsIsADependency() throws Exception {
        assertThat(change(dependency(Frames.object(EMOTET)))).satisfies(change -> {
            assertThat(change.reason()).isEqualTo(Reason.DEPENDENCY);
            assertThat(change.dependency()).isTrue();
        });
        readings.read(Frames.create("2-0", EMOTET));
        assertThat(change(dependency(Frames.object(EMOTET)))).satisfies(change -> {
            assertThat(change.reason()).isEqualTo(Reason.DEPENDENCY);
            assertThat(change.dependency()).isFalse();
        });
    }

    // ---- Patches that do not fit

    /** Who may not manage organizations' restrictions gets objects without them and patches with them. */
    @Test
    void ofAPatchOverSomethingStrippedIsKeptWhatFits() throws Exception {
        assertThat(change(update(
                        Frames.object(EMOTET),
                        "'reverse_patch':[{'op':'replace','path':'/extensions/" + StixObject.OPENCTI
                                + "/granted_refs/0','value':'identity--a'},"
                                + "{'op':'replace','path':'/name','value':'Geodo'},"
                                + "{'op':'remove','path':'/extensions/" + StixObject.OPENCTI + "/granted_refs'}]")))
                .satisfies(change -> {
                    assertThat(text(change, "/name")).isEqualTo("Geodo");
                    assertThat(change.before().orElseThrow().internalId()).isEqualTo(Frames.internalId(EMOTET));
                    assertThat(change.beforeComplete()).isFalse();
                    assertThat(change.changed())
                            .containsExactly("/extensions/" + StixObject.OPENCTI + "/granted_refs", "/name");
                });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'op':'remove','path':'/missing'}",
                "{'op':'add','path':'/labels/7','value':'x'}",
                "{'op':'add','path':'labels','value':'x'}",
                "{'op':'test','path':'/name','value':'Geodo'}",
                "{'op':'replace','path':'','value':'no object'}"
            })
    void whatDoesNotFitFailsNoEvent(String operation) throws Exception {
        Map<String, Object> object = Frames.object(EMOTET);
        object.put("labels", List.of("bot"));

        assertThat(change(update(object, "'reverse_patch':[" + operation + "]")))
                .satisfies(change -> {
                    assertThat(tree(change.before().orElseThrow())).isEqualTo(tree(object));
                    assertThat(change.beforeComplete()).isFalse();
                    assertThat(change.previousId()).isEmpty();
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{'op':'remove','path':'/name'}", "'[]'", "7", "false"})
    void ofAPatchThatIsNoListTheStateLastToldIsLeftAndMayLackSomething(String patch) throws Exception {
        assertThat(change(update(Frames.object(EMOTET), "'reverse_patch':" + patch)))
                .satisfies(change -> {
                    assertThat(change.before()).isEmpty();
                    assertThat(change.beforeComplete()).isFalse();
                });
        assertThat(change(update(Frames.object(EMOTET), "'reverse_patch':" + patch)))
                .satisfies(change -> {
                    assertThat(tree(change.before().orElseThrow())).isEqualTo(tree(Frames.object(EMOTET)));
                    assertThat(change.beforeComplete()).isFalse();
                });
    }

    @Test
    void aPatchIsWhatTellsWhatChangedAndElseTheReversePatch() throws Exception {
        String reverse = "'reverse_patch':[{'op':'remove','path':'/labels/3'}]";

        assertThat(change(update(Frames.object(EMOTET), "'patch':[{'op':'add','path':'/name'}]," + reverse))
                        .changed())
                .containsExactly("/name");
        assertThat(change(update(Frames.object(EMOTET), reverse)).changed()).containsExactly("/labels");
        assertThat(change(update(Frames.object(EMOTET), "'patch':'none'," + reverse))
                        .changed())
                .containsExactly("/labels");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "null", "7", "'patch'"})
    void aContextThatIsNoObjectSaysNothing(String context) throws Exception {
        String envelope = "{\"type\":\"update\",\"data\":" + json(Frames.object(EMOTET)) + ",\"context\":"
                + context.replace('\'', '"') + "}";

        assertThat(change(Frame.of("2-0", "update", envelope))).hasToString("upsert malware--emotet (updated)");
    }

    // ---- Renames

    @Test
    void aRenamedObjectNamesItsOldId() throws Exception {
        readings.read(Frames.create("1-0", Frames.object(EMOTET, "1")));

        assertThat(change(Frames.update("2-0", Frames.object(EMOTET, "1"), Frames.object(GEODO, "1"))))
                .satisfies(change -> {
                    assertThat(change).hasToString("upsert malware--geodo (renamed)");
                    assertThat(change.previousId()).contains(EMOTET);
                    assertThat(change.before()).map(StixObject::id).contains(EMOTET);
                    assertThat(change.changed()).contains("/id");
                });
        assertThat(readings.known().withId(EMOTET)).isEmpty();
        assertThat(readings.known().object("1"))
                .map(known -> known.object().id())
                .contains(GEODO);
    }

    @Test
    void aRenamedObjectNeedNotBeKnown() throws Exception {
        assertThat(change(Frames.update("2-0", Frames.object(EMOTET, "1"), Frames.object(GEODO, "1"))))
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.RENAMED);
                    assertThat(change.previousId()).contains(EMOTET);
                });
    }

    @Test
    void withoutAnInternalIdTheOldIdIsForgotten() throws Exception {
        readings.read(Frames.create("1-0", withoutInternalId(EMOTET)));

        assertThat(change(Frames.update("2-0", withoutInternalId(EMOTET), withoutInternalId(GEODO))))
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.RENAMED);
                    assertThat(change.previousId()).contains(EMOTET);
                });
        assertThat(readings.known().object(EMOTET)).isEmpty();
        assertThat(readings.known().object(GEODO)).isPresent();
    }

    @Test
    void aRenameThatThePatchDoesNotTellIsToldByWhatIsKnown() throws Exception {
        readings.read(Frames.create("1-0", Frames.object(EMOTET, "1")));

        assertThat(change(update(
                        Frames.object(GEODO, "1"), "'reverse_patch':[{'op':'replace','path':'/name','value':'x'}]")))
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.RENAMED);
                    assertThat(change.previousId()).contains(EMOTET);
                });
        assertThat(change(update(Frames.object(HEODO, "1"), ""))).satisfies(change -> {
            assertThat(change.reason()).isEqualTo(Reason.RENAMED);
            assertThat(change.previousId()).contains(GEODO);
        });
    }

    /** What lies anywhere under the STIX id lies under the one that was told. */
    @Test
    void afterAMissedRenameTheOldIdIsTheOneThatWasTold() throws Exception {
        readings.read(Frames.create("1-0", Frames.object(EMOTET, "1")));

        assertThat(change(Frames.update("3-0", Frames.object(GEODO, "1"), Frames.object(HEODO, "1"))))
                .satisfies(change -> {
                    assertThat(change.previousId()).contains(EMOTET);
                    assertThat(change.before()).map(StixObject::id).contains(GEODO);
                });
    }

    /** As after a snapshot, which is ahead of the log that follows. */
    @Test
    void aRenameThatIsKnownAlreadyStillNamesTheOldId() throws Exception {
        readings.read(Frames.snapshot("9-0", Frames.object(GEODO, "1")));

        assertThat(change(Frames.update("2-0", Frames.object(EMOTET, "1"), Frames.object(GEODO, "1"))))
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.RENAMED);
                    assertThat(change.previousId()).contains(EMOTET);
                });
    }

    @Test
    void aPatchThatTakesTheIdAwayIsNoRename() throws Exception {
        assertThat(change(update(Frames.object(EMOTET), "'reverse_patch':[{'op':'remove','path':'/id'}]")))
                .satisfies(change -> {
                    assertThat(change.reason()).isEqualTo(Reason.UPDATED);
                    assertThat(change.previousId()).isEmpty();
                });
    }

    @Test
    void whoseIdARenamedObjectTakesIsRemoved() throws Exception {
        readings.read(Frames.create("1-0", Frames.object(GEODO, "2")));
        readings.read(Frames.create("2-0", Frames.object(EMOTET, "1")));

        assertThat(readings.read(Frames.update("3-0", Frames.object(EMOTET, "1"), Frames.object(GEODO, "1")))
                        .changes())
                .hasToString("[remove malware--geodo (reconciled), upsert malware--geodo (renamed)]");
        assertThat(readings.known().object("2")).isEmpty();
    }

    @Test
    void whatRefersToTheOldIdIsCountedAndLeft() throws Exception {
        Map<String, Object> report = Frames.object("report--a");
        report.put("object_refs", List.of(EMOTET, "malware--other"));
        readings.read(Frames.create("1-0", report));
        readings.read(Frames.create("2-0", Frames.object(EMOTET, "1")));
        readings.read(Frames.create("3-0", Frames.relation("relationship--a", "uses", "tool--a", EMOTET)));
        Meaning renamed = readings.read(Frames.update("4-0", Frames.object(EMOTET, "1"), Frames.object(GEODO, "1")));

        assertThat(renamed.staleReferences()).isEqualTo(1);
        assertThat(renamed.changes()).hasSize(1);
        assertThat(readings.read(Frames.update("5-0", Frames.object(GEODO, "1"), Frames.object(GEODO, "1")))
                        .staleReferences())
                .isZero();
    }

    private Change change(Frame frame) throws Exception {
        List<Change> changes = readings.read(frame).changes();
        assertThat(changes).hasSize(1);
        return changes.get(0);
    }

    /** With members of the context in single quotes. */
    private static Frame update(Map<String, Object> object, String context) throws Exception {
        return Frame.of(
                "2-0",
                "update",
                "{\"type\":\"update\",\"data\":" + json(object) + ",\"context\":{" + context.replace('\'', '"') + "}}");
    }

    private static Frame dependency(Map<String, Object> object) throws Exception {
        return Frame.of(
                "2-0",
                "update",
                "{\"data\":" + json(object) + ",\"message\":\"\",\"origin\":{\"referer\":\"init-dependencies\"}}");
    }

    private static Map<String, Object> withoutInternalId(String stixId) {
        Map<String, Object> object = Frames.object(stixId);
        object.remove("extensions");
        return object;
    }

    private static String text(Change change, String pointer) throws Exception {
        return tree(change.before().orElseThrow()).at(pointer).asText();
    }
}
