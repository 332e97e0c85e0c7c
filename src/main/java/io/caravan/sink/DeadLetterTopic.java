package io.caravan.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.TopicConfig;

/**
 * Dead letters in Kafka, too: each is kept in its file first, and goes to the topic with what the Kafka sink sends next.
 * Under the sink's name as key, a letter is what its line in the file is; without the event where a record has no room for
 * it, or where a door stands before the Kafka sink. Safe for threads.
 */
public final class DeadLetterTopic implements DeadLetters {

    private final KafkaOptions options;
    private final DeadLetters files;
    private final boolean withEvents;
    private final Clock clock;
    private final List<Waiting> waiting = new ArrayList<>();

    private record Waiting(DeadLetter letter, Instant time) {}

    /** @param withEvents whether all that events hold may go to Kafka */
    public DeadLetterTopic(KafkaOptions options, DeadLetters files, boolean withEvents, Clock clock) {
        this.options = options;
        this.files = files;
        this.withEvents = withEvents;
        this.clock = clock;
    }

    @Override
    public synchronized void keep(DeadLetter letter) throws IOException {
        files.keep(letter);
        waiting.add(new Waiting(withEvents ? letter : letter.withoutEvent(), clock.instant()));
    }

    TopicPlan plan() {
        return TopicPlan.of(name(), TopicConfig.CLEANUP_POLICY_DELETE);
    }

    /**
     * Those that have not been sent, in order.
     *
     * @param room the largest record that Kafka takes
     */
    synchronized List<ProducerRecord<byte[], byte[]>> waiting(int room) throws IOException {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (Waiting each : waiting) {
            ProducerRecord<byte[], byte[]> record = record(each.letter, each.time);
            records.add(KafkaRecords.size(record) <= room ? record : record(each.letter.withoutEvent(), each.time));
        }
        return records;
    }

    /** The first so many have been sent. */
    synchronized void sent(int count) {
        waiting.subList(0, count).clear();
    }

    private String name() {
        return options.topicPrefix() + "dead-letters";
    }

    private ProducerRecord<byte[], byte[]> record(DeadLetter letter, Instant time) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (ByteBuffer part : DeadLetterFiles.line(letter, time)) {
            line.write(part.array(), part.arrayOffset() + part.position(), part.remaining());
        }
        byte[] json = Arrays.copyOf(line.toByteArray(), line.size() - 1); // without the line's end
        return new ProducerRecord<>(
                name(), null, time.toEpochMilli(), letter.sink().getBytes(UTF_8), json);
    }
}
