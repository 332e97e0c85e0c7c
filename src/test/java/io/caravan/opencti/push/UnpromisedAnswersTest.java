package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Change;
import io.caravan.event.Changes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Json;
import io.caravan.event.StixObject;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import io.caravan.testkit.Answer;
import io.caravan.testkit.Coding;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.Request;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An answer that is not what the protocol promises, to each request of each transport that is made over HTTP: the batch waits
 * with what was got as the reason, and goes through once when the destination answers again. A refusal of one object is told
 * from one of all.
 */
class UnpromisedAnswersTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String COLLECTION = "a63cea26-f347-4293-b236-be672692f910";

    /** What may answer in a destination's place, whatever it is asked. */
    private static final Map<String, Answer> ANSWERS = new LinkedHashMap<>();

    static {
        ANSWERS.put("a login page", Answer.html("<!doctype html><title>Sign in</title>"));
        ANSWERS.put("a page that is not said to be one", Answer.status(200).body("", "<html>ok</html>"));
        ANSWERS.put("a redirect", Answer.redirect("https://login.example.org/"));
        ANSWERS.put("no content", Answer.status(204));
        ANSWERS.put("nothing", Answer.status(200));
        ANSWERS.put("an empty object", Answer.json("{}"));
        ANSWERS.put("a list", Answer.json("[]"));
        ANSWERS.put("half of a JSON", Answer.json("{\"data\":{\"id\":"));
        ANSWERS.put("null as data", Answer.json("{\"data\":null}"));
        ANSWERS.put("data without what was asked for", Answer.json("{\"data\":{}}"));
        ANSWERS.put("another API", Answer.json("{\"id\":5,\"status\":\"ok\",\"data\":{\"x\":1}}"));
        ANSWERS.put("unreadable compression", Answer.json("{}").coding(Coding.BROTLI));
        ANSWERS.put("a forbidding page", Answer.status(403).body("text/html", "<title>Forbidden</title>"));
        ANSWERS.put("a refusing page", Answer.status(400).body("text/html", "<title>Bad request</title>"));
        ANSWERS.put("a maintenance page", Answer.status(503).body("text/html", "<title>Back soon</title>"));
    }

    @TempDir
    private Path folder;

    private final FakeDestination destination = FakeDestination.start().collection(COLLECTION, true);
    private final List<DeadLetter> letters = new ArrayList<>();
    private final PushConfiguration options = new PushConfiguration();

    @AfterEach
    void close() {
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    static Stream<Arguments> requests() {
        return Stream.of(
                        Map.entry("bundle", "registerConnector"),
                        Map.entry("bundle", "workAdd"),
                        Map.entry("bundle", "stixBundlePush"),
                        Map.entry("queue", "registerConnector"),
                        Map.entry("taxii", "/objects/"))
                .flatMap(UnpromisedAnswersTest::withEachAnswer);
    }

    @ParameterizedTest(name = "{0}: {1} is answered by {2}")
    @MethodSource("requests")
    void aPushWaitsAndGoesThroughOnce(String transport, String request, String answer) throws Exception {
        Way way = way(transport);
        Run run = run(upsert(1), upsert(2));
        destination.answerAll(is(request), ANSWERS.get(answer));
        assertThat(failure(() -> way.push(run))).satisfies(UnpromisedAnswersTest::isLegible);
        assertThat(destination.pushes()).isEmpty();

        if (!transport.equals("queue")) { // which needs a broker from here on
            destination.answerAgain();
            assertThat(way.push(run)).isPresent();
            assertThat(destination.pushes()).hasSize(1);
        }
    }

    static Stream<Arguments> questions() {
        return Stream.of(Map.entry("bundle", "query Work"), Map.entry("taxii", "/status/"))
                .flatMap(UnpromisedAnswersTest::withEachAnswer);
    }

    /** Neither applied nor failed nor unknown: it is asked again. */
    @ParameterizedTest(name = "{0}: {1} is answered by {2}")
    @MethodSource("questions")
    void anOutcomeIsAskedForAgain(String transport, String request, String answer) throws Exception {
        Way way = way(transport);
        String work = way.push(run(upsert(1))).orElseThrow();
        destination.awaitApplied().answerAll(is(request), ANSWERS.get(answer));
        assertThat(failure(() -> way.outcome(work))).satisfies(UnpromisedAnswersTest::isLegible);

        destination.answerAgain();
        assertThat(way.outcome(work)).contains(new Way.Outcome(true, true, List.of(), 0, 1));
    }

    static Stream<Arguments> pings() {
        return withEachAnswer(Map.entry("bundle", "pingConnector"));
    }

    @ParameterizedTest(name = "{0}: {1} is answered by {2}")
    @MethodSource("pings")
    void aPingIsNotHeard(String transport, String request, String answer) {
        destination.answerAll(is(request), ANSWERS.get(answer));
        assertThat(failure(() -> way(transport).ping("{}"))).satisfies(UnpromisedAnswersTest::isLegible);
    }

    static Stream<Arguments> questionsOfRemovals() {
        return Stream.of(
                        Map.entry("bundle", "stixObjectOrStixRelationship"),
                        Map.entry("bundle", "query Me"),
                        Map.entry("taxii", "stixObjectOrStixRelationship"),
                        Map.entry("taxii", "query Collection"))
                .flatMap(UnpromisedAnswersTest::withEachAnswer);
    }

    /** What cannot be asked who has written it is neither removed nor left there for good. */
    @ParameterizedTest(name = "{0}: {1} is answered by {2}")
    @MethodSource("questionsOfRemovals")
    void aRemovalWaits(String transport, String request, String answer) throws Exception {
        Way way = way(transport);
        PushCounters counters = new PushCounters();
        Optional<TaxiiWay> collection = way instanceof TaxiiWay taxii ? Optional.of(taxii) : Optional.empty();
        Protection protection = new Protection(api(), options, collection, () -> true, counters);
        List<Item> removals = run(remove(1)).items();
        destination.put(Json.tree(tool(1).json())).answerAll(is(request), ANSWERS.get(answer));
        assertThat(failure(() -> protection.mayGo(removals))).satisfies(UnpromisedAnswersTest::isLegible);

        destination.answerAgain();
        assertThat(protection.mayGo(removals)).isEqualTo(removals);
        assertThat(counters.kept()).isZero();
    }

    /** The destination has not done it, or does not say so. */
    @ParameterizedTest
    @ValueSource(strings = {"false", "null", "{}"})
    void aBundleIsQueuedWhenThatIsSaid(String told) {
        destination.answerAll(is("stixBundlePush"), Answer.json("{\"data\":{\"stixBundlePush\":" + told + "}}"));
        assertThat(failure(() -> way("bundle").push(run(upsert(1)))))
                .contains("without saying that it has queued the bundle");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"id\":\"a\"}",
                "{\"id\":\"a\",\"connector_user_id\":null,\"config\":{}}",
                "{\"id\":\"a\",\"connector_user_id\":\"u\",\"config\":{\"connection\":{\"port\":5672}}}"
            })
    void aRegistrationThatLacksTheWayToTheQueueIsNone(String told) {
        destination.answerAll(is("registerConnector"), Answer.json("{\"data\":{\"registerConnector\":" + told + "}}"));
        assertThat(failure(() -> way("queue").push(run(upsert(1)))))
                .matches(".*(without connector_user_id|does not tell where its RabbitMQ is).*");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"id\":\"w\",\"status\":\"complete\",\"total_count\":1,\"pending_count\":0}",
                "{\"id\":\"w\",\"status\":\"complete\",\"failure_count\":\"none\"}",
                "{\"status\":\"complete\",\"failure_count\":0}",
                "{\"id\":\"w\",\"failure_count\":0}"
            })
    void aStatusThatLacksWhatFailedIsNone(String told) {
        destination.answerAll(is("/status/"), Answer.json(told));
        assertThat(failure(() -> way("taxii").outcome("w"))).contains("of a TAXII status: the answer is JSON");
    }

    /** The fault would be taken for the bundle's, and every bundle become dead letters. */
    @Test
    void aQuestionThatIsNotUnderstoodIsNotTheBundlesFault() {
        String error = "{\"errors\":[{\"message\":\"Unknown argument\",\"extensions\":"
                + "{\"code\":\"GRAPHQL_VALIDATION_FAILED\"}}]}";
        destination.answerAll(is("stixBundlePush"), Answer.status(400).body("application/json", error));
        assertThat(failure(() -> way("bundle").push(run(upsert(1))))).contains("Unknown argument");
    }

    /** By a filter in front, or by the server's own rules. */
    @ParameterizedTest
    @CsvSource({"taxii,403", "taxii,406", "taxii,415", "taxii,451", "bundle,403", "bundle,406", "bundle,451"})
    void oneObjectThatIsRefusedHoldsUpNothing(String transport, int status) throws Exception {
        destination.answerAll(holds("Tool 3"), Answer.status(status).body("text/html", "<title>Blocked</title>"));
        push(way(transport), IntStream.rangeClosed(1, 8).mapToObj(UnpromisedAnswersTest::upsert));
        destination.awaitApplied();
        assertThat(destination.objects()).hasSize(7).doesNotContainKey(tool(3).id());
        assertThat(letters).singleElement().satisfies(letter -> {
            assertThat(letter.id()).isEqualTo(tool(3).id());
            assertThat(letter.error()).contains("answers " + status, "(Blocked)");
        });
    }

    /** Also where it comes alone, and nothing was pushed before. */
    @ParameterizedTest
    @CsvSource({"taxii,403", "taxii,406", "bundle,403"})
    void evenTheFirstOneOfAll(String transport, int status) throws Exception {
        destination.answerAll(holds("Tool 3"), Answer.status(status));
        push(way(transport), Stream.of(upsert(3)));
        push(way(transport), Stream.of(upsert(4)));
        destination.awaitApplied();
        assertThat(letters).hasSize(1);
        assertThat(destination.objects()).containsOnlyKeys(tool(4).id());
    }

    @ParameterizedTest
    @CsvSource({
        "taxii,403",
        "taxii,406",
        "taxii,404",
        "taxii,400",
        "bundle,403",
        "bundle,406",
        "bundle,404",
        "bundle,400"
    })
    void whereAllIsRefusedItIsNoObjectsFault(String transport, int status) throws Exception {
        Predicate<Request> everything = request -> request.method().equals("POST");
        destination.answerAll(everything, Answer.status(status).body("text/html", "<title>Blocked</title>"));
        Stream<Change> changes = IntStream.rangeClosed(1, 8).mapToObj(UnpromisedAnswersTest::upsert);
        assertThat(failure(() -> push(way(transport), changes))).contains("answers " + status, "(Blocked)");
        assertThat(letters).isEmpty();
        assertThat(destination.requests()).hasSizeLessThan(12);
    }

    /** As behind a load balancer, while a platform is updated: other requests are answered meanwhile. */
    @ParameterizedTest
    @CsvSource({
        "taxii,404",
        "taxii,405",
        "taxii,410",
        "taxii,501",
        "bundle,404",
        "bundle,405",
        "bundle,410",
        "bundle,501"
    })
    void anAddressThatIsAwayForPushesIsNoObjectsFault(String transport, int status) {
        destination.answerAll(holds("Tool 3"), Answer.status(status));
        assertThat(failure(() -> push(way(transport), Stream.of(upsert(3))))).contains("answers " + status);
        assertThat(letters).isEmpty();
    }

    @Test
    void aFilterThatLetsOnlyQueriesThroughRefusesNoObjects() {
        destination.answerAll(is("mutation Push"), Answer.status(403));
        destination.answerAll(is("mutation Ping"), Answer.status(403));
        assertThat(failure(() -> push(way("bundle"), Stream.of(upsert(1))))).contains("answers 403");
        assertThat(letters).isEmpty();
    }

    /** A gateway that wraps the answer, which holds the password of the platform's RabbitMQ. */
    @ParameterizedTest
    @ValueSource(strings = {"bundle", "queue"})
    void noMessageRepeatsTheAnswerToARegistration(String transport) {
        destination.answerAll(is("registerConnector"), Answer.json("{\"result\":{\"config\":{\"pass\":\"s3cret\"}}}"));
        assertThat(failure(() -> way(transport).push(run(upsert(1)))))
                .contains("the answer is JSON;")
                .doesNotContain("s3cret");
    }

    /** A server that lacks the right to the collection may still read an envelope of nothing. */
    @Test
    void aCollectionThatTakesNoWritesRefusesNoObjects() {
        destination.answerAll(holds("Tool"), Answer.status(403));
        destination.answerAll(
                request -> request.method().equals("GET"), Answer.json("{\"id\":\"c\",\"can_write\":false}"));
        assertThat(failure(() -> push(way("taxii"), Stream.of(upsert(1))))).contains("answers 403");
        assertThat(letters).isEmpty();
    }

    /** It was for the moment, and over when something else was sent to see. */
    @ParameterizedTest
    @ValueSource(strings = {"taxii", "bundle"})
    void aRefusalThatIsOverIsNoObjectsFault(String transport) throws Exception {
        destination.answer(1, holds("Tool"), Answer.status(403));
        push(way(transport), Stream.of(upsert(1)));
        destination.awaitApplied();
        assertThat(letters).isEmpty();
        assertThat(destination.objects()).hasSize(1);
    }

    private Way way(String transport) {
        options.setWay(PushConfiguration.Way.valueOf(transport));
        options.setCollection(COLLECTION);
        return Ways.of(connection(), new Platform(connection()), options, COLLECTION);
    }

    private GraphQl api() {
        return new GraphQl(new Platform(connection()), PATIENCE);
    }

    private OpenctiConfiguration connection() {
        OpenctiConfiguration connection = new OpenctiConfiguration();
        connection.setUrl(destination.url());
        connection.setToken(FakeDestination.TOKEN);
        return connection;
    }

    private void push(Way way, Stream<Change> changes) throws Exception {
        PushCounters counters = new PushCounters();
        Outcomes outcomes = new Outcomes(way, letters::add, counters, new PushedFiles(folder));
        Rules rules = new Rules(new Wording(Optional.empty()), true, Optional.empty(), new Files(Optional.empty(), 0));
        new Pusher(way, rules, letters::add, outcomes, counters).deliver(Changes.batch(1, changes.toList()), "partner");
    }

    private static Run run(Change... changes) throws IOException {
        List<Run> runs = Runs.of(Changes.batch(1, changes), new Wording(Optional.empty()), true, RunsTest::noneFails);
        assertThat(runs).hasSize(1);
        return runs.get(0);
    }

    private static Change upsert(int number) {
        return Changes.upsert(tool(number));
    }

    private static Change remove(int number) {
        return Changes.remove(tool(number));
    }

    private static StixObject tool(int number) {
        String id = "%08d-0000-4000-8000-000000000000".formatted(number);
        return Changes.object("tool--" + id, id, "Tool " + number);
    }

    /** Requests whose path or query has this. */
    private static Predicate<Request> is(String part) {
        return request -> part.startsWith("/")
                ? request.path().contains(part)
                : request.path().equals("/graphql") && request.text().contains(part);
    }

    private static Predicate<Request> holds(String part) {
        return request -> request.text().contains(part);
    }

    private static Stream<Arguments> withEachAnswer(Map.Entry<String, String> request) {
        return ANSWERS.keySet().stream().map(answer -> Arguments.of(request.getKey(), request.getValue(), answer));
    }

    private static void isLegible(String reason) {
        assertThat(reason)
                .startsWith("http://127.0.0.1:")
                .doesNotContain(": null", "Exception", "\n")
                .hasSizeLessThan(500);
    }

    private interface Step {
        void go() throws Exception;
    }

    private static String failure(Step step) {
        try {
            step.go();
        } catch (IOException e) {
            return e.getMessage();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("it went through");
    }
}
