package io.caravan.event;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.regex.Pattern;

/** JSON Patch (RFC 6902) on maps and lists that never change, as simply as it can be said. */
final class PlainPatch {

    private static final Pattern POINTER = Pattern.compile("(/([^~/]|~[01])*)*");
    private static final Pattern INDEX = Pattern.compile("0|[1-9][0-9]{0,8}");

    private PlainPatch() {}

    /** It does not fit. */
    static final class Misfit extends RuntimeException {
        private static final long serialVersionUID = 1;

        private Misfit() {
            super(null, null, false, false); // without a trace: many are made
        }
    }

    static Object apply(Map<?, ?> operation, Object document) {
        List<String> path = pointer(operation.get("path"));
        switch (String.valueOf(operation.get("op"))) {
            case "add":
                return add(path, value(operation), document);
            case "remove":
                return remove(path, document);
            case "replace":
                get(path, document);
                return path.isEmpty() ? value(operation) : in(path, document, replaced(value(operation)));
            case "copy":
                return add(path, get(pointer(operation.get("from")), document), document);
            case "move":
                List<String> from = pointer(operation.get("from"));
                Object moved = get(from, document);
                require(path.equals(from)
                        || !path.subList(0, Math.min(path.size(), from.size())).equals(from));
                return path.equals(from) ? document : add(path, moved, remove(from, document));
            case "test":
                require(Objects.equals(get(path, document), value(operation)));
                return document;
            default:
                throw new Misfit();
        }
    }

    private static Object add(List<String> path, Object value, Object document) {
        return path.isEmpty()
                ? value
                : in(path, document, (container, name) -> {
                    if (container instanceof Map<?, ?> map) {
                        return with(map, name, value);
                    }
                    List<Object> list = new ArrayList<>((List<?>) container);
                    list.add(name.equals("-") ? list.size() : index(name, list.size()), value);
                    return list;
                });
    }

    private static Object remove(List<String> path, Object document) {
        require(!path.isEmpty());
        get(path, document);
        return in(path, document, (container, name) -> {
            if (container instanceof Map<?, ?> map) {
                Map<Object, Object> rest = new LinkedHashMap<>(map);
                rest.remove(name);
                return rest;
            }
            List<Object> rest = new ArrayList<>((List<?>) container);
            rest.remove(index(name, rest.size() - 1));
            return rest;
        });
    }

    private static BiFunction<Object, String, Object> replaced(Object value) {
        return (container, name) -> {
            if (container instanceof Map<?, ?> map) {
                return with(map, name, value);
            }
            List<Object> list = new ArrayList<>((List<?>) container);
            list.set(index(name, list.size() - 1), value);
            return list;
        };
    }

    private static Map<Object, Object> with(Map<?, ?> map, String name, Object value) {
        Map<Object, Object> with = new LinkedHashMap<>(map);
        with.put(name, value);
        return with;
    }

    /** The document with another container at the path's end. */
    private static Object in(List<String> path, Object document, BiFunction<Object, String, Object> change) {
        require(document instanceof Map || document instanceof List);
        String name = path.get(0);
        return path.size() == 1
                ? change.apply(document, name)
                : replaced(in(rest(path), get(List.of(name), document), change)).apply(document, name);
    }

    private static Object get(List<String> path, Object document) {
        if (path.isEmpty()) {
            return document;
        }
        String name = path.get(0);
        if (document instanceof Map<?, ?> map) {
            require(map.containsKey(name));
            return get(rest(path), map.get(name));
        }
        require(document instanceof List);
        return get(rest(path), ((List<?>) document).get(index(name, ((List<?>) document).size() - 1)));
    }

    private static int index(String name, int most) {
        require(INDEX.matcher(name).matches() && Integer.parseInt(name) <= most);
        return Integer.parseInt(name);
    }

    private static List<String> pointer(Object value) {
        require(value instanceof String text && POINTER.matcher(text).matches());
        String text = (String) value;
        return text.isEmpty()
                ? List.of()
                : Arrays.stream(text.substring(1).split("/", -1))
                        .map(name -> name.replace("~1", "/").replace("~0", "~"))
                        .toList();
    }

    private static Object value(Map<?, ?> operation) {
        require(operation.containsKey("value"));
        return operation.get("value");
    }

    private static List<String> rest(List<String> path) {
        return path.subList(1, path.size());
    }

    private static void require(boolean fits) {
        if (!fits) {
            throw new Misfit();
        }
    }
}
