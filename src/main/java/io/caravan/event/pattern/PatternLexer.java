package io.caravan.event.pattern;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.Base64;
import java.util.Set;

/**
 * Cuts a STIX pattern into tokens, one at a time, in one pass. White space and comments are passed over. Follows the
 * grammar of STIX 2.1 but for two forms of STIX 2.0 that are still met and can mean one thing only: dashes in keys
 * without quotes ({@code hashes.SHA-256}), and keys in double quotes.
 */
final class PatternLexer {

    enum Kind {
        NAME("a name"),
        KEYWORD("a keyword"),
        QUOTED_NAME("a name"),
        STRING("a string"),
        WHOLE("a whole number"),
        FRACTION("a number"),
        BOOL("true or false"),
        HEX("h'…'"),
        BASE64("b'…'"),
        TIME("t'…'"),
        SYMBOL("a symbol"),
        END("the end");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** @param value of names and literals without quotes and escapes; {@code ==} comes as {@code =}, {@code <>} as {@code !=} */
    record Token(Kind kind, String value, int at) {

        boolean is(String symbolOrKeyword) {
            return (kind == Kind.SYMBOL || kind == Kind.KEYWORD) && value.equals(symbolOrKeyword);
        }

        /** For people: long ones are cut. */
        @Override
        public String toString() {
            if (kind == Kind.END) {
                return kind.text;
            }
            return value.length() > 40 ? value.substring(0, 40) + "…" : value;
        }
    }

    private static final Set<String> KEYWORDS = Set.of(
            "AND",
            "OR",
            "NOT",
            "FOLLOWEDBY",
            "LIKE",
            "MATCHES",
            "ISSUPERSET",
            "ISSUBSET",
            "EXISTS",
            "IN",
            "START",
            "STOP",
            "SECONDS",
            "WITHIN",
            "REPEATS",
            "TIMES");

    private static final String SPACE =
            " \t\r\n\u000B\f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
                    + "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

    private final String text;
    private int at;

    PatternLexer(String text) {
        this.text = text;
    }

    /** Whether a key needs no quotes. */
    static boolean isPlainKey(String name) {
        boolean plain = !name.isEmpty() && isLetter(name.charAt(0)) && !isReserved(name);
        for (int i = 1; plain && i < name.length(); i++) {
            plain = isLetter(name.charAt(i)) || isDigit(name.charAt(i));
        }
        return plain;
    }

    Token next() throws UnreadablePattern {
        skipSpaceAndComments();
        if (at == text.length()) {
            return new Token(Kind.END, "", at);
        }
        char c = text.charAt(at);
        if (isLetter(c)) {
            return peek(1) == '\'' && (c == 'h' || c == 'b' || c == 't') ? prefixed(c) : name();
        }
        if (isDigit(c) || c == '-' || c == '+' || (c == '.' && isDigit(peek(1)))) {
            return number();
        }
        return switch (c) {
            case '\'' -> string();
            case '"' -> quotedName();
            default -> symbol(c);
        };
    }

    private void skipSpaceAndComments() throws UnreadablePattern {
        while (at < text.length()) {
            if (SPACE.indexOf(text.charAt(at)) >= 0) {
                at++;
            } else if (text.startsWith("//", at)) {
                while (at < text.length() && text.charAt(at) != '\n' && text.charAt(at) != '\r') {
                    at++;
                }
            } else if (text.startsWith("/*", at)) {
                int end = text.indexOf("*/", at + 2);
                if (end < 0) {
                    throw new UnreadablePattern(at, "a comment without an end");
                }
                at = end + 2;
            } else {
                return;
            }
        }
    }

    private Token name() {
        int start = at;
        while (isLetter(peek(0)) || isDigit(peek(0)) || peek(0) == '-') {
            at++;
        }
        String name = text.substring(start, at);
        if (name.equals("true") || name.equals("false")) {
            return new Token(Kind.BOOL, name, start);
        }
        return new Token(KEYWORDS.contains(name) ? Kind.KEYWORD : Kind.NAME, name, start);
    }

    private Token string() throws UnreadablePattern {
        int start = at++;
        StringBuilder value = new StringBuilder();
        while (peek(0) != '\'') {
            if (at == text.length()) {
                throw new UnreadablePattern(start, "a string without an end");
            }
            if (peek(0) == '\\') {
                at++;
                if (peek(0) != '\'' && peek(0) != '\\') {
                    throw new UnreadablePattern(at - 1, "a backslash that escapes neither ' nor \\");
                }
            }
            value.append(text.charAt(at++));
        }
        at++;
        return new Token(Kind.STRING, value.toString(), start);
    }

