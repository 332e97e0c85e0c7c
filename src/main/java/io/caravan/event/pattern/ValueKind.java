package io.caravan.event.pattern;

import io.caravan.event.pattern.ObjectPath.Index;
import io.caravan.event.pattern.ObjectPath.Key;
import io.caravan.event.pattern.ObjectPath.Step;
import io.caravan.event.pattern.PatternValues.Value;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What a value of a pattern is, by the property that it is compared to and by its form: {@code ipv4-addr:value} is an
 * {@link #IPV4} only where it is one. What fits no kind is {@link #OTHER}, known by its path. Where one thing can be
 * written in several ways the value has one form: hashes and domain names in lower case, a domain name without the last
 * dot, AS numbers without {@code AS}, certificates' serial numbers without colons in upper case, and a network of one
 * address as the address.
 */
public enum ValueKind {
    IPV4,
    IPV6,
    /** A network, {@code 198.51.100.0/24}. */
    CIDR,
    DOMAIN,
    HOSTNAME,
    URL,
    EMAIL,
    MAC,
    AS_NUMBER,
    PORT,
    MD5,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    SHA3_256,
    SHA3_512,
    SSDEEP,
    TLSH,
    FILE_NAME,
    DIRECTORY,
    MUTEX,
    REGISTRY_KEY,
    /** The name of a registry key's value. */
    REGISTRY_VALUE,
    PROCESS_NAME,
    COMMAND_LINE,
    SOFTWARE,
    USER_ACCOUNT,
    USER_AGENT,
    /** A cryptocurrency wallet's address. */
    WALLET,
    X509_SERIAL_NUMBER,
    X509_ISSUER,
    X509_SUBJECT,
    /** A certificate's hash. */
    X509_FINGERPRINT,
    /** A public key, or its fingerprint. */
    SSH_KEY,
    OTHER;

    private static final int IPV6_GROUPS = 8;

    private static final Map<String, ValueKind> HASHES = Map.of(
            "MD5", MD5,
            "SHA-1", SHA1,
            "SHA-224", SHA224,
            "SHA-256", SHA256,
            "SHA-384", SHA384,
            "SHA-512", SHA512,
            "SHA3-256", SHA3_256,
            "SHA3-512", SHA3_512,
            "SSDEEP", SSDEEP,
            "TLSH", TLSH);

    /** By type and property; the kinds that any text is. */
    private static final Map<String, ValueKind> TEXTS = Map.ofEntries(
            Map.entry("url:value", URL),
            Map.entry("artifact:url", URL),
            Map.entry("email-addr:value", EMAIL),
            Map.entry("file:name", FILE_NAME),
            Map.entry("directory:path", DIRECTORY),
            Map.entry("mutex:name", MUTEX),
            Map.entry("windows-registry-key:key", REGISTRY_KEY),
            Map.entry("windows-registry-key:values[*].name", REGISTRY_VALUE),
            Map.entry("windows-registry-value-type:name", REGISTRY_VALUE),
            Map.entry("process:name", PROCESS_NAME),
            Map.entry("process:command_line", COMMAND_LINE),
            Map.entry("software:name", SOFTWARE),
            Map.entry("user-account:user_id", USER_ACCOUNT),
            Map.entry("user-account:account_login", USER_ACCOUNT),
            Map.entry("user-agent:value", USER_AGENT),
            Map.entry("network-traffic:extensions.http-request-ext.request_header.User-Agent", USER_AGENT),
            Map.entry("cryptocurrency-wallet:value", WALLET),
            Map.entry("x509-certificate:issuer", X509_ISSUER),
            Map.entry("x509-certificate:subject", X509_SUBJECT),
            Map.entry("ssh-key:public_key", SSH_KEY),
            Map.entry("ssh-key:fingerprint_md5", SSH_KEY),
            Map.entry("ssh-key:fingerprint_sha256", SSH_KEY));

    /** References to files. */
    private static final Set<String> FILES =
            Set.of("image_ref", "binary_ref", "body_raw_ref", "content_ref", "contains_refs", "service_dll_refs");

    private final String text = name().toLowerCase(Locale.ROOT);

    /** As it stands in records: {@code file_name}. */
    @Override
    public String toString() {
        return text;
    }

    public boolean isAddress() {
        return this == IPV4 || this == IPV6 || this == CIDR;
    }

    static boolean isReference(String key) {
        return key.endsWith("_ref") || key.endsWith("_refs");
    }

    /** @param path in its normal form */
    static Value value(ObjectPath path, String text) {
        Target target = Target.of(path, text);
        Value other = new Value(path, OTHER, text);
        if (target.property.startsWith("hashes.")) {
            return hash(path, target, text, other);
        }
        String property = target.type + ":" + target.property;
        ValueKind kind = TEXTS.get(property);
        if (kind != null) {
            return text.isEmpty() ? other : new Value(path, kind, text);
        }
        return switch (property) {
            case "ipv4-addr:value", "ipv6-addr:value" -> address(path, text, other);
            case "domain-name:value" -> domain(DOMAIN, path, text, other);
            case "hostname:value" -> domain(HOSTNAME, path, text, other);
            case "mac-addr:value" -> isMac(text) ? new Value(path, MAC, text) : other;
            case "autonomous-system:number" -> asNumber(path, text, other);
            case "network-traffic:src_port", "network-traffic:dst_port" ->
                isUpTo(65_535, text) ? new Value(path, PORT, text) : other;
            case "x509-certificate:serial_number" -> serialNumber(path, text, other);
            default -> other;
        };
    }

    /**
     * The object whose property it is, at the end of all references. What a reference ends at is told by its name and
     * by the value's form: {@code network-traffic:dst_ref.value} is an address, a MAC or a domain name.
     *
     * @param property its path within the object, without quotes
     */
    private record Target(String type, String property) {

        static Target of(ObjectPath path, String text) {
            String type = path.type();
            String reference = "";
            StringBuilder property = new StringBuilder();
            for (Step step : path.steps()) {
                if (step instanceof Key key && isReference(key.name())) {
                    reference = key.name();
                    property.setLength(0);
                } else if (step instanceof Key key) {
                    property.append(property.isEmpty() ? "" : ".").append(key.name());
                } else if (step instanceof Index && !property.isEmpty()) {
                    property.append("[*]");
                }
            }
            String name = property.toString();
            return new Target(reference.isEmpty() ? type : typeAt(reference, name, text, type), name);
        }

        private static String typeAt(String reference, String property, String text, String owner) {
            return switch (property) {
                case "value" -> typeOf(text, owner);
                case "name" -> FILES.contains(reference) ? "file" : "";
                case "path" -> "directory";
                case "number" -> "autonomous-system";
                case "key" -> "windows-registry-key";
                case "command_line" -> "process";
                case "user_id", "account_login" -> "user-account";
                default -> property.startsWith("hashes.") ? "file" : "";
            };
        }

        private static String typeOf(String value, String owner) {
            if (owner.equals("email-message") || value.indexOf('@') > 0) {
                return "email-addr";
            }
            if (isMac(value)) {
                return "mac-addr";
            }
            int slash = value.indexOf('/');
            String address = slash < 0 ? value : value.substring(0, slash);
            return isIpv4(address) || isIpv6(address) ? "ipv4-addr" : "domain-name";
        }
    }

    private static Value hash(ObjectPath path, Target target, String text, Value other) {
        ValueKind kind = HASHES.get(target.property.substring("hashes.".length()));
        if (kind == null || !kind.isWellFormed(text)) {
            return other;
        }
        boolean hex = kind != SSDEEP && kind != TLSH;
        String hash = hex ? text.toLowerCase(Locale.ROOT) : text;
        return switch (target.type) {
            case "file", "artifact" -> new Value(path, kind, hash);
            case "x509-certificate" -> new Value(path, X509_FINGERPRINT, hash);
            default -> other;
        };
    }

    private boolean isWellFormed(String hash) {
        int digits =
                switch (this) {
                    case MD5 -> 32;
                    case SHA1 -> 40;
                    case SHA224 -> 56;
                    case SHA256, SHA3_256 -> 64;
                    case SHA384 -> 96;
                    case SHA512, SHA3_512 -> 128;
                    default -> 0;
                };
        return digits == 0 ? !hash.isEmpty() : hash.length() == digits && PatternLexer.isHex(hash);
    }

    private static Value address(ObjectPath path, String text, Value other) {
        int slash = text.indexOf('/');
        String address = slash < 0 ? text : text.substring(0, slash);
        boolean ipv4 = isIpv4(address);
        if (!ipv4 && !isIpv6(address)) {
            return other;
        }
        int bits = ipv4 ? 32 : 128;
        String mask = slash < 0 ? String.valueOf(bits) : text.substring(slash + 1);
        if (!isUpTo(bits, mask)) {
            return other;
        }
        if (Integer.parseInt(mask) == bits) {
            return new Value(path, ipv4 ? IPV4 : IPV6, address);
        }
        return new Value(path, CIDR, text);
    }

    private static Value domain(ValueKind kind, ObjectPath path, String text, Value other) {
        String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        boolean plain = name.chars().noneMatch(c -> c <= ' ' || "/\\:@?#,".indexOf(c) >= 0);
        return plain && !name.isEmpty() ? new Value(path, kind, name.toLowerCase(Locale.ROOT)) : other;
    }

    private static Value asNumber(ObjectPath path, String text, Value other) {
        String number = text.regionMatches(true, 0, "AS", 0, 2) ? text.substring(2) : text;
        return isUpTo(0xffff_ffffL, number) ? new Value(path, AS_NUMBER, number) : other;
    }

    private static Value serialNumber(ObjectPath path, String text, Value other) {
        String number = text.replace(":", "");
        return !number.isEmpty() && PatternLexer.isHex(number)
                ? new Value(path, X509_SERIAL_NUMBER, number.toUpperCase(Locale.ROOT))
                : other;
    }

    private static boolean isMac(String text) {
        boolean fits = text.length() == 17;
        for (int i = 0; fits && i < 17; i++) {
            char c = text.charAt(i);
            fits = i % 3 == 2 ? c == text.charAt(2) && (c == ':' || c == '-') : PatternLexer.isHex(String.valueOf(c));
        }
        return fits;
    }

    private static boolean isIpv4(String text) {
        List<String> parts = text.length() > 15 ? List.of() : List.of(text.split("\\.", -1));
        return parts.size() == 4 && parts.stream().allMatch(part -> isUpTo(255, part));
    }

    /**
     * RFC 4291, section 2.2: eight groups of one to four hexadecimal digits, the last two perhaps as an IPv4 address; one
     * {@code ::} may stand for one or more groups of zeros.
     */
    private static boolean isIpv6(String text) {
        int gap = text.indexOf("::");
        if (gap < 0) {
            return groups(text, true) == IPV6_GROUPS;
        }
        String before = text.substring(0, gap);
        String after = text.substring(gap + 2);
        int groupsBefore = before.isEmpty() ? 0 : groups(before, false);
        int groupsAfter = after.isEmpty() ? 0 : groups(after, true);
        return groupsBefore >= 0 && groupsAfter >= 0 && groupsBefore + groupsAfter < IPV6_GROUPS;
    }

    /** How many groups these are; below 0 for what is none. */
    private static int groups(String text, boolean isEnd) {
        int groups = 0;
        for (int at = 0; at >= 0 && groups <= IPV6_GROUPS; groups++) {
            int colon = text.indexOf(':', at);
            String group = text.substring(at, colon < 0 ? text.length() : colon);
            boolean isGroup = !group.isEmpty() && group.length() <= 4 && PatternLexer.isHex(group);
            if (!isGroup && isEnd && colon < 0 && isIpv4(group)) {
                return groups + 2;
            }
            if (!isGroup) {
                return -1;
            }
            at = colon < 0 ? -1 : colon + 1;
        }
        return groups;
    }

    /** A whole number without sign and leading zeros. */
    private static boolean isUpTo(long most, String text) {
        boolean digits = !text.isEmpty()
                && text.length() <= 10
                && text.chars().allMatch(c -> c >= '0' && c <= '9')
                && (text.equals("0") || text.charAt(0) != '0');
        return digits && Long.parseLong(text) <= most;
    }
}
