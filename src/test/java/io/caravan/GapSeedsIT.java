package io.caravan;

import static io.caravan.testkit.Play.play;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.caravan.event.Batch;
import io.caravan.event.BatchLimits;
import io.caravan.event.Bytes;
import io.caravan.event.Pending;
import io.caravan.event.Position;
import io.caravan.event.PositionStore;
import io.caravan.event.State;
import io.caravan.event.StixObject;
import io.caravan.event.UnfinishedBatch;
import io.caravan.opencti.stream.InProcessFollower;
import io.caravan.opencti.stream.InProcessFollower.Killed;
import io.caravan.sink.Mirror;
import io.caravan.sink.MirroredObjects;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Heartbeats;
import io.caravan.testkit.Patience;
import io.caravan.testkit.Play;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What {@link GapChaosIT} shows, in this JVM and within seconds, so that many seeds can be run: the delivery is killed at every
 * place between the log of the batch, the sink, and the position, and while nothing is delivered the platform loses its log.
 * In the end the mirror and the known objects have what the platform has, and nothing else.
 *
 * <p>{@code -Dchaos.seeds=1000} runs so many, {@code -Dchaos.seed=…} the same again from there: {@code ./mvnw verify
 * -Dit.test=GapSeedsIT -Dchaos.seeds=1000}.
 */
@Tag("chaos")
@ParameterizedClass(name = "seed {0}")
@MethodSource("seeds")
class GapSeedsIT {

    private static final int FEW_SEEDS = 10;
    private static final int KILLS = 6;
    private static final int BATCH = 5;
    private static final Duration SOON = Patience.SOON;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path home;

    /** Where a kill meets a batch. */
    private enum Place {
        BEFORE_THE_LOG,
        BEFORE_THE_SINK,
        WITHIN_THE_SINK,
        BEFORE_THE_POSITION,
        AFTER_THE_POSITION
    }

    private final long seed;
    private final Random random;
    private FakePlatform platform;
    private ChangingPlatform changing;
    private State state;
    private Mirror mirror;
    private InProcessFollower follower;

    /** So many batches are delivered until the kill, and there. */
    private int batchesToKill;

    private Place place = Place.BEFORE_THE_LOG;
    private volatile boolean isKilled;

    GapSeedsIT(long seed) {
        this.seed = seed;
        this.random = new Random(seed);
    }

    static LongStream seeds() {
        long first = Long.getLong("chaos.seed", System.nanoTime());
        return LongStream.range(first, first + Integer.getInteger("chaos.seeds", FEW_SEEDS));
    }

    @BeforeEach
    void start() {
        platform = FakePlatform.start();
        changing = new ChangingPlatform(platform, random);
        platform.heartbeats(Heartbeats.every(Duration.ofMillis(20)));
    }

    @AfterEach
    void stop() {
        end();
        platform.close();
    }

    @Test
    void whatThePlatformHasIsThereInTheEndAndNothingElse() throws Exception {
        changing.change(30).putForward(Duration.ofMinutes(2)).change(5);
        for (int kill = 0; kill < KILLS; kill++) {
            follow(1 + random.nextInt(12), Place.values()[random.nextInt(Place.values().length)]);
            for (int part = random.nextInt(4); part >= 0 && !isKilled; part--) {
                changing.change(random.nextInt(10)).putForward(Duration.ofSeconds(random.nextInt(120)));
                Thread.sleep(random.nextInt(60));
            }
            end();
            platform.forgetNext();
            if (random.nextInt(3) == 0) {
                Play.Ending ending = Play.Ending.values()[random.nextInt(Play.Ending.values().length)];
                platform.next(play().cutWithin(1 + random.nextInt(20), 100, ending));
            }
            if (random.nextInt(3) > 0) {
                loseTheLog();
            }
        }
        platform.forgetNext();
        follow(Integer.MAX_VALUE, Place.BEFORE_THE_LOG);
        await().atMost(SOON).pollInterval(Duration.ofMillis(50)).untilAsserted(() -> {
            changing.putForward(Duration.ofSeconds(30));
            assertThat(isKilled)
                    .as("seed %d: the stream is followed no longer", seed)
                    .isFalse();
            assertThat(differences(mirrored())).as("seed %d: the mirror", seed).isEmpty();
            assertThat(differences(known())).as("seed %d: what is known", seed).isEmpty();
        });
    }

