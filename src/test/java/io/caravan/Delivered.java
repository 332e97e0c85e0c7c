package io.caravan;

import io.caravan.event.EventId;
import io.caravan.event.Position;
import io.caravan.ops.Program;
import io.caravan.testkit.Frame;
import java.util.List;
import java.util.Optional;

/**
 * Whether everything up to an event is delivered. A heartbeat may have moved the position further, so it is never compared for
 * equality; and where several events share an id, the first of them brings the position there: the event must have an id of its
 * own.
 */
final class Delivered {

    private Delivered() {}

    static boolean upTo(Frame last, Program program) {
        Optional<Position> position = program.consumers().get(0).position();
        return position.isPresent() && upTo(last, position.get());
    }

    static boolean upTo(Frame last, Position position) {
        return !EventId.parse(last.id()).isAbove(position.newest());
    }

    static Frame last(List<Frame> frames) {
        return frames.get(frames.size() - 1);
    }
}
