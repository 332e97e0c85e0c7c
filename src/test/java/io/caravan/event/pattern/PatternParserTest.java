package io.caravan.event.pattern;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.CapturedIndicators;
import io.caravan.event.Event;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class PatternParserTest {

    @TestFactory
    List<DynamicTest> readsAndWritesEveryFormOfPattern() throws IOException {
        return lines("valid.txt").stream()
                .map(pattern -> DynamicTest.dynamicTest(pattern, () -> {
                    Observations read = PatternParser.parse(pattern);
                    assertThat(PatternParser.parse(read.text())).isEqualTo(read);
                }))
                .toList();
    }

    @TestFactory
    List<DynamicTest> saysWhereSomethingIsNoPattern() throws IOException {
        return lines("invalid.txt").stream()
                .map(line -> line.split("\t", 2))
                .map(line -> DynamicTest.dynamicTest(
                        "'" + line[1] + "'", () -> assertThatExceptionOfType(UnreadablePattern.class)
                                .isThrownBy(() -> PatternParser.parse(line[1]))
                                .withMessageStartingWith("character " + line[0] + ": ")))
                .toList();
    }

    @Test
    void readsEveryPatternThatPlatformsSent() throws Exception {
        Set<String> patterns = CapturedIndicators.events()
                .map(Event::object)
                .map(PatternParserTest::tree)
                .filter(indicator -> indicator.path("pattern_type").asText().equals("stix"))
                .map(indicator -> indicator.path("pattern").asText())
                .collect(Collectors.toSet());
        for (String pattern : patterns) {
            assertThat(PatternParser.parse(pattern).text()).isEqualTo(pattern);
        }
        System.out.println(patterns.size() + " patterns of the captures read");
        assertThat(patterns).hasSizeGreaterThan(2000);
    }

    @Test
    void saysWhatItExpectedAndWhatItFound() {
        assertThatExceptionOfType(UnreadablePattern.class)
                .isThrownBy(() -> PatternParser.parse("[file:size = 1] WITHIN 5 HOURS"))
                .withMessage("character 26: expected SECONDS, found HOURS");
        assertThatExceptionOfType(UnreadablePattern.class)
                .isThrownBy(() -> PatternParser.parse("[file:size " + "x".repeat(1000)))
                .withMessage("character 12: expected a comparison operator, found " + "x".repeat(40) + "…");
    }

    @Test
    void bindsAndCloserThanOrCloserThanFollowedBy() throws Exception {
        assertThat(PatternParser.parse("[a:b=1] FOLLOWEDBY [a:b=2] OR [a:b=3] AND [a:b=4]"))
                .isEqualTo(PatternParser.parse("[a:b=1] FOLLOWEDBY ([a:b=2] OR ([a:b=3] AND [a:b=4]))"));
        assertThat(PatternParser.parse("[a:b=1 OR a:b=2 AND a:b=3]"))
                .isEqualTo(PatternParser.parse("[a:b=1 OR (a:b=2 AND a:b=3)]"));
    }

    @Test
    void qualifiesOnlyTheObservationBeforeIt() throws Exception {
        assertThat(PatternParser.parse("[a:b=1] AND [a:b=2] WITHIN 5 SECONDS"))
                .isEqualTo(PatternParser.parse("[a:b=1] AND ([a:b=2] WITHIN 5 SECONDS)"))
                .isNotEqualTo(PatternParser.parse("([a:b=1] AND [a:b=2]) WITHIN 5 SECONDS"));
    }

    @Test
    void takesNestingOnlyToADepth() throws Exception {
        PatternParser.parse("(".repeat(200) + "[a:b = 1]" + ")".repeat(200));
        String deep = "[" + "(a:b = 1 OR NOT ".repeat(100) + "a:b = 1" + ")".repeat(100) + "]";
        assertThat(PatternParser.parse(PatternParser.parse(deep).text())).isEqualTo(PatternParser.parse(deep));
        for (String opening : List.of("(", "[(", "[NOT ", "[(NOT ")) {
            String brackets = opening.startsWith("[") ? "[" : "";
            assertThatExceptionOfType(UnreadablePattern.class)
                    .isThrownBy(() -> PatternParser.parse(
                            brackets + opening.replace("[", "").repeat(1_000_000)))
                    .withMessageContaining("nested more than 200 deep");
        }
    }

    @Test
    void takesMegabytesInATimeThatGrowsWithThem() throws Exception {
        String values = "'" + "x".repeat(60) + "', ";
        List<String> patterns = List.of(
                "[domain-name:value IN (" + values.repeat(100_000) + "'last')]",
                "[domain-name:value = 'a.example'" + " OR domain-name:value = 'b.example'".repeat(200_000) + "]",
                "[a:b = 1]" + " AND [a:b = 2]".repeat(400_000),
                "[a:b = '" + "\\'".repeat(3_000_000) + "']",
                "[a:b = " + "7".repeat(6_000_000) + "]",
                "[a:b" + ".c[*]".repeat(1_000_000) + " = 1]",
                "[a:b = b'" + "QUJD".repeat(1_500_000) + "']",
                "[a:b = 1]" + " /* */".repeat(1_000_000),
                "[a:b MATCHES '^(a+)+$' AND a:b LIKE '" + "%a".repeat(3_000_000) + "']");
        for (String pattern : patterns) {
            long start = System.nanoTime();
            PatternValues read = PatternValues.read(pattern);
            assertThat(read.error()).isEmpty();
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
        }
    }

    private static JsonNode tree(StixObject object) {
        try {
            return Json.tree(object.json());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    static List<String> lines(String name) throws IOException {
        try (InputStream in = PatternParserTest.class.getResourceAsStream("/patterns/" + name)) {
            return List.of(new String(in.readAllBytes(), UTF_8).split("\n"));
        }
    }
}
