package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.testkit.DestinationState.Setback;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Answers a destination's GraphQL: connectors, pushes, works, the user, and queries about one object. Stateless. */
final class DestinationGraphQl {

    private static final Map<String, Integer> STATUSES =
            Map.of("AUTH_REQUIRED", 401, "FORBIDDEN_ACCESS", 403, "FUNCTIONAL_ERROR", 400, "UNSUPPORTED_ERROR", 500);

    private final DestinationState state;
    private final DestinationWorker worker;

    DestinationGraphQl(DestinationState state, DestinationWorker worker) {
        this.state = state;
        this.worker = worker;
    }

    Answer answer(Request request) {
        if (!state.hasGraphQl) {
            return Answer.status(404);
        }
        try {
            JsonNode body = Jackson.tree(request.body());
            List<GraphQlField> asked = GraphQlField.read(body.path("query").asText(), body.path("variables"));
            boolean isPush = asked.stream().anyMatch(field -> field.name().equals("stixBundlePush"));
            Optional<Setback> setback = isPush ? state.nextSetback() : Optional.empty();
            if (setback.filter(met -> met.status() != 200).isPresent()) {
                return Answer.status(setback.get().status());
            }
            return Answer.json(answer(asked, state.isAuthorized(request), setback) + "\n");
        } catch (IllegalArgumentException e) { // neither JSON nor GraphQL, or a field that there is not
            ObjectNode error = Jackson.object(
                    "message", e.getMessage(), "extensions", Map.of("code", "GRAPHQL_VALIDATION_FAILED"));
            String json = Jackson.object("errors", List.of(error)).toString();
            return Answer.status(400, "Bad Request").body("application/json; charset=utf-8", json + "\n");
        }
    }

    private JsonNode answer(List<GraphQlField> asked, boolean isAuthorized, Optional<Setback> setback) {
        ObjectNode answer = Jackson.object();
        ObjectNode data = Jackson.object();
        for (GraphQlField field : asked) {
            try {
                if (!isAuthorized) {
                    throw new Refused("AUTH_REQUIRED", "You must be logged in to do this.");
                }
                if (setback.isPresent()) {
                    throw new Refused(setback.get().code(), setback.get().message());
                }
                data.set(field.alias(), field.of(value(field)));
            } catch (Refused e) {
                answer.withArray("/errors").add(error(e, field));
                data.putNull(field.alias());
            }
        }
        boolean isNothing = asked.stream().anyMatch(field -> field.name().equals("me")) && answer.has("errors");
        return answer.set("data", isNothing ? null : data);
    }

    private static ObjectNode error(Refused refused, GraphQlField field) {
        int status = STATUSES.getOrDefault(refused.name(), 500);
        ObjectNode data = Jackson.object(
                "http_status", status, "genre", status == 401 || status == 403 ? "TECHNICAL" : "BUSINESS");
        refused.cause().ifPresent(cause -> data.set("cause", cause));
        return Jackson.object(
                "message", refused.getMessage(),
                "locations", List.of(Jackson.object("line", field.line(), "column", field.column())),
                "path", List.of(field.alias()),
                "extensions", Jackson.object("code", refused.name(), "data", data),
                "name", refused.name());
    }

    private JsonNode value(GraphQlField field) throws Refused {
        return switch (field.name()) {
            case "about" -> Jackson.object("version", "7.260817.0");
            case "me" -> user(FakeDestination.USER, state.rights);
            case "user" -> another(field.text("id"));
            case "registerConnector" -> register(field.arguments().get("input"));
            case "pingConnector" -> ping(field);
            case "workAdd" -> work(field);
            case "work" -> work(field.text("id"));
            case "workEdit" -> edit(field);
            case "connector" ->
                state.connectors.containsKey(field.text("id")) ? connector(field.text("id")) : NullNode.instance;
            case "ingestionTaxiiCollection" -> collection(field.text("id"));
            case "stixBundlePush" -> push(field);
            case "stixObjectOrStixRelationship", "markingDefinition" -> object(field);
            case "stixCoreObject" -> isRelation(field.text("id")) ? NullNode.instance : object(field);
            default -> throw new IllegalArgumentException("Cannot query field \"" + field.name() + "\"");
        };
    }

    private static JsonNode user(String id, Collection<String> rights) {
        String name = FakeDestination.nameOf(id);
        return Jackson.object(
                "id",
                id,
                "name",
                name,
                "user_email",
                name + "@example.test",
                "capabilities",
                rights.stream().map(right -> Map.of("name", right)).toList());
    }

    private JsonNode another(String id) throws Refused {
        state.need("SETACCESSES");
        return state.users.containsKey(id) ? user(id, state.users.get(id)) : NullNode.instance;
    }

