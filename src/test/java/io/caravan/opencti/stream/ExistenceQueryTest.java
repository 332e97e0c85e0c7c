package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Bytes;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExistenceQueryTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String MERGED_AWAY = "00000000-0000-4000-8000-00000000feed";

    private final FakePlatform platform = FakePlatform.start();
    private final List<Duration> waits = new ArrayList<>();

    @AfterEach
    void stop() {
        platform.close();
    }

    @Test
    void asksForFewerWhereThePlatformTakesNoSuchGroup() throws Exception {
        answer(ids -> ids.size() > 15 ? refusal("GRAPHQL_VALIDATION_FAILED", 400) : allShown(ids));
        List<StixObject> objects = objects(100);
        ExistenceQuery.Answer answer = ask(objects);
        assertThat(answer.shown()).hasSize(100);
        assertThat(answer.unanswered()).isEmpty();
    }

    @Test
    void leavesOutTheOneThatThePlatformCannotAnswerFor() throws Exception {
        List<StixObject> objects = objects(100);
        String odd = objects.get(33).key();
        answer(ids -> ids.contains(odd) ? refusal("INTERNAL_SERVER_ERROR", 200) : allShown(ids));
        ExistenceQuery.Answer answer = ask(objects);
        assertThat(answer.shown()).hasSize(99);
        assertThat(answer.unanswered()).containsExactly(odd);
        assertThat(answer.reason().orElseThrow())
                .contains("INTERNAL_SERVER_ERROR")
                .doesNotContain("KNOWLEDGE");
    }

    @Test
    void asksOnceWhereARightIsMissing() throws Exception {
        answer(ids -> refusal("FORBIDDEN_ACCESS", 200));
        ExistenceQuery.Answer answer = ask(objects(120));
        assertThat(answer.unanswered()).hasSize(120);
        assertThat(platform.requests()).hasSize(1);
        assertThat(answer.reason().orElseThrow()).contains("FORBIDDEN_ACCESS").contains("KNOWLEDGE");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1000})
    void takesAPlatformThatFailsForAllForUnreachable(int objects) {
        answer(ids -> refusal("DATABASE_ERROR", 200));
        assertThatThrownBy(() -> ask(objects(objects)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("DATABASE_ERROR");
        assertThat(platform.requests()).hasSizeLessThan(20);
    }

    @Test
    void givesUpSoonWhereThePlatformUnderstandsNoQuestion() throws Exception {
        answer(ids -> refusal("GRAPHQL_VALIDATION_FAILED", 400));
        ExistenceQuery.Answer answer = ask(objects(1000));
        assertThat(answer.unanswered()).hasSize(1000);
        assertThat(answer.reason().orElseThrow()).doesNotContain("KNOWLEDGE");
        assertThat(platform.requests()).hasSizeLessThan(20);
        assertThat(waits).isEmpty();
    }

    @Test
    void asksAgainForOneThatThePlatformFailsForAtTheMoment() throws Exception {
        List<StixObject> objects = objects(100);
        String odd = objects.get(0).key();
        AtomicInteger failures = new AtomicInteger();
        answer(ids ->
                ids.contains(odd) && failures.incrementAndGet() < 9 ? refusal("DATABASE_ERROR", 200) : allShown(ids));
        ExistenceQuery.Answer answer = ask(objects);
        assertThat(answer.shown()).hasSize(100);
        assertThat(waits).hasSize(3); // it failed six times in groups, and alone, and twice again
    }

    @Test
    void leavesOutAnOnlyOneWhereThePlatformAnswersForOthers() throws Exception {
        String odd = objects(1).get(0).key();
        answer(ids -> ids.contains(odd) ? refusal("INTERNAL_SERVER_ERROR", 200) : allShown(ids));
        assertThat(ask(objects(1)).unanswered()).containsExactly(odd);
    }

    @Test
    void takesNoOtherObjectForTheOneThatIsAskedFor() throws Exception {
        answer(ids -> shown(ids, id -> MERGED_AWAY));
        List<StixObject> objects = objects(1);
        ExistenceQuery.Answer answer = ask(objects);
        assertThat(answer.saysGone(objects.get(0))).isTrue();
    }

    @Test
    void knowsNothingWhereThePlatformIsUnreachable() {
        answer(ids -> Answer.status(503));
        assertThatThrownBy(() -> ask(objects(3)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("503");
    }

    private ExistenceQuery.Answer ask(List<StixObject> objects) throws IOException, InterruptedException {
        OpenctiConfiguration options = new OpenctiConfiguration();
        options.setUrl(platform.url());
        options.setToken(FakePlatform.TOKEN);
        return new ExistenceQuery(new Platform(options), Duration.ofMinutes(1), waits::add).ask(objects);
    }

    /** Something in between answers, and no platform: of none of them it is known whether it is gone. */
    @ParameterizedTest
    @ValueSource(strings = {"\"yes\"", "[]", "5", "true"})
    void takesWhatIsNeitherAnObjectNorNullForNoAnswer(String instead) {
        answer(ids -> Answer.json("{\"data\":{\"o0\":" + instead + "}}"));
        List<StixObject> objects = objects(1);
        assertThatThrownBy(() -> ask(objects))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(
                        "without saying whether it has " + objects.get(0).key());
    }

    private void answer(Function<List<String>, Answer> answer) {
        platform.route("/graphql", request -> {
            try {
                List<String> ids = new ArrayList<>();
                JsonNode variables = JSON.readTree(request.text()).path("variables");
                for (int i = 0; i < variables.size(); i++) {
                    ids.add(variables.path("i" + i).asText());
                }
                return answer.apply(ids);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static Answer allShown(List<String> ids) {
        return shown(ids, id -> id);
    }

    private static Answer shown(List<String> ids, Function<String, String> found) {
        ObjectNode answer = JSON.createObjectNode();
        ObjectNode data = answer.putObject("data");
        for (int i = 0; i < ids.size(); i++) {
            data.putObject("o" + i).put("id", found.apply(ids.get(i)));
        }
        return Answer.json(answer.toString());
    }

    private static Answer refusal(String code, int status) {
        String body = "{\"errors\":[{\"message\":\"no\",\"extensions\":{\"code\":\"" + code + "\"}}],\"data\":null}";
        return Answer.status(status).body("application/json", body);
    }

    private static List<StixObject> objects(int count) {
        return IntStream.range(0, count)
                .mapToObj(n -> "tool--00000000-0000-4000-8000-%012d".formatted(n))
                .map(id -> {
                    try {
                        return StixObject.read(Bytes.of(JSON.writeValueAsString(Frames.object(id))));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .toList();
    }
}
