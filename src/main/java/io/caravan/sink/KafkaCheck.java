package io.caravan.sink;

import io.caravan.sink.KafkaTopics.Finding;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;
import org.apache.kafka.common.errors.UnsupportedVersionException;

/**
 * What a run would be refused for by Kafka, or would wait for: the clients are made of the settings, and the brokers are asked for
 * what a run asks of them. No record is written, no topic made, and a program that runs is not disturbed: transactions under its
 * name are begun only where nobody has used it yet, else under another that begins with it.
 */
public final class KafkaCheck {

    private static final String REQUEST_SIZE = "socket.request.max.bytes";

    private final KafkaOptions options;
    private final DeadLetterTopic letters;
    private final Optional<PositionTopic> positions;

    /** @param positions where positions are kept in Kafka */
    public KafkaCheck(KafkaOptions options, DeadLetterTopic letters, Optional<PositionTopic> positions) {
        this.options = options;
        this.letters = letters;
        this.positions = positions;
    }

    /** Never throws for what is wrong with Kafka or the settings: that is a finding. */
    public List<Finding> look() throws InterruptedException {
        List<Finding> findings = new ArrayList<>();
        try (KafkaLink link = new KafkaLink(options, letters, positions, failure -> {})) {
            link.rehearse();
            lookAtBrokers(findings);
        } catch (KafkaFailure e) {
            String said = positions.map(topic -> topic.explained(e)).orElse(e).getMessage();
            findings.add(new Finding(false, said));
        } catch (IOException | KafkaException e) {
            findings.add(new Finding(false, "kafka.client: " + KafkaFailure.reason(e)));
        }
        return findings;
    }

    private void lookAtBrokers(List<Finding> findings) throws IOException, InterruptedException {
        try (Admin admin = Admin.create(options.admin())) {
            findings.addAll(new KafkaTopics(options, letters, positions).look(admin));
            lookAtRequestSize(admin).ifPresent(findings::add);
            if (positions.isPresent()) {
                readPosition(positions.get(), findings);
                findings.add(lookAtTransactions(positions.get(), admin));
            }
        }
    }

    /** As a run does, where its topic is there and may be read. */
    private void readPosition(PositionTopic topic, List<Finding> findings) throws IOException, InterruptedException {
        String name = topic.plan().name();
        boolean isThere = findings.stream().anyMatch(finding -> finding.text().startsWith(name + " is there"));
        boolean isUsable = findings.stream()
                .allMatch(finding -> finding.usable() || !finding.text().startsWith(name));
        if (isThere && isUsable) {
            try {
                topic.last();
            } catch (KafkaException e) {
                throw KafkaFailure.of(options.brokers(), e);
            }
        }
    }

    /** A broker closes the connection for a larger request, and says nothing. */
    private Optional<Finding> lookAtRequestSize(Admin admin) throws IOException, InterruptedException {
        try {
            Node broker = admin.describeCluster().nodes().get().iterator().next();
            ConfigResource resource = new ConfigResource(ConfigResource.Type.BROKER, broker.idString());
            Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            return Optional.ofNullable(config.get(REQUEST_SIZE))
                    .map(entry -> Long.parseLong(entry.value()))
                    .filter(most -> most < options.recordMaxBytes())
                    .map(
                            most -> new Finding(
                                    false,
                                    "the brokers take requests up to " + REQUEST_SIZE + "=" + most
                                            + ", below kafka.record-max-bytes=" + options.recordMaxBytes()
                                            + ": a larger record would be sent again for ever; lower the one or raise the other"));
        } catch (ExecutionException e) {
            if (e.getCause() instanceof AuthorizationException || e.getCause() instanceof UnsupportedVersionException) {
                return Optional.empty(); // whoever may not see brokers' settings is told nothing of them
            }
            throw KafkaFailure.of(options.brokers(), e.getCause());
        }
    }

    private Finding lookAtTransactions(PositionTopic topic, Admin admin) throws IOException, InterruptedException {
        String id = topic.transactionalId();
        boolean isUsed = isUsed(topic, admin);
        String tried = isUsed ? id + " check" : id;
        Producer<byte[], byte[]> producer = new KafkaProducer<>(options.transactional(options.recordMaxBytes(), tried));
        try {
            producer.initTransactions();
            return new Finding(true, "transactions begin as \"" + id + "\"");
        } catch (TransactionalIdAuthorizationException e) {
            if (isUsed) {
                return new Finding(
                        true,
                        "transactions have begun as \"" + id
                                + "\", and nothing else can be tried beside a Caravan that runs:"
                                + " this user has the right to no id that begins so");
            }
            throw topic.noTransaction(tried, e);
        } catch (KafkaException e) {
            throw topic.noTransaction(tried, e);
        } finally {
            producer.close(Duration.ZERO);
        }
    }

    /** Whether the brokers know of transactions under this name, so that somebody may have one under way. */
    private boolean isUsed(PositionTopic topic, Admin admin) throws IOException, InterruptedException {
        String id = topic.transactionalId();
        try {
            admin.describeTransactions(List.of(id)).description(id).get();
            return true;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof TransactionalIdNotFoundException) {
                return false;
            }
            if (e.getCause() instanceof UnsupportedVersionException) { // brokers below 3.0 do not say
                return true;
            }
            throw topic.noTransaction(id, e.getCause());
        }
    }
}
