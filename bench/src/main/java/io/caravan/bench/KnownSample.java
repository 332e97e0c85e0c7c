package io.caravan.bench;

import io.caravan.event.Bytes;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * Made-up STIX objects of about 2 KB: two of three are indicators, every third is a relation between two of them. All have
 * one author, and a label of a thousand. Object number n, in its first version and in later ones, follows from n alone.
 */
final class KnownSample {

    static final int BATCH = 1000;
    static final String AUTHOR = "identity--" + uuid(-1);

    private static final int LABELS = 1000;

    private final long objects;

    /** @param objects how many there will be; relations end at any of them, as in a snapshot, which has no order */
    KnownSample(long objects) {
        this.objects = objects;
    }

    List<StixObject> batch(long number) throws IOException {
        var batch = new ArrayList<StixObject>(BATCH);
        for (long n = number * BATCH; n < (number + 1) * BATCH; n++) {
            batch.add(object(n, 1));
        }
        return batch;
    }

    /** Any objects, as an update tells them: the same ends and author, another label, another text. */
    List<StixObject> updates(SplittableRandom random) throws IOException {
        var batch = new ArrayList<StixObject>(BATCH);
        for (int i = 0; i < BATCH; i++) {
            batch.add(object(random.nextLong(objects), 2));
        }
        return batch;
    }

    /** Both ids of something that relations end at. */
    List<String> randomEnd(SplittableRandom random) {
        long n = randomThing(random);
        return List.of(stixId(n), key(n));
    }

    static String key(long n) {
        return uuid(2 * n).toString();
    }

    static String label(SplittableRandom random) {
        return uuid(-2 - random.nextInt(LABELS)).toString();
    }

    private long randomThing(SplittableRandom random) {
        return random.nextLong((objects + 2) / 3) * 3 + random.nextInt(2);
    }

    private static boolean isRelation(long n) {
        return n % 3 == 2;
    }

    private static String stixId(long n) {
        return (isRelation(n) ? "relationship--" : "indicator--") + uuid(2 * n + 1);
    }

    private static UUID uuid(long seed) {
        var random = new SplittableRandom(seed);
        return new UUID(random.nextLong(), random.nextLong());
    }

    private StixObject object(long n, int version) throws IOException {
        var ends = new SplittableRandom(~n);
        var text = new SplittableRandom(n * 31 + version);
        long source = randomThing(ends);
        long target = randomThing(ends);
        var json = new StringBuilder(2200);
        json.append("{\"id\":\"").append(stixId(n)).append("\",\"spec_version\":\"2.1\",\"type\":\"");
        json.append(isRelation(n) ? "relationship" : "indicator");
        json.append("\",\"extensions\":{\"").append(StixObject.OPENCTI);
        json.append("\":{\"extension_type\":\"property-extension\",\"id\":\"").append(key(n));
        json.append("\",\"type\":\"").append(isRelation(n) ? "related-to" : "Indicator");
        json.append("\",\"created_at\":\"2026-11-").append(10 + text.nextInt(20));
        json.append("T17:38:18.").append(100 + text.nextInt(900));
        json.append("Z\",\"is_inferred\":false,\"creator_ids\":[\"88ec0c6a-13ce-5e39-b486-354fe4a7084f\"]");
        json.append(",\"labels_ids\":[\"").append(label(text)).append("\"]");
        if (isRelation(n)) {
            json.append(",\"source_ref\":\"").append(key(source));
            json.append("\",\"target_ref\":\"").append(key(target)).append('"');
        }
        json.append("}},\"confidence\":").append(text.nextInt(101)).append(",\"lang\":\"en\",\"labels\":[\"");
        Sample.words(json, text, 40);
        json.append("\"],\"object_marking_refs\":[\"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da\"]");
        json.append(",\"created_by_ref\":\"").append(AUTHOR).append('"');
        if (isRelation(n)) {
            json.append(",\"source_ref\":\"").append(stixId(source));
            json.append("\",\"target_ref\":\"").append(stixId(target)).append('"');
        }
        json.append(",\"pattern\":\"[file:hashes.'SHA-256' = '");
        for (int i = 0; i < 4; i++) {
            json.append(Long.toHexString(text.nextLong() | Long.MIN_VALUE));
        }
        json.append("']\",\"description\":\"");
        Sample.words(json, text, 1900 + text.nextInt(300) - json.length());
        return StixObject.read(Bytes.of(json.append("\"}").toString()));
    }
}
