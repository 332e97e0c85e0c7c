package io.caravan.ops;

import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import com.fasterxml.jackson.core.io.JsonStringEncoder;

/**
 * One JSON object a log entry ({@code caravan.log-format=json}): as logback writes it, but {@code message} is the text with its
 * values filled in, as log collectors read it, and not the pattern. Used by logback alone, named in {@code logback.xml}.
 */
public final class JsonLogEncoder extends JsonEncoder {

    public JsonLogEncoder() {
        setWithMessage(false);
        setWithFormattedMessage(true); // under logback's own name for it, which some collectors know
        setWithArguments(false); // they are in the text
        setWithContext(false);
    }

    @Override
    protected void appendCustomFields(StringBuilder json, ILoggingEvent event) {
        json.append(",\"").append(MESSAGE_ATTR_NAME).append("\":\"");
        JsonStringEncoder.getInstance().quoteAsString(String.valueOf(event.getFormattedMessage()), json);
        json.append('"');
    }
}
