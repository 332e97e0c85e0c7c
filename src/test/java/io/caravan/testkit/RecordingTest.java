package io.caravan.testkit;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.dependency;
import static io.caravan.testkit.Frames.relation;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RecordingTest {

    private static final String TOOL = "tool--00000000-0000-4000-8000-000000000001";
    private static final String MALWARE = "malware--00000000-0000-4000-8000-000000000002";
    private static final String GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
    private static final Instant BEGIN = Instant.parse("2030-01-01T12:00:00.000Z");
    private static final Duration STEP = Duration.ofMillis(250);
    private static final Pattern UUIDS = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

    private final List<Frame> captured = Capture.events("runA/runA-all.sse");
    private final Recording recording = new Recording(captured);

    @Test
    void keepsEventsOfOneIdTogetherAndGivesThemOneId() {
        Recording groups =
                new Recording(List.of(create("1000-0", TOOL), dependency("5000-0", TOOL), create("5000-0", MALWARE)));
        List<List<Frame>> round = groups.round(1, BEGIN, STEP);
        assertThat(round).extracting(List::size).containsExactly(1, 2);
        assertThat(ids(round)).containsExactly(at(0), at(250), at(250));
    }

    @Test
    void paceIsEvenAndCountsEveryEvent() {
        Recording groups = new Recording(List.of(
                dependency("1000-0", TOOL), create("1000-0", MALWARE), create("1001-0", TOOL), create("9000-0", TOOL)));
        assertThat(ids(groups.round(1, BEGIN, STEP))).containsExactly(at(0), at(0), at(500), at(750));
    }

    @Test
    void tellsEveryEventOfACaptureInItsOrder() {
        List<Frame> told = flat(recording.round(1, BEGIN, STEP));
        assertThat(told)
                .extracting(Frame::event)
                .isEqualTo(captured.stream().map(Frame::event).toList());
        List<EventId> ids = told.stream()
                .map(frame -> EventId.parse(frame.id()).orElseThrow())
                .toList();
        assertThat(ids).isSorted();
        assertThat(new HashSet<>(ids)).hasSize(472);
    }

    @Test
    void givesEachObjectOneNewIdWhereverItIsNamed() {
        Map<String, String> fresh = mapping(captured, flat(recording.round(1, BEGIN, STEP)));
        assertThat(new HashSet<>(fresh.values())).hasSameSizeAs(fresh.keySet());
        assertThat(fresh).hasSizeGreaterThan(600);
    }

    @Test
    void relationsEndAtTheRoundsOwnObjects() {
        String relation = "relationship--00000000-0000-4000-8000-000000000003";
        List<Frame> round = flat(new Recording(List.of(
                        create("1000-0", TOOL),
                        create("2000-0", MALWARE),
                        create("3000-0", relation(relation, "uses", MALWARE, TOOL))))
                .round(1, BEGIN, STEP));
        Map<String, String> fresh = mapping(List.of(create("1000-0", TOOL)), round.subList(0, 1));
        assertThat(text(round.get(2)))
                .doesNotContain(uuid(TOOL))
                .contains("\"target_ref\":\"tool--" + fresh.get(uuid(TOOL)))
                .contains("\"target_ref\":\"" + fresh.get(Frames.internalId(TOOL)));
    }

    @Test
    void theNextRoundIsOfOtherObjects() {
        Map<String, String> first = mapping(captured, flat(recording.round(1, BEGIN, STEP)));
        Map<String, String> second = mapping(captured, flat(recording.round(2, BEGIN, STEP)));
        assertThat(first.values()).doesNotContainAnyElementsOf(second.values());
        assertThat(first.keySet()).isEqualTo(second.keySet());
    }

    @Test
    void keepsTlpExtensionDefinitionsAndPeople() {
        Set<String> fresh =
                mapping(captured, flat(recording.round(1, BEGIN, STEP))).keySet();
        String internalIdOfGreen = "b4cde539-a7b4-48fc-9f26-da6855c4b6d9";
        String user = "88ec0c6a-13ce-5e39-b486-354fe4a7084f";
        assertThat(uuids(captured)).contains(uuid(GREEN), internalIdOfGreen, user);
        assertThat(fresh)
                .doesNotContain(uuid(GREEN), internalIdOfGreen, user, uuid(Frames.OPENCTI_EXTENSION))
                .contains(uuid("marking-definition--64be457f-f5bc-55b0-9e18-9116c76cd624"));
    }

    @Test
    void aDateInAnEventMovesWithIt() {
        Instant first = EventId.parse(captured.get(0).id()).orElseThrow().time();
        Recording dated = new Recording(List.of(Frame.of(captured.get(0).id(), "create", """
                        {"data":{"id":"%s","created":"%s","valid_until":"%s"},"event_id":"%d-0"}""".formatted(
                        TOOL, first.minusMillis(400), first.plusSeconds(60), first.toEpochMilli() - 1))));
        assertThat(text(flat(dated.round(1, BEGIN, STEP)).get(0)))
                .contains("\"created\":\"2030-01-01T11:59:59.600Z\"")
                .contains("\"valid_until\":\"2030-01-01T12:01:00.000Z\"")
                .contains("\"event_id\":\"" + (BEGIN.toEpochMilli() - 1) + "-0\"");
    }

    @Test
    void nothingIsMadeAfterItsEvent() {
        Pattern created = Pattern.compile("\"created_at\":\"([^\"]+)\"");
        for (Frame frame : flat(recording.round(3, BEGIN, STEP))) {
            Instant time = EventId.parse(frame.id()).orElseThrow().time();
            assertThat(created.matcher(text(frame)).results().map(found -> Instant.parse(found.group(1))))
                    .allMatch(made -> !made.isAfter(time));
        }
    }

    @Test
    void aReplayTellsRoundAfterRound() throws Exception {
        Recording two = new Recording(List.of(create("1000-0", TOOL), create("2000-0", MALWARE)));
        Instant begun = Instant.now();
        try (FakePlatform platform = FakePlatform.start().always(Play.play().cutAfter(6))) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(platform.url() + "/stream/live?from=0-0"))
                    .header("Authorization", "Bearer " + FakePlatform.TOKEN)
                    .build();
            Replay replay = Replay.start(platform, two, 100);
            Stream<String> lines = HttpClient.newHttpClient()
                    .send(request, BodyHandlers.ofLines())
                    .body();
            assertThat(lines.filter(line -> line.startsWith("id: "))
                            .map(line -> EventId.parse(line.substring(4)).orElseThrow()))
                    .hasSize(6)
                    .isSorted()
                    .doesNotHaveDuplicates()
                    .allMatch(id -> id.ms() >= begun.toEpochMilli());
            replay.close();
        }
    }

    /** Which UUID became which; fails where one became two. */
    private static Map<String, String> mapping(List<Frame> recorded, List<Frame> told) {
        Map<String, String> mapping = new HashMap<>();
        for (int i = 0; i < recorded.size(); i++) {
            List<String> before = uuids(List.of(recorded.get(i)));
            List<String> after = uuids(List.of(told.get(i)));
            assertThat(after).hasSameSizeAs(before);
            for (int n = 0; n < before.size(); n++) {
                String known = mapping.putIfAbsent(before.get(n), after.get(n));
                assertThat(known).isIn(null, after.get(n));
            }
        }
        mapping.entrySet().removeIf(entry -> entry.getKey().equals(entry.getValue()));
        return mapping;
    }

    private static List<String> uuids(List<Frame> frames) {
        return frames.stream()
                .flatMap(frame -> UUIDS.matcher(text(frame)).results())
                .map(MatchResult::group)
                .toList();
    }

    private static List<Frame> flat(List<List<Frame>> round) {
        return round.stream().flatMap(Collection::stream).toList();
    }

    private static List<String> ids(List<List<Frame>> round) {
        return flat(round).stream().map(Frame::id).toList();
    }

    private static String at(long ms) {
        return BEGIN.toEpochMilli() + ms + "-0";
    }

    private static String uuid(String stixId) {
        return stixId.substring(stixId.indexOf("--") + 2);
    }

    private static String text(Frame frame) {
        return new String(frame.data(), StandardCharsets.UTF_8);
    }
}
