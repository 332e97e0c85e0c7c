package io.caravan;

import static org.apache.kafka.common.acl.AclPermissionType.ALLOW;
import static org.apache.kafka.common.acl.AclPermissionType.DENY;
import static org.apache.kafka.common.resource.PatternType.LITERAL;
import static org.apache.kafka.common.resource.PatternType.PREFIXED;
import static org.apache.kafka.common.resource.ResourceType.TOPIC;
import static org.apache.kafka.common.resource.ResourceType.TRANSACTIONAL_ID;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.ops.Program;
import io.caravan.testkit.ByObject;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.KafkaBroker;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
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

/**
 * What a broker answers that has users, rights, quotas and limits: it is said in a line that names what is missing, the
 * batch waits, and goes through once that has been mended at the broker, without a restart where nothing else is said.
 */
class KafkaErrorsIT {

    private static final Duration SOON = Patience.SOON;
    private static final String LOGIN = ScramLoginModule.class.getName() + " required username=\"%s\" password=\"%s\";";

    @TempDir
    static Path brokerData;

    private static KafkaBroker broker;
    private static Admin admin;

    @TempDir
    Path home;

    /** Of this test alone; its topics begin with its name. */
    private final String user = "user-" + UUID.randomUUID();

    private final String events = user + ".events";
    private FakePlatform platform;
    private Installation caravan;
    private Optional<Program> program = Optional.empty();

    @BeforeAll
    static void startTheBroker() {
        broker = new KafkaBroker(brokerData).withAcls().set("num.partitions", 2).start();
        admin = Admin.create(Map.of("bootstrap.servers", broker.brokers()));
    }

    @AfterAll
    static void stopTheBroker() {
        admin.close();
        broker.close();
        assertThat(broker.faults()).isEmpty();
    }

    @BeforeEach
    void install() throws Exception {
        platform = FakePlatform.start();
        caravan = new Installation(home, platform)
                .set("caravan.sinks", "kafka")
                .set("kafka.topics", "events")
                .set("kafka.topic-prefix", user + ".")
                .set("kafka.brokers", broker.saslBrokers())
                .set("kafka.client.security.protocol", "SASL_PLAINTEXT")
                .set("kafka.client.sasl.mechanism", "SCRAM-SHA-256")
                .set("kafka.client.sasl.jaas.config", LOGIN.formatted(user, "s3cret"))
                .set("kafka.client.request.timeout.ms", "1000")
                .set("kafka.client.default.api.timeout.ms", "1000")
                .set("kafka.client.delivery.timeout.ms", "1500")
                .set("kafka.client.max.block.ms", "1000");
        givePassword("s3cret");
        admin.createAcls(List.of(
                        acl(TOPIC, PREFIXED, user, AclOperation.ALL, ALLOW),
                        acl(TRANSACTIONAL_ID, PREFIXED, "caravan " + user, AclOperation.ALL, ALLOW)))
                .all()
                .get();
    }

    @AfterEach
    void stop() {
        program.ifPresent(Program::close);
        platform.close();
    }

    @ParameterizedTest
    @CsvSource({
        "local, WRITE, events, Not authorized to access topics: [%s]",
        "kafka, WRITE, events, Not authorized to access topics: [%s]",
        "kafka, WRITE, positions, Not authorized to access topics: [%s]",
        "local, CREATE, events, to create the topic %s: ",
        "kafka, CREATE, positions, to create the topic %s: ",
        "local, DESCRIBE, events, to describe the topic %s: ",
    })
    void aRightToATopicIsWaitedFor(String store, AclOperation right, String topic, String said) throws Exception {
        AclBinding withheld = withhold(TOPIC, user + "." + topic, right);
        platform.append(frames(1, 20));
        start(store);
        awaitTrouble("does not give this user the right", said.formatted(user + "." + topic));
        give(withheld);
        awaitDelivered(frames(1, 20));
    }

