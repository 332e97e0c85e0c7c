package io.caravan.event.pattern;

/** A constant of STIX 2.1, section 9.2. Numbers, times and bytes are kept as they are written. */
public sealed interface Literal {

    /** What it stands for, without quotes and escapes. */
    String value();

    /** As a pattern writes it. */
    String text();

    record Text(String value) implements Literal {
        @Override
        public String text() {
            return quoted(value);
        }
    }

    /** A whole number, such as {@code -5}; without a plus sign. */
    record Whole(String value) implements Literal {
        @Override
        public String text() {
            return value;
        }
    }

    /** A number with a fraction, such as {@code 7.0} or {@code .5}; without a plus sign. */
    record Fraction(String value) implements Literal {
        @Override
        public String text() {
            return value;
        }
    }

    record Bool(boolean isTrue) implements Literal {
        @Override
        public String value() {
            return Boolean.toString(isTrue);
        }

        @Override
        public String text() {
            return value();
        }
    }

    /** {@code h'…'}, an even number of hexadecimal digits. */
    record Hex(String value) implements Literal {
        @Override
        public String text() {
            return "h'" + value + "'";
        }
    }

    /** {@code b'…'}, bytes in Base64. */
    record Base64(String value) implements Literal {
        @Override
        public String text() {
            return "b'" + value + "'";
        }
    }

    /** {@code t'…'}, a time in UTC. */
    record Time(String value) implements Literal {
        @Override
        public String text() {
            return "t'" + value + "'";
        }
    }

    static String quoted(String value) {
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
