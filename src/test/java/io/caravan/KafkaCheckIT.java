package io.caravan;

import static org.apache.kafka.common.acl.AclPermissionType.ALLOW;
import static org.apache.kafka.common.acl.AclPermissionType.DENY;
import static org.apache.kafka.common.resource.PatternType.LITERAL;
import static org.apache.kafka.common.resource.PatternType.PREFIXED;
import static org.apache.kafka.common.resource.ResourceType.TOPIC;
import static org.apache.kafka.common.resource.ResourceType.TRANSACTIONAL_ID;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.ops.Check;
import io.caravan.ops.Program;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frames;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Topics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.scram.ScramLoginModule;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code ./caravan check} and a broker with users and limits: it finds what a run would be refused for, or wait for. */
class KafkaCheckIT {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String LOGIN = ScramLoginModule.class.getName() + " required username=\"%s\" password=\"%s\";";

    @TempDir
    static Path brokerData;

    private static KafkaBroker broker;
    private static Admin admin;

    @TempDir
    Path home;

    /** Of this test alone; its topics begin with its name. */
    private final String user = "user-" + UUID.randomUUID();

    private FakePlatform platform;
    private Installation caravan;
    private String transactionalId;

    @BeforeAll
    static void startTheBroker() {
        broker = new KafkaBroker(brokerData)
                .withAcls()
                .set("socket.request.max.bytes", 20 << 20)
                .start();
        admin = Admin.create(Map.of("bootstrap.servers", broker.brokers()));
    }

    @AfterAll
    static void stopTheBroker() {
        admin.close();
        broker.close();
    }

