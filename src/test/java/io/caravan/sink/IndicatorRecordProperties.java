package io.caravan.sink;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.EventId;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.math.BigInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever a pattern and an indicator say, the record fits its schema: Elasticsearch refuses a record for one value that does not. */
class IndicatorRecordProperties {

    @Property(tries = 2000)
    void aRecordFitsItsSchemaWhateverItsPatternLooksFor(
            @ForAll("paths") String path, @ForAll("texts") String text, @ForAll("texts") String other)
            throws IOException {
        String pattern = "[%s = '%s' OR ipv6-addr:value = '%s']".formatted(path, quoted(text), quoted(other));
        ObjectNode indicator = indicator();
        IndicatorRecordTest.record(read(indicator.put("pattern", pattern)), IndicatorRecordTest.context(EventId.ZERO));
    }

    @Property(tries = 2000)
    void aRecordFitsItsSchemaWhateverItsTimesAndNumbersAre(
            @ForAll("texts") String time,
            @ForAll("texts") String other,
            @ForAll BigInteger number,
            @ForAll long position)
            throws IOException {
        ObjectNode indicator =
                indicator().put("created", time).put("valid_from", other).put("confidence", number);
        indicator
                .withObject("/extensions")
                .withObject("/" + StixObject.OPENCTI)
                .put("score", number)
                .put("updated_at", time);
        IndicatorRecordTest.record(
                read(indicator), IndicatorRecordTest.context(new EventId(position & Long.MAX_VALUE, 0)));
    }

    @Provide
    Arbitrary<String> paths() {
        return Arbitraries.of(
                "ipv4-addr:value",
                "ipv6-addr:value",
                "network-traffic:dst_ref.value",
                "network-traffic:dst_port",
                "autonomous-system:number",
                "mac-addr:value",
                "x509-certificate:serial_number",
                "domain-name:value",
                "hostname:value",
                "url:value",
                "file:hashes.'SHA-256'",
                "windows-registry-key:key");
    }

    /** Numbers, addresses, times, or nearly. */
    @Provide
    Arbitrary<String> texts() {
        return Arbitraries.oneOf(
                Arbitraries.strings().withChars("0123456789abcdefF:./").ofMaxLength(24),
                Arbitraries.strings().withChars("01:").ofMaxLength(20),
                Arbitraries.strings().withChars("0129.").ofMaxLength(12),
                Arbitraries.longs().map(String::valueOf),
                Arbitraries.strings().withChars("0123456789").ofMaxLength(4).map(year -> year + "-02-28T00:00:00.000Z"),
                Arbitraries.strings().ofMaxLength(10));
    }

    private static String quoted(String text) {
        return text.replace("\\", "\\\\").replace("'", "\\'");
    }

    private static ObjectNode indicator() {
        return Json.mapper()
                .createObjectNode()
                .put("id", "indicator--1")
                .put("type", "indicator")
                .put("pattern_type", "stix");
    }

    private static StixObject read(ObjectNode indicator) throws IOException {
        return StixObject.read(Json.bytes(indicator));
    }
}
