package io.caravan.sink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Makes the topics that are missing and looks at those that are there. A topic made here has the partitions and replicas
 * that are the brokers' default, the cleanup policy it needs and room for the largest record.
 */
public final class KafkaTopics {

    private final KafkaOptions options;

    public KafkaTopics(KafkaOptions options) {
        this.options = options;
    }

    /** What was found of a topic, for a person; an unusable one would lose records. */
    public record Finding(boolean usable, String text) {}

    /**
     * Topics that are all there.
     *
     * @param findings what is to be said of those that were there before; nothing of those that are right
     * @param room how large what is sent at once may be for all of them, in bytes
     */
    record Prepared(List<Finding> findings, int room) {}

    /**
     * Makes what is missing.
     *
     * @throws IOException when the brokers cannot be asked, or refuse
     */
    Prepared prepare() throws IOException, InterruptedException {
        try (Admin admin = Admin.create(options.admin())) {
            boolean allAreNew = true;
            for (Map.Entry<Topic, Optional<TopicDescription>> entry :
                    describe(admin).entrySet()) {
                if (entry.getValue().isEmpty()) {
                    make(admin, entry.getKey());
                } else {
                    allAreNew = false;
                }
            }
            if (allAreNew) {
                return new Prepared(List.of(), options.recordMaxBytes());
            }
            Map<Topic, Config> configs = configs(admin);
            return new Prepared(mistakes(configs), room(configs.values()));
        }
    }

    /** Looks and makes nothing. */
    public List<Finding> look() throws IOException, InterruptedException {
        try (Admin admin = Admin.create(options.admin())) {
            List<Finding> findings = new ArrayList<>();
            describe(admin)
                    .forEach((topic, found) -> findings.add(new Finding(
                            true,
                            options.nameOf(topic)
                                    + found.map(description -> " is there, partitions: "
                                                    + description.partitions().size())
                                            .orElse(" will be made"))));
            findings.addAll(mistakes(configs(admin)));
            return findings;
        }
    }

    private Map<Topic, Optional<TopicDescription>> describe(Admin admin) throws IOException, InterruptedException {
        Map<String, KafkaFuture<TopicDescription>> answers = admin.describeTopics(
                        options.topics().stream().map(options::nameOf).toList())
                .topicNameValues();
        Map<Topic, Optional<TopicDescription>> found = new EnumMap<>(Topic.class);
        for (Topic topic : options.topics()) {
            try {
                found.put(topic, Optional.of(answers.get(options.nameOf(topic)).get()));
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
                    throw KafkaFailure.of(options.brokers(), e.getCause());
                }
                found.put(topic, Optional.empty());
            }
        }
        return found;
    }

    private void make(Admin admin, Topic topic) throws IOException, InterruptedException {
        NewTopic made = new NewTopic(options.nameOf(topic), Optional.empty(), Optional.empty())
                .configs(Map.of(
                        TopicConfig.CLEANUP_POLICY_CONFIG, topic.cleanupPolicy(),
                        TopicConfig.MAX_MESSAGE_BYTES_CONFIG, String.valueOf(options.recordMaxBytes())));
        try {
            admin.createTopics(List.of(made)).all().get();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) { // somebody else was quicker
                throw KafkaFailure.of(options.brokers(), e.getCause());
            }
        }
    }

    /** Of the topics that are there; who may not read a topic's configuration is told nothing of it. */
    private Map<Topic, Config> configs(Admin admin) throws IOException, InterruptedException {
        Map<ConfigResource, Topic> resources = new HashMap<>();
        for (Topic topic : options.topics()) {
            resources.put(new ConfigResource(ConfigResource.Type.TOPIC, options.nameOf(topic)), topic);
        }
        Map<Topic, Config> configs = new EnumMap<>(Topic.class);
        for (Map.Entry<ConfigResource, KafkaFuture<Config>> answer :
                admin.describeConfigs(resources.keySet()).values().entrySet()) {
            try {
                configs.put(resources.get(answer.getKey()), answer.getValue().get());
            } catch (ExecutionException e) {
                boolean isNoFinding = e.getCause() instanceof AuthorizationException
                        || e.getCause() instanceof UnknownTopicOrPartitionException;
                if (!isNoFinding) {
                    throw KafkaFailure.of(options.brokers(), e.getCause());
                }
            }
        }
        return configs;
    }

    private int room(Collection<Config> configs) {
        return (int)
                configs.stream().mapToLong(KafkaTopics::maxMessageBytes).reduce(options.recordMaxBytes(), Math::min);
    }

    private static long maxMessageBytes(Config config) {
        return Long.parseLong(config.get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG).value());
    }

    /** What stands in the way of the topics' records. */
    private List<Finding> mistakes(Map<Topic, Config> configs) {
        List<Finding> findings = new ArrayList<>();
        configs.forEach((topic, config) -> findings.addAll(mistakes(topic, config)));
        return findings;
    }

    private List<Finding> mistakes(Topic topic, Config config) {
        List<Finding> findings = new ArrayList<>();
        String name = options.nameOf(topic);
        String policy = config.get(TopicConfig.CLEANUP_POLICY_CONFIG).value();
        if (!policy.equals(topic.cleanupPolicy())) {
            findings.add(new Finding(
                    false,
                    name + " has cleanup.policy=" + policy + ", and records would be lost: alter it to "
                            + topic.cleanupPolicy() + ", or say another kafka.topic-prefix"));
        }
        long most = maxMessageBytes(config);
        if (most < options.recordMaxBytes()) {
            findings.add(new Finding(
                    true,
                    name + " takes records up to max.message.bytes=" + most + ", below kafka.record-max-bytes="
                            + options.recordMaxBytes() + ": larger ones become dead letters unless it is raised"));
        }
        return findings;
    }
}