    /** Much happens, and of that only the last is still in the log. */
    private void loseTheLog() {
        changing.change(1 + random.nextInt(40))
                .putForward(Duration.ofMinutes(2))
                .forgetTheLog()
                .change(1 + random.nextInt(5))
                .putForward(Duration.ofMinutes(random.nextInt(20)));
    }

    private void follow(int batches, Place where) throws Exception {
        batchesToKill = batches;
        place = where;
        isKilled = false;
        state = State.withBatchLog(home.resolve("store"), home.resolve("batch"));
        mirror = new Mirror(home.resolve("objects"), letter -> {
            throw new AssertionError(letter.error());
        });
        follower = new InProcessFollower(platform, new Killable(), BATCH, batch -> {
            pass(Place.BEFORE_THE_SINK);
            if (isDue(Place.WITHIN_THE_SINK)) {
                mirror.deliver(
                        batch.with(batch.meanings().subList(0, batch.meanings().size() / 2)));
                pass(Place.WITHIN_THE_SINK);
            }
            mirror.deliver(batch);
            pass(Place.BEFORE_THE_POSITION);
        });
    }

    /** Kills whatever is under way; a stop would finish it. */
    private void end() {
        isKilled = true;
        if (follower != null) {
            follower.close();
            mirror.close();
            state.close();
            follower = null;
        }
    }

    private boolean isDue(Place here) {
        return isKilled || batchesToKill == 0 && place == here;
    }

    private void pass(Place here) {
        if (isDue(here)) {
            isKilled = true;
            throw new Killed();
        }
    }

    /** The state, as far as the process lives. */
    private final class Killable implements PositionStore {
        @Override
        public Optional<Position> read() throws IOException {
            return state.read();
        }

        @Override
        public void write(Position position) throws IOException {
            pass(Place.BEFORE_THE_POSITION);
            state.write(position);
            pass(Place.AFTER_THE_POSITION);
        }

        @Override
        public Pending begin() {
            return state.begin();
        }

        @Override
        public void write(Position position, Pending known) throws IOException {
            pass(Place.BEFORE_THE_POSITION);
            state.write(position, known);
            pass(Place.AFTER_THE_POSITION);
            batchesToKill--;
        }

        @Override
        public void log(Batch batch, Collection<String> seen) throws IOException {
            pass(Place.BEFORE_THE_LOG);
            state.log(batch, seen);
        }

        @Override
        public Optional<UnfinishedBatch> unfinished(Position at, BatchLimits limits) throws IOException {
            return state.unfinished(at, limits);
        }

        @Override
        public void mark(long reconcile, Collection<String> keys) throws IOException {
            state.mark(reconcile, keys);
        }

        @Override
        public boolean isMarked(long reconcile, String key) throws IOException {
            return state.isMarked(reconcile, key);
        }

        @Override
        public boolean hasMarks(long reconcile) throws IOException {
            return state.hasMarks(reconcile);
        }

        @Override
        public List<StixObject> unmarked(long reconcile, Optional<String> after, int most, long mostBytes)
                throws IOException {
            return state.unmarked(reconcile, after, most, mostBytes);
        }
    }

    private Map<String, JsonNode> mirrored() throws Exception {
        Map<String, JsonNode> objects = new TreeMap<>();
        if (Files.exists(home.resolve("objects"))) {
            MirroredObjects files = new MirroredObjects(home.resolve("objects"));
            for (String type : files.types()) {
                files.each(type, id -> {
                    Optional<Bytes> json = files.object(id);
                    if (json.isPresent()) {
                        objects.put(id, JSON.readTree(json.get().exactly()));
                    }
                });
            }
        }
        return objects;
    }

    private Map<String, JsonNode> known() throws IOException {
        Map<String, JsonNode> objects = new TreeMap<>();
        for (StixObject object : state.unmarked(-1, Optional.empty(), Integer.MAX_VALUE, Long.MAX_VALUE)) {
            objects.put(object.id(), JSON.readTree(object.json().exactly()));
        }
        return objects;
    }

    /** The ids of what is not as it is on the platform: there and gone, gone and there, another. */
    private List<String> differences(Map<String, JsonNode> found) {
        Map<String, JsonNode> wanted = changing.objects();
        Set<String> ids = new TreeSet<>(wanted.keySet());
        ids.addAll(found.keySet());
        return ids.stream()
                .filter(id -> !Objects.equals(wanted.get(id), found.get(id)))
                .map(id -> id + ": wanted " + wanted.get(id) + ", found " + found.get(id))
                .toList();
    }
}
