package io.caravan.opencti.push;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * What may go into one bundle: upserts of different objects, in an order in which references come before what needs them; or
 * removals; or patches; or one merge.
 */
record Run(List<Item> items) {

    Run {
        items = List.copyOf(items);
    }

    static Run of(Item item) {
        return new Run(List.of(item));
    }

    /** Made of what is in it, so that what is sent again has the same. */
    UUID id() {
        String names = items.stream()
                .map(item -> item.operation() + " " + item.object().id() + " "
                        + item.change().event().id()
                        + (item.files().isEmpty() ? "" : " " + item.files()))
                .collect(Collectors.joining("\n"));
        return UUID.nameUUIDFromBytes(names.getBytes(StandardCharsets.UTF_8));
    }

    boolean isOfRemovals() {
        return items.get(0).operation() == Item.Operation.DELETE;
    }

    boolean isOfUpserts() {
        return items.get(0).operation() == Item.Operation.UPSERT;
    }

    /** Its first half, or its second. */
    Run half(boolean first) {
        int middle = items.size() / 2;
        return new Run(first ? items.subList(0, middle) : items.subList(middle, items.size()));
    }

    /** As the destination's list of works shows it. */
    @Override
    public String toString() {
        String first = items.get(0).change().toString();
        return "Caravan: " + (items.size() == 1 ? first : items.size() + " objects, first " + first);
    }

    long bytes() {
        return items.stream().mapToLong(item -> item.json().length()).sum();
    }
}
