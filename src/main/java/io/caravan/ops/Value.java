package io.caravan.ops;

import io.caravan.event.EventId;
import io.caravan.event.StixTypes;
import io.caravan.event.Suggestion;
import io.caravan.event.Tlp;
import io.caravan.opencti.Start;
import io.caravan.sink.Topic;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a setting's value must be. The message of what {@link #check} throws says what is wrong with it and what it may be. */
interface Value {

    Value TEXT = value -> {};
    Value BOOLEAN = oneOf("true", "false");

    /** @throws IllegalArgumentException when the setting cannot be that */
    void check(String value);

    static Value oneOf(String... choices) {
        return value -> require(List.of(choices).contains(value), value, "not " + String.join(" or ", choices));
    }

    static Value matching(String pattern, String otherwise) {
        return value -> require(value.matches(pattern), value, otherwise);
    }

    static Value emptyOr(Value other) {
        return value -> {
            if (!value.isEmpty()) {
                other.check(value);
            }
        };
    }

    /** Of a list, which has one at least. */
    static Value each(Value one) {
        return values -> list(values).forEach(one::check);
    }

    /** Of a list of what the program writes to: what is named twice would be written twice, or is a slip for another. */
    static Value eachOnce(Value one) {
        return values -> {
            each(one).check(values);
            Set<String> named = new HashSet<>();
            for (String name : list(values)) {
                require(named.add(name), name, "named twice; name each once");
            }
        };
    }

    static Value between(long least, long most) {
        return value -> require(
                value.matches("[0-9]{1,18}") && Long.parseLong(value) >= least && Long.parseLong(value) <= most,
                value,
                "no number from " + least + " to " + most);
    }

    static Value between(Duration least, Duration most) {
        return value -> {
            Duration duration = duration(value);
            require(
                    duration.compareTo(least) >= 0 && duration.compareTo(most) <= 0,
                    value,
                    "not from " + least.toSeconds() + "s to " + most.toSeconds() + "s");
        };
    }

    static Value sizeBetween(String least, String most) {
        return value -> {
            long size = bytes(value);
            require(size >= bytes(least) && size <= bytes(most), value, "not from " + least + " to " + most);
        };
    }

    static void folder(String value) {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("not set: say a folder");
        }
        try {
            Path.of(value);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("no folder's path: " + e.getReason(), e);
        }
    }

    static void host(String value) {
        require(
                value.matches("[A-Za-z0-9.-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"),
                value,
                "no host's name or address, which is like 127.0.0.1 (this machine alone), 0.0.0.0 (everyone) or ::1");
    }

    static void stream(String value) {
        require(
                value.matches("[A-Za-z0-9][A-Za-z0-9_-]*"),
                value,
                "no stream, which is live, raw or a live stream's id such as 0f9f6ed4-5b1c-4a5e-9d0a-3f3f5f5f5f5f");
    }

    static void start(String value) {
        try {
            Start start = Start.parse(value);
            Instant from = start instanceof Start.Since since
                    ? since.date()
                    : start instanceof Start.After after ? after.id().time() : EventId.ZERO.time();
            if (from.isAfter(Instant.now().plus(Duration.ofDays(1)))) {
                throw new IllegalArgumentException("start \"" + value + "\" lies in the future");
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(e.getMessage().replaceFirst("^start (is )?", ""), e);
        }
    }

    static void broker(String value) {
        int port = value.matches("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._-]+):[0-9]{1,5}")
                ? Integer.parseInt(value.substring(value.lastIndexOf(':') + 1))
                : 0;
        require(
                port >= 1 && port <= 65_535,
                value,
                "no broker, which is host:port, such as kafka.example.org:9092; several are separated by commas");
    }

    static void topic(String value) {
        List<String> topics = Stream.of(Topic.values()).map(Topic::toString).toList();
        require(
                Topic.of(value).isPresent(),
                value,
                "no topic; there are: " + names(Topic.values()) + Suggestion.didYouMean(value, topics));
    }

    static void sink(String value) {
        require(
                value.matches("[a-z0-9]+"),
                value,
                "no sink's name, which is small letters and digits; several are separated by commas");
    }

    static void marking(String value) {
        require(Tlp.ofName(value).isPresent(), value, "no marking; there are: " + names(Tlp.values()));
    }

    static void type(String value) {
        require(
                value.matches("[A-Za-z0-9_ -]+"),
                value,
                "no STIX type, which is small letters, digits and -, such as threat-actor; several are separated by"
                        + " commas");
        require(StixTypes.isKnown(value), value, "no STIX type of a platform" + StixTypes.instead(value));
    }

    static void identity(String value) {
        require(
                value.matches("identity--[0-9a-f-]{36}"),
                value,
                "no identity's STIX id, such as identity--f431f809-377b-45e0-aa1c-6a4751cae5ff");
    }

    static void user(String value) {
        require(
                value.matches("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
                value,
                "no user's id, such as 88ec0c6a-13ce-5e39-b486-354fe4a7084f (Settings > Security > Users)");
    }

    static List<String> list(String value) {
        return List.of(value.split("\\s*,\\s*", -1));
    }

    static Duration duration(String value) {
        require(value.matches("[0-9]{1,9}(ms|s|m|h)"), value, "no duration, which is like 500ms, 30s, 2m or 1h");
        long number = Long.parseLong(value.replaceAll("[a-z]", ""));
        return switch (value.replaceAll("[0-9]", "")) {
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
    }

    static long bytes(String value) {
        require(value.matches("[0-9]{1,10}(B|KB|MB|GB)?"), value, "no size, which is like 65536, 512KB, 16MB or 1GB");
        long number = Long.parseLong(value.replaceAll("[A-Z]", ""));
        return switch (value.replaceAll("[0-9]", "")) {
            case "KB" -> number << 10;
            case "MB" -> number << 20;
            case "GB" -> number << 30;
            default -> number;
        };
    }

    private static void require(boolean isSound, String value, String otherwise) {
        if (!isSound) {
            throw new IllegalArgumentException("\"" + value + "\" is " + otherwise);
        }
    }

    private static String names(Object[] choices) {
        return Stream.of(choices).map(Object::toString).collect(Collectors.joining(", "));
    }
}
