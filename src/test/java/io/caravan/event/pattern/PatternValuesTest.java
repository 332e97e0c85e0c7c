package io.caravan.event.pattern;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.pattern.PatternValues.Match;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class PatternValuesTest {

    private static final String SHA256 = "aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f";

    @Test
    void looksForWhatMustBeEqual() {
        assertAny("[ipv4-addr:value = '203.0.113.110']", "ipv4 203.0.113.110");
        assertAny("[ipv6-addr:value = '2001:db8::1']", "ipv6 2001:db8::1");
        assertAny("[domain-name:value = 'Evil.Example.']", "domain evil.example");
        assertAny("[hostname:value = 'mail.evil.example']", "hostname mail.evil.example");
        assertAny("[x-opencti-hostname:value = 'mail']", "hostname mail");
        assertAny("[url:value = 'https://Evil.example/A?b=\\'c\\'']", "url https://Evil.example/A?b='c'");
        assertAny("[email-addr:value = 'a@evil.example']", "email a@evil.example");
        assertAny("[email-message:from_ref.value = 'a@evil.example']", "email a@evil.example");
        assertAny("[mac-addr:value = '00:00:5e:00:53:01']", "mac 00:00:5e:00:53:01");
        assertAny("[autonomous-system:number = 64496]", "as_number 64496");
        assertAny("[autonomous-system:number = 'AS64496']", "as_number 64496");
        assertAny("[mutex:name = 'Global\\\\m']", "mutex Global\\m");
        assertAny("[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\a']", "registry_key HKEY_LOCAL_MACHINE\\a");
        assertAny("[windows-registry-key:values[0].name = 'Run']", "registry_value Run");
        assertAny("[user-agent:value = 'curl/8']", "user_agent curl/8");
        assertAny(
                "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'curl/8']",
                "user_agent curl/8");
        assertAny("[cryptocurrency-wallet:value = 'bc1q']", "wallet bc1q");
        assertAny("[ssh-key:fingerprint_sha256 = 'SHA256:x']", "ssh_key SHA256:x");
        assertAny("[x509-certificate:serial_number = '4c:0b:1d']", "x509_serial_number 4C0B1D");
        assertAny("[x509-certificate:issuer = 'CN=a']", "x509_issuer CN=a");
        assertAny("[x509-certificate:hashes.'SHA-256' = '" + SHA256 + "']", "x509_fingerprint " + SHA256);
        assertAny("[network-traffic:dst_port = 443]", "port 443");
        assertAny("[file:name = 'a.exe']", "file_name a.exe");
        assertAny("[process:image_ref.name = 'a.exe']", "file_name a.exe");
        assertAny("[file:parent_directory_ref.path = 'C:\\\\Windows']", "directory C:\\Windows");
        assertAny("[file:size = 1280]", "other 1280");
    }

    @Test
    void takesHashesHoweverTheirKeysAreWritten() {
        for (String key :
                List.of("'SHA-256'", "SHA-256", "\"SHA-256\"", "SHA256", "'sha256'", "sha_256", "\"Sha-256\"")) {
            assertAny("[file:hashes." + key + " = '" + SHA256.toUpperCase() + "']", "sha256 " + SHA256);
        }
        assertAny("[file:hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4']", "md5 79054025255fb1a26e4bc422aef54eb4");
        assertAny("[file:hashes.'sha-1' = '" + SHA256.substring(24) + "']", "sha1 " + SHA256.substring(24));
        assertAny("[artifact:hashes.SHA512 = '" + SHA256 + SHA256 + "']", "sha512 " + SHA256 + SHA256);
        assertAny("[file:hashes.'SHA3-256' = '" + SHA256 + "']", "sha3_256 " + SHA256);
        assertAny(
                "[file:hashes.ssdeep = '3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C']",
                "ssdeep 3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C");
        assertAny(
                "[process:image_ref.hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4']",
                "md5 79054025255fb1a26e4bc422aef54eb4");
        assertAny("[file:hashes.'SHA-256' = 'f00']", "other f00");
        assertAny(
                "[file:extensions.'windows-pebinary-ext'.sections[*].hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4']",
                "other 79054025255fb1a26e4bc422aef54eb4");
    }

    @Test
    void looksForAddressesInNetworks() {
        assertAny("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", "cidr 198.51.100.0/24");
        assertAny("[ipv4-addr:value = '198.51.100.0/24']", "cidr 198.51.100.0/24");
        assertAny("[ipv6-addr:value ISSUBSET '2001:db8::/32']", "cidr 2001:db8::/32");
        assertAny(
                "[network-traffic:dst_ref.value ISSUBSET '2001:0db8:0:0:0:0:0:0/64']", "cidr 2001:0db8:0:0:0:0:0:0/64");
        assertAny("[ipv4-addr:value ISSUBSET '198.51.100.1/32']", "ipv4 198.51.100.1");
        assertAny("[ipv6-addr:value = '2001:db8::1/128']", "ipv6 2001:db8::1");
        assertNone("[ipv4-addr:value ISSUPERSET '198.51.100.0/24']");
        assertNone("[url:value ISSUBSET '198.51.100.0/24']");
    }

    @Test
    void takesForAnAddressOnlyWhatIsOne() {
        for (String no : List.of(
                "1.2.3", "1.2.3.256", "1.2.3.04", "1.2.3.4/33", "1.2.3.4/", "a.example", "::1::", "fe80::1%eth0", "")) {
            assertAny("[ipv4-addr:value = '" + no + "']", "other " + no);
        }
        assertAny("[autonomous-system:number = 4294967296]", "other 4294967296");
        assertAny("[network-traffic:dst_port = 65536]", "other 65536");
        assertAny("[domain-name:value = 'https://a.example']", "other https://a.example");
    }

    /** By Python's ipaddress, over made-up texts; a mask is a number without leading zeros, a zone is no part of an address. */
    @Test
    void takesForAnAddressWhatPythonTakesForOne() throws IOException {
        int count = 0;
        for (String[] line : Addresses.all()) {
            count++;
            PatternValues.Value value = PatternValues.read("[ipv6-addr:value = '" + line[0] + "']")
                    .values()
                    .get(0);
            assertThat(value.kind() + " " + value.text()).as(line[0]).isEqualTo(line[1]);
        }
        assertThat(count).isGreaterThan(1000);
    }

    @Test
    void aMacHasOneKindOfSeparator() {
        assertAny("[mac-addr:value = '00-00-5e-00-53-01']", "mac 00-00-5e-00-53-01");
        assertAny("[mac-addr:value = '00:00-5e:00-53:01']", "other 00:00-5e:00-53:01");
        assertAny("[mac-addr:value = '00:00:5e:00:53:1']", "other 00:00:5e:00:53:1");
    }

    @Test
    void readsTimesInPlainStringsAsStix20WroteThem() {
        String pattern = "[a:b = 1] START '2016-06-01T00:00:00Z' STOP '2016-07-01T00:00:00.5Z'";
        for (String version : List.of("2.0", " 2.0 ")) {
            PatternValues values = PatternValues.read(pattern, version);
            assertThat(values.error()).as(version).isEmpty();
            assertThat(values.match()).contains(Match.ALL);
            assertThat(values.partial()).isTrue();
            assertThat(PatternValues.read(pattern.replace("'2", "t'2"), version))
                    .isEqualTo(values);
        }
        for (String version : List.of("2.1", "2.2", "stix", "")) {
            assertThat(PatternValues.read(pattern, version).error())
                    .as(version)
                    .contains("character 17: expected t'…', found 2016-06-01T00:00:00Z");
        }
        assertThat(PatternValues.read("[a:b = 1] START '2016-06-31T00:00:00Z' STOP '2016-07-01T00:00:00Z'", "2.0")
                        .error())
                .contains("character 17: no time like '2016-06-01T00:00:00Z'");
    }

    @Test
    void tellsWhatAReferenceEndsAtByTheValue() {
        assertAny("[network-traffic:dst_ref.value = '198.51.100.1']", "ipv4 198.51.100.1");
        assertAny("[network-traffic:src_ref.value = '2001:db8::1']", "ipv6 2001:db8::1");
        assertAny("[network-traffic:dst_ref.value = 'a.example']", "domain a.example");
        assertAny("[network-traffic:dst_ref.value = '00:00:5e:00:53:01']", "mac 00:00:5e:00:53:01");
        assertAny("[domain-name:resolves_to_refs[*].value = '198.51.100.1/32']", "ipv4 198.51.100.1");
        assertAny(
                "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.33/32']",
                "ipv4 203.0.113.33");
        assertNone("[network-traffic:dst_ref.type = 'ipv4-addr']");
    }

    @Test
    void neverLooksForWhatIsNegated() {
        assertNone("[domain-name:value != 'good.example']");
        assertNone("[domain-name:value <> 'good.example']");
        assertNone("[domain-name:value NOT = 'good.example']");
        assertNone("[domain-name:value NOT IN ('good.example', 'fine.example')]");
        assertNone("[domain-name:value NOT LIKE 'good.example']");
        assertNone("[domain-name:value NOT MATCHES '^good$']");
        assertNone("[ipv4-addr:value NOT ISSUBSET '10.0.0.0/8']");
        assertNone("[NOT domain-name:value = 'good.example']");
        assertNone("[NOT (domain-name:value = 'good.example' OR domain-name:value IN ('fine.example'))]");
        assertNone("[domain-name:value != 'good.example' AND domain-name:value != 'fine.example']");
        assertNone("[domain-name:value != 'good.example'] OR [domain-name:value != 'fine.example']");
        assertAny("[domain-name:value NOT != 'bad.example']", "domain bad.example");
        assertAny("[NOT domain-name:value != 'bad.example']", "domain bad.example");
        assertAny("[NOT (a:b != 'x' AND NOT a:b = 'y')]", "other x", "other y");
        assertPartial(
                Match.ALL,
                "[url:value = 'http://bad.example/' AND domain-name:value != 'good.example']",
                "url http://bad.example/");
    }

    @Test
    void looksForNothingWhereNoPlainValueIsSaid() {
        assertNone("[file:size > 5]");
        assertNone("[EXISTS file:name]");
        assertNone("[file:name IN ()]");
        assertNone("[file:name LIKE 'a%']");
        assertNone("[file:name LIKE 'a_b']");
        assertNone("[file:name MATCHES 'a']");
        assertNone("[file:name MATCHES '^a.b$']");
        assertNone("[file:name MATCHES '^a\\\\d$']");
        assertNone("[file:name MATCHES '^a\\\\$']");
        assertNone("[file:name MATCHES '^(a|b)$']");
        assertAny("[file:name LIKE 'a.exe']", "file_name a.exe");
        assertAny("[file:name MATCHES '^a-1\\\\.exe$']", "file_name a-1.exe");
    }

    @Test
    void saysThatAnyValueSuffices() {
        assertAny("[a:b = 1 OR a:b = 2 OR a:b IN (3, 4)]", "other 1", "other 2", "other 3", "other 4");
        assertAny("[a:b = 1] OR ([a:b = 2])", "other 1", "other 2");
        assertAny("[a:b = 1] WITHIN 5 SECONDS REPEATS 1 TIMES", "other 1");
        assertAny("[a:b = 1 OR a:b = 1]", "other 1");
        assertPartial(Match.ANY, "[a:b = 1 OR a:b > 2 OR a:b != 3]", "other 1");
    }

    @Test
    void saysThatAllValuesAreNeeded() {
        assertAll("[a:b = 1 AND a:c = 2]", "other 1", "other 2");
        assertAll("[a:b = 1] AND [a:c = 2]", "other 1", "other 2");
        assertAll("[a:b = 1 AND (a:c = 2 AND a:d = 3)]", "other 1", "other 2", "other 3");
    }

    @Test
    void saysThatOneValueMayNotSufficeAndThatMoreIsAsked() {
        assertPartial(Match.ALL, "[a:b = 1 AND a:c > 2]", "other 1");
        assertPartial(Match.ALL, "[(a:b = 1 AND a:c = 2) OR a:d = 3]", "other 1", "other 2", "other 3");
        assertPartial(Match.ALL, "[a:b IN (1, 2) AND a:c = 3]", "other 1", "other 2", "other 3");
        assertPartial(Match.ALL, "[a:b = 1] FOLLOWEDBY [a:c = 2]", "other 1", "other 2");
        assertPartial(Match.ALL, "([a:b = 1] AND [a:c = 2]) WITHIN 5 SECONDS", "other 1", "other 2");
        assertPartial(Match.ALL, "[a:b = 1] REPEATS 5 TIMES", "other 1");
        assertPartial(Match.ALL, "[a:b = 1] START t'2016-06-01T00:00:00Z' STOP t'2016-07-01T00:00:00Z'", "other 1");
        assertPartial(Match.ALL, "[a:b = 1] OR [a:b = 2] REPEATS 5 TIMES", "other 1", "other 2");
    }

    @Test
    void hasNoValuesWhereThePatternCannotBeRead() {
        PatternValues values = PatternValues.read("[domain-name:value = 'a.example'");
        assertThat(values.error()).contains("character 33: expected ], found the end");
        assertThat(values.values()).isEmpty();
        assertThat(values.match()).isEmpty();
    }

    private static void assertAny(String pattern, String... values) {
        assertSaid(pattern, Match.ANY, false, values);
    }

    private static void assertAll(String pattern, String... values) {
        assertSaid(pattern, Match.ALL, false, values);
    }

    private static void assertPartial(Match match, String pattern, String... values) {
        assertSaid(pattern, match, true, values);
    }

    private static void assertSaid(String pattern, Match match, boolean partial, String... values) {
        PatternValues read = PatternValues.read(pattern);
        assertThat(read.error()).as(pattern).isEmpty();
        assertThat(read.values())
                .as(pattern)
                .extracting(value -> value.kind() + " " + value.text())
                .containsExactly(values);
        assertThat(read.match()).as(pattern).contains(match);
        assertThat(read.partial()).as(pattern).isEqualTo(partial);
    }

    private static void assertNone(String pattern) {
        PatternValues read = PatternValues.read(pattern);
        assertThat(read.error()).as(pattern).isEmpty();
        assertThat(read.values()).as(pattern).isEmpty();
        assertThat(read.match()).as(pattern).isEmpty();
        assertThat(read.partial()).as(pattern).isFalse();
    }
}
