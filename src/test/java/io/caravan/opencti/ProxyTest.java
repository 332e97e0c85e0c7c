package io.caravan.opencti;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyTest {

    private static final URI PLATFORM = URI.create("https://opencti.example.org/base");
    private static final Map<String, String> NO_ENVIRONMENT = Map.of();

    @ParameterizedTest
    @CsvSource({
        "http://proxy:3128,     proxy,       3128",
        "http://proxy,          proxy,       80",
        "http://proxy:3128/,    proxy,       3128",
        "proxy.example.org:3128, proxy.example.org, 3128",
        "' http://10.0.0.1:8080 ', 10.0.0.1, 8080"
    })
    void theOptionNamesHostAndPort(String option, String host, int port) {
        assertThat(Proxy.of(option, PLATFORM, NO_ENVIRONMENT)).contains(new Proxy(host, port, Optional.empty()));
    }

    @ParameterizedTest
    @CsvSource({
        "http://user:secret@proxy:3128,      user:secret",
        "user:secret@proxy:3128,             user:secret",
        "http://user@proxy:3128,             user",
        "http://us%40er:s%3Ae%2Fc%25@proxy,  us@er:s:e/c%",
        "http://user:a+b@proxy,              user:a+b",
        "http://user:p%C3%A4ss@proxy,        user:p\u00e4ss"
    })
    void theOptionHoldsCredentials(String option, String credentials) {
        assertThat(Proxy.of(option, PLATFORM, NO_ENVIRONMENT).orElseThrow().credentials())
                .contains(credentials);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://me:hush@proxy:3128",
                "socks5://me:hush@proxy:1080",
                "http://",
                "http://me:hush@",
                "http://me:hush@:3128",
                "http://me:hush@proxy:0",
                "http://me:hush@proxy:65536",
                "http://me:hush@proxy:port",
                "http://me:hush/x@proxy:3128"
            })
    void anythingElseIsAMistakeThatKeepsThePasswordToItself(String option) {
        assertThatThrownBy(() -> Proxy.of(option, PLATFORM, NO_ENVIRONMENT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasNoCause()
                .hasMessageContaining("proxy is no proxy's address")
                .hasMessageContaining("http://host:3128")
                .hasMessageNotContaining("me:hu");
    }

    @Test
    void inALogItIsWithoutThePassword() {
        assertThat(Proxy.of("http://user:secret@proxy:3128", PLATFORM, NO_ENVIRONMENT))
                .hasToString("Optional[proxy:3128]");
    }

    @Test
    void everyAddressGoesThroughIt() {
        Proxy proxy = Proxy.of("http://proxy:3128", PLATFORM, NO_ENVIRONMENT).orElseThrow();

        assertThat(proxy.selector().select(PLATFORM))
                .extracting(java.net.Proxy::address)
                .containsExactly(InetSocketAddress.createUnresolved("proxy", 3128));
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " "})
    void withoutTheOptionTheEnvironmentCounts(String option) {
        assertThat(Proxy.of(option, PLATFORM, Map.of("HTTPS_PROXY", "http://proxy:3128")))
                .contains(new Proxy("proxy", 3128, Optional.empty()));
        assertThat(Proxy.of(option, PLATFORM, Map.of("https_proxy", "http://proxy:3128")))
                .contains(new Proxy("proxy", 3128, Optional.empty()));
        assertThat(Proxy.of(option, PLATFORM, Map.of("HTTPS_PROXY", " "))).isEmpty();
        assertThat(Proxy.of(option, PLATFORM, NO_ENVIRONMENT)).isEmpty();
    }

    @Test
    void theOptionBeatsTheEnvironment() {
        Map<String, String> environment = Map.of("HTTPS_PROXY", "http://other:1", "NO_PROXY", "*");

        assertThat(Proxy.of("http://proxy:3128", PLATFORM, environment))
                .contains(new Proxy("proxy", 3128, Optional.empty()));
    }

    @Test
    void theEnvironmentIsForHttpsOnly() {
        URI plain = URI.create("http://opencti.example.org");

        assertThat(Proxy.of(null, plain, Map.of("HTTPS_PROXY", "http://proxy:3128", "HTTP_PROXY", "http://proxy:3128")))
                .isEmpty();
        assertThat(Proxy.of("http://proxy:3128", plain, NO_ENVIRONMENT)).isPresent();
    }

    @Test
    void aMistakeInTheEnvironmentIsNamed() {
        assertThatThrownBy(() -> Proxy.of(null, PLATFORM, Map.of("HTTPS_PROXY", "https://user:secret@proxy:3128")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("HTTPS_PROXY is no proxy's address")
                .hasMessageNotContaining("user:secret@proxy");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "*",
                "opencti.example.org",
                "OpenCTI.Example.org",
                ".opencti.example.org",
                "example.org",
                ".example.org",
                "*.example.org",
                "org",
                "opencti.example.org:443",
                "localhost,127.0.0.1,example.org",
                "localhost, 127.0.0.1, .example.org",
                "localhost example.org"
            })
    void noProxyExempts(String exempt) {
        assertThat(proxyUnless(exempt, PLATFORM)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",",
                " , ",
                ".",
                "example.com",
                "ample.org",
                "opencti",
                "cti.example.org",
                "x.opencti.example.org",
                "opencti.example.org:8443",
                "opencti.example.org.",
                "opencti-example.org"
            })
    void noProxyExemptsNothingElse(String exempt) {
        assertThat(proxyUnless(exempt, PLATFORM)).isPresent();
    }

    @Test
    void noProxyMayNameAPortAndAnAddress() {
        assertThat(proxyUnless("10.0.0.1:8443", URI.create("https://10.0.0.1:8443")))
                .isEmpty();
        assertThat(proxyUnless("10.0.0.1", URI.create("https://10.0.0.1:8443"))).isEmpty();
        assertThat(proxyUnless("10.0.0.1:443", URI.create("https://10.0.0.1:8443")))
                .isPresent();
        assertThat(proxyUnless("[::1]", URI.create("https://[::1]:8443"))).isEmpty();
    }

    private static Optional<Proxy> proxyUnless(String exempt, URI platform) {
        String proxy = "http://proxy:3128";
        Optional<Proxy> chosen = Proxy.of(null, platform, Map.of("HTTPS_PROXY", proxy, "NO_PROXY", exempt));
        assertThat(Proxy.of(null, platform, Map.of("https_proxy", proxy, "no_proxy", exempt)))
                .isEqualTo(chosen);
        return chosen;
    }
}
