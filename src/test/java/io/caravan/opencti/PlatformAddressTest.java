package io.caravan.opencti;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PlatformAddressTest {

    @ParameterizedTest
    @CsvSource({
        "https://host, https://host",
        "https://host/, https://host",
        "' https://host:8443/opencti// ', https://host:8443/opencti",
        "HTTP://127.0.0.1:4000, http://127.0.0.1:4000",
        "HttpS://Host/OpenCTI, https://Host/OpenCTI",
        "https://[::1]:8080, https://[::1]:8080",
        "https://host/streams, https://host/streams",
        "https://host/my-dashboard, https://host/my-dashboard"
    })
    void isStoredInOneForm(String typed, String address) {
        assertThat(PlatformAddress.of(typed)).isEqualTo(address);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "https://host/stream | url ends in /stream | say https://host",
                "https://host/stream/ | url ends in /stream | say https://host",
                "https://host/stream/live | the address of a stream | say https://host as url and live as stream",
                "https://host/opencti/stream/3089c815-2cc4-467b-9e94-8468b6dd060e?from=0 | the address of a stream |"
                        + " say https://host/opencti as url and 3089c815-2cc4-467b-9e94-8468b6dd060e as stream",
                "HTTPS://host:8443/graphql | GraphQL API | say https://host:8443",
                "https://host/graphql/ | GraphQL API | say https://host",
                "https://host/dashboard | a page of the platform | say https://host",
                "https://host/opencti/dashboard/data/sharing/streams?x=1#top | a page of the platform |"
                        + " say https://host/opencti",
                "https://host/public/dashboard/abc | a page of the platform | say https://host",
                "https://host/taxii2/root | a TAXII server |"
                        + " say https://host as url (for a destination, /taxii2/root is the api-root)",
                "https://host/taxii2/root/collections/c1/objects/ | a TAXII server |"
                        + " say https://host as url (for a destination, /taxii2/root is the api-root, and c1 the collection)",
                "https://host/taxii2 | a TAXII server | say https://host",
                "https://host/storage/get/import/a.bin | a file on the platform | say https://host"
            })
    void whatIsPastedIsNamedWithWhatIsRight(String pasted, String what, String right) {
        assertThatThrownBy(() -> PlatformAddress.of(pasted))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(what)
                .hasMessageEndingWith(right);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "opencti.example.org | say https://opencti.example.org, or http://",
                "localhost:8080 | say https://localhost:8080, or http://localhost:8080",
                "ftp://host | neither http:// nor https://",
                "http:/host | neither http:// nor https://",
                "htt ps://host | neither http:// nor https://",
                "1http://host | neither http:// nor https://",
                "://host | neither http:// nor https://",
                "https://my host | url holds a space",
                "https://host/a\"b | url holds the character \"",
                "https://höst | written in ASCII, as xn--",
                "https://host/<base> | url holds the character <",
                "https://host\\opencti | url holds the character \\",
                "https://host/100% | url is no address from its character",
                "https://[::1 | url is no address",
                "https:// | url is no address",
                "https://host:port | its host or port cannot be",
                "https://host:99999 | its host or port cannot be",
                "https://a_b | a host's name holds no underscore",
                "https://host?x=1 | without user, ? or #",
                "https://host#x | without user, ? or #"
            })
    void whatIsNoAddressIsSaidWithoutJavasWords(String typed, String said) {
        assertThatThrownBy(() -> PlatformAddress.of(typed))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("url ")
                .hasMessageContaining(said)
                .message()
                .doesNotContainIgnoringCase("illegal")
                .doesNotContainIgnoringCase("expected")
                .doesNotContain("\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://me:s3cret@host",
                "https://me:s3cret@host/stream/live",
                "ftp://me:s3cret@host",
                "me:s3cret@host",
                "https://me:s3 cret@host",
                "https://host/graphql?token=s3cret",
                "https://me:s3cret@host:99999"
            })
    void noMessageRepeatsASecret(String typed) {
        assertThatThrownBy(() -> PlatformAddress.of(typed))
                .isInstanceOf(IllegalArgumentException.class)
                .message()
                .doesNotContain("s3cret");
    }

    @Test
    void httpsInCapitalsUsesTheProxyOfTheEnvironment() {
        URI platform = URI.create(PlatformAddress.of("HTTPS://opencti.example.org"));
        assertThat(Proxy.of("", platform, Map.of("HTTPS_PROXY", "HTTP://proxy:3128")))
                .hasValueSatisfying(proxy -> assertThat(proxy).hasToString("proxy:3128"));
    }
}
