package io.caravan.opencti;

import java.util.Map;
import org.apache.camel.Endpoint;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.annotations.Component;
import org.apache.camel.support.DefaultComponent;

/** The {@code opencti:} component: its configuration is every endpoint's default. */
@Component("opencti")
public class OpenctiComponent extends DefaultComponent {

    @Metadata(description = "The options that every endpoint starts from.")
    private OpenctiConfiguration configuration = new OpenctiConfiguration();

    public OpenctiConfiguration getConfiguration() {
        return configuration;
    }

    public void setConfiguration(OpenctiConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void doInit() throws Exception {
        super.doInit();
        EventConversions.register(getCamelContext().getTypeConverterRegistry());
    }

    @Override
    protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) throws Exception {
        OpenctiEndpoint endpoint = new OpenctiEndpoint(uri, this, configuration.copy());
        endpoint.setStream(remaining);
        setProperties(endpoint, parameters);
        return endpoint;
    }
}
