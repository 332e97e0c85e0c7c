package io.caravan.opencti;

import io.caravan.opencti.stream.OpenctiConsumer;
import org.apache.camel.Category;
import org.apache.camel.Consumer;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.UriEndpoint;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriPath;
import org.apache.camel.support.DefaultEndpoint;

/**
 * Follow the event stream of an OpenCTI platform, in order and without losing an event.
 *
 * Events arrive in batches, one exchange a batch, and one batch is under way at a time. The body is a list of
 * messages, one an event, with the event as body and its name in the header op. The position is stored when the exchange
 * is done without an exception; an exchange that fails is made anew from the same events until it does not.
 */
@UriEndpoint(
        firstVersion = "0.1.0",
        scheme = "opencti",
        title = "OpenCTI",
        syntax = "opencti:stream",
        consumerOnly = true,
        category = {Category.MONITORING})
public class OpenctiEndpoint extends DefaultEndpoint {

    @UriPath(description = "live, the id of a live stream, or raw for the base stream.")
    @Metadata(required = true)
    private String stream;

    @UriParam
    private OpenctiConfiguration configuration;

    public OpenctiEndpoint(String uri, OpenctiComponent component, OpenctiConfiguration configuration) {
        super(uri, component);
        this.configuration = configuration;
    }

    @Override
    public Consumer createConsumer(Processor processor) throws Exception {
        OpenctiConsumer consumer = new OpenctiConsumer(this, processor);
        configureConsumer(consumer);
        return consumer;
    }

    @Override
    public Producer createProducer() {
        throw new UnsupportedOperationException(
                "opencti: can only be read from (from: opencti:" + stream + "), not written to");
    }

    public String getStream() {
        return stream;
    }

    public void setStream(String stream) {
        this.stream = stream;
    }

    public OpenctiConfiguration getConfiguration() {
        return configuration;
    }

    public void setConfiguration(OpenctiConfiguration configuration) {
        this.configuration = configuration;
    }
}
