package io.caravan.ops;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxy;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class JsonLogEncoderTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain",
                "a \"quoted\" one, a \\, a \ttab",
                "two\nlines\r\nand a third",
                "\u0000 \u001b[31m \u007f",
                "\u2028 \u2029 \ud83d\ude00 שלום"
            })
    void hasTheTextOnOneLineWhateverIsInIt(String value) throws Exception {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        LoggingEvent event = new LoggingEvent(
                "", context.getLogger("io.caravan.Some"), Level.WARN, "{} not {}", null, new Object[] {value, 7});
        event.setThrowableProxy(new ThrowableProxy(new IllegalStateException(value)));
        JsonLogEncoder encoder = new JsonLogEncoder();
        encoder.setContext(context);
        encoder.start();

        String line = new String(encoder.encode(event), StandardCharsets.UTF_8);

        assertThat(line).endsWith("}\n").containsOnlyOnce("\n");
        JsonNode entry = new ObjectMapper().readTree(line);
        assertThat(entry.path("message").textValue()).isEqualTo(value + " not 7");
        assertThat(entry.path("formattedMessage").textValue()).isEqualTo(value + " not 7");
        assertThat(entry.path("level").textValue()).isEqualTo("WARN");
        assertThat(entry.path("loggerName").textValue()).isEqualTo("io.caravan.Some");
        assertThat(entry.path("timestamp").longValue()).isEqualTo(event.getTimeStamp());
        assertThat(entry.path("throwable").path("className").textValue())
                .isEqualTo(IllegalStateException.class.getName());
        assertThat(entry.path("throwable").path("message").textValue()).isEqualTo(value);
        assertThat(entry.path("throwable").path("stepArray")).isNotEmpty();
    }
}
