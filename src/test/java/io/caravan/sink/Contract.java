package io.caravan.sink;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion.VersionFlag;
import com.networknt.schema.ValidationMessage;
import io.caravan.event.Bytes;
import io.caravan.event.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The documents that readers of topics and files rely on. */
final class Contract {

    private static final Path DOCS = Path.of("docs");

    private Contract() {}

    /** A document of {@code docs/schemas}. */
    static JsonSchema schema(String name) {
        return schema(json(DOCS.resolve("schemas").resolve(name + ".schema.json")));
    }

    static JsonSchema schema(JsonNode document) {
        JsonSchema schema = JsonSchemaFactory.getInstance(VersionFlag.V202012).getSchema(document);
        schema.initializeValidators();
        return schema;
    }

    static JsonNode asyncApi() {
        try {
            Object yaml = new Load(LoadSettings.builder().build())
                    .loadFromString(Files.readString(DOCS.resolve("asyncapi.yaml")));
            return Json.mapper().valueToTree(yaml);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is wrong with the document; formats count, too. */
    static List<String> mistakes(JsonSchema schema, JsonNode document) {
        Set<ValidationMessage> mistakes = schema.validate(
                document, context -> context.getExecutionConfig().setFormatAssertionsEnabled(true));
        return mistakes.stream().map(ValidationMessage::getMessage).toList();
    }

    static JsonNode json(Path file) {
        try {
            return json(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JsonNode json(byte[] json) {
        try {
            return Json.tree(new Bytes(json, json.length));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
