package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.testkit.Capture;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StixTypesTest {

    private static final Pattern STIX_ID =
            Pattern.compile("\"id\":\"([a-z0-9-]+)--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\"");

    @ParameterizedTest
    @ValueSource(strings = {"runA/runA-all.sse", "volume/vol-all.sse", "reconnect/recover-all-from-0.sse"})
    void knowsEveryTypeThatAPlatformHasSent(String capture) {
        Set<String> sent = new TreeSet<>();
        Capture.events(capture).forEach(event -> {
            Matcher id = STIX_ID.matcher(new String(event.data(), StandardCharsets.UTF_8));
            while (id.find()) {
                sent.add(id.group(1));
            }
        });
        assertThat(sent).contains("indicator").allMatch(StixTypes::isKnown);
    }

    @ParameterizedTest
    @CsvSource({
        "indicators, indicator",
        "Indicator, indicator",
        "indcator, indicator",
        "vulnerabilities, vulnerability",
        "identities, identity",
        "threat_actor, threat-actor",
        "threat actors, threat-actor",
        "Threat-Actor-Group, threat-actor",
        "actor, threat-actor",
        "StixFile, file",
        "files, file",
        "Organization, identity",
        "countries, location",
        "relationships, relationship",
        "stix-core-relationship, relationship",
        "sightings, sighting",
        "ipv4, ipv4-addr",
        "ip, ipv4-addr",
        "domain, domain-name",
        "urls, url",
        "case, case-incident",
        "marking, marking-definition",
    })
    void suggestsTheTypeThatIsMeant(String written, String meant) {
        assertThat(StixTypes.isKnown(written)).isFalse();
        assertThat(StixTypes.instead(written)).isEqualTo("; did you mean " + meant + "?");
    }

    @Test
    void listsAllTypesWhereNoneIsNear() {
        assertThat(StixTypes.instead("weather"))
                .startsWith("; there are: ai-prompt, artifact, ")
                .contains(", indicator, ", ", label, ", ", vocabulary, ")
                .endsWith(", and custom ones, which begin with x-");
        assertThat(StixTypes.insteadOfContainer("weather"))
                .isEqualTo(
                        "; there are: case-incident, case-rfi, case-rft, feedback, grouping, note, observed-data, opinion,"
                                + " report, task, and custom ones, which begin with x-");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x-acme-2", "x-mitre-tactic", "x-opencti-hostname"})
    void takesCustomTypes(String type) {
        assertThat(StixTypes.isKnown(type)).isTrue();
        assertThat(StixTypes.isContainer(type)).isTrue();
    }
}
