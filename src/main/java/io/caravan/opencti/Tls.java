package io.caravan.opencti;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import nl.altindag.ssl.SSLFactory;
import nl.altindag.ssl.pem.util.PemUtils;

/** TLS as the options ask for it. */
public final class Tls {

    private Tls() {}

    /** Empty where the JVM's own is right. */
    public static Optional<SSLContext> context(OpenctiConfiguration configuration) {
        boolean trustsMore = isSet(configuration.getCaFile());
        boolean showsItself = isSet(configuration.getClientCertFile());
        if (showsItself != isSet(configuration.getClientKeyFile())) {
            throw new IllegalArgumentException("client-cert-file and client-key-file go together: set both or none");
        }
        if (configuration.isSslVerify() && !trustsMore && !showsItself) {
            return Optional.empty();
        }
        SSLFactory.Builder tls = SSLFactory.builder();
        if (configuration.isSslVerify()) {
            tls.withDefaultTrustMaterial();
            if (trustsMore) {
                X509ExtendedTrustManager more = pem("ca-file", configuration.getCaFile(), PemUtils::loadTrustMaterial);
                tls.withTrustMaterial(more);
            }
        } else {
            tls.withUnsafeTrustMaterial().withUnsafeHostnameVerifier();
        }
        if (showsItself) {
            Path certificate = readable("client-cert-file", configuration.getClientCertFile());
            X509ExtendedKeyManager identity = pem(
                    "client-key-file",
                    configuration.getClientKeyFile(),
                    key -> PemUtils.loadIdentityMaterial(certificate, key));
            tls.withIdentityMaterial(identity);
        }
        return Optional.of(tls.build().getSslContext());
    }

    private static <T> T pem(String option, String file, Function<Path, T> load) {
        Path path = readable(option, file);
        try {
            return load.apply(path);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    option + ": the file " + file + " holds no usable PEM: " + e.getMessage(), e);
        }
    }

    private static Path readable(String option, String file) {
        Path path = Path.of(file);
        if (!Files.isReadable(path)) {
            throw new IllegalArgumentException(option + ": the file " + file + " is not there or cannot be read");
        }
        return path;
    }

    private static boolean isSet(String option) {
        return option != null && !option.isBlank();
    }
}
