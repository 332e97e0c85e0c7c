package io.caravan.opencti.push;

import io.caravan.event.Bytes;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** A run as a STIX bundle. */
final class Bundles {

    private Bundles() {}

    static Bytes of(Run run) {
        return with("{\"type\":\"bundle\",\"id\":\"bundle--" + run.id() + "\",\"objects\":[", run);
    }

    /** Its objects alone, as TAXII has them. */
    static Bytes envelope(Run run) {
        return with("{\"objects\":[", run);
    }

    private static Bytes with(String head, Run run) {
        ByteArrayOutputStream json = new ByteArrayOutputStream((int) run.bytes() + 128);
        json.writeBytes(head.getBytes(StandardCharsets.US_ASCII));
        for (int i = 0; i < run.items().size(); i++) {
            if (i > 0) {
                json.write(',');
            }
            Bytes object = run.items().get(i).json();
            json.write(object.array(), object.offset(), object.length());
        }
        json.write(']');
        json.write('}');
        byte[] bytes = json.toByteArray();
        return new Bytes(bytes, bytes.length);
    }
}
