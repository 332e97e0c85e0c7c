package io.caravan.event;

import io.caravan.testkit.Capture;
import io.caravan.testkit.Frame;
import java.util.List;
import java.util.stream.Stream;

/** The recorded events that are about an indicator. */
public final class CapturedIndicators {

    /** All recordings. */
    private static final List<String> CAPTURES = List.of(
            "runA/runA-all.sse",
            "runA/runA-green.sse",
            "runA/runA-indicator.sse",
            "big/big-all.sse",
            "reconnect/from-before-retention.sse",
            "reconnect/recover-all-from-0.sse",
            "reconnect/recover-indicator-from-0.sse",
            "reconnect/recover-on-origin-filtered-stream.sse",
            "volume/vol-all.sse");

    private CapturedIndicators() {}

    public static Stream<Event> events() {
        return CAPTURES.stream()
                .flatMap(capture -> Capture.events(capture).stream())
                .flatMap(CapturedIndicators::event)
                .filter(event -> event.object().type().equals("indicator"));
    }

    /** None where the frame is no event that can be read. */
    private static Stream<Event> event(Frame frame) {
        return EventId.of(frame.id()).isPresent() ? Stream.of(Events.event(frame)) : Stream.empty();
    }
}
