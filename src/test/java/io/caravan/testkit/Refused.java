package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.Optional;

/** Why the destination did not do a thing, as its answers and its works tell it. */
final class Refused extends Exception {

    private final String name;
    private final transient JsonNode cause;

    Refused(String name, String message) {
        this(name, message, MissingNode.getInstance());
    }

    Refused(String name, String message, JsonNode cause) {
        super(message);
        this.name = name;
        this.cause = cause;
    }

    static Refused forbidden() {
        return new Refused("FORBIDDEN_ACCESS", "You are not allowed to do this.");
    }

    String name() {
        return name;
    }

    Optional<JsonNode> cause() {
        return Optional.of(cause).filter(told -> !told.isMissingNode());
    }

    /** As the worker writes it, in Python's words. */
    String told() {
        return "{'name': '" + name + "', 'error_message': '" + getMessage() + "'}";
    }
}
