package io.caravan.opencti;

import io.caravan.opencti.push.OpenctiProducer;
import io.caravan.opencti.stream.OpenctiConsumer;
import java.util.Map;
import java.util.Set;
import org.apache.camel.Category;
import org.apache.camel.Consumer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.UriEndpoint;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriPath;
import org.apache.camel.support.DefaultEndpoint;
import org.apache.camel.support.DefaultProducer;

/**
 * Follow the event stream of an OpenCTI platform, in order and without losing an event, and write to another.
 *
 * Events arrive in batches, one exchange a batch, and one batch is under way at a time. The body is a list of
 * messages, one an event, with the event as body and its name in the header op. The position is stored when the exchange
 * is done without an exception; an exchange that fails is made anew from the same events until it does not.
 *
 * A route that is handed such batches after their events were understood writes them to another platform: objects that are
 * upserted, removed, merged, renamed there.
 */
@UriEndpoint(
        firstVersion = "0.1.0",
        scheme = "opencti",
        title = "OpenCTI",
        syntax = "opencti:stream",
        category = {Category.MONITORING})
public class OpenctiEndpoint extends DefaultEndpoint {

    /** The name of the destination that the settings tell of. */
    public static final String DESTINATION = "destination";

    @UriPath(
            description =
                    "From: live, the id of a live stream, or raw for the base stream. To: a name of your choice for the"
                            + " platform that is written to; destination is the one of the settings.")
    @Metadata(required = true)
    private String stream;

    @UriParam
    private OpenctiConfiguration configuration;

    @UriParam
    private PushConfiguration push;

    /** Whether the address is the endpoint's own, not the component's: the component's token is not for another platform. */
    private final Set<String> own;

    /** @param own the options that the endpoint is given itself */
    public OpenctiEndpoint(
            String uri,
            OpenctiComponent component,
            OpenctiConfiguration configuration,
            PushConfiguration push,
            Set<String> own) {
        super(uri, component);
        this.configuration = configuration;
        this.push = push;
        this.own = Set.copyOf(own);
    }

    @Override
    public Consumer createConsumer(Processor processor) throws Exception {
        OpenctiConsumer consumer = new OpenctiConsumer(this, processor);
        configureConsumer(consumer);
        return consumer;
    }

    /** @throws IllegalArgumentException without an address of its own, or when another option cannot be used */
    @Override
    public Producer createProducer() {
        if (!own.contains("url")) {
            return nowhere();
        }
        forgetTheComponents();
        OpenctiProducer producer = new OpenctiProducer(this, configuration, push);
        ((OpenctiComponent) getComponent()).add(producer);
        return producer;
    }

    /** What the component says of the platform that is followed is not for another. */
    private void forgetTheComponents() {
        OpenctiConfiguration none = new OpenctiConfiguration();
        Map<String, Runnable> options = Map.of(
                "token", () -> configuration.setToken(none.getToken()),
                "tokenFile", () -> configuration.setTokenFile(none.getTokenFile()),
                "sslVerify", () -> configuration.setSslVerify(none.isSslVerify()),
                "caFile", () -> configuration.setCaFile(none.getCaFile()),
                "clientCertFile", () -> configuration.setClientCertFile(none.getClientCertFile()),
                "clientKeyFile", () -> configuration.setClientKeyFile(none.getClientKeyFile()),
                "proxy", () -> configuration.setProxy(none.getProxy()));
        options.forEach((option, forget) -> {
            if (!own.contains(option)) {
                forget.run();
            }
        });
    }

    /** The route of the settings' destination is there also where the sink is not enabled. */
    private Producer nowhere() {
        String mistake = "opencti:" + stream
                + " is not said where to write to: give it url and token, or name the sink opencti in caravan.sinks and write to"
                + " opencti:" + DESTINATION;
        if (!stream.equals(DESTINATION)) {
            throw new IllegalArgumentException(mistake);
        }
        return new DefaultProducer(this) {
            @Override
            public void process(Exchange exchange) {
                throw new IllegalStateException(mistake);
            }
        };
    }

    /** The platform that is followed. */
    public OpenctiConfiguration source() {
        return ((OpenctiComponent) getComponent()).getConfiguration();
    }

    public String sourceUrl() {
        return source().getUrl();
    }

    public String getStream() {
        return stream;
    }

    public void setStream(String stream) {
        this.stream = stream;
    }

    public PushConfiguration getPush() {
        return push;
    }

    public void setPush(PushConfiguration push) {
        this.push = push;
    }

    public OpenctiConfiguration getConfiguration() {
        return configuration;
    }

    public void setConfiguration(OpenctiConfiguration configuration) {
        this.configuration = configuration;
    }
}
