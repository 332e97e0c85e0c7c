package io.caravan.ops;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.sink.KafkaFailure;
import io.caravan.sink.KafkaOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/**
 * {@code ./caravan tail <topic>}: the records of a topic as they come, for people (a line each, the value shortened) or
 * for programs (one JSON object each, whole). It looks on: it is in no group and commits nothing.
 */
public final class Tail {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    /** Where the demo says, while it runs, what its broker's address is. */
    private static final String DEMO_BROKERS = "data/demo/brokers";

    private static final int SHOWN = 160;

    private final KafkaOptions options;
    private final PrintStream out;

    public Tail(KafkaOptions options, PrintStream out) {
        this.options = options;
        this.out = out;
    }

    /** The brokers of the settings, or of the demo that runs in this home; empty where there are none. */
    public static Optional<KafkaOptions> whereToLook(Settings settings) throws IOException {
        KafkaOptions options = settings.kafka();
        Path demo = settings.home().resolve(DEMO_BROKERS);
        if (options.brokers().isEmpty() && Files.exists(demo)) {
            return Optional.of(options.at(Files.readString(demo).strip()));
        }
        return Optional.of(options).filter(set -> !set.brokers().isEmpty());
    }

    /** How it is read, and shown. */
    public record Manner(boolean fromStart, boolean asJson, Optional<Long> most) {}

    /** Reads until as many records as wished are shown, or for ever. */
    public void run(String name, Manner manner) throws IOException {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(options.consumer())) {
            List<TopicPartition> partitions = partitions(consumer, name);
            consumer.assign(partitions);
            if (manner.fromStart()) {
                consumer.seekToBeginning(partitions);
            } else {
                consumer.seekToEnd(partitions);
            }
            partitions.forEach(consumer::position); // now, not at the first poll
            long left = manner.most().orElse(Long.MAX_VALUE);
            while (left > 0 && !out.checkError()) { // as where it is piped to a program that has ended

                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (left-- > 0) {
                        out.println(manner.asJson() ? json(record) : line(record));
                    }
                }
            }
            out.flush();
        } catch (KafkaException e) {
            throw KafkaFailure.of(options.brokers(), e);
        }
    }

    /** The topic may be said with its prefix or without. */
    private List<TopicPartition> partitions(KafkaConsumer<byte[], byte[]> consumer, String name) throws IOException {
        Set<String> topics = consumer.listTopics().keySet();
        String topic = topics.contains(name) ? name : options.nameOf(name);
        if (!topics.contains(topic)) {
            List<String> ours = topics.stream()
                    .filter(known -> known.startsWith(options.topicPrefix()))
                    .sorted()
                    .toList();
            throw new IOException("there is no topic " + name + " at " + options.brokers() + "; there are: "
                    + (ours.isEmpty() ? "none that begin with " + options.topicPrefix() : String.join(", ", ours)));
        }
        return consumer.partitionsFor(topic).stream()
                .map(info -> new TopicPartition(topic, info.partition()))
                .toList();
    }

    private static String line(ConsumerRecord<byte[], byte[]> record) {
        StringBuilder line =
                new StringBuilder(Instant.ofEpochMilli(record.timestamp()).toString());
        for (String header : List.of("op", "reason", "id", "tlp", "dependency")) {
            header(record, header)
                    .map(value -> header.equals("dependency") ? "dependency" : value)
                    .ifPresent(value -> line.append("  ").append(value));
        }
        String said = record.value() == null ? "(gone)" : said(record.value());
        String shown = said.length() > SHOWN ? said.substring(0, SHOWN) + "…" : said;
        return printable(line.append("  ").append(shown));
    }

    /** What the platform says of it in a sentence, or else the value itself. */
    private static String said(byte[] value) {
        try {
            String message = MAPPER.readTree(value).path("message").asText();
            return message.isEmpty() ? new String(value, UTF_8) : message;
        } catch (IOException e) { // not JSON, so it stands for itself
            return new String(value, UTF_8);
        }
    }

    /** A record's bytes come from outside: nothing in them moves a terminal's cursor. */
    private static String printable(CharSequence text) {
        return text.chars()
                .map(c -> Character.isISOControl(c) ? ' ' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static String json(ConsumerRecord<byte[], byte[]> record) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = MAPPER.getFactory().createGenerator(text)) {
            json.writeStartObject();
            json.writeNumberField("partition", record.partition());
            json.writeNumberField("offset", record.offset());
            json.writeStringField(
                    "time", Instant.ofEpochMilli(record.timestamp()).toString());
            json.writeStringField("key", record.key() == null ? null : new String(record.key(), UTF_8));
            json.writeObjectFieldStart("headers");
            for (Header header : record.headers()) {
                json.writeStringField(header.key(), header.value() == null ? null : new String(header.value(), UTF_8));
            }
            json.writeEndObject();
            json.writeFieldName("value");
            if (record.value() == null) {
                json.writeNull();
            } else if (isJson(record.value())) {
                json.writeRawValue(new String(record.value(), UTF_8));
            } else {
                json.writeString(new String(record.value(), UTF_8));
            }
            json.writeEndObject();
        }
        return onALine(text.toString());
    }

    private static boolean isJson(byte[] value) {
        try (JsonParser json = MAPPER.getFactory().createParser(value)) {
            boolean isValue = json.nextToken() != null;
            json.skipChildren();
            return isValue && json.nextToken() == null;
        } catch (IOException e) {
            return false; // and so a text of another program's
        }
    }

    /** The same JSON: what controls a terminal is white space in it, or stands in a string. */
    private static String onALine(String json) {
        StringBuilder line = new StringBuilder(json.length());
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            if (c >= 0x7f && c < 0xa0) {
                line.append("\\u%04x".formatted((int) c));
            } else {
                line.append(c < ' ' ? ' ' : c);
            }
        }
        return line.toString();
    }

    private static Optional<String> header(ConsumerRecord<byte[], byte[]> record, String name) {
        return Optional.ofNullable(record.headers().lastHeader(name))
                .map(Header::value)
                .map(value -> new String(value, UTF_8));
    }
}
