package io.caravan.event;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The Traffic Light Protocol's colours, from the mildest to the strictest, told by the ids of their marking definitions:
 * those of STIX 2.1 (section 7.2.1.4), OpenCTI's own for AMBER+STRICT, and those of the OASIS extension for TLP 2.0. The
 * state on disk refers to them by their order.
 */
public enum Tlp {
    CLEAR("TLP:CLEAR", "613f2e26-407d-48c7-9eca-b8e91df99dc9", "94868c89-83c2-464b-929b-a1a8aa3c8487"),
    GREEN("TLP:GREEN", "34098fce-860f-48ae-8e50-ebd3cc5e41da", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"),
    AMBER("TLP:AMBER", "f88d31f6-486f-44da-b317-01333bde0b82", "55d920b0-5e8b-4f79-9ee9-91f868d9b421"),
    AMBER_STRICT("TLP:AMBER+STRICT", "826578e1-40ad-459f-bc73-ede076f81f37", "939a9414-2ddd-4d32-a0cd-375ea402b003"),
    RED("TLP:RED", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "e828b379-4e03-4974-9ac4-e53a884c97c1");

    private static final Map<String, Tlp> BY_MARKING = Arrays.stream(values())
            .map(tlp -> tlp.markings.stream().collect(Collectors.toMap(Function.identity(), marking -> tlp)))
            .map(Map::entrySet)
            .flatMap(Collection::stream)
            .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));

    private final String label;
    private final List<String> markings;

    Tlp(String label, String... markings) {
        this.label = label;
        this.markings =
                Arrays.stream(markings).map(id -> "marking-definition--" + id).toList();
    }

    /** The colour that a marking definition's STIX id stands for, in whatever case; empty for markings of another kind. */
    public static Optional<Tlp> ofMarking(String id) {
        Tlp colour = BY_MARKING.get(id);
        return Optional.ofNullable(colour == null ? BY_MARKING.get(id.toLowerCase(Locale.ROOT)) : colour);
    }

    /** By a marking definition's name, in TLP 1 ({@code TLP:WHITE}) or TLP 2, in whatever case. */
    public static Optional<Tlp> ofName(String name) {
        String colour = name.strip().toUpperCase(Locale.ROOT);
        return colour.equals("TLP:WHITE")
                ? Optional.of(CLEAR)
                : Arrays.stream(values())
                        .filter(tlp -> tlp.label.equals(colour))
                        .findFirst();
    }

    static Optional<Tlp> strictest(Optional<Tlp> one, Optional<Tlp> other) {
        if (one.isEmpty() || other.isEmpty()) {
            return one.or(() -> other);
        }
        return one.get().compareTo(other.get()) >= 0 ? one : other;
    }

    /** As the platform writes it, {@code TLP:AMBER}. */
    @Override
    public String toString() {
        return label;
    }
}
