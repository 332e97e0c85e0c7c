package io.caravan.opencti;

import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The HTTP proxy on the way to a platform. The JDK keeps a password back from a proxy that tunnels to an https platform
 * unless it is started with {@code -Djdk.http.auth.tunneling.disabledSchemes=}, as the launcher does.
 *
 * @param credentials {@code user:secret}
 */
record Proxy(String host, int port, Optional<String> credentials) {

    /** Not a URI's grammar: names of hosts may hold an underscore, as those of containers do. */
    private static final Pattern ADDRESS = Pattern.compile(
            "(?i)(http://)?((?<user>[^/]*)@)?(?<host>[\\w.-]+|\\[[0-9a-f:.]+\\])(:(?<port>[0-9]{1,5}))?/?");

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
        Matcher address = ADDRESS.matcher(value);
        if (address.matches()) {
            int port = address.group("port") == null ? 80 : Integer.parseInt(address.group("port"));
            if (port > 0 && port < 65_536) {
                return new Proxy(
                        address.group("host"),
                        port,
                        Optional.ofNullable(address.group("user")).map(Proxy::decoded));
            }
        }
        throw new IllegalArgumentException( // which does not quote the value: it may hold a password
                name + " is no proxy's address, which is like http://host:3128 or http://user:secret@host:3128");
    }

    private static String decoded(String credentials) {
        try {
            return URLDecoder.decode(credentials.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return credentials; // a percent sign that was not meant to encode
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
