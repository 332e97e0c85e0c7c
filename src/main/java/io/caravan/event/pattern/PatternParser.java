package io.caravan.event.pattern;

import io.caravan.event.pattern.Comparison.Operator;
import io.caravan.event.pattern.Observations.Qualifier;
import io.caravan.event.pattern.PatternLexer.Kind;
import io.caravan.event.pattern.PatternLexer.Token;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Reads STIX patterns: recursive descent over the grammar of STIX 2.1, section 9, one token ahead, in a time that grows
 * with the text's length and no faster. AND binds closest, then OR, then FOLLOWEDBY. A chain of one operator is one node
 * however long it is; only parentheses and NOT go deeper, and more than {@value #MAX_DEPTH} of them are refused, so that
 * no pattern can exhaust the stack, here or wherever the tree is walked.
 *
 * <p>What goes beyond the grammar: NOT before a whole comparison, times in plain strings where the version is 2.0, and
 * what {@link PatternLexer} names. What the grammar
 * leaves open and this refuses, as the specification does: one qualifier twice on the same observations.
 */
public final class PatternParser {

    static final int MAX_DEPTH = 200;

    private static final Map<String, Operator> OPERATORS = Map.ofEntries(
            Map.entry("=", Operator.EQUAL),
            Map.entry("!=", Operator.NOT_EQUAL),
            Map.entry("<", Operator.LESS),
            Map.entry("<=", Operator.LESS_OR_EQUAL),
            Map.entry(">", Operator.GREATER),
            Map.entry(">=", Operator.GREATER_OR_EQUAL),
            Map.entry("IN", Operator.IN),
            Map.entry("LIKE", Operator.LIKE),
            Map.entry("MATCHES", Operator.MATCHES),
            Map.entry("ISSUBSET", Operator.IS_SUBSET),
            Map.entry("ISSUPERSET", Operator.IS_SUPERSET));

    private final PatternLexer lexer;
    private final boolean hasTimesInStrings;
    private Token token;
    private int depth;

    private PatternParser(String pattern, boolean hasTimesInStrings) throws UnreadablePattern {
        lexer = new PatternLexer(pattern);
        this.hasTimesInStrings = hasTimesInStrings;
        token = lexer.next();
    }

    /** A pattern of STIX 2.1. */
    public static Observations parse(String pattern) throws UnreadablePattern {
        return parse(pattern, "2.1");
    }

    /**
     * @param version the language's: STIX 2.0 wrote START and STOP with plain strings, so {@code 2.0} takes these, too; any other
     *     is read as 2.1
     */
    public static Observations parse(String pattern, String version) throws UnreadablePattern {
        PatternParser parser = new PatternParser(pattern, version.strip().equals("2.0"));
        Observations observations = parser.followedBy();
        if (parser.token.kind() != Kind.END) {
            throw parser.unexpected("AND, OR, FOLLOWEDBY, a qualifier or the end");
        }
        return observations;
    }

    /** What reads one operand of a chain. */
    private interface Operand<T> {
        T read() throws UnreadablePattern;
    }

    private Observations followedBy() throws UnreadablePattern {
        return chain("FOLLOWEDBY", this::anyObservation, Observations.FollowedBy::new);
    }

    private Observations anyObservation() throws UnreadablePattern {
        return chain("OR", this::allObservations, Observations.Or::new);
    }

    private Observations allObservations() throws UnreadablePattern {
        return chain("AND", this::qualifiedObservation, Observations.And::new);
    }

    private Observations qualifiedObservation() throws UnreadablePattern {
        Observations observations;
        if (accept("[")) {
            observations = new Observations.Observed(anyComparison());
            expect("]");
        } else if (token.is("(")) {
            deeper();
            observations = followedBy();
            expect(")");
            depth--;
        } else {
            throw unexpected("[ or (");
        }
        List<Qualifier> qualifiers = qualifiers();
        return qualifiers.isEmpty() ? observations : new Observations.Qualified(observations, qualifiers);
    }

    private List<Qualifier> qualifiers() throws UnreadablePattern {
        List<Qualifier> qualifiers = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        while (token.is("WITHIN") || token.is("REPEATS") || token.is("START")) {
            if (!seen.add(token.value())) {
                throw new UnreadablePattern(token.at(), token.value() + " a second time");
            }
            if (accept("WITHIN")) {
                qualifiers.add(new Qualifier.Within(positive(Kind.WHOLE, Kind.FRACTION)));
                expect("SECONDS");
            } else if (accept("REPEATS")) {
                qualifiers.add(new Qualifier.Repeats(positive(Kind.WHOLE)));
                expect("TIMES");
            } else {
                expect("START");
                String start = time();
                expect("STOP");
                qualifiers.add(new Qualifier.StartStop(start, time()));
            }
        }
        return qualifiers;
    }

    private String time() throws UnreadablePattern {
        if (token.kind() != Kind.STRING || !hasTimesInStrings) {
            return take(Kind.TIME).value();
        }
        Token text = take(Kind.STRING);
        if (!PatternLexer.isTime(text.value())) {
            throw new UnreadablePattern(text.at(), "no time like '2016-06-01T00:00:00Z'");
        }
        return text.value();
    }

    private String positive(Kind... kinds) throws UnreadablePattern {
        Token number = take(kinds);
        if (number.value().chars().noneMatch(c -> c >= '1' && c <= '9')
                || number.value().startsWith("-")) {
            throw new UnreadablePattern(number.at(), "expected a number above 0, found " + number);
        }
        return number.value();
    }

    private Comparison anyComparison() throws UnreadablePattern {
        return chain("OR", this::allComparisons, Comparison.Or::new);
    }

    private Comparison allComparisons() throws UnreadablePattern {
        return chain("AND", this::comparison, Comparison.And::new);
    }

    private Comparison comparison() throws UnreadablePattern {
        if (token.is("(")) {
            deeper();
            Comparison inner = anyComparison();
            expect(")");
            depth--;
            return inner;
        }
        if (token.is("NOT")) {
            deeper();
            Comparison negated = comparison();
            depth--;
            return new Comparison.Not(negated);
        }
        if (accept("EXISTS")) {
            return new Comparison.Exists(path());
        }
        ObjectPath path = path();
        boolean negated = accept("NOT");
        Operator operator = operator();
        return new Comparison.Test(path, negated, operator, literals(operator));
    }

    private Operator operator() throws UnreadablePattern {
        boolean word = token.kind() == Kind.SYMBOL || token.kind() == Kind.KEYWORD;
        Operator operator = word ? OPERATORS.get(token.value()) : null;
        if (operator == null) {
            throw unexpected("a comparison operator");
        }
        token = lexer.next();
        return operator;
    }

    private List<Literal> literals(Operator operator) throws UnreadablePattern {
        return switch (operator) {
            case IN -> set();
            case EQUAL, NOT_EQUAL -> List.of(literal());
            case LIKE, MATCHES, IS_SUBSET, IS_SUPERSET ->
                List.of(new Literal.Text(take(Kind.STRING).value()));
            case LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL -> {
                if (token.kind() == Kind.BOOL) {
                    throw unexpected("something that has an order");
                }
                yield List.of(literal());
            }
        };
    }

    private List<Literal> set() throws UnreadablePattern {
        List<Literal> literals = new ArrayList<>();
        expect("(");
        if (!token.is(")")) {
            do {
                literals.add(literal());
            } while (accept(","));
        }
        expect(")");
        return literals;
    }

    private Literal literal() throws UnreadablePattern {
        String value = token.value();
        Literal literal =
                switch (token.kind()) {
                    case STRING -> new Literal.Text(value);
                    case WHOLE -> new Literal.Whole(value);
                    case FRACTION -> new Literal.Fraction(value);
                    case BOOL -> new Literal.Bool(value.equals("true"));
                    case HEX -> new Literal.Hex(value);
                    case BASE64 -> new Literal.Base64(value);
                    case TIME -> new Literal.Time(value);
                    case NAME, KEYWORD, QUOTED_NAME, SYMBOL, END -> throw unexpected("a value");
                };
        token = lexer.next();
        return literal;
    }

    private ObjectPath path() throws UnreadablePattern {
        String type = take(Kind.NAME).value();
        expect(":");
        List<ObjectPath.Step> steps = new ArrayList<>();
        steps.add(key());
        while (true) {
            if (accept(".")) {
                steps.add(key());
            } else if (accept("[")) {
                steps.add(new ObjectPath.Index(
                        accept("*") ? "*" : take(Kind.WHOLE).value()));
                expect("]");
            } else {
                return new ObjectPath(type, steps);
            }
        }
    }

    private ObjectPath.Key key() throws UnreadablePattern {
        return new ObjectPath.Key(take(Kind.NAME, Kind.STRING, Kind.QUOTED_NAME).value());
    }

    private <T> T chain(String operator, Operand<T> operand, Function<List<T>, T> node) throws UnreadablePattern {
        T first = operand.read();
        if (!token.is(operator)) {
            return first;
        }
        List<T> parts = new ArrayList<>();
        parts.add(first);
        while (accept(operator)) {
            parts.add(operand.read());
        }
        return node.apply(parts);
    }

    private void deeper() throws UnreadablePattern {
        if (++depth > MAX_DEPTH) {
            throw new UnreadablePattern(token.at(), "nested more than " + MAX_DEPTH + " deep");
        }
        token = lexer.next();
    }

    private boolean accept(String symbolOrKeyword) throws UnreadablePattern {
        boolean found = token.is(symbolOrKeyword);
        if (found) {
            token = lexer.next();
        }
        return found;
    }

    private void expect(String symbolOrKeyword) throws UnreadablePattern {
        if (!accept(symbolOrKeyword)) {
            throw unexpected(symbolOrKeyword);
        }
    }

    private Token take(Kind... kinds) throws UnreadablePattern {
        Token taken = token;
        if (!Set.of(kinds).contains(taken.kind())) {
            throw unexpected(kinds[0].toString());
        }
        token = lexer.next();
        return taken;
    }

    private UnreadablePattern unexpected(String expected) {
        return new UnreadablePattern(token.at(), "expected " + expected + ", found " + token);
    }
}
