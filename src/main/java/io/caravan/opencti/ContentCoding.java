package io.caravan.opencti;

import java.net.http.HttpHeaders;
import java.util.Locale;
import java.util.Optional;

/**
 * What an answer's {@code Content-Encoding} says. Requests ask for {@code identity}; what stands in front of a platform may
 * compress all the same.
 *
 * @param name as the answer has it, in small letters; empty where the body is as it is
 */
record ContentCoding(String name) {

    /** What every request asks for. */
    static final String ACCEPTED = "identity";

    static ContentCoding of(HttpHeaders headers) {
        String names =
                String.join(", ", headers.allValues("content-encoding")).strip().toLowerCase(Locale.ROOT);
        return new ContentCoding(names.equals(ACCEPTED) ? "" : names);
    }

    boolean isReadable() {
        return name.isEmpty() || inflation().isPresent();
    }

    /** What makes the body readable; empty where nothing is needed, or nothing is known. */
    Optional<Inflation> inflation() {
        return switch (name) {
            case "gzip", "x-gzip" -> Optional.of(Inflation.ofGzip());
            case "deflate" -> Optional.of(Inflation.ofDeflate());
            default -> Optional.empty();
        };
    }

    /** Why nothing can be read, as a predicate behind the status. */
    String complaint() {
        String shown = name.length() > 40 ? name.substring(0, 40) + "…" : name;
        return "the answer is compressed (Content-Encoding: " + shown.replaceAll("[^ -~…]", "?")
                + "), which was not asked for and is not read: only gzip and deflate are; tell whatever stands in front of the"
                + " platform not to compress";
    }
}
