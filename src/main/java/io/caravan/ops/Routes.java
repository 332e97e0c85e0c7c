package io.caravan.ops;

import io.caravan.event.Suggestion;
import io.caravan.sink.Sinks;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.NamedNode;
import org.apache.camel.model.Model;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.model.RouteConfigurationDefinition;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.model.ToDefinition;
import org.apache.camel.spi.Resource;

/**
 * What the routes of a program need to have and Camel does not ask for: a batch sent to a route that is not there would
 * wait for it half a minute and fail, again and again.
 */
final class Routes {

    private final CamelContext context;
    private final Model model;

    Routes(CamelContext context) {
        this.context = context;
        model = context.getCamelContextExtension().getContextPlugin(Model.class);
    }

    int count() {
        return model.getRouteDefinitions().size();
    }

    /** The file that a route stands in. */
    Optional<String> fileOf(String routeId) {
        return Optional.ofNullable(model.getRouteDefinition(routeId))
                .map(RouteDefinition::getResource)
                .map(Resource::getLocation);
    }

    /** The names of the other platforms that the routes of these sinks write to. */
    Set<String> destinations(List<String> sinks) {
        Set<String> names = new TreeSet<>();
        for (RouteDefinition route : model.getRouteDefinitions()) {
            if (sinkOf(route).filter(sinks::contains).isPresent()) {
                ProcessorDefinitionHelper.filterTypeInOutputs(route.getOutputs(), ToDefinition.class).stream()
                        .map(ToDefinition::getEndpointUri)
                        .map(context::resolvePropertyPlaceholders)
                        .filter(uri -> uri.startsWith("opencti:"))
                        .map(uri -> uri.replaceFirst("^opencti:/*([^?]*).*$", "$1"))
                        .forEach(names::add);
            }
        }
        return names;
    }

    /** One line each; empty when nothing is missing. */
    List<String> mistakes(List<String> sinks) {
        List<String> mistakes = new ArrayList<>();
        List<String> inputs = inputs();
        long followed =
                inputs().stream().filter(input -> input.startsWith("opencti:")).count();
        if (followed != 1) {
            mistakes.add(
                    followed == 0
                            ? "routes: none starts with from: opencti:..., so nothing would be followed"
                            : "routes: " + followed
                                    + " start with from: opencti:..., and a position belongs to one: run one Caravan a stream");
        }
        for (String needed : List.of("create", "update", "delete", "merge", "reconcile", "sinks")) {
            if (!inputs.contains("direct:" + needed)) {
                mistakes.add("routes: none starts with from: direct:" + needed + ", where the route stream sends to");
            }
        }
        for (String sink : sinks) {
            if (!inputs.contains(Sinks.endpoint(sink))) {
                List<String> known = inputs.stream()
                        .filter(input -> input.startsWith(Sinks.endpoint("")))
                        .map(input -> input.substring(Sinks.endpoint("").length()))
                        .toList();
                mistakes.add("caravan.sinks: there is no sink \"" + sink + "\", that is no route from: "
                        + Sinks.endpoint(sink) + Suggestion.didYouMean(sink, known) + "; there are: "
                        + (known.isEmpty() ? "none" : String.join(", ", known)));
            }
        }
        mistakes.addAll(unknownConfigurations());
        return mistakes;
    }

    /** The sink whose batches a route takes, options of its input aside; empty for other routes. */
    static Optional<String> sinkOf(NamedNode node) {
        String prefix = Sinks.endpoint("");
        return node instanceof RouteDefinition route && route.getInput() != null
                ? Optional.of(inputOf(route).replaceFirst("\\?.*$", ""))
                        .filter(input -> input.startsWith(prefix))
                        .map(input -> input.substring(prefix.length()))
                : Optional.empty();
    }

    private List<String> inputs() {
        return model.getRouteDefinitions().stream()
                .map(Routes::inputOf)
                .sorted()
                .toList();
    }

    /** Written in one way: {@code direct:name}. */
    private static String inputOf(RouteDefinition route) {
        return route.getInput().getEndpointUri().replaceFirst("^([a-z]+):/*", "$1:");
    }

    private List<String> unknownConfigurations() {
        Set<String> known = model.getRouteConfigurationDefinitions().stream()
                .map(RouteConfigurationDefinition::getId)
                .filter(Objects::nonNull)
                .collect(Collectors.toCollection(TreeSet::new));
        List<String> mistakes = new ArrayList<>();
        for (RouteDefinition route : model.getRouteDefinitions()) {
            for (String id : String.valueOf(route.getRouteConfigurationId()).split(",")) {
                if (route.getRouteConfigurationId() != null && !known.contains(id) && !id.contains("*")) {
                    mistakes.add("the route " + route.getId() + ": there is no routeConfiguration " + id
                            + "; there are: " + String.join(", ", known));
                }
            }
        }
        return mistakes;
    }
}