    @Test
    void theRightToItsTransactionalIdIsWaitedFor() throws Exception {
        String id = "caravan " + user + ". " + platform.url() + " live";
        AclBinding withheld = withhold(TRANSACTIONAL_ID, id, AclOperation.WRITE);
        platform.append(frames(1, 20));
        start("kafka");
        awaitTrouble("does not give this user the right", '"' + id + '"', "or set caravan.position-store=local");
        give(withheld);
        awaitDelivered(frames(1, 20));
    }

    @Test
    void theRightToReadItsPositionIsWaitedFor() throws Exception {
        platform.append(frames(1, 10));
        start("kafka");
        awaitDelivered(frames(1, 10));
        AclBinding withheld = withhold(TOPIC, user + ".positions", AclOperation.READ);
        platform.append(frames(11, 20));
        start("kafka");
        awaitTrouble(
                "does not give this user the right", "[" + user + ".positions]", "or set caravan.position-store=local");
        give(withheld);
        awaitDelivered(frames(1, 20));
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "kafka"})
    void aPasswordThatIsRefusedIsWaitedFor(String store) throws Exception {
        givePassword("another");
        platform.append(frames(1, 20));
        start(store);
        awaitTrouble("refuses the login", "invalid credentials");
        assertThat(trouble()).doesNotContain("s3cret");
        givePassword("s3cret");
        awaitDelivered(frames(1, 20));
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "kafka"})
    void aTopicThatIsDeletedIsMadeAgain(String store) throws Exception {
        platform.append(frames(1, 10));
        start(store);
        awaitDelivered(frames(1, 10));
        delete(events);
        platform.append(frames(11, 20));
        awaitTrouble(events);
        awaitDelivered(frames(11, 20));
    }

    @Test
    void replicasThatAreMissingAreWaitedFor(@TempDir Path others) throws Exception {
        try (KafkaBroker second = broker.second(others).withAcls().start()) {
            NewTopic onBoth = new NewTopic(events, Map.of(0, List.of(1, 2)));
            admin.createTopics(List.of(onBoth)).all().get();
            Topics.of(second).alter(events, "min.insync.replicas", "1");
        }
        platform.append(frames(1, 10));
        start("kafka");
        awaitDelivered(frames(1, 10));
        Topics.of(broker).alter(events, "min.insync.replicas", "2");
        platform.append(frames(11, 20));
        awaitTrouble("the topic " + events + " has 1 of its 2 replicas in sync, below min.insync.replicas=2");
        Topics.of(broker).alter(events, "min.insync.replicas", "1");
        awaitDelivered(frames(1, 20));
    }

    @Test
    void aPositionThatIsDeletedIsSaidAndTheNextStartGoesOnFromTheDisk() throws Exception {
        platform.append(frames(1, 10));
        start("kafka");
        awaitDelivered(frames(1, 10));
        delete(user + ".positions");
        platform.append(frames(11, 20));
        awaitTrouble("is gone from the topic " + user + ".positions: was it deleted?");
        assertThat(program.orElseThrow().failure()).isPresent();
        start("kafka");
        await().atMost(SOON).until(() -> written().withoutRepetitions().equals(ByObject.of(frames(1, 20))));
        assertThat(caravan.deadLetters()).isEmpty();
    }

    @Test
    void aRecordThatItsTopicTakesNoMoreBecomesADeadLetterAndTheOthersGoOnce() throws Exception {
        List<Frame> small = frames(1, 40);
        platform.append(small.subList(0, 20));
        start("kafka");
        awaitDelivered(small.subList(0, 20));
        Topics.of(broker).alter(events, "max.message.bytes", "50000");
        platform.append(small.subList(20, 30));
        platform.append(frame(30, "1030-1", 60_000));
        platform.append(small.subList(30, 40));
        await().atMost(SOON).until(() -> written().equals(ByObject.of(small)));

        assertThat(caravan.deadLetters()).singleElement().satisfies(letter -> {
            assertThat(letter.path("position").asText()).isEqualTo("1030-1");
            assertThat(letter.path("error").asText()).contains(events).contains("larger than the max message size");
        });
    }

    @Test
    void aTransactionLongerThanTheBrokerAllowsWaitsAndGoesWithAShorterOne() throws Exception {
        caravan.set("kafka.client.transaction.timeout.ms", "1000000");
        platform.append(frames(1, 20));
        start("kafka");
        awaitTrouble("kafka.client.transaction.timeout.ms=1000000", "transaction.max.timeout.ms");
        caravan.set("kafka.client.transaction.timeout.ms", "60000");
        start("kafka");
        awaitDelivered(frames(1, 20));
    }

    @Test
    void aQuotaIsWaitedFor() throws Exception {
        limitTopics(Optional.of(0.001));
        platform.append(frames(1, 20));
        start("local");
        awaitTrouble("to create the topic " + user + ".", "quota");
        limitTopics(Optional.empty());
        awaitDelivered(frames(1, 20));
    }

    private void start(String store) throws Exception {
        program.ifPresent(Program::close);
        program = Optional.of(caravan.set("caravan.position-store", store).start());
    }

    /** In one line that says where, and all of this. */
    private void awaitTrouble(String... said) {
        await().atMost(SOON)
                .until(
                        this::trouble,
                        line -> !line.contains("\n") && Stream.of(said).allMatch(line::contains));
    }

    private String trouble() {
        return program.orElseThrow().consumers().get(0).sinkTrouble().orElse("");
    }

    /** Each once and in order, and nothing is wrong any more. */
    private void awaitDelivered(List<Frame> frames) throws Exception {
        await().atMost(SOON).until(() -> written().equals(ByObject.of(frames)));
        await().atMost(SOON).until(() -> trouble().isEmpty());
        assertThat(caravan.deadLetters()).isEmpty();
    }

    private ByObject written() {
        return ByObject.ofRecords(Topics.of(broker).records(events));
    }

    private AclBinding withhold(ResourceType type, String name, AclOperation right) throws Exception {
        AclBinding withheld = acl(type, LITERAL, name, right, DENY);
        admin.createAcls(List.of(withheld)).all().get();
        return withheld;
    }

    private static void give(AclBinding withheld) throws Exception {
        admin.deleteAcls(List.of(withheld.toFilter())).all().get();
    }

    private AclBinding acl(
            ResourceType type, PatternType pattern, String name, AclOperation right, AclPermissionType permission) {
        return new AclBinding(
                new ResourcePattern(type, name, pattern),
                new AccessControlEntry("User:" + user, "*", right, permission));
    }

    private void givePassword(String password) throws Exception {
        ScramCredentialInfo kind = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
        admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user, kind, password)))
                .all()
                .get();
    }

    /** To so many partitions a second that the user may make. */
    private void limitTopics(Optional<Double> rate) throws Exception {
        ClientQuotaAlteration.Op limit = new ClientQuotaAlteration.Op("controller_mutation_rate", rate.orElse(null));
        ClientQuotaEntity whom = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, user));
        admin.alterClientQuotas(List.of(new ClientQuotaAlteration(whom, List.of(limit))))
                .all()
                .get();
    }

    /** Gone for whoever writes when this returns. */
    private static void delete(String topic) throws Exception {
        admin.deleteTopics(List.of(topic)).all().get();
        await().atMost(SOON).until(() -> Topics.of(broker).partitions(topic) == 0);
    }

    private static List<Frame> frames(int first, int last) {
        return IntStream.rangeClosed(first, last)
                .mapToObj(number -> frame(number, (1000 + number) + "-0", 5000))
                .toList();
    }

    /** Of one of five objects, with so many bytes that cannot be compressed. */
    private static Frame frame(int number, String id, int bytes) {
        byte[] noise = new byte[bytes];
        new Random(number).nextBytes(noise);
        Map<String, Object> object = Frames.object("tool--00000000-0000-4000-8000-%012d".formatted(number % 5));
        object.put("description", Base64.getEncoder().encodeToString(noise));
        return Frames.create(id, object);
    }
}
