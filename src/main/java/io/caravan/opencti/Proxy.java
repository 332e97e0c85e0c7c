package io.caravan.opencti;

import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The HTTP proxy on the way to a platform. The JDK keeps a password back from a proxy that tunnels to an https platform
 * unless it is started with {@code -Djdk.http.auth.tunneling.disabledSchemes=}, as the launcher does.
 *
 * @param credentials {@code user:secret}
 */
record Proxy(String host, int port, Optional<String> credentials) {

    /** The one that the option names, else the one the environment names for an https platform. */
    static Optional<Proxy> of(String option, URI platform, Map<String, String> environment) {
        if (option != null && !option.isBlank()) {
            return Optional.of(parse("proxy", option.strip()));
        }
        Optional<String> variable = variable("HTTPS_PROXY", environment);
        if (!platform.getScheme().equals("https") || variable.isEmpty() || isExempt(platform, environment)) {
            return Optional.empty();
        }
        return Optional.of(parse("HTTPS_PROXY", variable.get()));
    }

    ProxySelector selector() {
        return ProxySelector.of(InetSocketAddress.createUnresolved(host, port));
    }

    private static Proxy parse(String name, String value) {
        IllegalArgumentException mistake = new IllegalArgumentException(
                name + " is no proxy's address, which is like http://host:3128 or http://user:secret@host:3128");
        try {
            URI uri = URI.create(value.contains("://") ? value : "http://" + value);
            if (!"http".equals(uri.getScheme()) || uri.getHost() == null || uri.getPort() == 0) {
                throw mistake;
            }
            Optional<String> credentials = Optional.ofNullable(uri.getRawUserInfo())
                    .map(pair -> URLDecoder.decode(pair.replace("+", "%2B"), StandardCharsets.UTF_8));
            return new Proxy(uri.getHost(), uri.getPort() < 0 ? 80 : uri.getPort(), credentials);
        } catch (IllegalArgumentException e) {
            throw mistake; // without its cause: that quotes the value, and the value holds a password
        }
    }

    /** NO_PROXY: host names, each with all that ends in it, addresses, or * for all; perhaps with a port. */
    private static boolean isExempt(URI platform, Map<String, String> environment) {
        String host = platform.getHost().toLowerCase(Locale.ROOT);
        int port = platform.getPort() < 0 ? 443 : platform.getPort();
        for (String entry : variable("NO_PROXY", environment).orElse("").split("[,\\s]+")) {
            String exempt = entry.toLowerCase(Locale.ROOT).replaceFirst("^\\*?\\.", "");
            if (exempt.endsWith(":" + port)) {
                exempt = exempt.substring(0, exempt.lastIndexOf(':'));
            }
            if (exempt.equals("*") || !exempt.isEmpty() && (host.equals(exempt) || host.endsWith("." + exempt))) {
                return true;
            }
        }
        return false;
    }

    private static Optional<String> variable(String name, Map<String, String> environment) {
        return Optional.ofNullable(environment.getOrDefault(name, environment.get(name.toLowerCase(Locale.ROOT))))
                .map(String::strip)
                .filter(value -> !value.isEmpty());
    }

    /** Without the password. */
    @Override
    public String toString() {
        return host + ":" + port;
    }
}
