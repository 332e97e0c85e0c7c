package io.caravan.event.pattern;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Which property of which object a pattern looks at: STIX 2.1, section 9.7.
 *
 * @param type of the object, such as {@code file}
 * @param steps from the object to the property; the first is a key
 */
public record ObjectPath(String type, List<Step> steps) {

    public ObjectPath {
        steps = List.copyOf(steps);
    }

    public sealed interface Step {}

    /** A property, a dictionary's key, or a reference that is followed ({@code dst_ref}). */
    public record Key(String name) implements Step {}

    /** A list's element; {@code *} for any. */
    public record Index(String of) implements Step {}

    /** Names of hash algorithms as STIX writes them, by the same without case, dashes and underscores. */
    private static final Map<String, String> HASHES = Map.of(
            "MD5", "MD5",
            "SHA1", "SHA-1",
            "SHA224", "SHA-224",
            "SHA256", "SHA-256",
            "SHA384", "SHA-384",
            "SHA512", "SHA-512",
            "SHA3256", "SHA3-256",
            "SHA3512", "SHA3-512",
            "SSDEEP", "SSDEEP",
            "TLSH", "TLSH");

    /**
     * The one form for paths that mean the same: OpenCTI's old type names without {@code x-opencti-}, names of hash
     * algorithms as STIX writes them, any element of a list.
     */
    public ObjectPath normal() {
        String prefix = "x-opencti-";
        String name = type.toLowerCase(Locale.ROOT);
        Step[] normal = new Step[steps.size()];
        for (int i = 0; i < normal.length; i++) {
            Step step = steps.get(i);
            boolean hash = i > 0 && steps.get(i - 1) instanceof Key key && key.name.equals("hashes");
            normal[i] = step instanceof Key key ? (hash ? new Key(hashName(key.name)) : key) : new Index("*");
        }
        return new ObjectPath(name.startsWith(prefix) ? name.substring(prefix.length()) : name, List.of(normal));
    }

    private static String hashName(String written) {
        String plain = written.toUpperCase(Locale.ROOT).replace("-", "").replace("_", "");
        return HASHES.getOrDefault(plain, written);
    }

    /** As a pattern writes it. */
    public String text() {
        StringBuilder text = new StringBuilder(type);
        char separator = ':';
        for (Step step : steps) {
            if (step instanceof Index index) {
                text.append('[').append(index.of).append(']');
            } else if (step instanceof Key key) {
                boolean plain = PatternLexer.isPlainKey(key.name);
                text.append(separator).append(plain ? key.name : Literal.quoted(key.name));
            }
            separator = '.';
        }
        return text.toString();
    }
}