    private JsonNode register(JsonNode input) throws Refused {
        state.need("CONNECTORAPI");
        String id = input.path("id").asText();
        ObjectNode connector = input.deepCopy();
        ObjectNode before = state.connectors.getOrDefault(id, Jackson.object("connector_state", null));
        connector.set("connector_state", before.get("connector_state"));
        state.connectors.put(id, connector);
        return connector(id);
    }

    private JsonNode ping(GraphQlField field) throws Refused {
        state.awaitPings();
        state.need("CONNECTORAPI");
        ObjectNode connector = state.connectors.get(field.text("id"));
        if (connector == null) {
            throw new Refused("FUNCTIONAL_ERROR", "No connector found with the specified ID");
        }
        ObjectNode pinged = connector.deepCopy();
        pinged.set("connector_state", field.arguments().get("state"));
        state.connectors.put(field.text("id"), pinged);
        state.pings.add(new FakeDestination.Ping(field.text("id"), field.text("state")));
        return connector(field.text("id"));
    }

    private JsonNode connector(String id) {
        ObjectNode connector = state.connectors.get(id);
        return Jackson.object(
                "id", id,
                "name", connector.path("name").asText(),
                "active", true,
                "connector_type", connector.path("type").asText(),
                "connector_state", connector.get("connector_state"),
                "connector_user_id", FakeDestination.USER,
                "config",
                        Jackson.object(
                                "connection", state.broker,
                                "listen", "listen_" + id,
                                "listen_routing", "listen_routing_" + id,
                                "listen_exchange", "amqp.connector.exchange",
                                "push", "push_" + id,
                                "push_routing", "push_routing_" + id,
                                "push_exchange", "amqp.worker.exchange"));
    }

    private JsonNode work(GraphQlField field) throws Refused {
        state.need("CONNECTORAPI");
        String connector = field.text("connectorId");
        if (!state.connectors.containsKey(connector)) {
            throw new Refused("INTERNAL_SERVER_ERROR", "Cannot read properties of undefined (reading 'id')");
        }
        return state.works.find(state.works.begin(connector)).orElseThrow();
    }

    private JsonNode work(String id) throws Refused {
        if (!state.worksReadable) {
            throw Refused.forbidden();
        }
        return state.works.find(id).map(JsonNode.class::cast).orElse(NullNode.instance);
    }

    private JsonNode edit(GraphQlField field) throws Refused {
        state.need("CONNECTORAPI");
        ObjectNode edited = Jackson.object();
        for (GraphQlField edit : field.fields()) {
            if (!edit.name().equals("addExpectations")) {
                throw new IllegalArgumentException("Cannot query field \"" + edit.name() + "\"");
            }
            state.works.expect(
                    field.text("id"), edit.arguments().get("expectations").asInt());
            edited.put(edit.name(), field.text("id"));
        }
        return edited;
    }

    private JsonNode collection(String id) throws Refused {
        state.need("INGESTION");
        return state.collections.containsKey(id)
                ? Jackson.object("id", id, "user", Jackson.object("id", FakeDestination.USER))
                : NullNode.instance;
    }

    private JsonNode push(GraphQlField field) throws Refused {
        state.need("CONNECTORAPI");
        String connector = field.text("connectorId");
        if (!state.connectors.containsKey(connector)) {
            throw invalid("Invalid connector", Jackson.object("connectorId", connector));
        }
        JsonNode bundle;
        try {
            bundle = Jackson.tree(field.text("bundle"));
        } catch (IllegalArgumentException notJson) {
            throw new Refused("UNSUPPORTED_ERROR", "Invalid bundle", Jackson.object());
        }
        if (!bundle.path("type").asText().equals("bundle")
                || bundle.path("objects").isEmpty()) {
            throw invalid("Invalid stix bundle", Jackson.object());
        }
        String work = field.text("work_id");
        state.pushes.add(bundle);
        worker.push(bundle, work.isEmpty() ? state.works.begin(connector) : work);
        return Jackson.object("pushed", true).get("pushed");
    }

    private static Refused invalid(String cause, ObjectNode more) {
        ObjectNode data = Jackson.object("http_status", 500, "genre", "BUSINESS");
        data.setAll(more);
        ObjectNode extensions = Jackson.object("code", "UNSUPPORTED_ERROR", "data", data);
        return new Refused(
                "UNSUPPORTED_ERROR", "Invalid bundle", Jackson.object("message", cause, "extensions", extensions));
    }

    private JsonNode object(GraphQlField field) throws Refused {
        state.need("KNOWLEDGE");
        int containers = field.fields().stream()
                .filter(part -> part.arguments().containsKey("first"))
                .mapToInt(part -> part.arguments().get("first").asInt())
                .findFirst()
                .orElse(Integer.MAX_VALUE);
        return state.objects
                .node(field.text("id"), containers)
                .map(JsonNode.class::cast)
                .orElse(NullNode.instance);
    }

    private static boolean isRelation(String id) {
        return id.startsWith("relationship--") || id.startsWith("sighting--");
    }
}
