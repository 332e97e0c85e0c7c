package io.caravan.event.pattern;

import io.caravan.event.pattern.Comparison.Operator;
import io.caravan.event.pattern.ObjectPath.Index;
import io.caravan.event.pattern.ObjectPath.Key;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a STIX pattern says to look for, as far as plain values say it.
 *
 * <p>Values come from {@code =} and {@code IN}; from {@code ISSUBSET}, where an address is looked for in a network; from
 * {@code LIKE} without {@code %} and {@code _}; from {@code MATCHES} where {@code ^} and {@code $} enclose nothing but
 * literal characters. No values come from what is negated, by {@code !=} or any {@code NOT}, and from comparisons of
 * order, {@code EXISTS} and {@code ISSUPERSET}: they are conditions. A test of the type that a reference has is neither:
 * {@code dst_ref.type = 'ipv4-addr'} only says what the value beside it is.
 *
 * @param values each once, in the pattern's order
 * @param match whether one value suffices; empty where there is none
 * @param partial true where the pattern asks for more than values and match say: a condition, an order, a time, a number
 *     of times, some of the values in combination
 * @param error why the pattern could not be read, and where; there are no values then
 */
public record PatternValues(List<Value> values, Optional<Match> match, boolean partial, Optional<String> error) {

    /** @param path in its {@linkplain ObjectPath#normal normal} form */
    public record Value(ObjectPath path, ValueKind kind, String text) {}

    public enum Match {
        /** Whichever value is seen, the pattern is fulfilled, whatever else is seen or not. */
        ANY,
        /** At least one value does not suffice by itself. */
        ALL;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Of a pattern of STIX 2.1. */
    public static PatternValues read(String pattern) {
        return read(pattern, "2.1");
    }

    /**
     * Never fails: what is no pattern has no values, and says why.
     *
     * @param version of the pattern language; what is not {@code 2.0} is read as 2.1
     */
    public static PatternValues read(String pattern, String version) {
        try {
            return of(PatternParser.parse(pattern, version));
        } catch (UnreadablePattern e) {
            return new PatternValues(List.of(), Optional.empty(), false, Optional.of(e.getMessage()));
        }
    }

    public static PatternValues of(Observations pattern) {
        Collector collector = new Collector();
        Part whole = collector.observations(pattern);
        return new PatternValues(
                List.copyOf(collector.values),
                whole.match(),
                whole.match().isPresent() && !whole.complete,
                Optional.empty());
    }

    /** What a part of the pattern asks for. */
    private enum Need {
        /** Nothing beyond what is beside it. */
        NOTHING,
        /** Something that no value says. */
        CONDITION,
        ONE_VALUE,
        ALL_VALUES
    }

    /**
     * @param values how many values it has
     * @param complete whether they and the need say all that it asks for
     */
    private record Part(Need need, int values, boolean complete) {

        static final Part NOTHING = new Part(Need.NOTHING, 0, true);
        static final Part CONDITION = new Part(Need.CONDITION, 0, false);

        boolean hasValues() {
            return values > 0;
        }

        Optional<Match> match() {
            return hasValues() ? Optional.of(need == Need.ONE_VALUE ? Match.ANY : Match.ALL) : Optional.empty();
        }

        /** One value does not suffice any more, and more is asked for than values can say. */
        Part restricted() {
            return hasValues() ? new Part(Need.ALL_VALUES, values, false) : this;
        }

        /** One of them suffices. */
        static Part any(List<Part> parts) {
            List<Part> valued = parts.stream().filter(Part::hasValues).toList();
            if (valued.isEmpty()) {
                return parts.contains(CONDITION) ? CONDITION : NOTHING;
            }
            boolean each = valued.stream().allMatch(part -> part.need == Need.ONE_VALUE);
            boolean complete = each && valued.size() == parts.size() && complete(valued);
            return new Part(each ? Need.ONE_VALUE : Need.ALL_VALUES, count(valued), complete);
        }

        /** All of them are needed. */
        static Part all(List<Part> parts) {
            List<Part> asked =
                    parts.stream().filter(part -> part.need != Need.NOTHING).toList();
            if (asked.size() < 2) {
                return asked.isEmpty() ? NOTHING : asked.get(0);
            }
            if (asked.stream().noneMatch(Part::hasValues)) {
                return CONDITION;
            }
            boolean every = asked.stream().allMatch(part -> part.values == 1 || part.need == Need.ALL_VALUES);
            return new Part(Need.ALL_VALUES, count(asked), every && complete(asked));
        }

        private static int count(List<Part> parts) {
            return parts.stream().mapToInt(Part::values).sum();
        }

        private static boolean complete(List<Part> parts) {
            return parts.stream().allMatch(Part::complete);
        }
    }

