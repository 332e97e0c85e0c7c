package io.caravan.opencti.stream;

import io.caravan.event.Event;
import io.caravan.event.Meaning;
import io.caravan.event.RecordFailedException;
import java.io.IOException;
import org.apache.camel.Exchange;

/**
 * The step of a by-type route that reads what its events mean: {@code bean: {ref: update, method: changes}}. The body, an
 * event, becomes the event with its meaning; where an earlier step left nothing, nothing happens.
 */
public final class MeaningStep {

    private final Meaning.Reading reading;

    public MeaningStep(Meaning.Reading reading) {
        this.reading = reading;
    }

    public void changes(Exchange part) throws RecordFailedException, IOException {
        if (part.getMessage().getBody() instanceof Event event) {
            part.getMessage().setBody(Handover.of(part).read(event, reading));
        }
    }
}
