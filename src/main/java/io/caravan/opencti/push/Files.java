package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Bytes;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.opencti.push.Storage.Fetched;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Puts the content of attached files and embedded images into the objects that are upserted: {@code data} in the entries of
 * {@code files}, {@code data:} addresses in Markdown. An object without them is not even parsed. Content is fetched as late
 * as it can be: a run is cut where its content becomes too much for a bundle, and each part is handed on before more is
 * fetched, so that there is in memory no more than a part and one file. An object with much content goes in several
 * parts, whole each time but for its files. Used by one thread at a time.
 *
 * <p>An entry without content is taken out: the destination's worker would take its uri for one of the destination's own. It
 * is not missed there, because upserts only add.
 */
final class Files {

    private static final byte[] FILES = "\"files\"".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] IMAGES = Images.MARK.getBytes(StandardCharsets.US_ASCII);

    private final Optional<Storage> storage;
    private final long most;

    /**
     * A part of a run, with content.
     *
     * @param whole the run's items that are through with it
     * @param lacking those of them that go without something
     */
    record Part(Run run, List<Item> whole, List<Lacking> lacking) {}

    /** An item, and what it goes without. */
    record Lacking(Item item, Lack lack) {}

    /** Takes the parts of a run, one by one. */
    interface Parts {

        void take(Part part) throws IOException, InterruptedException;
    }

    /**
     * @param storage where they come from; empty where objects go without
     * @param most how large a file may be
     */
    Files(Optional<Storage> storage, long most) {
        this.storage = storage;
        this.most = most;
    }

    /** Whether an object may have files or images, by the look of it. */
    static boolean mayBeIn(Item item) {
        return item.operation() == Item.Operation.UPSERT
                && (contains(item.json(), FILES) || contains(item.json(), IMAGES));
    }

    /** Hands on a run in parts, in order. */
    void load(Run run, Parts parts) throws IOException, InterruptedException {
        Loading loading = new Loading(parts);
        for (Item item : run.items()) {
            loading.add(item);
        }
        loading.close();
    }

    /** A run on its way; what is collected here is the next part. */
    private final class Loading {
        private final Parts parts;
        private final List<Item> items = new ArrayList<>();
        private final List<Item> whole = new ArrayList<>();
        private final List<Lacking> lacking = new ArrayList<>();
        private long bytes;

        Loading(Parts parts) {
            this.parts = parts;
        }

        void add(Item item) throws IOException, InterruptedException {
            if (!mayBeIn(item)) {
                put(item);
                whole.add(item);
                return;
            }
            ObjectNode tree = (ObjectNode) Json.tree(item.json());
            List<ObjectNode> entries = takeEntries(tree);
            Bytes bare = entries.isEmpty() ? item.json() : Json.bytes(tree);
            if (storage.isPresent()) {
                addWithContent(item, tree, entries, bare, storage.get());
            } else {
                put(item.with(bare));
                whole.add(item);
            }
        }

        private void addWithContent(Item item, ObjectNode tree, List<ObjectNode> entries, Bytes bare, Storage source)
                throws IOException, InterruptedException {
            if (bytes >= Runs.MOST_BYTES) {
                close();
            }
            Lack lack = new Lack();
            List<String> carried = new ArrayList<>(new Images(source, item.object(), most, lack).embed(tree));
            long content = 0;
            boolean wentInPieces = false;
            for (ObjectNode entry : entries) {
                String uri = entry.path("uri").asText();
                if (content > Runs.MOST_BYTES) {
                    addPiece(item, tree, carried, bare);
                    wentInPieces = true;
                    content = 0;
                }
                Fetched fetched = source.fetch(uri, entry.path("mime_type").asText(), most);
                if (fetched instanceof Fetched.Content file) {
                    long length = file.bytes().length * 4L / 3;
                    if (content > 0 && content + length > Runs.MOST_BYTES) {
                        addPiece(item, tree, carried, bare);
                        wentInPieces = true;
                        content = 0;
                    }
                    // no import on top of what came by the stream; platforms export their own files so
                    entries(tree).add(entry.put("data", file.bytes()).put("no_trigger_import", true));
                    carried.add(Storage.path(uri).orElseThrow());
                    content += length;
                } else {
                    lack.add(item.object(), entry.path("name").asText(), uri, fetched);
                }
            }
            boolean isBare = carried.isEmpty() && !wentInPieces;
            put(isBare ? item.with(bare) : loaded(item, tree, carried, bare));
            whole.add(item);
            if (lack.files() > 0) {
                lacking.add(new Lacking(item, lack));
            }
        }

        /** The object with the content so far, which then is forgotten. */
        private void addPiece(Item item, ObjectNode tree, List<String> carried, Bytes bare)
                throws IOException, InterruptedException {
            put(loaded(item, tree, carried, bare));
            carried.clear();
            takeEntries(tree);
            close(); // one object once in a bundle
        }

        private void put(Item item) throws IOException, InterruptedException {
            if (bytes + item.json().length() > Runs.MOST_BYTES) {
                close();
            }
            items.add(item);
            bytes += item.json().length();
        }

        void close() throws IOException, InterruptedException {
            if (!items.isEmpty()) {
                Part part = new Part(new Run(items), List.copyOf(whole), List.copyOf(lacking));
                items.clear();
                whole.clear();
                lacking.clear();
                bytes = 0;
                parts.take(part);
            }
        }
    }

    private static Item loaded(Item item, ObjectNode tree, List<String> carried, Bytes bare) throws IOException {
        return new Item(item.change(), item.operation(), Json.bytes(tree), carried, bare);
    }

    /** The files of an object, which has none afterwards. */
    private static List<ObjectNode> takeEntries(ObjectNode tree) {
        List<ObjectNode> entries = new ArrayList<>();
        if (tree.path("extensions").path(StixObject.OPENCTI) instanceof ObjectNode extension
                && extension.path("files") instanceof ArrayNode files
                && !files.isEmpty()) {
            for (JsonNode file : files) {
                if (file instanceof ObjectNode entry) {
                    entries.add(entry);
                }
            }
            extension.remove("files");
        }
        return entries;
    }

    private static ArrayNode entries(ObjectNode tree) {
        return tree.withObjectProperty("extensions")
                .withObjectProperty(StixObject.OPENCTI)
                .withArrayProperty("files");
    }

    private static boolean contains(Bytes json, byte[] text) {
        byte[] array = json.array();
        int last = json.offset() + json.length() - text.length;
        for (int i = json.offset(); i <= last; i++) {
            if (array[i] == text[0] && Arrays.equals(array, i, i + text.length, text, 0, text.length)) {
                return true;
            }
        }
        return false;
    }
}
