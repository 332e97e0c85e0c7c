package io.caravan.opencti;

import java.io.EOFException;
import java.net.ConnectException;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.UnresolvedAddressException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;

/** Says why no answer came, for a person: what failed, and what to do; the JDK's own words only behind that. */
final class ConnectionFailure {

    private final URI url;
    private final Optional<Proxy> proxy;
    private final Duration connectTimeout;

    /** @param proxy where one is on the way */
    ConnectionFailure(URI url, Optional<Proxy> proxy, Duration connectTimeout) {
        this.url = url;
        this.proxy = proxy;
        this.connectTimeout = connectTimeout;
    }

    /** As a predicate: "cannot be reached: …". */
    String describe(Throwable failure) {
        List<Throwable> chain = chain(failure);
        if (failure instanceof HttpConnectTimeoutException) {
            return "cannot be reached" + through() + " within " + connectTimeout.toSeconds() + " s";
        }
        if (failure instanceof ConnectException) {
            boolean isUnknown = chain.stream().anyMatch(UnresolvedAddressException.class::isInstance);
            return isUnknown
                    ? "cannot be found" + through() + ": its host name is unknown"
                    : "cannot be reached" + through() + ": " + words(chain).orElse("Connection refused");
        }
        if (chain.stream().anyMatch(cause -> cause instanceof SSLException || cause instanceof CertificateException)) {
            return "TLS: " + ofTls(chain);
        }
        String said = words(chain).orElse("");
        boolean isNoHttp = failure instanceof ProtocolException || said.contains("Invalid status line");
        if (isNoHttp) {
            boolean isTls = said.contains("\u0015\u0003");
            return isTls
                    ? "speaks TLS at this port: url is to begin with https://"
                    : "does not speak HTTP at this port: see that url leads to the platform, and not to another service";
        }
        boolean isCut = chain.stream()
                .anyMatch(cause -> cause instanceof EOFException || cause instanceof ClosedChannelException);
        if (isCut
                || said.contains("received no bytes")
                || said.contains("Connection reset")
                || said.contains("Broken pipe")) {
            return "has closed the connection without an answer"
                    + (isTls() ? "" : " (if it speaks TLS at this port, url is to begin with https://)");
        }
        return "cannot be asked: " + (said.isEmpty() ? failure.getClass().getSimpleName() : said);
    }

    private String ofTls(List<Throwable> chain) {
        String said = words(chain).orElse("it failed");
        if (said.contains("Unsupported or unrecognized SSL message")
                || said.contains("plaintext connection")
                || said.contains("received no bytes")) { // it may close before its answer to no request is read
            return "there is none at this port: is url to begin with http://, or is it another port?";
        }
        if (has(chain, CertificateExpiredException.class)) {
            return "the certificate has expired: it is to be renewed there";
        }
        if (has(chain, CertificateNotYetValidException.class)) {
            return "the certificate is not valid yet: see the clocks there and here";
        }
        if (chain.stream().anyMatch(cause -> String.valueOf(cause.getMessage())
                .matches("(?s)No (subject alternative|name matching).*"))) {
            return "the certificate is for another host than " + url.getHost() + ": say its name in url";
        }
        boolean isUntrusted = has(chain, CertPathValidatorException.class)
                || chain.stream()
                        .anyMatch(cause -> cause.getClass().getSimpleName().equals("SunCertPathBuilderException"));
        if (isUntrusted) {
            return "the certificate is not trusted: a private certificate authority is named by ca-file";
        }
        if (said.contains("Received fatal alert")) {
            return "the other side refused (" + said.replaceFirst(".*: ", "")
                    + "): if it asks for a certificate of ours, name one by client-cert-file and client-key-file";
        }
        if (said.contains("terminated the handshake") || has(chain, EOFException.class)) {
            return "the other side closed the connection during the handshake: if there is no TLS at this port, url is to begin with http://";
        }
        return said + " (a private certificate authority is named by ca-file)";
    }

    private String through() {
        return proxy.map(by -> " through the proxy " + by).orElse("");
    }

    private boolean isTls() {
        return "https".equals(url.getScheme());
    }

    private static boolean has(List<Throwable> chain, Class<? extends Throwable> type) {
        return chain.stream().anyMatch(type::isInstance);
    }

    /** The first message of the chain; many of the JDK's exceptions have none. */
    private static Optional<String> words(List<Throwable> chain) {
        return chain.stream()
                .map(Throwable::getMessage)
                .filter(message -> message != null && !message.isBlank())
                .findFirst();
    }

    private static List<Throwable> chain(Throwable failure) {
        List<Throwable> chain = new ArrayList<>();
        for (Throwable cause = failure; cause != null && !chain.contains(cause); cause = cause.getCause()) {
            chain.add(cause);
        }
        return chain;
    }
}
