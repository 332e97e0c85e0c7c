package io.caravan.bench;

import io.caravan.bench.StateStore.Entry;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * Made-up knowledge: object number n and its keys follow from n alone, so that what was written can be checked without
 * keeping it. Two objects of three are things, every third is a relation; each object has, beside its own key, one by
 * its STIX id and two that say which things it refers to, which makes about three keys under each thing.
 */
final class Sample {

    static final int BATCH = 1000;

    /** A kind and a uuid; the key of a reference has the referring object's uuid after it. */
    static final int KEY_LENGTH = 1 + 16;

    /** The kinds of key, each key's first byte. */
    static final char OBJECT = 'o';

    private static final char STIX_ID = 's';
    private static final char REFERENCE = 'r';

    static final byte[] POSITION = {'p'};

    private static final String[] WORDS = words();

    private final long objects;

    /** @param objects how many there will be; references go to any of them, as in a snapshot, which has no order */
    Sample(long objects) {
        this.objects = objects;
    }

    /** All that one batch writes: its objects, their index keys, and the number of batches there are after it. */
    List<Entry> batch(long number) {
        var entries = new ArrayList<Entry>(4 * BATCH + 1);
        for (long n = number * BATCH; n < (number + 1) * BATCH; n++) {
            var random = new SplittableRandom(~n);
            UUID id = id(n);
            UUID stixId = new UUID(random.nextLong(), random.nextLong());
            long source = randomThing(random);
            long target = source;
            while (target == source) {
                target = randomThing(random);
            }
            UUID from = id(source);
            UUID to = id(target);
            entries.add(new Entry(key(OBJECT, id), object(random, id, stixId, from, to)));
            entries.add(new Entry(key(STIX_ID, stixId), key(OBJECT, id)));
            entries.add(new Entry(reference(from, id), ascii("source_ref")));
            entries.add(new Entry(reference(to, id), ascii("target_ref")));
        }
        entries.add(new Entry(POSITION, longBytes(number + 1)));
        return entries;
    }

    long randomThing(SplittableRandom random) {
        return random.nextLong((objects + 2) / 3) * 3 + random.nextInt(2);
    }

    static byte[] objectKey(long n) {
        return key(OBJECT, id(n));
    }

    static byte[] referencesTo(long n) {
        return key(REFERENCE, id(n));
    }

    private static UUID id(long n) {
        var random = new SplittableRandom(n);
        return new UUID(random.nextLong(), random.nextLong());
    }

    private static byte[] key(char kind, UUID id) {
        return ByteBuffer.allocate(KEY_LENGTH)
                .put((byte) kind)
                .putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits())
                .array();
    }

    private static byte[] reference(UUID to, UUID by) {
        return ByteBuffer.allocate(KEY_LENGTH + 16)
                .put(key(REFERENCE, to))
                .putLong(by.getMostSignificantBits())
                .putLong(by.getLeastSignificantBits())
                .array();
    }

    static byte[] longBytes(long value) {
        return ByteBuffer.allocate(Long.BYTES).putLong(value).array();
    }

    private static byte[] object(SplittableRandom random, UUID id, UUID stixId, UUID from, UUID to) {
        var json = new StringBuilder(2200);
        json.append("{\"id\":\"indicator--").append(stixId);
        json.append("\",\"spec_version\":\"2.1\",\"type\":\"indicator\",\"extensions\":");
        json.append("{\"extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba\":");
        json.append("{\"extension_type\":\"property-extension\",\"id\":\"").append(id);
        json.append("\",\"type\":\"Indicator\",\"created_at\":\"2026-11-").append(10 + random.nextInt(20));
        json.append("T17:38:18.").append(100 + random.nextInt(900));
        json.append("Z\",\"is_inferred\":false,\"creator_ids\":[\"88ec0c6a-13ce-5e39-b486-354fe4a7084f\"]}}");
        json.append(",\"confidence\":").append(random.nextInt(101)).append(",\"lang\":\"en\",\"labels\":[\"");
        words(json, random, 40);
        json.append("\"],\"object_marking_refs\":[\"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da\"]");
        json.append(",\"created_by_ref\":\"identity--").append(from);
        json.append("\",\"object_ref\":\"").append(to).append("\",\"name\":\"");
        words(json, random, 40);
        json.append("\",\"pattern_type\":\"stix\",\"pattern\":\"[file:hashes.'SHA-256' = '");
        for (int i = 0; i < 4; i++) {
            json.append(Long.toHexString(random.nextLong() | Long.MIN_VALUE));
        }
        json.append("']\",\"description\":\"");
        words(json, random, 1900 + random.nextInt(300) - json.length());
        return ascii(json.append("\"}").toString());
    }

    /** Appends about so many characters; the first words of the list are the most frequent. */
    static void words(StringBuilder text, SplittableRandom random, int length) {
        int end = text.length() + length;
        while (text.length() < end) {
            int rank = (int) Math.pow(WORDS.length, random.nextDouble());
            text.append(WORDS[rank % WORDS.length]).append(' ');
        }
    }

    private static String[] words() {
        var random = new SplittableRandom(0);
        var words = new String[5000];
        for (int i = 0; i < words.length; i++) {
            var word = new StringBuilder();
            for (int syllables = 1 + random.nextInt(4); syllables > 0; syllables--) {
                word.append("bcdfghklmnprstvz".charAt(random.nextInt(16)));
                word.append("aeiouy".charAt(random.nextInt(6)));
                word.append(
                        random.nextBoolean()
                                ? ""
                                : "nrst".substring(random.nextInt(4)).substring(0, 1));
            }
            words[i] = word.toString();
        }
        return words;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
