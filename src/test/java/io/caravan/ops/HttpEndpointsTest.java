package io.caravan.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpEndpointsTest {

    /** Whoever takes the port between a look at it and the real bind. */
    @Test
    void saysThatItDoesNotListenWhateverWasSeenBefore() throws Exception {
        Main main = new Main();
        try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            HttpAddress address = new HttpAddress("127.0.0.1", other.getLocalPort());
            HttpEndpoints endpoints = new HttpEndpoints(address, new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
            endpoints.configure(main);
            main.init();
            assertThat(endpoints.listen(main.getCamelContext()))
                    .hasValue("caravan.http-port: " + address
                            + " is in use by another program; say another, or 0 for none");
        } finally {
            main.stop();
            main.shutdown();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, http://127.0.0.1:8080/observe/health",
        "0.0.0.0, http://localhost:8080/observe/health",
        "::, http://localhost:8080/observe/health",
        "::1, http://[::1]:8080/observe/health",
        "no.such.host.invalid, http://no.such.host.invalid:8080/observe/health"
    })
    void isAskedAtAnAddressThatCanBeConnectedTo(String host, String uri) {
        assertThat(new HttpAddress(host, 8080).uri(HttpAddress.HEALTH)).hasToString(uri);
    }
}
