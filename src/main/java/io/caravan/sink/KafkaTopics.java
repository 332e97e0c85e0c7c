package io.caravan.sink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.NotEnoughReplicasException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Makes the topics that are missing and looks at those that are there. A topic made here has the partitions and replicas
 * that are the brokers' default, the cleanup policy it needs and room for the largest record.
 */
public final class KafkaTopics {

    private final KafkaOptions options;
    private static final Set<AclOperation> TO_WRITE = Set.of(AclOperation.WRITE);
    private static final Set<AclOperation> TO_KEEP_A_POSITION = Set.of(AclOperation.READ, AclOperation.WRITE);

    private final Map<String, TopicPlan> plans = new LinkedHashMap<>();
    private final String letters;
    private final Optional<PositionTopic> positions;

    /**
     * @param letters dead letters in Kafka, too
     * @param positions where positions are kept in Kafka
     */
    public KafkaTopics(KafkaOptions options, DeadLetterTopic letters, Optional<PositionTopic> positions) {
        this.options = options;
        for (Topic topic : options.topics()) {
            String name = options.nameOf(topic);
            plans.put(name, TopicPlan.of(name, topic.cleanupPolicy()));
        }
        this.letters = letters.plan().name();
        this.positions = positions;
        plans.put(this.letters, letters.plan());
        positions.map(PositionTopic::plan).ifPresent(plan -> plans.put(plan.name(), plan));
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
     * @throws IOException when the brokers cannot be asked, or refuse, or would take no record
     */
    Prepared prepare() throws IOException, InterruptedException {
        try (Admin admin = Admin.create(options.admin())) {
            boolean allAreNew = true;
            Map<String, Optional<TopicDescription>> found = describe(admin);
            for (Map.Entry<String, Optional<TopicDescription>> entry : found.entrySet()) {
                if (entry.getValue().isEmpty()) {
                    make(admin, plans.get(entry.getKey()), new CreateTopicsOptions());
                } else {
                    allAreNew = false;
                }
            }
            if (allAreNew) {
                return new Prepared(List.of(), options.recordMaxBytes());
            }
            Map<String, Config> configs = configs(admin);
            requireReplicas(found, configs);
            return new Prepared(mistakes(configs), room(configs));
        }
    }

    /** What {@link #prepare} would find; makes nothing. */
    List<Finding> look(Admin admin) throws IOException, InterruptedException {
        List<Finding> findings = new ArrayList<>();
        Map<String, Optional<TopicDescription>> found = describe(admin);
        for (Map.Entry<String, Optional<TopicDescription>> topic : found.entrySet()) {
            if (topic.getValue().isPresent()) {
                findings.addAll(look(topic.getValue().get()));
            } else {
                make(admin, plans.get(topic.getKey()), new CreateTopicsOptions().validateOnly(true));
                findings.add(new Finding(true, topic.getKey() + " will be made"));
            }
        }
        Map<String, Config> configs = configs(admin);
        findings.addAll(mistakes(configs));
        requireReplicas(found, configs);
        return findings;
    }

    private List<Finding> look(TopicDescription topic) {
        List<Finding> findings = new ArrayList<>();
        String name = topic.name();
        findings.add(new Finding(
                true, name + " is there, partitions: " + topic.partitions().size()));
        boolean isOfPositions =
                positions.filter(one -> one.plan().name().equals(name)).isPresent();
        Set<AclOperation> missing = new TreeSet<>(isOfPositions ? TO_KEEP_A_POSITION : TO_WRITE);
        missing.removeAll(Optional.ofNullable(topic.authorizedOperations()).orElse(missing)); // old brokers do not say
        for (AclOperation right : missing) {
            String lack = name + ": this user has not the right " + right + " to it";
            findings.add(new Finding(
                    false, isOfPositions ? lack + "; " + positions.get().remedy() : lack + ": give it at the brokers"));
        }
        return findings;
    }

    private Map<String, Optional<TopicDescription>> describe(Admin admin) throws IOException, InterruptedException {
        Map<String, KafkaFuture<TopicDescription>> answers = admin.describeTopics(
                        plans.keySet(), new DescribeTopicsOptions().includeAuthorizedOperations(true))
                .topicNameValues();
        Map<String, Optional<TopicDescription>> found = new LinkedHashMap<>();
        for (String name : plans.keySet()) {
            try {
                found.put(name, Optional.of(answers.get(name).get()));
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
                    throw KafkaFailure.of(options.brokers(), "describe the topic " + name, e.getCause());
                }
                found.put(name, Optional.empty());
            }
        }
        return found;
    }

