package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.Event.Kind;
import io.caravan.event.EventId;
import io.caravan.event.Events;
import io.caravan.event.Position;
import io.caravan.event.Position.Open;
import io.caravan.event.Position.Snapshot;
import io.caravan.opencti.stream.Inbox.Delivery;
import io.caravan.opencti.stream.Inbox.Receipt;
import io.caravan.testkit.Patience;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class InboxTest {

    private static final Inbox.Shown ALL_SHOWN = (snapshot, key) -> true;

    private static final Instant NOW = Instant.parse("2026-11-21T17:38:18.973Z");
    private static final Position START = Position.startingAt("https://opencti.example.org", "live", id("1000-0"));
    private static final Receipt TAKEN_AT_ONCE = new Receipt(true, false);
    private static final Receipt TAKEN_AFTER_A_WAIT = new Receipt(true, true);
    private static final int MANY = 1000;

    // batches

    @Test
    void allThatHasArrivedIsOneBatchInTheOrderItCame() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        Event first = event("1001-0", "a");
        Event second = event("1001-1", "b");
        Event third = event("1002-0", "c");

        assertThat(inbox.add(first)).isEqualTo(TAKEN_AT_ONCE);
        assertThat(inbox.add(second)).isEqualTo(TAKEN_AT_ONCE);
        assertThat(inbox.add(third)).isEqualTo(TAKEN_AT_ONCE);

        Batch batch = take(inbox).batch();
        assertThat(batch.events()).containsExactly(first, second, third);
        assertThat(batch.before()).isEqualTo(START);
        assertThat(batch.received()).isEqualTo(NOW);
    }

    @Test
    void aBatchClosesAtSoManyEvents() throws Exception {
        Inbox inbox = inbox(2, MANY);
        inbox.add(event("1001-0", "a"));
        inbox.add(event("1002-0", "b"));

        Background<Receipt> third = Background.start(() -> inbox.add(event("1003-0", "c")));
        third.awaitBlocked();

        assertThat(objects(take(inbox))).containsExactly("a", "b");
        assertThat(third.result()).isEqualTo(TAKEN_AFTER_A_WAIT);
        assertThat(objects(take(inbox))).containsExactly("c");
    }

    @Test
    void aBatchClosesAtSoManyBytes() throws Exception {
        Inbox inbox = inbox(MANY, 100);
        inbox.add(event("1001-0", "a", 60));
        inbox.add(event("1002-0", "b", 40));

        Background<Receipt> third = Background.start(() -> inbox.add(event("1003-0", "c", 1)));
        third.awaitBlocked();

        assertThat(objects(take(inbox))).containsExactly("a", "b");
        assertThat(third.result()).isEqualTo(TAKEN_AFTER_A_WAIT);
        assertThat(objects(take(inbox))).containsExactly("c");
    }

    @Test
    void aLargerEventIsABatchOfItsOwn() throws Exception {
        Inbox inbox = inbox(MANY, 100);

        assertThat(inbox.add(event("1001-0", "large", 101))).isEqualTo(TAKEN_AT_ONCE);
        Background<Receipt> next = Background.start(() -> inbox.add(event("1002-0", "b", 1)));
        next.awaitBlocked();

        assertThat(objects(take(inbox))).containsExactly("large");
        assertThat(next.result()).isEqualTo(TAKEN_AFTER_A_WAIT);
    }

    @Test
    void aLargerEventWaitsForTheBatchBeforeIt() throws Exception {
        Inbox inbox = inbox(MANY, 100);
        inbox.add(event("1001-0", "a", 1));

        Background<Receipt> large = Background.start(() -> inbox.add(event("1002-0", "large", 101)));
        large.awaitBlocked();

        assertThat(objects(take(inbox))).containsExactly("a");
        large.result();
        assertThat(objects(take(inbox))).containsExactly("large");
    }

    @Test
    void whoTakesWaitsForAnEvent() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        Background<Optional<Delivery>> taker = Background.start(inbox::take);
        taker.awaitBlocked();

        inbox.add(event("1001-0", "a"));

        assertThat(objects(taker.result().orElseThrow())).containsExactly("a");
    }

    @Test
    void everythingComesThroughOnceAndInOrder() throws Exception {
        Inbox inbox = inbox(7, 500);
        Background<Boolean> reader = Background.start(() -> {
            for (int i = 1; i <= 10_000; i++) {
                inbox.add(event(1000 + i + "-0", "object-" + i, i % 90));
            }
            return true;
        });

        List<String> taken = new ArrayList<>();
        Position position = START;
        while (taken.size() < 10_000) {
            Batch batch = take(inbox).batch();
            assertThat(batch.events()).hasSizeBetween(1, 7);
            assertThat(batch.before()).isEqualTo(position);
            assertThat(batch.after().batches()).isEqualTo(position.batches() + 1);
            position = batch.after();
            batch.events().forEach(event -> taken.add(event.objectId()));
        }

        assertThat(reader.result()).isTrue();
        assertThat(taken)
                .isEqualTo(LongStream.rangeClosed(1, 10_000)
                        .mapToObj(i -> "object-" + i)
                        .toList());
    }

    // positions

    @Test
    void thePositionAfterABatchCoversWhatIsInIt() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        Event first = event("1001-0", "a");
        Event second = event("1002-0", "b");
        Event third = event("1002-0", "c");
        inbox.add(first);
        inbox.add(second);
        inbox.add(third);

        Position after = take(inbox).batch().after();

        assertThat(after.resume()).isEqualTo(id("1001-0"));
        assertThat(after.open()).contains(open("1002-0", second, third));
        assertThat(after.batches()).isEqualTo(1);
    }

    @Test
    void thePositionAfterABatchKnowsNothingOfWhatWaits() throws Exception {
        Inbox inbox = inbox(1, MANY);
        Event first = event("1001-0", "a");
        Event second = event("1001-0", "b");
        inbox.add(first);
        Background<Receipt> waiting = Background.start(() -> inbox.add(second));
        waiting.awaitBlocked();

        Position after = take(inbox).batch().after();
        waiting.result();

        assertThat(after.open()).contains(open("1001-0", first));
        assertThat(take(inbox).batch().after().open()).contains(open("1001-0", first, second));
    }

    @Test
    void aBatchBeginsWhereTheOneBeforeEnded() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        Position after = take(inbox).batch().after();
        inbox.add(event("1002-0", "b"));

        Batch second = take(inbox).batch();

        assertThat(second.before()).isEqualTo(after);
        assertThat(second.after().batches()).isEqualTo(2);
    }

    @Test
    void aLaterHeartbeatProvesAnIdWhole() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        inbox.heartbeat(id("2000-0"));

        assertThat(take(inbox).batch().after().resume()).isEqualTo(id("1001-0"));
    }

    @Test
    void anEventThatIsLeftOutIsPassedByThePosition() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        Event deletion = event("1001-0", "left-out");
        inbox.skip(deletion);
        assertThat(inbox.add(deletion).isNew()).isFalse();
        inbox.add(event("1002-0", "b"));

        Batch batch = take(inbox).batch();

        assertThat(batch.events()).extracting(Event::objectId).containsExactly("b");
        assertThat(batch.after().resume()).isEqualTo(id("1001-0"));
    }

    @Test
    void thatThereIsNoSnapshotIsStoredAtOnce() throws Exception {
        Snapshot snapshot = new Snapshot(EventId.ZERO, NOW);
        Inbox inbox = new Inbox(Position.startingWith("p", "live", snapshot), MANY, MANY, clock(), clock(), ALL_SHOWN);
        inbox.noRecover(id("1500-0"));

        Batch batch = take(inbox).batch();

        assertThat(batch.events()).isEmpty();
        assertThat(batch.after().snapshot()).isEmpty();
        assertThat(batch.after().resume()).isEqualTo(id("1500-0"));
        assertThat(batch.after().batches()).isZero();
    }

    @Test
    void aReconcileIsStoredAloneBehindWhatCameBefore() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        Background<Void> reader = Background.start(() -> {
            inbox.beginReconcile(true, NOW);
            return null;
        });
        reader.awaitBlocked();

        Delivery before = take(inbox);
        reader.awaitBlocked();
        Delivery begin = take(inbox);
        reader.result();
        inbox.connecting();
        inbox.add(event("900-0", "b"));
        Delivery behind = take(inbox);

        assertThat(before.batch().events()).extracting(Event::objectId).containsExactly("a");
        assertThat(before.batch().after().reconcile()).isEmpty();
        assertThat(before.seen()).isEmpty();
        assertThat(begin.batch().events()).isEmpty();
        assertThat(begin.batch().after().snapshot()).contains(new Snapshot(EventId.ZERO, NOW));
        assertThat(behind.batch().before().reconcile())
                .isEqualTo(begin.batch().after().reconcile());
        assertThat(behind.seen()).containsExactly("b");
    }

    /** The marks of the first may be on the disk: its first batch was killed, or held nothing but what is left out by a setting. */
    @Test
    void noTwoReconcilesHaveOneNumber() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        List<Long> numbers = new ArrayList<>();
        for (int n = 0; n < 2; n++) {
            Background<Void> reader = Background.start(() -> {
                inbox.beginReconcile(true, NOW);
                return null;
            });
            reader.awaitBlocked();
            Delivery begin = take(inbox);
            reader.result();
            numbers.add(begin.batch().after().reconcile().orElseThrow().number());
        }

        assertThat(numbers).doesNotHaveDuplicates();
    }

    @Test
    void whatIsLeftOutInAReconcileWasSeen() throws Exception {
        Inbox inbox = new Inbox(
                new Position(
                        "p",
                        "live",
                        id("900-0"),
                        Optional.empty(),
                        Optional.empty(),
                        9,
                        Position.MARGIN,
                        Optional.of(new Position.Reconcile(7, false, Instant.EPOCH, Optional.of(NOW))),
                        Optional.empty()),
                1,
                MANY,
                clock(),
                clock(),
                ALL_SHOWN);
        assertThat(inbox.skip(event("2000-0", "a"))).isEqualTo(TAKEN_AT_ONCE);
        Inbox.Delivery delivery = take(inbox);
        assertThat(delivery.batch().events()).isEmpty();
        assertThat(delivery.seen()).containsExactly("a");
        assertThat(delivery.batch().after().newest()).isEqualTo(id("2000-0"));
    }

    @Test
    void ofARepetitionInAReconcileOnlyThatItWasSeenIsTaken() throws Exception {
        Position.Reconcile under = new Position.Reconcile(7, false, Instant.EPOCH, Optional.of(NOW));
        Position.Open open = new Position.Open(id("1001-0"), new long[0]);
        Inbox inbox = new Inbox(
                new Position(
                        "p",
                        "live",
                        id("900-0"),
                        Optional.of(open),
                        Optional.empty(),
                        9,
                        Position.MARGIN,
                        Optional.of(under),
                        Optional.empty()),
                MANY,
                MANY,
                clock(),
                clock(),
                ALL_SHOWN);
        inbox.add(event("1000-0", "again"));
        inbox.add(event("1002-0", "new"));

        Delivery next = take(inbox);

        assertThat(next.batch().events()).extracting(Event::objectId).containsExactly("new");
        assertThat(next.seen()).containsExactlyInAnyOrder("again", "new");
    }

    @Test
    void aBatchFromWithinMovesNothingButTheCount() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "waits"));
        Position before = inbox.taken();

        Batch within = inbox.ofWithin(List.of(event("1000-0", "gone"))).batch();

        assertThat(within.before()).isEqualTo(before);
        assertThat(within.after()).isEqualTo(before.afterAnotherBatch());
        assertThat(take(inbox).batch().before()).isEqualTo(within.after());
    }

    @Test
    void aLogThatIsReadAgainIsStoredAtOnce() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        take(inbox);
        inbox.beginLogAgain();

        Position after = take(inbox).batch().after();

        assertThat(after.resume()).isEqualTo(EventId.ZERO);
        assertThat(after.open()).isEmpty();
        assertThat(inbox.add(event("1001-0", "a")).isNew()).isTrue();
    }

    // repetitions

    @Test
    void whatThePlatformSendsAgainIsDropped() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        inbox.add(event("1002-0", "b"));

        assertThat(inbox.add(event("1001-0", "a")).isNew()).isFalse();
        assertThat(inbox.add(event("1001-0", "c")).isNew())
                .as("below the newest id")
                .isFalse();
        assertThat(inbox.add(event("1002-0", "b")).isNew()).isFalse();
        assertThat(inbox.add(event("1002-0", "c")).isNew()).isTrue();

        assertThat(objects(take(inbox))).containsExactly("a", "b", "c");
    }

    @Test
    void itIsDroppedAfterItWasTakenToo() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        take(inbox);

        assertThat(inbox.add(event("1001-0", "a")).isNew()).isFalse();
        assertThat(inbox.add(event("1001-0", "b")).isNew()).isTrue();
    }

    @Test
    void itIsDroppedAfterARestartToo() throws Exception {
        Inbox before = inbox(MANY, MANY);
        before.add(event("1001-0", "a"));
        Position stored = take(before).batch().after();

        Inbox inbox = new Inbox(stored, MANY, MANY, clock(), clock(), ALL_SHOWN);

        assertThat(inbox.add(event("1001-0", "a")).isNew()).isFalse();
        assertThat(inbox.add(event("1001-0", "b")).isNew()).isTrue();
        assertThat(objects(take(inbox))).containsExactly("b");
    }

    @Test
    void anObjectAsDependencyAndAsItselfIsNoRepetition() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(Events.event(id("1001-0"), "create", Kind.DEPENDENCY, "a", Bytes.of("{}")));
        inbox.add(Events.event(id("1001-0"), "create", Kind.MAIN, "a", Bytes.of("{}")));

        assertThat(objects(take(inbox))).containsExactly("a", "a");
    }

    // dead letters

    @Test
    void deadLettersComeWithTheBatchAndCountForItsSize() throws Exception {
        Inbox inbox = inbox(2, MANY);
        DeadLetter letter = letter("1002-0", 10);
        inbox.add(event("1001-0", "a"));
        inbox.add(id("1002-0"), 7, letter);
        Background<Receipt> third = Background.start(() -> inbox.add(event("1003-0", "c")));
        third.awaitBlocked();

        Delivery delivery = take(inbox);

        assertThat(objects(delivery)).containsExactly("a");
        assertThat(delivery.letters()).containsExactly(letter);
        third.result();
    }

    @Test
    void aDeadLettersBytesCountForTheBatchToo() throws Exception {
        Inbox inbox = inbox(MANY, 100);
        inbox.add(id("1001-0"), 7, letter("1001-0", 60));
        Background<Receipt> next = Background.start(() -> inbox.add(letter("", 41)));
        next.awaitBlocked();

        assertThat(take(inbox).letters()).hasSize(1);
        assertThat(next.result()).isEqualTo(TAKEN_AFTER_A_WAIT);
        assertThat(take(inbox).letters()).hasSize(1);
    }

    @Test
    void aDeadLetterAloneMovesThePositionAndIsNoBatch() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(id("1001-0"), 7, letter("1001-0", 10));

        Batch batch = take(inbox).batch();

        assertThat(batch.events()).isEmpty();
        assertThat(batch.after().open()).contains(new Open(id("1001-0"), new long[] {7}));
        assertThat(batch.after().batches()).isZero();
        assertThat(inbox.add(id("1001-0"), 7, letter("1001-0", 10)).isNew()).isFalse();
    }

    // the end

    @Test
    void closingWakesWhoAdds() throws Exception {
        Inbox inbox = inbox(1, MANY);
        inbox.add(event("1001-0", "a"));
        Background<Receipt> adding = Background.start(() -> inbox.add(event("1002-0", "b")));
        adding.awaitBlocked();

        inbox.close();

        assertThat(adding.result().isNew()).isFalse();
    }

    @Test
    void closingWakesWhoTakes() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        Background<Optional<Delivery>> taker = Background.start(inbox::take);
        taker.awaitBlocked();

        inbox.close();

        assertThat(taker.result()).isEmpty();
    }

    @Test
    void onceClosedItTakesNothingIn() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.close();

        assertThat(inbox.add(event("1001-0", "a")).isNew()).isFalse();
        assertThat(inbox.add(id("1002-0"), 7, letter("1002-0", 1)).isNew()).isFalse();
        assertThat(inbox.add(letter("", 1)).isNew()).isFalse();
        inbox.skip(event("1003-0", "c"));
        inbox.noRecover(id("1500-0"));
        assertThat(inbox.take()).isEmpty();
    }

    @Test
    void whatWaitsWhenItIsClosedIsNotDelivered() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        inbox.heartbeat(id("1002-0"));

        inbox.close();

        assertThat(inbox.take()).isEmpty();
        assertThat(inbox.take()).isEmpty();
    }

    @Test
    void atRestThePositionIsTakenALastTime() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        Position delivered = take(inbox).batch().after();
        inbox.heartbeat(id("200000-0"));
        inbox.close();

        Batch last = take(inbox).batch();

        assertThat(last.events()).isEmpty();
        assertThat(last.before()).isEqualTo(delivered);
        assertThat(last.after().resume()).isEqualTo(id("200000-0").minus(Duration.ofMinutes(1)));
        assertThat(last.after().batches()).isEqualTo(1);
        assertThat(inbox.take()).isEmpty();
    }

    /** It may come after an event that was not taken any more. */
    @Test
    void onceClosedAHeartbeatDoesNotMoveThePosition() throws Exception {
        Inbox inbox = inbox(MANY, MANY);
        inbox.add(event("1001-0", "a"));
        take(inbox);
        inbox.close();
        inbox.add(event("1002-0", "b"));

        inbox.heartbeat(id("200000-0"));

        assertThat(inbox.take()).isEmpty();
    }

    @Test
    void whoeverInterruptsTheAddingThreadEndsTheInbox() throws Exception {
        Inbox inbox = inbox(1, MANY);
        inbox.add(event("1001-0", "a"));
        Background<Boolean> adding = Background.start(() -> {
            inbox.add(event("1002-0", "b"));
            return Thread.currentThread().isInterrupted();
        });
        adding.awaitBlocked();

        adding.thread.interrupt();

        assertThat(adding.result()).isTrue();
        assertThat(inbox.take()).isEmpty();
    }

    /** What another thread does meanwhile. */
    private static final class Background<T> {
        private final FutureTask<T> task;
        private final Thread thread;

        private Background(Callable<T> call) {
            task = new FutureTask<>(call);
            thread = new Thread(task, "background");
            thread.setDaemon(true);
        }

        static <T> Background<T> start(Callable<T> call) {
            Background<T> background = new Background<>(call);
            background.thread.start();
            return background;
        }

        void awaitBlocked() {
            await().atMost(Patience.SOON)
                    .pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> thread.getState() == Thread.State.WAITING
                            || thread.getState() == Thread.State.TIMED_WAITING);
            assertThat(task.isDone()).isFalse();
        }

        T result() throws Exception {
            return task.get(Patience.SOON.toSeconds(), TimeUnit.SECONDS);
        }
    }

    private static Inbox inbox(int maxEvents, long maxBytes) {
        return new Inbox(START, maxEvents, maxBytes, clock(), clock(), ALL_SHOWN);
    }

    private static Clock clock() {
        return Clock.fixed(NOW, ZoneOffset.UTC);
    }

    private static Delivery take(Inbox inbox) throws InterruptedException {
        return inbox.take().orElseThrow();
    }

    private static List<String> objects(Delivery delivery) {
        return delivery.batch().events().stream().map(Event::objectId).toList();
    }

    private static Open open(String id, Event... delivered) {
        return new Open(
                id(id),
                List.of(delivered).stream()
                        .mapToLong(Event::fingerprint)
                        .sorted()
                        .toArray());
    }

    private static EventId id(String id) {
        return EventId.parse(id);
    }

    private static Event event(String id, String objectId) {
        return event(id, objectId, 1);
    }

    private static Event event(String id, String objectId, int size) {
        return Events.event(id(id), "create", Kind.MAIN, objectId, new Bytes(new byte[size], size));
    }

    private static DeadLetter letter(String position, int size) {
        return new DeadLetter(
                "stream", position, "create", "", "unreadable", 1, Optional.of(new Bytes(new byte[size], size)));
    }
}