    private static final class Collector {
        private final Set<Value> values = new LinkedHashSet<>();

        Part observations(Observations node) {
            if (node instanceof Observations.Observed observed) {
                return comparison(observed.comparison(), false);
            } else if (node instanceof Observations.And and) {
                return Part.all(each(and.parts()));
            } else if (node instanceof Observations.Or or) {
                return Part.any(each(or.parts()));
            } else if (node instanceof Observations.FollowedBy ordered) {
                return Part.all(each(ordered.parts())).restricted();
            } else if (node instanceof Observations.Qualified qualified) {
                return qualified(qualified);
            }
            throw new IllegalStateException(node.toString());
        }

        private List<Part> each(List<Observations> parts) {
            return parts.stream().map(this::observations).toList();
        }

        /** That one observation is made once within some seconds goes without saying. */
        private Part qualified(Observations.Qualified qualified) {
            Part part = observations(qualified.observations());
            for (Observations.Qualifier qualifier : qualified.qualifiers()) {
                boolean within = qualifier instanceof Observations.Qualifier.Within;
                boolean once = qualifier instanceof Observations.Qualifier.Repeats repeats
                        && repeats.times().equals("1");
                if (!once && !(within && part.need == Need.ONE_VALUE)) {
                    part = part.restricted();
                }
            }
            return part;
        }

        private Part comparison(Comparison node, boolean negated) {
            if (node instanceof Comparison.And and) {
                List<Part> parts = each(and.parts(), negated);
                return negated ? Part.any(parts) : Part.all(parts);
            } else if (node instanceof Comparison.Or or) {
                List<Part> parts = each(or.parts(), negated);
                return negated ? Part.all(parts) : Part.any(parts);
            } else if (node instanceof Comparison.Not not) {
                return comparison(not.comparison(), !negated);
            } else if (node instanceof Comparison.Test test) {
                return test(test, test.negated() != negated);
            }
            return Part.CONDITION; // EXISTS
        }

        private List<Part> each(List<Comparison> parts, boolean negated) {
            return parts.stream().map(part -> comparison(part, negated)).toList();
        }

        private Part test(Comparison.Test test, boolean negated) {
            boolean unequal = test.operator() == Operator.NOT_EQUAL;
            if (unequal != negated) {
                return Part.CONDITION;
            }
            ObjectPath path = test.path().normal();
            Collection<String> texts = texts(test, unequal ? Operator.EQUAL : test.operator(), path);
            if (texts.isEmpty()) {
                return Part.CONDITION;
            }
            if (isTypeOfReference(path)) {
                return Part.NOTHING;
            }
            List<Value> found = texts.stream()
                    .map(text -> ValueKind.value(path, text))
                    .distinct()
                    .toList();
            values.addAll(found);
            return new Part(Need.ONE_VALUE, found.size(), true);
        }

        private static Collection<String> texts(Comparison.Test test, Operator operator, ObjectPath path) {
            Stream<String> texts = test.literals().stream().map(Literal::value);
            return switch (operator) {
                case EQUAL, IN -> texts.toList();
                case IS_SUBSET ->
                    texts.filter(text -> ValueKind.value(path, text).kind().isAddress())
                            .toList();
                case LIKE ->
                    texts.filter(text -> text.indexOf('%') < 0 && text.indexOf('_') < 0)
                            .toList();
                case MATCHES -> texts.flatMap(regex -> literal(regex).stream()).toList();
                case NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL, IS_SUPERSET -> List.of();
            };
        }

        private static boolean isTypeOfReference(ObjectPath path) {
            List<Key> keys = new ArrayList<>();
            path.steps().stream().filter(step -> !(step instanceof Index)).forEach(step -> keys.add((Key) step));
            int last = keys.size() - 1;
            return last > 0
                    && keys.get(last).name().equals("type")
                    && ValueKind.isReference(keys.get(last - 1).name());
        }

        /** What a regular expression of literal characters alone matches: {@code ^evil\.example$}. */
        private static Optional<String> literal(String regex) {
            if (regex.length() < 2 || regex.charAt(0) != '^' || !regex.endsWith("$")) {
                return Optional.empty();
            }
            StringBuilder literal = new StringBuilder();
            for (int i = 1; i < regex.length() - 1; i++) {
                char c = regex.charAt(i);
                if (c == '\\') {
                    c = regex.charAt(++i);
                    if (i == regex.length() - 1 || Character.isLetterOrDigit(c)) {
                        return Optional.empty(); // a class such as \d, or an escaped $
                    }
                } else if ("^$.|?*+()[]{}".indexOf(c) >= 0) {
                    return Optional.empty();
                }
                literal.append(c);
            }
            return Optional.of(literal.toString());
        }
    }
}