    private Token quotedName() throws UnreadablePattern {
        int start = at++;
        StringBuilder value = new StringBuilder();
        while (peek(0) != '"' || peek(1) == '"') {
            if (at == text.length()) {
                throw new UnreadablePattern(start, "a name without an end");
            }
            if (peek(0) == '"') {
                at++;
            }
            value.append(text.charAt(at++));
        }
        at++;
        return new Token(Kind.QUOTED_NAME, value.toString(), start);
    }

    private Token number() throws UnreadablePattern {
        int start = at;
        boolean plus = peek(0) == '+';
        if (plus || peek(0) == '-') {
            at++;
        }
        int whole = at;
        skipDigits();
        boolean fraction = peek(0) == '.' && isDigit(peek(1));
        if (fraction) {
            at++;
            skipDigits();
        } else if (whole == at) {
            throw new UnreadablePattern(start, "a sign without a number");
        } else if (text.charAt(whole) == '0' && at - whole > 1) {
            throw new UnreadablePattern(start, "a whole number that begins with 0");
        }
        return new Token(fraction ? Kind.FRACTION : Kind.WHOLE, text.substring(plus ? whole : start, at), start);
    }

    private Token prefixed(char prefix) throws UnreadablePattern {
        int start = at;
        int end = text.indexOf('\'', start + 2);
        if (end < 0) {
            throw new UnreadablePattern(start, prefix + "' without an end");
        }
        at = end + 1;
        String value = text.substring(start + 2, end);
        if (prefix == 'h') {
            require(value.length() % 2 == 0 && isHex(value), start, "no pairs of hexadecimal digits");
            return new Token(Kind.HEX, value, start);
        }
        if (prefix == 'b') {
            require(isBase64(value), start, "no Base64");
            return new Token(Kind.BASE64, value, start);
        }
        require(isTime(value), start, "no time like t'2016-06-01T00:00:00Z'");
        return new Token(Kind.TIME, value, start);
    }

    private Token symbol(char c) throws UnreadablePattern {
        int start = at++;
        String symbol =
                switch (c) {
                    case '[', ']', '(', ')', ':', '.', ',', '*' -> String.valueOf(c);
                    case '=' -> {
                        at += peek(0) == '=' ? 1 : 0;
                        yield "=";
                    }
                    case '!' -> {
                        require(peek(0) == '=', start, "! without =");
                        at++;
                        yield "!=";
                    }
                    case '<', '>' -> {
                        boolean longer = peek(0) == '=' || (c == '<' && peek(0) == '>');
                        String written = text.substring(start, longer ? ++at : at);
                        yield written.equals("<>") ? "!=" : written;
                    }
                    default ->
                        throw new UnreadablePattern(
                                start, "nothing begins with " + Character.toString(text.codePointAt(start)));
                };
        return new Token(Kind.SYMBOL, symbol, start);
    }

    private void skipDigits() {
        while (isDigit(peek(0))) {
            at++;
        }
    }

    /** Zero after the end. */
    private char peek(int ahead) {
        return at + ahead < text.length() ? text.charAt(at + ahead) : 0;
    }

    private static void require(boolean fulfilled, int at, String message) throws UnreadablePattern {
        if (!fulfilled) {
            throw new UnreadablePattern(at, message);
        }
    }

    private static boolean isReserved(String name) {
        return KEYWORDS.contains(name) || name.equals("true") || name.equals("false");
    }

    private static boolean isLetter(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_';
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    static boolean isHex(String text) {
        return text.chars().allMatch(c -> isDigit((char) c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F');
    }

    private static boolean isBase64(String value) {
        try {
            Base64.getDecoder().decode(value);
            return value.length() % 4 == 0;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** {@code 2016-06-01T00:00:00Z}, with any fraction of a second. */
    static boolean isTime(String value) {
        String form = "dddd-dd-ddTdd:dd:dd";
        if (value.length() <= form.length() || !value.endsWith("Z")) {
            return false;
        }
        for (int i = 0; i < form.length(); i++) {
            boolean fits = form.charAt(i) == 'd' ? isDigit(value.charAt(i)) : value.charAt(i) == form.charAt(i);
            if (!fits) {
                return false;
            }
        }
        String fraction = value.substring(form.length(), value.length() - 1);
        boolean fractionFits = fraction.isEmpty()
                || fraction.length() > 1
                        && fraction.charAt(0) == '.'
                        && fraction.chars().skip(1).allMatch(c -> isDigit((char) c));
        try {
            LocalDate.parse(value.substring(0, 10));
        } catch (DateTimeException e) {
            return false;
        }
        return fractionFits
                && value.substring(11, 13).compareTo("24") < 0
                && value.substring(14, 16).compareTo("60") < 0
                && value.substring(17, 19).compareTo("60") <= 0; // a leap second
    }
}
