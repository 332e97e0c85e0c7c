package io.caravan.sink;

import java.util.List;
import java.util.function.Predicate;

/** The enabled sinks, as the fan-out asks for them: one after the other, in the order of {@code caravan.sinks}. */
public final class Sinks {

    private final List<String> names;
    private final Predicate<String> isAsked;

    /** @param isAsked whether the batch under way goes to a sink */
    public Sinks(List<String> names, Predicate<String> isAsked) {
        this.names = List.copyOf(names);
        this.isAsked = isAsked;
    }

    public List<String> names() {
        return names;
    }

    /** Where a batch goes, in order. */
    public List<String> inOrder() {
        return names.stream().filter(isAsked).map(Sinks::endpoint).toList();
    }

    public static String endpoint(String name) {
        return "direct:sink-" + name;
    }
}
