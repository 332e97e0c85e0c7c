package io.caravan.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * A field that a GraphQL query asks for, and what it asks of that in turn; inline fragments ask for theirs as if there
 * were no fragment. Immutable.
 *
 * @param line where it stands in the query, from 1, as errors tell
 */
record GraphQlField(
        String alias, String name, Map<String, JsonNode> arguments, int line, int column, List<GraphQlField> fields) {

    /** The fields at the top of a query of one operation. */
    static List<GraphQlField> read(String query, JsonNode variables) {
        return new Reader(query, variables).operation();
    }

    /** An argument's, empty if there is none. */
    String text(String argument) {
        return arguments.getOrDefault(argument, NullNode.instance).asText("");
    }

    /** Just what is asked of this value; a field that it cannot have is an IllegalArgumentException. */
    JsonNode of(JsonNode value) {
        if (value instanceof ArrayNode list) {
            ArrayNode asked = JsonNodeFactory.instance.arrayNode();
            list.forEach(element -> asked.add(of(element)));
            return asked;
        }
        if (!(value instanceof ObjectNode)) {
            return value;
        }
        ObjectNode asked = JsonNodeFactory.instance.objectNode();
        boolean isKnowledge = value.has("standard_id"); // of many types, with fields that not each of them has
        for (GraphQlField field : fields) {
            if (!value.has(field.name) && !isKnowledge) {
                throw new IllegalArgumentException("Cannot query field \"" + field.name + "\" of " + name);
            }
            asked.set(field.alias, value.has(field.name) ? field.of(value.get(field.name)) : null);
        }
        return asked;
    }

    /** Goes through a query once; of no use afterwards. */
    private static final class Reader {

        private static final Pattern TOKEN =
                Pattern.compile("\"(?:\\\\.|[^\"\\\\])*\"|\\.\\.\\.|-?[0-9][0-9.]*|\\w+|[{}()\\[\\]:$!=]");

        private final String query;
        private final JsonNode variables;
        private final List<MatchResult> tokens;
        private int at;

        Reader(String query, JsonNode variables) {
            this.query = query;
            this.variables = variables;
            this.tokens = TOKEN.matcher(query).results().toList();
        }

        List<GraphQlField> operation() {
            for (int depth = 0; depth > 0 || !peek().equals("{"); ) {
                String token = next();
                depth += token.equals("(") ? 1 : token.equals(")") ? -1 : 0;
            }
            return fields();
        }

        private List<GraphQlField> fields() {
            List<GraphQlField> fields = new ArrayList<>();
            for (next(); !take("}"); ) {
                if (take("...")) {
                    if (take("on")) {
                        next();
                    }
                    fields.addAll(fields());
                } else {
                    fields.add(field());
                }
            }
            return fields;
        }

        private GraphQlField field() {
            String before = query.substring(0, tokens.get(at).start());
            String alias = next();
            String name = take(":") ? next() : alias;
            Map<String, JsonNode> arguments = take("(") ? values(")") : Map.of();
            return new GraphQlField(
                    alias,
                    name,
                    arguments,
                    1
                            + (int) before.chars()
                                    .filter(character -> character == '\n')
                                    .count(),
                    before.length() - before.lastIndexOf('\n'),
                    peek().equals("{") ? fields() : List.of());
        }

        private Map<String, JsonNode> values(String end) {
            Map<String, JsonNode> values = new LinkedHashMap<>();
            while (!take(end)) {
                String name = next();
                next();
                values.put(name, value());
            }
            return values;
        }

        private JsonNode value() {
            if (take("$")) {
                String name = next();
                return variables.has(name) ? variables.get(name) : NullNode.instance;
            }
            if (take("{")) {
                return JsonNodeFactory.instance.objectNode().setAll(values("}"));
            }
            if (take("[")) {
                ArrayNode list = JsonNodeFactory.instance.arrayNode();
                while (!take("]")) {
                    list.add(value());
                }
                return list;
            }
            String token = next();
            boolean isEnum = !token.matches("\".*|-?[0-9].*|true|false|null");
            return Jackson.tree(isEnum ? '"' + token + '"' : token);
        }

        private String peek() {
            return at < tokens.size() ? tokens.get(at).group() : "";
        }

        private String next() {
            if (at == tokens.size()) {
                throw new IllegalArgumentException("Syntax Error: Unexpected <EOF>.");
            }
            return tokens.get(at++).group();
        }

        private boolean take(String token) {
            boolean isNext = peek().equals(token);
            at += isNext ? 1 : 0;
            return isNext;
        }
    }
}
