package io.caravan.testkit;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** A whole HTTP answer. As a script, it is given in place of a stream. Immutable; {@code Date} is added when it is sent. */
public record Answer(int status, String reason, Map<String, String> headers, byte[] body) implements Script {

    /** An empty answer with the reason that the platform gives in its status line. */
    public static Answer status(int status) {
        return status(status, reasonOf(status));
    }

    public static Answer status(int status, String reason) {
        return new Answer(status, reason, Map.of(), new byte[0]);
    }

    public static Answer redirect(String location) {
        return status(302).header("Location", location);
    }

    public static Answer html(String page) {
        return status(200).body("text/html; charset=utf-8", page);
    }

    public static Answer json(String json) {
        return status(200).body("application/json; charset=utf-8", json);
    }

    public Answer header(String name, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(name, value);
        return new Answer(status, reason, more, body);
    }

    public Answer body(String contentType, String text) {
        Answer typed = header("Content-Type", contentType);
        return new Answer(status, reason, typed.headers, text.getBytes(StandardCharsets.UTF_8));
    }

    /** The same, compressed, whether asked for so or not. */
    public Answer coding(Coding coding) {
        Answer coded = header("Content-Encoding", coding.header());
        return new Answer(status, reason, coded.headers, coding.of(body));
    }

    private static String reasonOf(int status) {
        return switch (status) {
            case 200 -> "OK";
            case 204 -> "No Content";
            case 302 -> "Found";
            case 401 -> "You are not authenticated, please check your credentials";
            case 403 -> "Forbidden";
            case 404 -> "Not Found";
            case 407 -> "Proxy Authentication Required";
            case 410 -> "This live stream is stopped";
            case 429 -> "Too Many Requests";
            case 500 -> "Internal Server Error";
            case 502 -> "Bad Gateway";
            case 503 -> "Service Unavailable";
            default -> "Status " + status;
        };
    }
}
