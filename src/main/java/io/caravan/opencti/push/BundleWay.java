package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Bytes;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/** By GraphQL: the platform cuts a bundle into its objects and queues them. */
final class BundleWay implements Way {

    private static final String PUSH = "mutation Push($id: String!, $bundle: String!, $work: String) {"
            + " stixBundlePush(connectorId: $id, bundle: $bundle, work_id: $work) }";

    private final GraphQl api;
    private final Connector connector;
    /** The work of a push that did not get through. */
    private Optional<String> spare = Optional.empty();
    /** What the destination was last told as the connector's state, by any thread. */
    private volatile String state = "{}";

    BundleWay(GraphQl api, Connector connector) {
        this.api = api;
        this.connector = connector;
    }

    @Override
    public Optional<String> push(Run run) throws IOException, InterruptedException, Refused {
        Bytes bundle = Bundles.of(run);
        String work = spare.isPresent() ? spare.get() : connector.work(run.toString());
        spare = Optional.of(work);
        try {
            JsonNode told =
                    api.ask(PUSH, Map.of("id", connector.id(), "bundle", bundle, "work", work), "stixBundlePush");
            if (!told.path("stixBundlePush").asBoolean()) {
                throw api.unpromised("without saying that it has queued the bundle (stixBundlePush is "
                        + told.path("stixBundlePush").getNodeType() + ")");
            }
            spare = Optional.empty();
        } catch (Answers.NotTaken e) {
            spare = Optional.empty();
            throw new Refused(e.getMessage());
        } catch (GraphQl.Failed e) {
            if (e.getMessage().contains("Invalid connector")) {
                connector.forget(); // somebody deleted it in the platform
                spare = Optional.empty();
                throw e;
            }
            if (e.isOfTheBundle()) {
                spare = Optional.empty();
                throw new Refused(e.getMessage());
            }
            throw e;
        }
        return Optional.of(work);
    }

    /** A mutation, as a push is: something in between may let queries through and no mutation. */
    @Override
    public boolean answersOthers(Answers.Forbidden refusal) throws IOException, InterruptedException {
        connector.ping(state);
        return true;
    }

    @Override
    public Optional<Outcome> outcome(String work) throws IOException, InterruptedException {
        return connector.outcome(work);
    }

    @Override
    public void ping(String state) throws IOException, InterruptedException {
        this.state = state;
        connector.ping(state);
    }
}