    private void make(Admin admin, TopicPlan plan, CreateTopicsOptions how) throws IOException, InterruptedException {
        Map<String, String> configs = new HashMap<>(plan.configs());
        configs.put(TopicConfig.CLEANUP_POLICY_CONFIG, plan.cleanupPolicy());
        configs.put(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, String.valueOf(options.recordMaxBytes()));
        NewTopic made = new NewTopic(plan.name(), plan.partitions(), Optional.empty()).configs(configs);
        try {
            admin.createTopics(List.of(made), how).all().get();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) { // somebody else was quicker
                throw KafkaFailure.of(options.brokers(), "create the topic " + plan.name(), e.getCause());
            }
        }
    }

    /** Of the topics that are there; who may not read a topic's configuration is told nothing of it. */
    private Map<String, Config> configs(Admin admin) throws IOException, InterruptedException {
        List<ConfigResource> resources = plans.keySet().stream()
                .map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name))
                .toList();
        Map<String, Config> configs = new LinkedHashMap<>();
        for (Map.Entry<ConfigResource, KafkaFuture<Config>> answer :
                admin.describeConfigs(resources).values().entrySet()) {
            try {
                configs.put(answer.getKey().name(), answer.getValue().get());
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

    /**
     * Of a topic with too few replicas in sync the producer would only say that it gave its records up in time. Dead letters
     * are seldom, and hold up nothing before there is one.
     */
    private void requireReplicas(Map<String, Optional<TopicDescription>> found, Map<String, Config> configs)
            throws KafkaFailure {
        for (Map.Entry<String, Config> config : configs.entrySet()) {
            Optional<TopicDescription> topic = found.get(config.getKey());
            if (topic.isPresent() && !config.getKey().equals(letters)) {
                requireReplicas(topic.get(), minInSyncReplicas(config.getValue()));
            }
        }
    }

    private void requireReplicas(TopicDescription topic, int least) throws KafkaFailure {
        for (TopicPartitionInfo partition : topic.partitions()) {
            int inSync = partition.isr().size();
            int all = partition.replicas().size();
            if (inSync < Math.min(least, all)) { // where all are fewer than the least, all are enough
                String why = "the topic %s has %d of its %d replicas in sync, below min.insync.replicas=%d"
                        .formatted(topic.name(), inSync, all, least);
                throw KafkaFailure.of(options.brokers(), new NotEnoughReplicasException(why));
            }
        }
    }

    /** One where brokers that only speak like Kafka do not tell the setting. */
    private static int minInSyncReplicas(Config config) {
        return Optional.ofNullable(config.get(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG))
                .map(ConfigEntry::value)
                .filter(value -> value.matches("[0-9]{1,5}"))
                .map(Integer::valueOf)
                .orElse(1);
    }

    private int room(Map<String, Config> configs) {
        return (int) plans.values().stream()
                .filter(plan -> plan.holdsEvents() && configs.containsKey(plan.name()))
                .mapToLong(plan -> maxMessageBytes(configs.get(plan.name())))
                .reduce(options.recordMaxBytes(), Math::min);
    }

    private static long maxMessageBytes(Config config) {
        return Long.parseLong(config.get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG).value());
    }

    /** What stands in the way of the topics' records. */
    private List<Finding> mistakes(Map<String, Config> configs) {
        List<Finding> findings = new ArrayList<>();
        configs.forEach((name, config) -> findings.addAll(mistakes(plans.get(name), config)));
        return findings;
    }

    private List<Finding> mistakes(TopicPlan plan, Config config) {
        List<Finding> findings = new ArrayList<>();
        String name = plan.name();
        String policy = config.get(TopicConfig.CLEANUP_POLICY_CONFIG).value();
        if (!policy.equals(plan.cleanupPolicy())) {
            findings.add(new Finding(
                    false,
                    name + " has cleanup.policy=" + policy + ", and records would be lost: alter it to "
                            + plan.cleanupPolicy() + ", or say another kafka.topic-prefix"));
        }
        long most = maxMessageBytes(config);
        if (plan.holdsEvents() && most < options.recordMaxBytes()) {
            findings.add(new Finding(
                    true,
                    name + " takes records up to max.message.bytes=" + most + ", below kafka.record-max-bytes="
                            + options.recordMaxBytes() + ": larger ones become dead letters unless it is raised"));
        }
        return findings;
    }
}
