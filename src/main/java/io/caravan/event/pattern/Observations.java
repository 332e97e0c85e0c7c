package io.caravan.event.pattern;

import java.util.List;

/**
 * An observation expression of STIX 2.1, section 9.5: comparisons in brackets, and how what they find belongs together.
 * Parentheses are no part of it; where a text needs them, {@link #text} puts them.
 */
public sealed interface Observations {

    /** {@code [ … ]}: one observation that fulfils the comparison. */
    record Observed(Comparison comparison) implements Observations {
        @Override
        public void writeTo(StringBuilder text) {
            text.append('[');
            comparison.writeTo(text);
            text.append(']');
        }
    }

    /** All of them, in whatever order; at least two. */
    record And(List<Observations> parts) implements Observations {
        public And {
            parts = List.copyOf(parts);
        }

        @Override
        public void writeTo(StringBuilder text) {
            writeJoined(parts, " AND ", text);
        }
    }

    /** At least one of them; at least two. */
    record Or(List<Observations> parts) implements Observations {
        public Or {
            parts = List.copyOf(parts);
        }

        @Override
        public void writeTo(StringBuilder text) {
            writeJoined(parts, " OR ", text);
        }
    }

    /** All of them, in this order; at least two. */
    record FollowedBy(List<Observations> parts) implements Observations {
        public FollowedBy {
            parts = List.copyOf(parts);
        }

        @Override
        public void writeTo(StringBuilder text) {
            writeJoined(parts, " FOLLOWEDBY ", text);
        }
    }

    /** What is observed, and how often or when; no kind of qualifier twice. */
    record Qualified(Observations observations, List<Qualifier> qualifiers) implements Observations {
        public Qualified {
            qualifiers = List.copyOf(qualifiers);
        }

        @Override
        public void writeTo(StringBuilder text) {
            writeOne(observations, text);
            qualifiers.forEach(qualifier -> text.append(' ').append(qualifier.text()));
        }
    }

    /** Section 9.5.1. */
    sealed interface Qualifier {

        /** As a pattern writes it. */
        String text();

        record Within(String seconds) implements Qualifier {
            @Override
            public String text() {
                return "WITHIN " + seconds + " SECONDS";
            }
        }

        record Repeats(String times) implements Qualifier {
            @Override
            public String text() {
                return "REPEATS " + times + " TIMES";
            }
        }

        record StartStop(String start, String stop) implements Qualifier {
            @Override
            public String text() {
                return "START t'" + start + "' STOP t'" + stop + "'";
            }
        }
    }

    void writeTo(StringBuilder text);

    /** A pattern that is read as this. */
    default String text() {
        StringBuilder text = new StringBuilder();
        writeTo(text);
        return text.toString();
    }

    private static void writeJoined(List<Observations> parts, String operator, StringBuilder text) {
        for (int i = 0; i < parts.size(); i++) {
            text.append(i == 0 ? "" : operator);
            if (parts.get(i) instanceof Qualified qualified) {
                qualified.writeTo(text);
            } else {
                writeOne(parts.get(i), text);
            }
        }
    }

    private static void writeOne(Observations part, StringBuilder text) {
        if (part instanceof Observed) {
            part.writeTo(text);
        } else {
            text.append('(');
            part.writeTo(text);
            text.append(')');
        }
    }
}
