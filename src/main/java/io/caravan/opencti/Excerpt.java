package io.caravan.opencti;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says of an answer's body what a person needs: on one line, short, and without a secret. */
final class Excerpt {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MOST = 240;
    private static final Pattern TITLE = Pattern.compile("(?is)<title[^>]*>(.*?)</title>");
    private static final List<String> REASONS =
            List.of("/error", "/errors/0/message", "/title", "/message", "/description");

    private final Optional<String> secret;

    /** @param secret what must not show, should an answer repeat it */
    Excerpt(Optional<String> secret) {
        this.secret = secret;
    }

    /** The reason that a refusal's body gives: a field of its JSON, a page's title, or a line of text. */
    Optional<String> reason(String type, byte[] body) {
        String text = new String(body, StandardCharsets.UTF_8).strip();
        if (text.isEmpty()) {
            return Optional.empty();
        }
        if (isPage(type, text)) {
            return title(text);
        }
        Optional<JsonNode> json = json(body);
        if (json.isPresent()) {
            return REASONS.stream()
                    .map(json.get()::at)
                    .map(field -> field.isObject() ? field.path("message") : field)
                    .filter(field -> field.isTextual() && !field.textValue().isBlank())
                    .findFirst()
                    .map(field -> legible(field.textValue()));
        }
        return type.toLowerCase(Locale.ROOT).startsWith("text/plain") ? Optional.of(legible(text)) : Optional.empty();
    }

    /** What the body is: {@code an HTML page ("Sign in")}, {@code JSON, which begins {"a":1}}. */
    String kind(String type, byte[] body) {
        String text = new String(body, StandardCharsets.UTF_8).strip();
        boolean isSaidByItsForm = text.isEmpty() || isPage(type, text);
        return form(type, body) + (isSaidByItsForm ? "" : ", which begins " + legible(text));
    }

    /** What the body is, without what it says, but for a page's title: {@code an HTML page ("Sign in")}, {@code JSON}. */
    String form(String type, byte[] body) {
        String text = new String(body, StandardCharsets.UTF_8).strip();
        String named = legible(type.replaceAll(";.*", "").strip());
        if (text.isEmpty()) {
            return "empty" + (named.isEmpty() ? "" : ", said to be " + named);
        }
        if (isPage(type, text)) {
            return "an HTML page"
                    + title(text).map(title -> " (\"" + title + "\")").orElse("");
        }
        return json(body).isPresent() ? "JSON" : named.isEmpty() ? "without a type" : named;
    }

    private static boolean isPage(String type, String text) {
        String begin = text.substring(0, Math.min(15, text.length())).toLowerCase(Locale.ROOT);
        return type.toLowerCase(Locale.ROOT).contains("html")
                || begin.startsWith("<!doctype html")
                || begin.startsWith("<html");
    }

    private Optional<String> title(String page) {
        Matcher title = TITLE.matcher(page);
        return title.find() && !title.group(1).isBlank() ? Optional.of(legible(title.group(1))) : Optional.empty();
    }

    private static Optional<JsonNode> json(byte[] body) {
        try {
            return Optional.of(JSON.readTree(body)).filter(JsonNode::isContainerNode);
        } catch (IOException none) {
            return Optional.empty();
        }
    }

    /** On one line, bounded, without the secret. */
    String legible(String text) {
        String hidden = secret.filter(value -> !value.isEmpty())
                .map(value -> text.replace(value, "***"))
                .orElse(text);
        String line = hidden.replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
        return line.length() <= MOST ? line : line.substring(0, MOST) + "…";
    }
}
