package io.caravan.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A certificate authority of a test's own, with one certificate for a server at localhost and 127.0.0.1 and one for a
 * client, made by the JDK's keytool in a given directory (about two seconds) and exported there as PEM. Immutable.
 *
 * @param ca the authority's certificate: {@code ca.pem}
 * @param server the server's certificate and the authority's: {@code server.pem}
 * @param serverKey the server's private key, PKCS 8, not encrypted: {@code server-key.pem}
 * @param client the client's certificate and the authority's: {@code client.pem}
 * @param clientKey the client's private key, PKCS 8, not encrypted: {@code client-key.pem}
 * @param serverContext for a server that trusts the authority's clients
 * @param clientContext for a client that trusts the authority and shows its certificate
 */
public record TestCertificates(
        Path ca,
        Path server,
        Path serverKey,
        Path client,
        Path clientKey,
        SSLContext serverContext,
        SSLContext clientContext) {

    private static final String PASSWORD = "changeit";

    public static TestCertificates in(Path directory) {
        try {
            Path store = directory.resolve("test.p12");
            keytool(store, "ca", "-dname", "CN=Test authority", "-ext", "bc:c=ca:true", "-ext", "ku:c=keyCertSign");
            keytool(
                    store,
                    "server",
                    "-dname",
                    "CN=localhost",
                    "-signer",
                    "ca",
                    "-ext",
                    "san=dns:localhost,ip:127.0.0.1",
                    "-ext",
                    "eku=serverAuth");
            keytool(store, "client", "-dname", "CN=Test client", "-signer", "ca", "-ext", "eku=clientAuth");
            return export(load(store), directory);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot make certificates in " + directory, e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("cannot read the certificates made in " + directory, e);
        }
    }

    private static TestCertificates export(KeyStore store, Path directory)
            throws IOException, GeneralSecurityException {
        return new TestCertificates(
                write(directory.resolve("ca.pem"), pem("CERTIFICATE", store.getCertificate("ca"))),
                write(directory.resolve("server.pem"), pem("CERTIFICATE", store.getCertificateChain("server"))),
                write(
                        directory.resolve("server-key.pem"),
                        pem("PRIVATE KEY", key(store, "server").getEncoded())),
                write(directory.resolve("client.pem"), pem("CERTIFICATE", store.getCertificateChain("client"))),
                write(
                        directory.resolve("client-key.pem"),
                        pem("PRIVATE KEY", key(store, "client").getEncoded())),
                context(store, "server"),
                context(store, "client"));
    }

    private static void keytool(Path store, String alias, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                alias,
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-validity",
                "3650",
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
                "-keystore",
                store.toString()));
        command.addAll(Arrays.asList(options));
        Process keytool = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (keytool.waitFor() != 0) {
                throw new IOException("keytool failed for " + alias + ": " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while keytool made " + alias, e);
        }
    }

    private static KeyStore load(Path store) throws IOException, GeneralSecurityException {
        try (InputStream in = Files.newInputStream(store)) {
            KeyStore loaded = KeyStore.getInstance("PKCS12");
            loaded.load(in, PASSWORD.toCharArray());
            return loaded;
        }
    }

    private static SSLContext context(KeyStore store, String alias) throws IOException, GeneralSecurityException {
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, null);
        own.setKeyEntry(alias, key(store, alias), PASSWORD.toCharArray(), store.getCertificateChain(alias));
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, PASSWORD.toCharArray());

        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("ca", store.getCertificate("ca"));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);

        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static Key key(KeyStore store, String alias) throws GeneralSecurityException {
        return store.getKey(alias, PASSWORD.toCharArray());
    }

    private static String pem(String label, Certificate... certificates) throws GeneralSecurityException {
        StringBuilder pem = new StringBuilder();
        for (Certificate certificate : certificates) {
            pem.append(pem(label, certificate.getEncoded()));
        }
        return pem.toString();
    }

    private static String pem(String label, byte[] der) {
        String base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + label + "-----\n" + base64 + "\n-----END " + label + "-----\n";
    }

    private static Path write(Path file, String text) throws IOException {
        return Files.writeString(file, text, StandardCharsets.US_ASCII);
    }
}
