package io.caravan.sink;

import java.util.List;

/** The enabled sinks, as the fan-out asks for them: one after the other, in the order of {@code caravan.sinks}. */
public final class Sinks {

    private final List<String> names;

    public Sinks(List<String> names) {
        this.names = List.copyOf(names);
    }

    public List<String> names() {
        return names;
    }

    /** Where a batch goes, in order. */
    public List<String> inOrder() {
        return names.stream().map(Sinks::endpoint).toList();
    }

    public static String endpoint(String name) {
        return "direct:sink-" + name;
    }
}
