package io.caravan.opencti;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads a platform's address, as people type and paste it. Its messages name the option {@code url} and never quote a secret. */
final class PlatformAddress {

    private static final String EXAMPLE = "https://opencti.example.org";
    private static final Pattern WITH_SCHEME = Pattern.compile("(?i)(https?)://(.*)");
    private static final String OF_AN_ADDRESS = "-._~:/?#[]@!$&'()*+,;=%";

    /** Places below a platform's address that people copy from a browser or from a documentation. */
    private static final Pattern PASTED =
            Pattern.compile("(?i)(?<base>.*?)/(?<place>stream|graphql|dashboard|public|taxii2|storage)(?<rest>/.*)?");

    private PlatformAddress() {}

    /**
     * The address in the one form that is compared and stored: its scheme in small letters, no slash at its end.
     *
     * @throws IllegalArgumentException for what is none; says what is wrong and what would be right
     */
    static String of(String url) {
        if (url == null || url.isBlank()) {
            throw new IllegalArgumentException("url is not set: say the platform's address, such as " + EXAMPLE);
        }
        String text = url.strip();
        Matcher scheme = WITH_SCHEME.matcher(text);
        if (!scheme.matches()) {
            throw new IllegalArgumentException("url begins with neither http:// nor https://: " + meant(text));
        }
        requireCharacters(text);
        String address = scheme.group(1).toLowerCase(Locale.ROOT) + "://"
                + scheme.group(2).replaceAll("/+$", "");
        URI uri;
        try {
            uri = new URI(address);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "url is no address" + (e.getIndex() < 0 ? "" : " from its character " + (e.getIndex() + 1) + " on")
                            + ": one is like " + EXAMPLE,
                    e);
        }
        if (uri.getHost() == null || uri.getPort() == 0 || uri.getPort() > 65_535) {
            throw new IllegalArgumentException(
                    "url is no address: its host or port cannot be (a host's name holds no underscore)");
        }
        refusePasted(uri);
        if (uri.getUserInfo() != null || uri.getQuery() != null || uri.getFragment() != null) {
            throw new IllegalArgumentException("url is to be an address alone, such as " + EXAMPLE
                    + " or https://host/opencti, without user, ? or #");
        }
        return address;
    }

    private static String meant(String text) {
        boolean isHost = text.matches("[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9/._-]*)?");
        return isHost
                ? "say https://" + text + ", or http://" + text + " where there is no TLS"
                : "say it like " + EXAMPLE;
    }

    private static void requireCharacters(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isOfAnAddress = c < 128 && (Character.isLetterOrDigit(c) || OF_AN_ADDRESS.indexOf(c) >= 0);
            if (!isOfAnAddress) {
                String which =
                        c == ' ' ? "a space" : c > ' ' && c != 127 ? "the character " + c : "a control character";
                throw new IllegalArgumentException("url holds " + which + ", which no address may hold: one is like "
                        + EXAMPLE + (c > 127 ? "; a host's name with such letters is written in ASCII, as xn--…" : ""));
            }
        }
    }

    private static void refusePasted(URI uri) {
        Matcher pasted = PASTED.matcher(uri.getRawPath());
        if (!pasted.matches()) {
            return;
        }
        String platform = uri.getScheme() + "://" + uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort())
                + pasted.group("base").replaceAll("/+$", "");
        String rest = pasted.group("rest") == null ? "" : pasted.group("rest").replaceAll("^/+|/+$", "");
        String mistake =
                switch (pasted.group("place").toLowerCase(Locale.ROOT)) {
                    case "stream" ->
                        rest.isEmpty()
                                ? "url ends in /stream, where the platform's streams are: say " + platform
                                : "url is the address of a stream: say " + platform + " as url and "
                                        + rest.replaceAll("/.*", "") + " as stream";
                    case "graphql" -> "url is the address of the platform's GraphQL API: say " + platform;
                    case "taxii2" -> "url is the address of a TAXII server: say " + platform + taxii(rest);
                    case "storage" -> "url is the address of a file on the platform: say " + platform;
                    default -> "url is the address of a page of the platform: say " + platform;
                };
        throw new IllegalArgumentException(mistake);
    }

    /** What a destination takes of it. */
    private static String taxii(String rest) {
        Matcher place = Pattern.compile("(?<root>[^/]+)(/collections(/(?<collection>[^/]+).*)?)?")
                .matcher(rest);
        if (!place.matches()) {
            return "";
        }
        String collection = place.group("collection");
        return " as url (for a destination, /taxii2/" + place.group("root") + " is the api-root"
                + (collection == null ? ")" : ", and " + collection + " the collection)");
    }
}
