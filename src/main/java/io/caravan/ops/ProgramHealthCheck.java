package io.caravan.ops;

import java.util.Map;
import java.util.function.Supplier;
import org.apache.camel.CamelContext;
import org.apache.camel.Ordered;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;

/** Not ready while the program starts or stops; alive as long as it can say so, for a restart mends neither. */
final class ProgramHealthCheck extends AbstractHealthCheck {

    private final Supplier<CamelContext> context;

    /** @param context asked when the check is, and there by then */
    ProgramHealthCheck(Supplier<CamelContext> context) {
        super("caravan", "caravan");
        this.context = context;
    }

    @Override
    public int getOrder() {
        return Ordered.HIGHEST;
    }

    @Override
    protected void doCall(HealthCheckResultBuilder builder, Map<String, Object> options) {
        if (context.get().isStarted()) {
            builder.up();
        } else {
            boolean isStopping = context.get().isStopping() || context.get().isStopped();
            builder.message(isStopping ? "Caravan is stopping" : "Caravan is starting")
                    .down();
        }
    }
}
