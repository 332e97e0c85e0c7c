package io.caravan;

import static io.caravan.testkit.Frames.by;
import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Frames.extension;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.opencti.stream.OpenctiConsumer;
import io.caravan.ops.Program;
import io.caravan.testkit.FakeDestination;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.Patience;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two platforms that share what they know, each a stream and a destination: what one carrier wrote on the second platform
 * comes on that one's stream, and the other carrier follows it.
 */
class LoopIT {

    private static final Duration SOON = Patience.SOON;
    private static final long OLD = Instant.now().minus(Duration.ofDays(30)).toEpochMilli();

    /** Whom a platform's workers are. */
    private static final String WORKER = "88ec0c6a-13ce-5e39-b486-354fe4a7084f";

    private static final String ANALYST = "5bd2ee52-16b5-4a6b-9a01-9d9ee3e1c7d4";

    @TempDir
    Path home;

    private final FakePlatform first = platform();
    private final FakeDestination intoFirst = FakeDestination.start();
    private final FakePlatform second = platform();
    private final FakeDestination intoSecond = FakeDestination.start();
    private final Map<String, Installation> installations = new HashMap<>();
    private volatile Duration ahead = Duration.ZERO;
    private boolean isFromTheStart;
    private Program program;

    @BeforeEach
    void carryOver() throws Exception {
        first.append(create(at(1), object(id(1))), create(at(2), object(id(2))));
        carry("there", first, intoSecond, "");
        await().atMost(SOON).until(() -> intoSecond.objects().keySet().containsAll(List.of(id(1), id(2))));
        program.close();
    }

    @AfterEach
    void close() {
        program.close();
        List.of(first, second).forEach(platform -> {
            assertThat(platform.failures()).isEmpty();
            platform.close();
        });
        List.of(intoFirst, intoSecond).forEach(destination -> {
            assertThat(destination.failures()).isEmpty();
            destination.close();
        });
    }

    @Test
    void whatWasCarriedThereIsNotCarriedBack() throws Exception {
        second.append(
                by(WORKER, FakeDestination.USER, create(at(3), object(id(1)))),
                by(WORKER, FakeDestination.USER, create(at(4), object(id(2)))),
                by(ANALYST, "", create(at(5), object(id(3)))),
                by(FakeDestination.USER, "", delete(at(6), object(id(2)))),
                by(ANALYST, "", create(at(7), object(id(4)))));

        carry("back", second, intoFirst, FakeDestination.USER);

        await().atMost(SOON).until(() -> intoFirst.objects().containsKey(id(4)));
        assertThat(intoFirst.objects()).containsOnlyKeys(id(3), id(4));
        assertThat(consumer().counters().ignoredEvents()).isEqualTo(3);
        assertThat(consumer().counters().events("create")).isEqualTo(2);
    }

    @Test
    void whatWasCarriedThereIsCarriedBackUnlessItsUserIsIgnored() throws Exception {
        second.append(by(WORKER, FakeDestination.USER, create(at(3), object(id(1)))));
        carry("back", second, intoFirst, "");
        await().atMost(SOON).until(() -> intoFirst.objects().containsKey(id(1)));
    }

    @Test
    void ofASnapshotWhatNobodyElseHasCreatedIsNotCarriedBack() throws Exception {
        second.snapshot(List.of(
                        snapshot(at(1), createdBy(id(1), FakeDestination.USER)),
                        snapshot(at(2), createdBy(id(2), FakeDestination.USER, ANALYST)),
                        snapshot(at(3), createdBy(id(3), ANALYST))))
                .append(by(ANALYST, "", create(now(), object(id(4)))));

        isFromTheStart = true;
        ahead = Duration.ofSeconds(5); // heartbeats end the windows of the snapshot
        carry("back", second, intoFirst, FakeDestination.USER);

        await().atMost(SOON).until(() -> intoFirst.objects().containsKey(id(4)));
        assertThat(intoFirst.objects()).containsOnlyKeys(id(2), id(3), id(4));
        assertThat(consumer().counters().ignoredEvents()).isEqualTo(1);
    }

    @Test
    void thePositionGoesPastWhatIsNotCarried() throws Exception {
        second.append(by(WORKER, FakeDestination.USER, create(at(3), object(id(1)))));
        carry("back", second, intoFirst, FakeDestination.USER);
        await().atMost(SOON).until(() -> consumer().counters().ignoredEvents() == 1);
        program.close();

        second.append(by(ANALYST, "", create(at(4), object(id(3)))));
        carry("back", second, intoFirst, FakeDestination.USER);
        await().atMost(SOON).until(() -> intoFirst.objects().containsKey(id(3)));
        assertThat(intoFirst.objects()).containsOnlyKeys(id(3));
        assertThat(consumer().counters().ignoredEvents()).isZero();
    }

    @Test
    void aReconcileRemovesNothingThatIsThereAndIgnored() throws Exception {
        second.append(
                by(ANALYST, "", create(at(3), object(id(1)))), // edited there after it was carried
                by(ANALYST, "", create(at(4), object(id(3)))));
        carry("back", second, intoFirst, FakeDestination.USER);
        await().atMost(SOON).until(() -> intoFirst.objects().containsKey(id(3)));
        second.snapshot(List.of(snapshot(at(3), createdBy(id(1), FakeDestination.USER))));
        second.append(by(ANALYST, "", create(now(), object(id(4)))));

        consumer().askReconcile();
        ahead = Duration.ofMinutes(10); // heartbeats prove that the log has been read beyond the snapshot
        await().atMost(SOON).until(() -> consumer().counters().reconciles() == 1);

        await().atMost(SOON).until(() -> !intoFirst.objects().containsKey(id(3)));
        assertThat(intoFirst.objects()).containsOnlyKeys(id(1), id(4));
    }

    /** Until the program is closed. */
    private void carry(String name, FakePlatform from, FakeDestination to, String ignored) throws Exception {
        if (!installations.containsKey(name)) {
            Path folder = Files.createDirectory(home.resolve(name));
            installations.put(name, new Installation(folder, from));
        }
        program = installations
                .get(name)
                .set("caravan.sinks", "opencti")
                .to(to)
                .set("opencti.ignore-users", ignored)
                .set("opencti.start", isFromTheStart ? "" : "0-0")
                .start();
    }

    private OpenctiConsumer consumer() {
        return program.consumers().get(0);
    }

    private FakePlatform platform() {
        return FakePlatform.start()
                .heartbeats(new Heartbeats(
                        Duration.ofMillis(100),
                        (lastId, isIdle, now) ->
                                isIdle && !ahead.isZero() ? now.plus(ahead).toEpochMilli() + "-0" : lastId));
    }

    private static Map<String, Object> createdBy(String id, String... users) {
        Map<String, Object> object = object(id);
        extension(object).put("creator_ids", List.of(users));
        return object;
    }

    private static String id(int number) {
        return "tool--00000000-0000-4000-8000-%012d".formatted(number);
    }

    private static String at(int seconds) {
        return (OLD + seconds * 1000L) + "-0";
    }

    private static String now() {
        return System.currentTimeMillis() + "-0";
    }
}
