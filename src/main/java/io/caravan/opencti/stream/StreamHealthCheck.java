package io.caravan.opencti.stream;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;

/** Down while the platform is not heard or the batch under way is refused, with the reason and the position. */
final class StreamHealthCheck extends AbstractHealthCheck {

    private final OpenctiConsumer consumer;

    StreamHealthCheck(OpenctiConsumer consumer, String stream) {
        super("consumers", "opencti-" + stream);
        this.consumer = consumer;
    }

    @Override
    public boolean isLiveness() {
        return false; // a restart mends neither a platform nor a sink that is away
    }

    @Override
    protected void doCall(HealthCheckResultBuilder builder, Map<String, Object> options) {
        builder.detail("position", consumer.getPosition());
        builder.detail("deadLetters", consumer.getDeadLetters());
        builder.detail("removalsSkipped", consumer.counters().stillShown());
        builder.detail("removalsUnanswered", consumer.counters().unanswered());
        List<String> troubles = new ArrayList<>();
        consumer.trouble().ifPresent(reason -> troubles.add("the platform " + reason));
        consumer.sinkTrouble().ifPresent(reason -> troubles.add("a batch waits and is tried again: " + reason));
        if (consumer.isRecovering()) {
            troubles.add("the platform's log had a gap, and what happened in it is being found out by a snapshot");
        }
        if (troubles.isEmpty()) {
            builder.up();
        } else {
            builder.message(String.join("; ", troubles)).down();
        }
    }
}
