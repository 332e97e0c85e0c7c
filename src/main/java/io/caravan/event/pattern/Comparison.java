package io.caravan.event.pattern;

import java.util.List;

/** A comparison expression of STIX 2.1, section 9.6: what stands between the brackets of an observation. */
public sealed interface Comparison {

    enum Operator {
        EQUAL("="),
        NOT_EQUAL("!="),
        LESS("<"),
        LESS_OR_EQUAL("<="),
        GREATER(">"),
        GREATER_OR_EQUAL(">="),
        IN("IN"),
        LIKE("LIKE"),
        MATCHES("MATCHES"),
        IS_SUBSET("ISSUBSET"),
        IS_SUPERSET("ISSUPERSET");

        private final String text;

        Operator(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** @param literals what the property is compared to: one, but any number for {@code IN} */
    record Test(ObjectPath path, boolean negated, Operator operator, List<Literal> literals) implements Comparison {
        public Test {
            literals = List.copyOf(literals);
        }

        @Override
        public void writeTo(StringBuilder text) {
            text.append(path.text()).append(negated ? " NOT " : " ").append(operator);
            if (operator != Operator.IN) {
                text.append(' ').append(literals.get(0).text());
                return;
            }
            String separator = " (";
            for (Literal literal : literals) {
                text.append(separator).append(literal.text());
                separator = ", ";
            }
            text.append(literals.isEmpty() ? " ()" : ")");
        }
    }

    record Exists(ObjectPath path) implements Comparison {
        @Override
        public void writeTo(StringBuilder text) {
            text.append("EXISTS ").append(path.text());
        }
    }

    /** {@code NOT} before a comparison. The grammar has it only before an operator; there is but one way to read it. */
    record Not(Comparison comparison) implements Comparison {
        @Override
        public void writeTo(StringBuilder text) {
            text.append("NOT ");
            writeOne(comparison, text);
        }
    }

    /** At least two. */
    record And(List<Comparison> parts) implements Comparison {
        public And {
            parts = List.copyOf(parts);
        }

        @Override
        public void writeTo(StringBuilder text) {
            writeJoined(parts, " AND ", text);
        }
    }

    /** At least two. */
    record Or(List<Comparison> parts) implements Comparison {
        public Or {
            parts = List.copyOf(parts);
        }

        @Override
        public void writeTo(StringBuilder text) {
            writeJoined(parts, " OR ", text);
        }
    }

    void writeTo(StringBuilder text);

    private static void writeJoined(List<Comparison> parts, String operator, StringBuilder text) {
        for (int i = 0; i < parts.size(); i++) {
            text.append(i == 0 ? "" : operator);
            writeOne(parts.get(i), text);
        }
    }

    private static void writeOne(Comparison part, StringBuilder text) {
        boolean joined = part instanceof And || part instanceof Or;
        text.append(joined ? "(" : "");
        part.writeTo(text);
        text.append(joined ? ")" : "");
    }
}
