package io.caravan.opencti.push;

import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import io.caravan.opencti.Tls;
import java.time.Duration;
import java.util.Optional;

/** Makes the way that a destination's options ask for. */
final class Ways {

    private Ways() {}

    /**
     * @param connector its id, the same in every run
     * @throws IllegalArgumentException when an option that the way needs is missing
     */
    static Way of(OpenctiConfiguration connection, Platform platform, PushConfiguration options, String connector) {
        Duration patience = Duration.ofMillis(options.getAnswerTimeout());
        if (options.getWay() == PushConfiguration.Way.taxii) {
            if (options.getCollection() == null || options.getCollection().isBlank()) {
                throw new IllegalArgumentException(
                        "collection is not set: say the id of the TAXII collection to write to");
            }
            if (!options.getApiRoot().matches("(/[A-Za-z0-9._~-]+)+")) {
                throw new IllegalArgumentException("api-root is no path, such as /taxii2/root");
            }
            return new TaxiiWay(platform, options.getApiRoot(), options.getCollection(), patience);
        }
        GraphQl api = new GraphQl(platform, patience);
        Connector registered = new Connector(api, connector, options.getName());
        if (options.getWay() == PushConfiguration.Way.queue) {
            Optional<String> user = Optional.ofNullable(options.getUser()).filter(name -> !name.isBlank());
            return new QueueWay(registered, terms(connection, options), user, options.isPerfectSync());
        }
        return new BundleWay(api, registered);
    }

    static WorkerQueue.Terms terms(OpenctiConfiguration connection, PushConfiguration options) {
        Duration patience = Duration.ofMillis(options.getAnswerTimeout());
        return new WorkerQueue.Terms(Tls.context(connection), connection.isSslVerify(), patience);
    }
}
