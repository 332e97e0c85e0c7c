package io.caravan.opencti;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds the component's committed metadata to what the build makes of its options. */
class MetadataTest {

    private static final Path PROJECT = Path.of(System.getProperty("basedir", "."));
    private static final String REMEDY =
            "src/generated is not what the component's options say: run ./mvnw -Pmetadata process-classes and commit";

    @ParameterizedTest
    @ValueSource(strings = {"java", "resources"})
    void theCommittedMetadataIsCurrent(String kind) throws IOException {
        Map<String, String> built = files(PROJECT.resolve("target/metadata").resolve(kind));
        Map<String, String> committed = files(PROJECT.resolve("src/generated").resolve(kind));

        assertThat(built)
                .as("what the build makes; without it this check is void")
                .isNotEmpty();
        assertThat(committed.keySet()).as(REMEDY).isEqualTo(built.keySet());
        built.forEach((file, content) ->
                assertThat(committed.get(file)).as("%s; %s", REMEDY, file).isEqualTo(content));
    }

    @ParameterizedTest
    @ValueSource(strings = {"token", "proxy"})
    void theCatalogMarksSecrets(String option) throws IOException {
        JsonNode catalog;
        try (InputStream in = getClass().getResourceAsStream("/META-INF/io/caravan/opencti/opencti.json")) {
            catalog = new ObjectMapper().readTree(in);
        }

        for (String level : new String[] {"componentProperties", "properties"}) {
            assertThat(catalog.path(level).path(option).path("secret").asBoolean())
                    .as("%s of %s is secret", option, level)
                    .isTrue();
        }
    }

    private static Map<String, String> files(Path root) throws IOException {
        assertThat(root)
                .as("no metadata: it is written by ./mvnw process-classes")
                .isDirectory();
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> found = Files.walk(root)) {
            for (Path file : found.filter(Files::isRegularFile).toList()) {
                files.put(root.relativize(file).toString(), Files.readString(file));
            }
        }
        return files;
    }
}
