package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.StixObject;
import io.caravan.opencti.push.Storage.Fetched;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The images that are embedded in the Markdown of one object, in place of the links to them: as {@code data:} addresses,
 * which the destination makes into files of its own. So does the platform's synchronizer. An image that is not to be had
 * stays a link.
 */
final class Images {

    /** Larger ones a platform refuses together with their object, and so does it all of an object's beyond that. */
    static final long MOST_BYTES = 5 << 20;

    static final long MOST_BYTES_TOGETHER = 20 << 20;

    /** What all links to them hold: where it is missing, there are none. */
    static final String MARK = "embedded";

    private static final String FOLDER = MARK + "/";
    private static final List<String> FIELDS = List.of("description", "x_opencti_description", "content");
    private static final List<String> ROOTS = List.of("storage/get/", "storage/view/");
    private static final Map<String, String> TYPES = Map.of(
            "png", "image/png",
            "jpg", "image/jpeg",
            "jpeg", "image/jpeg",
            "gif", "image/gif",
            "webp", "image/webp",
            "svg", "image/svg+xml");

    private final Storage storage;
    private final StixObject object;
    private final long most;
    private final Lack lack;
    /** By what was asked for; empty where it stays a link. */
    private final Map<String, Optional<String>> asked = new HashMap<>();

    private final List<String> carried = new ArrayList<>();
    private long room = MOST_BYTES_TOGETHER;

    /** @param most how large an image may be */
    Images(Storage storage, StixObject object, long most, Lack lack) {
        this.storage = storage;
        this.object = object;
        this.most = Math.min(most, MOST_BYTES);
        this.lack = lack;
    }

    /** Puts them in; returns the paths of those that are in. */
    List<String> embed(ObjectNode tree) throws InterruptedException {
        embedIn(tree);
        for (JsonNode extension : tree.path("extensions")) {
            if (extension instanceof ObjectNode fields) {
                embedIn(fields);
            }
        }
        return carried;
    }

    private void embedIn(ObjectNode fields) throws InterruptedException {
        for (String field : FIELDS) {
            if (fields.path(field).isTextual()) {
                String text = fields.path(field).textValue();
                String changed = text.contains(MARK) ? Markdown.withImages(text, this::instead) : text;
                if (!changed.equals(text)) {
                    fields.put(field, changed);
                }
            }
        }
    }

    private Optional<String> instead(String address) throws InterruptedException {
        Optional<String> uri = uri(address);
        Optional<String> type = uri.map(
                path -> TYPES.get(path.substring(path.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT)));
        if (type.isEmpty()) {
            return Optional.empty();
        }
        Optional<String> known = asked.get(uri.get());
        if (known == null) {
            known = fetch(uri.get(), type.get());
            asked.put(uri.get(), known);
        }
        return known;
    }

    private Optional<String> fetch(String uri, String type) throws InterruptedException {
        String name = uri.substring(uri.lastIndexOf('/') + 1);
        Fetched fetched = storage.fetch(uri, type, Math.min(most, room));
        if (fetched instanceof Fetched.Content content && content.bytes().length > 0) {
            room -= content.bytes().length;
            carried.add(Storage.path(uri).orElseThrow());
            return Optional.of("data:" + type + ";base64," + Base64.getEncoder().encodeToString(content.bytes()));
        }
        lack.add(object, name, uri, fetched);
        return Optional.empty();
    }

    /** Where an image is on the platform that is followed; empty where it is somewhere else. */
    private Optional<String> uri(String address) {
        String root = storage.url() + "/"; // whose scheme and host are alike in small letters and in capitals
        String path = address.regionMatches(true, 0, root, 0, root.length())
                ? address.substring(storage.url().length())
                : address;
        path = path.startsWith("/") ? path.substring(1) : path;
        for (String folder : ROOTS) {
            path = path.startsWith(folder) ? path.substring(folder.length()) : path;
        }
        path = decoded(path.replaceFirst("[?#].*", ""));
        if (!path.startsWith(FOLDER)) {
            return Optional.empty();
        }
        String rest = path.substring(FOLDER.length());
        boolean isOfTheObject = !rest.contains("/");
        return Optional.of("/storage/get/" + FOLDER
                + (isOfTheObject ? object.entityType() + "/" + object.internalId() + "/" : "")
                + rest);
    }

    /** Percent-encoded or not: both are written. */
    private static String decoded(String path) {
        try {
            return URLDecoder.decode(path.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notEncoded) {
            return path;
        }
    }
}
