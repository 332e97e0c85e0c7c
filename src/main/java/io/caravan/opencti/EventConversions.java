package io.caravan.opencti;

import io.caravan.event.Bytes;
import io.caravan.event.Event;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Arrays;
import java.util.function.Function;
import org.apache.camel.spi.TypeConverterRegistry;
import org.apache.camel.support.SimpleTypeConverter;

/** Lets steps of users' routes (an HTTP request, a file, a JSON data format) take an event, or its raw bytes, as a body. */
final class EventConversions {

    private EventConversions() {}

    static void register(TypeConverterRegistry registry) {
        add(registry, Bytes.class, InputStream.class, EventConversions::stream);
        add(registry, Bytes.class, byte[].class, EventConversions::array);
        add(registry, Bytes.class, String.class, Bytes::toString);
        add(registry, Event.class, InputStream.class, event -> stream(event.raw()));
        add(registry, Event.class, byte[].class, event -> array(event.raw()));
    }

    private static <F, T> void add(TypeConverterRegistry registry, Class<F> from, Class<T> to, Function<F, T> convert) {
        registry.addTypeConverter(
                to, from, new SimpleTypeConverter(false, (type, exchange, value) -> convert.apply(from.cast(value))));
    }

    private static InputStream stream(Bytes bytes) {
        return new ByteArrayInputStream(bytes.array(), bytes.offset(), bytes.length());
    }

    private static byte[] array(Bytes bytes) {
        return Arrays.copyOfRange(bytes.array(), bytes.offset(), bytes.offset() + bytes.length());
    }
}
