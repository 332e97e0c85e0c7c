package io.caravan.sink;

import static io.caravan.sink.Refusals.Verdict.AWAY;
import static io.caravan.sink.Refusals.Verdict.ONE_IS_REFUSED;
import static io.caravan.sink.Refusals.Verdict.REFUSED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.core.JsonParseException;
import io.caravan.event.Unreadable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.ClusterAuthorizationException;
import org.apache.kafka.common.errors.ConcurrentTransactionsException;
import org.apache.kafka.common.errors.CoordinatorNotAvailableException;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.InvalidTxnTimeoutException;
import org.apache.kafka.common.errors.NotEnoughReplicasException;
import org.apache.kafka.common.errors.NotLeaderOrFollowerException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.ThrottlingQuotaExceededException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionAbortedException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RefusalsTest {

    static Stream<Arguments> ofKafka() {
        return Stream.of(
                arguments(new RecordTooLargeException("17 MB"), REFUSED),
                arguments(new SerializationException("no bytes"), REFUSED),
                arguments(new RecordBatchTooLargeException("larger than a segment"), ONE_IS_REFUSED),
                arguments(new InvalidRecordException("no key"), ONE_IS_REFUSED),
                arguments(new InvalidTimestampException("long ago"), AWAY),
                arguments(new InvalidRecordException("Timestamp 0 of message with offset 7 is out of range"), AWAY),
                arguments(new CorruptRecordException("checksum"), AWAY),
                arguments(new TimeoutException("30000 ms have passed"), AWAY),
                arguments(new NotEnoughReplicasException("1 of 2"), AWAY),
                arguments(new OutOfOrderSequenceException("17"), AWAY),
                arguments(new UnknownTopicOrPartitionException("opencti.events"), AWAY),
                arguments(new TopicAuthorizationException("opencti.events"), AWAY),
                arguments(new SaslAuthenticationException("Invalid username or password"), AWAY),
                arguments(new ThrottlingQuotaExceededException("quota"), AWAY),
                arguments(new NotLeaderOrFollowerException("moved"), AWAY),
                arguments(new CoordinatorNotAvailableException("starting"), AWAY),
                arguments(new ConcurrentTransactionsException("the one before ends"), AWAY),
                arguments(new TransactionAbortedException("another record of it failed"), AWAY),
                arguments(new InvalidTxnStateException("timed out"), AWAY),
                arguments(new InvalidTxnTimeoutException("above the brokers' most"), AWAY),
                arguments(new InvalidProducerEpochException("timed out, or another instance"), AWAY),
                arguments(new ProducerFencedException("timed out, or another instance"), AWAY),
                arguments(new TransactionalIdAuthorizationException("caravan opencti."), AWAY),
                arguments(new ClusterAuthorizationException("idempotent write"), AWAY),
                arguments(new UnsupportedVersionException("a broker of old"), AWAY),
                arguments(new ConfigException("No resolvable bootstrap urls"), AWAY),
                arguments(new KafkaException("part of a batch which had one more more invalid records"), AWAY));
    }

    @ParameterizedTest
    @MethodSource
    void ofKafka(Exception failure, Refusals.Verdict verdict) {
        assertThat(Refusals.of(failure)).isEqualTo(verdict);
        assertThat(Refusals.of(new ExecutionException(failure))).isEqualTo(verdict);
        assertThat(Refusals.of(new IOException("Kafka cannot take the batch", failure)))
                .isEqualTo(verdict);
        assertThat(Refusals.of(new CamelExecutionException("failed", exchange(), failure)))
                .isEqualTo(verdict);
    }

    static Stream<Exception> whatNobodyKnows() {
        return Stream.of(
                new IOException("No space left on device"),
                new ConnectException("Connection refused"),
                new UnknownHostException("siem.example.org"),
                new UncheckedIOException(new IOException("reset")),
                new IllegalStateException("closed"),
                new NullPointerException(),
                new ConfigException("client"));
    }

    @ParameterizedTest
    @MethodSource("whatNobodyKnows")
    void whatNobodyKnowsIsAwayBecauseWaitingLosesNothing(Exception failure) {
        assertThat(Refusals.of(failure)).isEqualTo(AWAY);
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 409, 412, 413, 414, 416, 418, 422, 431, 451})
    void aStatusAboutTheRequestRefusesTheRecord(int status) {
        assertThat(Refusals.of(answer(status))).isEqualTo(REFUSED);
        assertThat(Refusals.of(new CamelExecutionException("failed", exchange(), answer(status))))
                .isEqualTo(REFUSED);
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 415, 417, 421, 423, 424, 425, 426, 428, 429})
    void aStatusAboutTheAddressTheRightOrTheMomentIsAway(int status) {
        assertThat(Refusals.of(answer(status))).isEqualTo(AWAY);
    }

    @Test
    void whatCannotBeReadIsNoOutageThoughItsCauseIsOneOfInput() {
        IOException cause = new JsonParseException(null, "no number");

        assertThat(Refusals.isOutage(new Unreadable("its patches cannot be read", cause)))
                .isFalse();
        assertThat(Refusals.isOutage(new IllegalStateException(new IOException("reset"))))
                .isTrue();
        assertThat(Refusals.isOutage(new TimeoutException("no answer"))).isTrue();
        assertThat(Refusals.isOutage(new RecordTooLargeException("large"))).isFalse();
        assertThat(Refusals.isOutage(new IllegalArgumentException("a fault"))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 301, 302, 307, 308, 399, 500, 501, 502, 503, 504, 507, 599, 600})
    void anyOtherStatusIsAway(int status) {
        assertThat(Refusals.of(answer(status))).isEqualTo(AWAY);
    }

    @Test
    void theInnermostOfTheKnownCausesCounts() {
        Exception inner = new TimeoutException("unknown to the table");
        assertThat(Refusals.of(new RecordTooLargeException("17 MB", inner))).isEqualTo(REFUSED);
        Exception away = answer(503);
        assertThat(Refusals.of(new SerializationException("schema registry", away)))
                .isEqualTo(AWAY);
    }

    @Test
    void causesThatGoRoundInACircleAreNoTrouble() {
        Exception one = new Exception("one");
        Exception other = new Exception("other", one);
        one.initCause(other);
        assertThat(Refusals.of(one)).isEqualTo(AWAY);
    }

    private static HttpOperationFailedException answer(int status) {
        return new HttpOperationFailedException(
                "https://siem.example.org/events", status, "said so", null, Map.of(), "body");
    }

    private static DefaultExchange exchange() {
        return new DefaultExchange(new DefaultCamelContext());
    }
}
