package io.caravan.event;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The STIX types that an OpenCTI platform sends: those of STIX 2.1 (sections 4 to 7) and the platform's own. A custom type
 * begins with {@code x-} (STIX 2.1, section 11.2), and any such name counts as a type.
 */
public final class StixTypes {

    /** What OpenCTI calls containers. */
    private static final Set<String> CONTAINERS = Set.of(
            "case-incident",
            "case-rfi",
            "case-rft",
            "feedback",
            "grouping",
            "note",
            "observed-data",
            "opinion",
            "report",
            "task");

    private static final Set<String> OTHERS = Set.of(
            // domain objects of STIX, and the platform's
            "attack-pattern",
            "campaign",
            "channel",
            "course-of-action",
            "data-component",
            "data-source",
            "event",
            "hunt",
            "identity",
            "incident",
            "indicator",
            "infrastructure",
            "intrusion-set",
            "language",
            "location",
            "malware",
            "malware-analysis",
            "narrative",
            "security-assessment",
            "security-coverage",
            "threat-actor",
            "tool",
            "vulnerability",
            // what objects refer to, and how they relate
            "external-reference",
            "kill-chain-phase",
            "label",
            "marking-definition",
            "relationship",
            "sighting",
            "vocabulary",
            // observables of STIX, and the platform's
            "ai-prompt",
            "artifact",
            "autonomous-system",
            "bank-account",
            "credential",
            "cryptocurrency-wallet",
            "cryptographic-key",
            "directory",
            "domain-name",
            "email-addr",
            "email-message",
            "email-mime-part-type",
            "file",
            "hostname",
            "iccid",
            "imei",
            "imsi",
            "ipv4-addr",
            "ipv6-addr",
            "mac-addr",
            "media-content",
            "mutex",
            "network-traffic",
            "payment-card",
            "persona",
            "phone-number",
            "process",
            "software",
            "ssh-key",
            "text",
            "tracking-number",
            "url",
            "user-account",
            "user-agent",
            "windows-registry-key",
            "windows-registry-value-type",
            "x509-certificate");

    private static final Set<String> ALL = union(CONTAINERS, OTHERS);

    /** The entity types that the platform shows to people and that have another name in STIX. */
    private static final Map<String, String> SHOWN_AS = Map.ofEntries(
            Map.entry("administrative-area", "location"),
            Map.entry("city", "location"),
            Map.entry("country", "location"),
            Map.entry("position", "location"),
            Map.entry("region", "location"),
            Map.entry("individual", "identity"),
            Map.entry("organization", "identity"),
            Map.entry("sector", "identity"),
            Map.entry("securityplatform", "identity"),
            Map.entry("system", "identity"),
            Map.entry("stixfile", "file"),
            Map.entry("stix-core-relationship", "relationship"),
            Map.entry("stix-sighting-relationship", "sighting"),
            Map.entry("threat-actor-group", "threat-actor"),
            Map.entry("threat-actor-individual", "threat-actor"));

    private static final Pattern CUSTOM = Pattern.compile("x-[a-z0-9-]+");
    private static final int LEAST_OF_A_PART = 2;

    private StixTypes() {}

    /** Whether objects may be of this type. */
    public static boolean isKnown(String type) {
        return ALL.contains(type) || CUSTOM.matcher(type).matches();
    }

    /** Whether containers may be of this type. */
    public static boolean isContainer(String type) {
        return CONTAINERS.contains(type) || CUSTOM.matcher(type).matches();
    }

    /** What a name that is no type is to be, on one line: {@code "; did you mean indicator?"}, or all types there are. */
    public static String instead(String name) {
        return instead(name, ALL);
    }

    /** As {@link #instead}, of the types of containers. */
    public static String insteadOfContainer(String name) {
        return instead(name, CONTAINERS);
    }

    private static String instead(String name, Set<String> types) {
        return meant(name, types)
                .map(Suggestion::question)
                .orElseGet(() -> "; there are: " + String.join(", ", new TreeSet<>(types))
                        + ", and custom ones, which begin with x-");
    }

    private static Optional<String> meant(String name, Set<String> types) {
        String written = name.strip().toLowerCase(Locale.ROOT).replaceAll("[\\s_]+", "-");
        List<String> spellings = List.of(written, written.replaceFirst("ies$", "y"), written.replaceFirst("s$", ""));
        for (String spelling : spellings) {
            Optional<String> meant = Optional.of(SHOWN_AS.getOrDefault(spelling, spelling))
                    .filter(types::contains)
                    .or(() -> Suggestion.nearest(spelling, new TreeSet<>(types)))
                    .or(() -> ofPart(spelling, types));
            if (meant.isPresent()) {
                return meant;
            }
        }
        return Optional.empty();
    }

    /** {@code ipv4} for ipv4-addr, {@code actor} for threat-actor. */
    private static Optional<String> ofPart(String part, Set<String> types) {
        return new TreeSet<>(types)
                .stream()
                        .filter(type -> part.length() >= LEAST_OF_A_PART
                                && (type.startsWith(part) || type.endsWith("-" + part)))
                        .findFirst();
    }

    private static Set<String> union(Set<String> one, Set<String> other) {
        Set<String> all = new TreeSet<>(one);
        all.addAll(other);
        return Set.copyOf(all);
    }
}
