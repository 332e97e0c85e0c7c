package io.caravan.opencti.push;

import io.caravan.opencti.Platform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * The files of the platform that is followed, got with its token. What an event says of them becomes a path below
 * {@code /storage/} of that platform, or nothing. Used by one thread at a time.
 */
final class Storage {

    /** An outage shorter than this goes unnoticed; for the rest there are dead letters. */
    private static final int TRIES = 4;

    private static final long FIRST_WAIT_MILLIS = 250;

    private static final String ROOT = "/storage/";
    /** What a platform says, with status 503, of a file that is not there and of one that is not for this user. */
    private static final String NOT_FOR_US = "File not found or restricted";

    private static final Set<Integer> OF_THE_MOMENT = Set.of(408, 425, 429);

    /** What login pages and APIs' errors are. */
    private static final Set<String> PAGES = Set.of("text/html", "application/xhtml+xml", "application/json");

    private static final String UNRESERVED = "-._~";

    private final Platform platform;
    private final Duration patience;
    /** The last file was not to be had because of an outage: the next is asked for once. */
    private boolean isAway;

    /** What came of asking for a file. */
    sealed interface Fetched {

        record Content(byte[] bytes) implements Fetched {}

        record TooLarge(String reason) implements Fetched {}

        record Failed(String reason) implements Fetched {}
    }

    /** @param patience how long an answer may take to begin, and how long it may pause */
    Storage(Platform platform, Duration patience) {
        this.platform = platform;
        this.patience = patience;
    }

    /** The platform's address. */
    String url() {
        return platform.url();
    }

    /**
     * A file's path as a request has it.
     *
     * @param uri as events have it, not percent-encoded: {@code /storage/get/import/Malware/<id>/échantillon é.bin}
     * @return empty where it is no path below {@code /storage/}, or leads out of there
     */
    static Optional<String> path(String uri) {
        if (!uri.startsWith(ROOT)) {
            return Optional.empty();
        }
        StringBuilder path = new StringBuilder();
        for (String segment : uri.substring(1).split("/", -1)) {
            if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
                return Optional.empty();
            }
            path.append('/');
            for (byte b : segment.getBytes(StandardCharsets.UTF_8)) {
                if (isUnreserved(b)) {
                    path.append((char) b);
                } else {
                    path.append(String.format("%%%02X", b & 0xff));
                }
            }
        }
        return Optional.of(path.toString());
    }

    /**
     * Gets a file.
     *
     * @param type its media type, as the event says it; empty where it says none
     * @param most of a larger file nothing comes, and no more than this is read
     */
    Fetched fetch(String uri, String type, long most) throws InterruptedException {
        Optional<String> path = path(uri);
        if (path.isEmpty()) {
            return new Fetched.Failed("its address is none of the platform's storage");
        }
        long wait = FIRST_WAIT_MILLIS;
        for (int tries = 1; ; tries++) {
            Optional<Fetched> fetched = Optional.empty();
            String outage;
            try {
                Platform.Answer answer = platform.getAtMost(path.get(), most, patience);
                fetched = read(answer, type);
                outage = url() + " answers " + answer.status()
                        + (answer.status() == 200 ? ", and not with the file: " + platform.kind(answer) : "");
            } catch (Platform.TooLarge e) {
                fetched = Optional.of(new Fetched.TooLarge(e.getMessage()));
                outage = "";
            } catch (IOException e) {
                outage = e.getMessage();
            }
            if (fetched.isPresent()) {
                isAway = false;
                return fetched.get();
            }
            if (isAway || tries == TRIES) {
                isAway = true;
                return new Fetched.Failed(outage);
            }
            Thread.sleep(wait);
            wait *= 2;
        }
    }

    /** Empty where the same may be asked for again soon. */
    private Optional<Fetched> read(Platform.Answer answer, String type) {
        int status = answer.status();
        if (status == 200) {
            return isInstead(answer, type) ? Optional.empty() : Optional.of(new Fetched.Content(answer.body()));
        }
        boolean isNotForUs = new String(answer.body(), StandardCharsets.UTF_8).contains(NOT_FOR_US);
        if (!isNotForUs && (status >= 500 || status / 100 == 2 || OF_THE_MOMENT.contains(status))) {
            return Optional.empty();
        }
        String meaning = isNotForUs || status == 404 || status == 403
                ? ": it is not there, or this user may not read it"
                : status == 401
                        ? ": the token is missing or wrong"
                        : status / 100 == 3
                                ? ": it redirects, which is not followed because the token would go along"
                                : "";
        return Optional.of(new Fetched.Failed(url() + " answers " + status + meaning));
    }

    /** A platform sends its files as attachments; a page or an error that comes as none, and not of the file's type, is no file. */
    private static boolean isInstead(Platform.Answer answer, String type) {
        String got = mediaType(answer.header("content-type"));
        return PAGES.contains(got)
                && answer.header("content-disposition").isEmpty()
                && !mediaType(type).equals(got);
    }

    private static String mediaType(String header) {
        return header.replaceAll(";.*", "").strip().toLowerCase(Locale.ROOT);
    }

    private static boolean isUnreserved(byte b) {
        return b >= 'a' && b <= 'z'
                || b >= 'A' && b <= 'Z'
                || b >= '0' && b <= '9'
                || b > 0 && UNRESERVED.indexOf(b) >= 0;
    }
}