    @BeforeEach
    void install() throws Exception {
        platform = FakePlatform.start();
        transactionalId = "caravan " + user + ". " + platform.url() + " live";
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "kafka")
                .set("kafka.topics", "events")
                .set("kafka.topic-prefix", user + ".")
                .set("kafka.brokers", broker.saslBrokers())
                .set("kafka.client.security.protocol", "SASL_PLAINTEXT")
                .set("kafka.client.sasl.mechanism", "SCRAM-SHA-256")
                .set("kafka.client.sasl.jaas.config", LOGIN.formatted(user, "s3cret"));
        ScramCredentialInfo kind = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
        admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user, kind, "s3cret")))
                .all()
                .get();
        set(acl(TOPIC, PREFIXED, user, AclOperation.ALL, ALLOW));
    }

    @AfterEach
    void stop() {
        platform.close();
    }

    @Test
    void whatARunNeedsIsSaidToBeThere() throws Exception {
        mayBeginTransactions(PREFIXED, "caravan " + user);

        assertThat(findings(true))
                .containsExactly(
                        "ok " + user + ".events will be made",
                        "ok " + user + ".dead-letters will be made",
                        "ok " + user + ".positions will be made",
                        "ok transactions begin as \"" + transactionalId + "\"");
        assertThat(Topics.of(broker).partitions(user + ".events")).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "delivery.timeout.ms | 10 | kafka.client: delivery.timeout.ms should be equal to or larger than linger.ms",
                "transaction.timeout.ms | 3600000 | kafka.client.transaction.timeout.ms=3600000",
                "interceptor.classes | no.such.Class | kafka.client: ",
            })
    void whatOnlyTheClientsOrTransactionsRefuseIsFound(String property, String value, String said) throws Exception {
        mayBeginTransactions(PREFIXED, "caravan " + user);
        caravan.set("kafka.client." + property, value);

        assertThat(findings(false))
                .filteredOn(line -> line.startsWith("mistake "))
                .singleElement()
                .asString()
                .contains(said);
    }

    @Test
    void aLongTransactionIsNoMistakeWhereThereAreNone() throws Exception {
        caravan.set("kafka.client.transaction.timeout.ms", "3600000").set("caravan.position-store", "local");

        assertThat(findings(true)).allMatch(line -> line.startsWith("ok "));
    }

    @Test
    void recordsThatNoRequestHasRoomForAreFound() throws Exception {
        mayBeginTransactions(PREFIXED, "caravan " + user);
        set(acl(ResourceType.CLUSTER, LITERAL, "kafka-cluster", AclOperation.DESCRIBE_CONFIGS, ALLOW));
        caravan.set("kafka.record-max-bytes", "32MB");

        assertThat(findings(false))
                .contains("mistake the brokers take requests up to socket.request.max.bytes=20971520, below"
                        + " kafka.record-max-bytes=33554432: a larger record would be sent again for ever; lower the one or"
                        + " raise the other");
    }

    @ParameterizedTest
    @CsvSource({"events, CREATE", "events, DESCRIBE", "positions, CREATE"})
    void aRightThatIsMissingBeforeTheFirstRunIsFound(String topic, AclOperation right) throws Exception {
        mayBeginTransactions(PREFIXED, "caravan " + user);
        set(acl(TOPIC, LITERAL, user + "." + topic, right, DENY));

        assertThat(findings(false))
                .anyMatch(line -> line.startsWith("mistake ") && line.contains(user + "." + topic))
                .noneMatch(line -> topic.equals("events") && line.contains("caravan.position-store=local"))
                .anyMatch(line -> topic.equals("events") || line.contains("caravan.position-store=local"));
    }

    @ParameterizedTest
    @CsvSource({"events, WRITE", "positions, WRITE", "positions, READ"})
    void aRightToATopicThatIsThereIsMissed(String topic, AclOperation right) throws Exception {
        mayBeginTransactions(PREFIXED, "caravan " + user);
        run();
        set(acl(TOPIC, LITERAL, user + "." + topic, right, DENY));

        assertThat(findings(false))
                .anyMatch(line ->
                        line.startsWith("mistake " + user + "." + topic + ": this user has not the right " + right));
    }

    @Test
    void theRightToTheTransactionalIdIsMissedAndSaidHowToGoWithout() throws Exception {
        assertThat(findings(false))
                .filteredOn(line -> line.startsWith("mistake "))
                .singleElement()
                .asString()
                .contains("does not give this user the right to begin transactions as \"" + transactionalId + '"')
                .endsWith("give them, or set caravan.position-store=local");
    }

    /** As many a Kafka of one broker is. */
    @Test
    void brokersWithoutTransactionsAreFoundAndSaidHowToGoWithout(@TempDir Path data) throws Exception {
        try (KafkaBroker own = new KafkaBroker(data)
                .set("transaction.state.log.replication.factor", 3)
                .start()) {
            caravan.set("kafka.brokers", own.brokers())
                    .set("kafka.client.security.protocol", "PLAINTEXT")
                    .set("kafka.client.request.timeout.ms", "10000") // for all but what never comes
                    .set("kafka.client.default.api.timeout.ms", "15000");

            assertThat(findings(false))
                    .filteredOn(line -> line.startsWith("mistake "))
                    .singleElement()
                    .asString()
                    .contains("transaction.state.log.replication.factor")
                    .endsWith("or set caravan.position-store=local");
            caravan.set("caravan.position-store", "local");
            assertThat(findings(true)).allMatch(line -> line.startsWith("ok "));
        }
    }

    /** A right to the one name alone cannot be tried where a program may run under it. */
    @Test
    void aRightToTheTransactionalIdAloneIsEnough() throws Exception {
        mayBeginTransactions(LITERAL, transactionalId);

        assertThat(findings(true)).contains("ok transactions begin as \"" + transactionalId + "\"");
        run();
        assertThat(findings(true)).anyMatch(line -> line.startsWith("ok transactions have begun as "));
    }

    @ParameterizedTest
    @ValueSource(strings = {"PREFIXED", "LITERAL"})
    void aProgramThatRunsIsNotDisturbed(PatternType rights) throws Exception {
        mayBeginTransactions(rights, rights == LITERAL ? transactionalId : "caravan " + user);
        platform.append(List.of(Frames.create("1000-0", tool(1))));
        try (Program program = caravan.start()) {
            await().atMost(SOON).until(() -> Topics.of(broker).count(user + ".events") > 0);
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).position().isPresent());
            TransactionDescription before = transactions();
            findings(true);

            assertThat(transactions().producerEpoch()).isEqualTo(before.producerEpoch());
            assertThat(transactions().producerId()).isEqualTo(before.producerId());
            platform.append(List.of(Frames.create("2000-0", tool(2))));
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 2);
            assertThat(transactions().producerEpoch()).isEqualTo(before.producerEpoch());
        }
    }

    /** Until something was delivered. */
    private void run() throws Exception {
        platform.append(List.of(Frames.create("1000-0", tool(1))));
        try (Program program = caravan.start()) {
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 1);
        }
    }

    private TransactionDescription transactions() throws Exception {
        return admin.describeTransactions(List.of(transactionalId))
                .description(transactionalId)
                .get();
    }

    /** What the check says of Kafka: the verdict and the finding. */
    private List<String> findings(boolean isUsable) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        boolean usable = new Check(caravan.settings(), new PrintStream(out, true, StandardCharsets.UTF_8)).run();
        String said = out.toString(StandardCharsets.UTF_8);
        assertThat(usable).as(said).isEqualTo(isUsable);
        assertThat(said).doesNotContain("s3cret");
        return said.lines()
                .filter(line -> line.matches("(ok|mistake) +kafka .*"))
                .map(line -> line.replaceFirst("^(ok|mistake) +kafka +", "$1 "))
                .toList();
    }

    private void mayBeginTransactions(PatternType pattern, String name) throws Exception {
        set(acl(TRANSACTIONAL_ID, pattern, name, AclOperation.ALL, ALLOW));
    }

    private static void set(AclBinding acl) throws Exception {
        admin.createAcls(List.of(acl)).all().get();
    }

    private AclBinding acl(
            ResourceType type, PatternType pattern, String name, AclOperation right, AclPermissionType permission) {
        return new AclBinding(
                new ResourcePattern(type, name, pattern),
                new AccessControlEntry("User:" + user, "*", right, permission));
    }

    private static String tool(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }
}
