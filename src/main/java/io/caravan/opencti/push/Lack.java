package io.caravan.opencti.push;

import io.caravan.event.StixObject;
import io.caravan.opencti.push.Storage.Fetched;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What an object goes without, of files and embedded images. Filled by one thread. */
final class Lack {

    private static final Logger LOG = LoggerFactory.getLogger(Lack.class);

    private final List<String> failures = new ArrayList<>();
    private int files;

    /** @param fetched why it goes without it */
    void add(StixObject object, String name, String uri, Fetched fetched) {
        String which = legible(name) + " (" + Storage.path(uri).orElseGet(() -> legible(uri)) + ")";
        files++;
        if (fetched instanceof Fetched.TooLarge large) {
            LOG.warn("{} goes without its file {}: {}", object.id(), which, large.reason());
        } else {
            String reason = fetched instanceof Fetched.Failed failed ? failed.reason() : "it is empty";
            LOG.warn("{} goes without its file {}: {}", object.id(), which, reason);
            failures.add(which + ": " + reason);
        }
    }

    /** How many, for whatever reason. */
    int files() {
        return files;
    }

    /** Those that may be had another time. */
    List<String> failures() {
        return failures;
    }

    /** On one line, whatever an event says. */
    private static String legible(String text) {
        StringBuilder legible = new StringBuilder();
        text.chars().forEach(c -> legible.append(Character.isISOControl(c) ? '?' : (char) c));
        return legible.toString();
    }
}
