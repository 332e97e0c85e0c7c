package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Asks a platform for several objects by their ids in one request, each under an alias of its own. An answer that leaves one of
 * them out, or has something else than an object or null in its place, is none. Stateless.
 */
public final class ObjectQuery {

    /** What answers for every object and relation that there is; {@code stix} answers from the trash, too. */
    private static final String ANY = "stixObjectOrStixRelationship";

    /** Whether an object is there, and by which ids. */
    public static final Selection IDS =
            new Selection(ANY, "{ ... on StixObject { id standard_id } ... on StixRelationship { id standard_id } }");

    private ObjectQuery() {}

    /**
     * What is asked of an object.
     *
     * @param field of the API's queries, which takes an {@code id}
     * @param members of the object, in braces
     */
    public record Selection(String field, String members) {

        /** Of an object of any type. */
        static Selection of(String members) {
            return new Selection(ANY, members);
        }
    }

    /**
     * Asks.
     *
     * @param name of the query, for the platform's log
     * @param ids STIX ids or the platform's own, a page of them
     * @param selection what is asked of the object with an id
     * @return for each id, in order, the object, or null where the platform shows none
     */
    public static List<JsonNode> ask(GraphQl api, String name, List<String> ids, Function<String, Selection> selection)
            throws IOException, InterruptedException {
        List<String> declared = new ArrayList<>();
        List<String> asked = new ArrayList<>();
        List<String> aliases = new ArrayList<>();
        Map<String, String> variables = new LinkedHashMap<>();
        for (int i = 0; i < ids.size(); i++) {
            Selection of = selection.apply(ids.get(i));
            declared.add("$i" + i + ": String!");
            asked.add("o" + i + ": " + of.field + "(id: $i" + i + ") " + of.members);
            aliases.add("o" + i);
            variables.put("i" + i, ids.get(i));
        }
        String query = "query " + name + "(" + String.join(", ", declared) + ") { " + String.join(" ", asked) + " }";
        JsonNode data = api.ask(query, variables, aliases.toArray(String[]::new));
        List<JsonNode> answers = new ArrayList<>();
        for (int i = 0; i < ids.size(); i++) {
            JsonNode answer = data.path(aliases.get(i));
            if (!answer.isObject() && !answer.isNull()) {
                throw api.unpromised("without saying whether it has " + ids.get(i));
            }
            answers.add(answer);
        }
        return answers;
    }
}
