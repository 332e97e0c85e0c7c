package io.caravan.event.pattern;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.pattern.Comparison.Operator;
import io.caravan.event.pattern.Observations.Qualifier;
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class PatternProperties {

    @Property
    void whatIsWrittenIsReadAsTheSame(@ForAll("patterns") Observations pattern) throws UnreadablePattern {
        assertThat(PatternParser.parse(pattern.text())).isEqualTo(pattern);
    }

    @Property
    void everyPatternHasItsValuesOnceAndSaysHowTheyMatch(@ForAll("patterns") Observations pattern) {
        PatternValues values = PatternValues.of(pattern);
        assertThat(values.values()).doesNotHaveDuplicates();
        assertThat(values.match().isPresent()).isEqualTo(!values.values().isEmpty());
    }

    @Property
    void whateverIsReadIsReadOrSaysWhyNot(@ForAll String text) {
        assertReadOrRefused(text);
    }

    @Property(tries = 5000)
    void aDamagedPatternIsReadOrSaysWhyNot(@ForAll Random random) throws IOException {
        List<String> patterns = PatternParserTest.lines("valid.txt");
        StringBuilder text = new StringBuilder(patterns.get(random.nextInt(patterns.size())));
        for (int i = random.nextInt(4); i >= 0 && text.length() > 0; i--) {
            int at = random.nextInt(text.length());
            String other = patterns.get(random.nextInt(patterns.size()));
            switch (random.nextInt(4)) {
                case 0 -> text.deleteCharAt(at);
                case 1 -> text.insert(at, other.charAt(random.nextInt(other.length())));
                case 2 -> text.setCharAt(at, (char) random.nextInt(0x10000));
                default -> text.replace(at, text.length(), other.substring(random.nextInt(other.length())));
            }
        }
        assertReadOrRefused(text.toString());
    }

    private static void assertReadOrRefused(String text) {
        PatternValues values = PatternValues.read(text);
        if (values.error().isPresent()) {
            assertThat(values.values()).isEmpty();
            assertThat(values.error().get()).matches("(?s)character \\d+: .+").hasSizeLessThan(200);
        }
    }

    @Provide
    Arbitrary<Observations> patterns() {
        return observations(3);
    }

    private static Arbitrary<Observations> observations(int depth) {
        Arbitrary<Observations> observed = comparisons(3).map(Observations.Observed::new);
        if (depth == 0) {
            return observed;
        }
        Arbitrary<Observations> inner = Arbitraries.lazy(() -> observations(depth - 1));
        Arbitrary<List<Observations>> several = inner.list().ofMinSize(2).ofMaxSize(3);
        Arbitrary<Observations> qualified = Combinators.combine(
                        inner, qualifiers().list().ofMinSize(1).ofMaxSize(3).uniqueElements(Object::getClass))
                .as(Observations.Qualified::new);
        return Arbitraries.oneOf(
                observed,
                several.map(Observations.And::new),
                several.map(Observations.Or::new),
                several.map(Observations.FollowedBy::new),
                qualified);
    }

    private static Arbitrary<Qualifier> qualifiers() {
        Arbitrary<String> positive = Arbitraries.integers().between(1, 9999).map(String::valueOf);
        return Arbitraries.oneOf(
                positive.map(Qualifier.Within::new),
                positive.map(number -> new Qualifier.Within(number + ".5")),
                positive.map(Qualifier.Repeats::new),
                Combinators.combine(times(), times()).as(Qualifier.StartStop::new));
    }

    private static Arbitrary<Comparison> comparisons(int depth) {
        Arbitrary<Comparison> test = Combinators.combine(
                        paths(), Arbitraries.of(true, false), Arbitraries.of(Operator.values()))
                .flatAs((path, negated, operator) ->
                        literals(operator).map(literals -> new Comparison.Test(path, negated, operator, literals)));
        Arbitrary<Comparison> leaf = Arbitraries.oneOf(test, paths().map(Comparison.Exists::new));
        if (depth == 0) {
            return leaf;
        }
        Arbitrary<Comparison> inner = Arbitraries.lazy(() -> comparisons(depth - 1));
        Arbitrary<List<Comparison>> several = inner.list().ofMinSize(2).ofMaxSize(3);
        return Arbitraries.oneOf(
                leaf,
                inner.map(Comparison.Not::new),
                several.map(Comparison.And::new),
                several.map(Comparison.Or::new));
    }

    private static Arbitrary<List<Literal>> literals(Operator operator) {
        return switch (operator) {
            case IN -> literals().list().ofMaxSize(4);
            case EQUAL, NOT_EQUAL -> literals().map(List::of);
            case LIKE, MATCHES, IS_SUBSET, IS_SUPERSET ->
                Arbitraries.oneOf(
                                Arbitraries.strings(),
                                Arbitraries.of("1.2.3.0/24", "^a\\.b$", "^a\\$", "a_", "::1/128"))
                        .map(text -> List.of(new Literal.Text(text)));
            default ->
                literals().filter(literal -> !(literal instanceof Literal.Bool)).map(List::of);
        };
    }

    private static Arbitrary<Literal> literals() {
        return Arbitraries.oneOf(
                Arbitraries.strings().map(Literal.Text::new),
                Arbitraries.of("1.2.3.4", "a.example", "\\'\\\\'", "AS5").map(Literal.Text::new),
                Arbitraries.bigIntegers().map(number -> new Literal.Whole(number.toString())),
                Arbitraries.bigDecimals().ofScale(3).map(number -> new Literal.Fraction(number.toPlainString())),
                Arbitraries.of(true, false).map(Literal.Bool::new),
                Arbitraries.bytes().map(b -> new Literal.Hex("%02x".formatted(b))),
                Arbitraries.bytes()
                        .array(byte[].class)
                        .map(bytes -> new Literal.Base64(Base64.getEncoder().encodeToString(bytes))),
                times().map(Literal.Time::new));
    }

    private static Arbitrary<String> times() {
        return Arbitraries.of("2016-06-01T00:00:00Z", "2024-02-29T23:59:60.123456789012Z");
    }

    private static Arbitrary<ObjectPath> paths() {
        Arbitrary<ObjectPath.Step> keys = Arbitraries.oneOf(
                        Arbitraries.of(
                                "value", "hashes", "MD5", "SHA-256", "dst_ref", "type", "AND", "true", "a'b", ""),
                        Arbitraries.strings())
                .map(ObjectPath.Key::new);
        Arbitrary<ObjectPath.Step> indexes =
                Arbitraries.of("*", "0", "17", "-1").map(ObjectPath.Index::new);
        Arbitrary<List<ObjectPath.Step>> steps =
                Arbitraries.oneOf(keys, indexes).list().ofMaxSize(3);
        BiFunction<ObjectPath.Step, List<ObjectPath.Step>, List<ObjectPath.Step>> whole =
                (first, rest) -> Stream.concat(Stream.of(first), rest.stream()).toList();
        return Combinators.combine(
                        Arbitraries.of("file", "ipv4-addr", "h", "x_b-2", "network-traffic", "domain-name"),
                        keys,
                        steps)
                .as((type, first, rest) -> new ObjectPath(type, whole.apply(first, rest)));
    }
}
