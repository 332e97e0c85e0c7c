package io.caravan.event;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UTFDataFormatException;
import java.io.UncheckedIOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A STIX object: its JSON as it came, and the few fields of it that are read in passing; no tree is built.
 *
 * @param json the object's own bytes, a piece of what it came in
 * @param id the STIX id, which a rename changes; or empty
 * @param type the STIX type, such as {@code indicator}; or empty
 * @param internalId OpenCTI's own id, in its extension, which stays; or empty
 * @param entityType OpenCTI's type, such as {@code Intrusion-Set}, in its extension; or empty
 * @param relationshipType of a relation, such as {@code indicates}; or empty
 * @param name its {@code name}, or else its {@code value}; or empty
 * @param markings the ids of its marking definitions
 * @param innerMarkings the marking definitions of what else it shows, by internal or STIX ids: of what a relation or
 *     sighting ends at, of attached files
 * @param ends of a relation or sighting, what it ends at: STIX ids and internal ids; empty for other objects
 * @param references the ids of what it refers to otherwise: author, contained objects, labels
 */
public record StixObject(
        Bytes json,
        String id,
        String type,
        String internalId,
        String entityType,
        String relationshipType,
        String name,
        List<String> markings,
        List<String> innerMarkings,
        List<String> ends,
        List<String> references) {

    /** OpenCTI's extension of STIX objects; every object on a stream has it. */
    public static final String OPENCTI = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";

    /** OpenCTI's extension of observables, which STIX gives no author. */
    private static final String OBSERVABLES = "extension-definition--f93e2c80-4231-4f9a-af8b-95c9bd566a82";

    /** The properties that a relation or sighting names its ends by, in the object (STIX ids) and in the extension (internal ids). */
    static final List<String> END_PROPERTIES =
            List.of("source_ref", "target_ref", "sighting_of_ref", "where_sighted_refs");

    /** After the name of such a property, in the extension: the markings of that end, by internal ids. */
    static final String MARKINGS_OF_END = "_object_marking_refs";

    private static final Set<String> END_MARKINGS =
            END_PROPERTIES.stream().map(end -> end + MARKINGS_OF_END).collect(Collectors.toUnmodifiableSet());

    private static final Set<String> RELATIONS = Set.of("relationship", "sighting");

    /** What tells the object from all others of its platform for good: the internal id, or else the STIX id. */
    public String key() {
        return internalId.isEmpty() ? id : internalId;
    }

    /** Both ids, or the one it has. */
    public Set<String> ids() {
        return internalId.isEmpty() ? Set.of(id) : Set.of(id, internalId);
    }

    /** The strictest of its markings that are a TLP colour by their id. */
    public Optional<Tlp> tlp() {
        return markings.stream().map(Tlp::ofMarking).reduce(Optional.empty(), Tlp::strictest);
    }

    /**
     * Whether this relation or sighting ends at the object: by the internal ids of its ends where it has them, because the
     * STIX ids stay as they were when an end was renamed, and may be another object's by now.
     */
    public boolean endsAt(StixObject object) {
        boolean hasInternalEnds = ends.stream().anyMatch(end -> !end.contains("--"));
        return ends.contains(hasInternalEnds && !object.internalId.isEmpty() ? object.internalId : object.id);
    }

    /** When the platform made it, by its extension; empty where that does not say. */
    public Optional<Instant> madeAt() {
        return time("created_at");
    }

    /** When the platform last touched it, by its extension, which need not have been told; empty where that does not say. */
    public Optional<Instant> updatedAt() {
        return time("updated_at");
    }

    private Optional<Instant> time(String field) {
        try (JsonParser parser = Json.parser(json)) {
            parser.nextToken();
            boolean isThere =
                    isAtMember("extensions", parser) && isAtMember(OPENCTI, parser) && isAtMember(field, parser);
            return isThere ? Optional.of(Instant.parse(Json.textOr("", parser))) : Optional.empty();
        } catch (DateTimeException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException("an object that was read before cannot be read", e);
        }
    }

    /** Goes on to the value of a member of the object that the parser stands at. */
    private static boolean isAtMember(String name, JsonParser parser) throws IOException {
        if (!parser.isExpectedStartObjectToken()) {
            return false;
        }
        for (String field = parser.nextFieldName(); field != null; field = parser.nextFieldName()) {
            parser.nextToken();
            if (field.equals(name)) {
                return true;
            }
            parser.skipChildren();
        }
        return false;
    }

    /** Reads an object that stands alone. */
    public static StixObject read(Bytes json) throws IOException {
        try (JsonParser parser = Json.parser(json)) {
            parser.nextToken();
            return read(parser, json);
        }
    }

    /** The internal id alone of an object that need not be in memory; empty where it has none, or what is there is no object. */
    public static String internalIdOf(InputStream json) throws IOException {
        Reader reader = new Reader();
        try (JsonParser parser = Json.parser(json)) {
            parser.nextToken();
            reader.readFields(parser);
        } catch (JsonProcessingException | CharConversionException | UTFDataFormatException e) {
            return "";
        }
        return reader.internalId;
    }

    /** Reads the value the parser stands at, and leaves the parser at its end; what is no object has no id. */
    static StixObject read(JsonParser parser, Bytes source) throws IOException {
        return new Reader().read(parser, source);
    }

    /** Every method leaves the parser at the end of the value it stood at. */
    private static final class Reader {
        private String id = "";
        private String type = "";
        private String internalId = "";
        private String entityType = "";
        private String relationshipType = "";
        private String name = "";
        private String value = "";
        private final List<String> markings = new ArrayList<>();
        private final List<String> innerMarkings = new ArrayList<>();
        private final List<String> ends = new ArrayList<>();
        private final List<String> references = new ArrayList<>();

        StixObject read(JsonParser json, Bytes source) throws IOException {
            long from = json.currentTokenLocation().getByteOffset();
            readFields(json);
            long to = json.currentTokenLocation().getByteOffset() + 1;
            boolean isRelation = RELATIONS.contains(type);
            return new StixObject(
                    source.piece(from, to),
                    id,
                    type,
                    internalId,
                    entityType,
                    relationshipType,
                    name.isEmpty() ? value : name,
                    List.copyOf(markings),
                    List.copyOf(innerMarkings),
                    isRelation ? List.copyOf(ends) : List.of(),
                    List.copyOf(references));
        }

        private void readFields(JsonParser json) throws IOException {
            if (json.isExpectedStartObjectToken()) {
                for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                    json.nextToken();
                    readField(field, json);
                }
            } else {
                json.skipChildren();
            }
        }

        private void readField(String field, JsonParser json) throws IOException {
            switch (field) {
                case "id" -> id = Json.textOr(id, json);
                case "type" -> type = Json.textOr(type, json);
                case "relationship_type" -> relationshipType = Json.textOr(relationshipType, json);
                case "name" -> name = Json.textOr(name, json);
                case "value" -> value = Json.textOr(value, json);
                case "extensions" -> readExtensions(json);
                case "object_marking_refs" -> addTexts(json, markings);
                default -> {
                    if (END_PROPERTIES.contains(field)) {
                        addTexts(json, ends);
                    } else if (field.endsWith("_ref") || field.endsWith("_refs")) {
                        addTexts(json, references);
                    } else {
                        json.skipChildren();
                    }
                }
            }
        }

        private void readExtensions(JsonParser json) throws IOException {
            if (!json.isExpectedStartObjectToken()) {
                json.skipChildren();
                return;
            }
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                if (field.equals(OPENCTI) && json.isExpectedStartObjectToken()) {
                    readOpencti(json);
                } else if (field.equals(OBSERVABLES) && json.isExpectedStartObjectToken()) {
                    readObservable(json);
                } else {
                    json.skipChildren();
                }
            }
        }

        private void readObservable(JsonParser json) throws IOException {
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                if (field.equals("created_by_ref")) {
                    addTexts(json, references);
                } else {
                    json.skipChildren();
                }
            }
        }

        private void readOpencti(JsonParser json) throws IOException {
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "id" -> internalId = Json.textOr(internalId, json);
                    case "type" -> entityType = Json.textOr(entityType, json);
                    case "labels_ids" -> addTexts(json, references);
                    default -> {
                        if (END_PROPERTIES.contains(field)) {
                            addTexts(json, ends);
                        } else if (END_MARKINGS.contains(field)) {
                            addTexts(json, innerMarkings);
                        } else if (field.equals("files")) {
                            readFiles(json);
                        } else {
                            json.skipChildren();
                        }
                    }
                }
            }
        }

        private void readFiles(JsonParser json) throws IOException {
            if (!json.isExpectedStartArrayToken()) {
                json.skipChildren();
                return;
            }
            while (json.nextToken() != JsonToken.END_ARRAY) {
                if (json.isExpectedStartObjectToken()) {
                    for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                        json.nextToken();
                        if (field.equals("object_marking_refs")) {
                            addTexts(json, innerMarkings);
                        } else {
                            json.skipChildren();
                        }
                    }
                } else {
                    json.skipChildren();
                }
            }
        }

        /** One text, or the texts of a list. */
        private static void addTexts(JsonParser json, List<String> texts) throws IOException {
            if (json.currentToken() == JsonToken.VALUE_STRING) {
                texts.add(json.getText());
            } else if (json.isExpectedStartArrayToken()) {
                while (json.nextToken() != JsonToken.END_ARRAY) {
                    if (json.currentToken() == JsonToken.VALUE_STRING) {
                        texts.add(json.getText());
                    } else {
                        json.skipChildren();
                    }
                }
            } else {
                json.skipChildren();
            }
        }
    }
}
