package io.caravan.opencti.stream;

import static io.caravan.testkit.Frames.create;
import static io.caravan.testkit.Frames.delete;
import static io.caravan.testkit.Frames.internalId;
import static io.caravan.testkit.Frames.object;
import static io.caravan.testkit.Frames.relation;
import static org.assertj.core.api.Assertions.assertThat;

import io.caravan.event.Known;
import io.caravan.event.State;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Heartbeats;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed when a sink has a batch, before the position and what the batch has made known are stored. */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KilledBeforeItsStateIT {

    private static final String MALWARE = "malware--11111111-1111-4111-8111-111111111111";
    private static final String TOOL = "tool--22222222-2222-4222-8222-222222222222";
    private static final String USES = "relationship--33333333-3333-4333-8333-333333333333";
    private static final String NOTED = "relationship--44444444-4444-4444-8444-444444444444";
    private static final List<String> CASCADE =
            List.of("remove cascade " + NOTED, "remove cascade " + USES, "remove deleted " + MALWARE);

    @TempDir
    Path temporary;

    private FakePlatform platform;
    private Process process;
    private BufferedReader lines;

    @BeforeEach
    void startThePlatform() {
        platform = FakePlatform.start().heartbeats(Heartbeats.none()); // whose clock is far ahead of these events
    }

    @AfterEach
    void stop() {
        process.destroyForcibly();
        platform.close();
    }

    @Test
    void theCascadeComesWholeAgain() throws Exception {
        platform.append(
                create("100000-0", object(MALWARE)),
                create("100001-0", object(TOOL)),
                create("100002-0", relation(USES, "uses", MALWARE, TOOL)),
                create("100003-0", relation(NOTED, "related-to", TOOL, USES)));
        follow();
        assertThat(stored(4)).hasSize(4);
        platform.append(delete("100004-0", object(MALWARE)));
        assertThat(toldUntil("delivered")).isEqualTo(CASCADE);
        kill(); // it waits for a word until it stores
        assertThat(known(MALWARE, TOOL, USES, NOTED)).containsExactly(MALWARE, TOOL, USES, NOTED);

        follow();
        assertThat(toldUntil("delivered")).isEqualTo(CASCADE);
        goOn();
        assertThat(toldUntil("stored")).isEmpty();
        kill();

        assertThat(known(MALWARE, TOOL, USES, NOTED)).containsExactly(TOOL);
    }

    @Test
    void aBatchComesAgainAsItWasWhateverThePlatformHasByThen() throws Exception {
        platform.append(create("100000-0", object(MALWARE)));
        follow();
        List<String> first = toldUntil("delivered");
        kill();
        platform.clear().refuseConnections();

        follow();
        assertThat(toldUntil("delivered")).isEqualTo(first).containsExactly("upsert created " + MALWARE);
        goOn();
        assertThat(toldUntil("stored")).isEmpty();
        kill();

        assertThat(known(MALWARE)).containsExactly(MALWARE);
    }

    @Test
    void aTryThatFailsMeetsWhatTheOneBeforeMet() throws Exception {
        platform.append(create("100000-0", object(MALWARE)), create("100001-0", relation(USES, "uses", MALWARE, TOOL)));
        follow();
        assertThat(stored(2)).hasSize(2);
        platform.append(delete("100004-0", object(MALWARE)));
        List<String> first = toldUntil("delivered");
        answer("fail");

        assertThat(toldUntil("delivered")).isEqualTo(first).hasSize(2);
        goOn();
        assertThat(toldUntil("stored")).isEmpty();
        kill();

        assertThat(known(MALWARE, USES)).isEmpty();
    }

    private void follow() throws IOException {
        process = KnowingFollower.start(platform.url(), temporary.resolve("state"));
        lines = process.inputReader();
    }

    /** What is told until so many changes are stored, in however many batches they come. */
    private List<String> stored(int changes) throws IOException {
        List<String> told = new ArrayList<>();
        while (told.size() < changes) {
            told.addAll(toldUntil("delivered"));
            goOn();
            toldUntil("stored");
        }
        return told;
    }

    private List<String> toldUntil(String end) throws IOException {
        List<String> told = new ArrayList<>();
        for (String line = lines.readLine(); !end.equals(line); line = lines.readLine()) {
            assertThat(line).as("the process has ended").isNotNull();
            told.add(line);
        }
        return told;
    }

    private void goOn() throws IOException {
        answer("go on");
    }

    private void answer(String word) throws IOException {
        process.outputWriter().write(word + "\n");
        process.outputWriter().flush();
    }

    private void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    private List<String> known(String... ids) throws IOException {
        List<String> found = new ArrayList<>();
        try (State state = new State(temporary.resolve("state"))) {
            Known known = state.begin();
            for (String id : ids) {
                if (known.object(internalId(id)).isPresent()) {
                    found.add(id);
                }
            }
        }
        return found;
    }
}
