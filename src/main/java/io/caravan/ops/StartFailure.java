package io.caravan.ops;

import io.caravan.event.FailureText;
import io.caravan.event.PositionStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.camel.FailedToCreateRouteException;
import org.apache.camel.FailedToStartRouteException;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;

/** Says in one line, with the file and the place, what Camel says in a chain of exceptions when it cannot start. */
final class StartFailure {

    private StartFailure() {}

    /** @param fileOf a route's file, by its id */
    static String describe(Throwable failure, Function<String, Optional<String>> fileOf) {
        List<Throwable> chain = new ArrayList<>();
        for (Throwable cause = failure; cause != null && !chain.contains(cause); cause = cause.getCause()) {
            chain.add(cause);
        }
        for (Throwable cause : chain) {
            if (cause instanceof MarkedYamlEngineException yaml) {
                return ofYaml(yaml);
            }
            if (cause instanceof PositionStore.Unusable) {
                return "caravan.data-dir: " + onOneLine(cause);
            }
        }
        String reason = onOneLine(chain.get(chain.size() - 1));
        return chain.stream()
                .map(StartFailure::route)
                .flatMap(Optional::stream)
                .reduce((outer, inner) -> inner)
                .map(route -> fileOf.apply(route)
                                .map(StartFailure::file)
                                .map(file -> file + ", ")
                                .orElse("") + "the route " + route + ": " + reason)
                .orElse(reason);
    }

    private static String ofYaml(MarkedYamlEngineException yaml) {
        String problem = Optional.ofNullable(yaml.getProblem()).orElse(String.valueOf(yaml.getContext()));
        Optional<Mark> mark = yaml.getProblemMark().or(yaml::getContextMark);
        String place = mark.map(m ->
                        file(m.getName()) + ", line " + (m.getLine() + 1) + ", column " + (m.getColumn() + 1) + ": ")
                .orElse("");
        String hint = problem.contains("block") ? " (is a line indented too far, or not far enough?)" : "";
        return place + problem.replace('\n', ' ').strip() + hint;
    }

    private static Optional<String> route(Throwable cause) {
        if (cause instanceof FailedToCreateRouteException create) {
            return Optional.ofNullable(create.getRouteId());
        }
        return cause instanceof FailedToStartRouteException start
                ? Optional.ofNullable(start.getRouteId())
                : Optional.empty();
    }

    /** The file's path without Camel's scheme. */
    private static String file(String resource) {
        return resource.replaceFirst("^file:", "");
    }

    private static String onOneLine(Throwable cause) {
        return FailureText.of(cause)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .collect(Collectors.joining(" "))
                .replaceAll("@[0-9a-f]{5,8}\\b", "");
    }
}
