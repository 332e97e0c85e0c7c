package io.caravan;

import static io.caravan.testkit.Frames.create;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.ops.Program;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Patience;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A user's own sink whose other side takes some events, refuses others, and is away for a while. */
class RefusalIT {

    private static final Duration SOON = Patience.SOON;

    @TempDir
    Path home;

    private final List<Frame> events =
            IntStream.rangeClosed(1, 30).mapToObj(RefusalIT::frame).toList();
    private FakePlatform platform;
    private Installation caravan;
    private Program program;
    private HookSink hook;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start().append(events);
        caravan = new Installation(home, platform).set("caravan.sinks", "hook,journal");
    }

    @AfterEach
    void stop() {
        if (program != null) {
            program.close();
        }
        if (hook != null) {
            hook.close();
        }
        platform.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 413, 422})
    void anEventThatIsRefusedBecomesADeadLetterAndTheOthersAreTakenOnceAndInOrder(int status) throws Exception {
        start(object -> object == 7 || object == 8 || object == 30 ? status : 204, true);
        await().atMost(SOON).until(() -> delivered() == 30);

        assertThat(hook.taken()).isEqualTo(numbers(n -> n != 7 && n != 8 && n != 30));
        assertThat(caravan.journalLength()).isEqualTo(30);
        assertThat(caravan.deadLetters())
                .extracting(letter -> letter.path("position").asText())
                .containsExactly("7000-0", "8000-0", "30000-0");
        assertThat(caravan.deadLetters()).allSatisfy(letter -> {
            assertThat(letter.path("sink").asText()).isEqualTo("hook");
            assertThat(letter.path("error").asText()).contains(String.valueOf(status));
            assertThat(letter.path("event").path("data").path("id").asText()).startsWith("tool--");
        });
    }

    @Test
    void anEventIsTriedAgainWhileTheOtherSideIsAwayAndNoneIsPassedOver() throws Exception {
        AtomicInteger away = new AtomicInteger(3);
        start(object -> object == 7 && away.getAndDecrement() > 0 ? 503 : object == 8 ? 400 : 204, true);
        await().atMost(SOON).until(() -> trouble().matches("sink-hook: .*503.*"));
        assertThat(hook.taken()).isEqualTo(numbers(n -> n < 7));
        await().atMost(SOON).until(() -> delivered() == 30);

        assertThat(hook.taken()).isEqualTo(numbers(n -> n != 8));
        assertThat(trouble()).isEmpty();
        assertThat(caravan.deadLetters()).hasSize(1);
    }

    @Test
    void aDeadLetterIsKeptOnceAndOnlyWhenItsBatchIsDelivered() throws Exception {
        AtomicInteger away = new AtomicInteger(2);
        start(object -> object == 7 ? 400 : object == 20 && away.getAndDecrement() > 0 ? 503 : 204, true);
        await().atMost(SOON).until(() -> delivered() == 30);

        assertThat(hook.taken()).isEqualTo(numbers(n -> n != 7));
        assertThat(caravan.deadLetters()).hasSize(1);
    }

    @Test
    void aSinkThatDoesNotSayWhichEventIsRefusedIsTriedAgainForEver() throws Exception {
        start(object -> object == 7 ? 400 : 204, false);
        await().atMost(SOON).until(() -> hook.asked() >= 7 + 2);

        assertThat(trouble()).startsWith("sink-hook: ").contains("400");
        assertThat(hook.taken()).isEqualTo(numbers(n -> n < 7));
        assertThat(caravan.deadLetters()).isEmpty();
        assertThat(delivered()).isLessThan(7);
        assertThat(caravan.journalLength()).isLessThan(7);
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 402, 404, 410, 429, 302})
    void anAddressThatIsWrongMakesNoDeadLetters(int status) throws Exception {
        start(object -> status, true);
        await().atMost(SOON).until(() -> hook.asked() >= 2);

        assertThat(trouble()).startsWith("sink-hook: ");
        assertThat(caravan.deadLetters()).isEmpty();
    }

    private void start(IntUnaryOperator answers, boolean saysWhich) throws Exception {
        hook = new HookSink().answers(answers);
        hook.route(caravan, saysWhich);
        program = caravan.start();
    }

    private String trouble() {
        return program.consumers().get(0).sinkTrouble().orElse("");
    }

    private long delivered() {
        return program.consumers().get(0).counters().delivered();
    }

    private List<Integer> numbers(java.util.function.IntPredicate which) {
        return IntStream.rangeClosed(1, events.size()).filter(which).boxed().toList();
    }

    private static Frame frame(int number) {
        return create(number + "000-0", "tool--00000000-0000-4000-8000-%012d".formatted(number));
    }
}
