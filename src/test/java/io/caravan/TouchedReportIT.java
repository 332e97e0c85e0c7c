package io.caravan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.caravan.ops.Program;
import io.caravan.testkit.Capture;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Frames;
import io.caravan.testkit.Heartbeats;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a real platform sent. A tool in a report was deleted at 20:04:07.759, and that moved the report's {@code updated_at} to
 * 20:04:07.732 without an event. So the snapshot up to 20:04:06 lacks the report, which was made at 20:03:59, and so does the log
 * behind it.
 */
class TouchedReportIT {

    private static final Instant SNAPSHOT_END = Instant.parse("2026-11-30T20:04:06Z");
    private static final String REPORT = "report--9ff97860-398f-5457-aea9-bad8fe487f05";

    @TempDir
    Path home;

    @Test
    void isReadBehindTheSnapshotThatLacksIt() throws Exception {
        List<Frame> lacking = Capture.events("quiet/snapshot-lacks-touched-report.sse");
        List<Frame> having = Capture.events("quiet/snapshot-has-touched-report.sse");
        List<Frame> deletion = lacking.stream().filter(Frame::isMain).toList();
        assertThat(deletion).extracting(Frame::event).containsExactly("delete");
        assertThat(having).hasSize(11);

        Instant whenAsked = SNAPSHOT_END.plus(Duration.ofMinutes(1)).plusMillis(100);
        AtomicBoolean wasAsked = new AtomicBoolean();
        try (FakePlatform platform = FakePlatform.start()) {
            platform.heartbeats(Heartbeats.every(Duration.ofMillis(100)))
                    .snapshot(having)
                    .append(Frames.create("1796068001092-0", "tool--00000000-0000-4000-8000-000000000001"))
                    .append(deletion)
                    .onRequest(request -> {
                        if (wasAsked.compareAndSet(
                                false, true)) { // for its clock, from which a snapshot's end is taken
                            platform.clockOffset(Duration.between(Instant.now(), whenAsked));
                        }
                    });
            Installation caravan =
                    new Installation(home, platform).set("opencti.start", "").set("caravan.sinks", "mirror,journal");
            try (Closing program = new Closing(new Program(caravan.settings()))) {
                program.started();
                await().atMost(Duration.ofSeconds(60)).until(() -> caravan.journal().stream()
                        .anyMatch(line -> line.op().equals("delete")));
                await().atMost(Duration.ofSeconds(60))
                        .until(() -> caravan.mirror().containsKey(REPORT));
            }
            assertThat(caravan.mirror()).hasSize(11);
            assertThat(caravan.mirror().get(REPORT).toString()).contains("2026-11-30T20:04:07.732Z");
        }
    }

    private record Closing(Program program) implements AutoCloseable {
        void started() throws Program.Unusable {
            program.start();
        }

        @Override
        public void close() {
            program.close();
        }
    }
}
