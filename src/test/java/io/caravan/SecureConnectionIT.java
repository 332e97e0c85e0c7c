package io.caravan;

import static io.caravan.testkit.Frames.create;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.ops.Program;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.FakeProxy;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Patience;
import io.caravan.testkit.TestCertificates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TLS and proxies on the way to the platform, with real certificates and real sockets. */
class SecureConnectionIT {

    private static final Duration SOON = Patience.SOON;
    private static final Frame EVENT = create("1000-0", "tool--00000000-0000-4000-8000-000000000001");

    @TempDir
    static Path certificateFolder;

    private static TestCertificates certificates;

    @TempDir
    Path home;

    private FakePlatform platform;
    private Program program;

    @BeforeAll
    static void makeCertificates() throws Exception {
        certificates = TestCertificates.in(certificateFolder);
    }

    @AfterEach
    void stop() {
        if (program != null) {
            program.close();
        }
        platform.close();
    }

    @Test
    void trustsThePlatformByACaFile() throws Exception {
        platform = FakePlatform.startTls(certificates).append(EVENT);
        program = install().set("opencti.ca-file", certificates.ca().toString()).start();
        awaitEvent();
    }

    @Test
    void trustsNoPlatformThatNobodyVouchesFor() throws Exception {
        platform = FakePlatform.startTls(certificates).append(EVENT);
        program = install().start();
        await().atMost(SOON).until(() -> trouble().contains("TLS") && trouble().contains("ca-file"));
        assertThat(platform.requests()).isEmpty();
    }

    @Test
    void connectsUnverifiedOnlyWhenToldTo() throws Exception {
        platform = FakePlatform.startTls(certificates).append(EVENT);
        program = install().set("opencti.ssl-verify", "false").start();
        awaitEvent();
    }

    @Test
    void showsItsClientCertificate() throws Exception {
        platform = FakePlatform.startMutualTls(certificates).append(EVENT);
        program = install()
                .set("opencti.ca-file", certificates.ca().toString())
                .set("opencti.client-cert-file", certificates.client().toString())
                .set("opencti.client-key-file", certificates.clientKey().toString())
                .start();
        awaitEvent();
    }

    @Test
    void saysThatThePlatformWantsAClientCertificate() throws Exception {
        platform = FakePlatform.startMutualTls(certificates).append(EVENT);
        program = install().set("opencti.ca-file", certificates.ca().toString()).start();
        await().atMost(SOON).until(() -> !trouble().contains("not answered"));
        assertThat(trouble()).contains("certificate");
    }

    @Test
    void saysWhichFileHoldsNoCertificate() throws Exception {
        platform = FakePlatform.start();
        Path broken = Files.writeString(home.resolve("broken.pem"), "no certificate");
        Installation caravan = install().set("opencti.ca-file", broken.toString());
        assertThat(caravan.settings().mistakes())
                .singleElement()
                .asString()
                .startsWith("opencti.ca-file: the file " + broken);
        caravan.set("opencti.ca-file", "")
                .set("opencti.client-cert-file", certificates.client().toString());
        assertThat(caravan.settings().mistakes())
                .containsExactly("opencti.client-cert-file and client-key-file go together: set both or none");
    }

    @Test
    void goesThroughAProxyToAPlatformOverTls() throws Exception {
        platform = FakePlatform.startTls(certificates).append(EVENT);
        try (FakeProxy proxy = FakeProxy.start("carrier", "s3:cret/#%")) {
            program = install()
                    .set("opencti.ca-file", certificates.ca().toString())
                    .set("opencti.proxy", "http://carrier:s3%3Acret%2F%23%25@127.0.0.1:" + proxy.port())
                    .start();
            awaitEvent();
            assertThat(proxy.sawCredentials()).isTrue();
            assertThat(proxy.requests()).anyMatch(request -> request.method().equals("CONNECT"));
            assertThat(platform.requests()).allSatisfy(request -> assertThat(request.header("proxy-authorization"))
                    .isEmpty());
        }
    }

    @Test
    void goesThroughAProxyToAPlainPlatform() throws Exception {
        platform = FakePlatform.start().append(EVENT);
        try (FakeProxy proxy = FakeProxy.start()) {
            program = install().set("opencti.proxy", proxy.url()).start();
            awaitEvent();
            assertThat(proxy.requests()).isNotEmpty();
        }
    }

    @Test
    void saysThatTheProxyWantsOtherCredentialsWithoutTellingThem() throws Exception {
        platform = FakePlatform.startTls(certificates).append(EVENT);
        try (FakeProxy proxy = FakeProxy.start("carrier", "right")) {
            program = install()
                    .set("opencti.ca-file", certificates.ca().toString())
                    .set("opencti.proxy", proxy.url("carrier", "wr0ng-s3cret"))
                    .start();
            await().atMost(SOON).until(() -> trouble().contains("proxy"));
            assertThat(trouble()).doesNotContain("wr0ng-s3cret");
        }
    }

    private Installation install() throws IOException {
        return new Installation(home, platform);
    }

    private String trouble() {
        return program.consumers().get(0).trouble().orElse("");
    }

    private void awaitEvent() {
        await().atMost(SOON).until(() -> program.consumers().get(0).counters().delivered() == 1);
    }
}
