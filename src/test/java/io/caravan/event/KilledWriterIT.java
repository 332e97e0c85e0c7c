package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process that writes batch after batch is killed: the position and what is known are always those of the same batch. */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KilledWriterIT {

    private static final int KILLS = 6;

    @TempDir
    Path temporary;

    @Test
    void leavesThePositionAndWhatIsKnownOfOneBatchWheneverItIsKilled() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        Path directory = temporary.resolve("state");
        KnownModel model = new KnownModel();
        long modelled = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            long acknowledged = writeAndKill(directory, 1 + random.nextInt(30), random.nextInt(10_000_000));
            try (State state = new State(directory)) {
                long written = state.read().orElseThrow().batches();
                assertThat(written).as("seed %d", seed).isGreaterThanOrEqualTo(acknowledged);
                while (modelled < written) {
                    KnownWriter.apply(++modelled, model);
                }
                model.assertSameAs(state.begin(), KnownWriter.IDS);
            }
        }
    }

    /** Kills it so many nanoseconds after so many batches; the last batch that it has said to be written. */
    private static long writeAndKill(Path directory, int batches, int nanos) throws IOException, InterruptedException {
        Process writer = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        KnownWriter.class.getName(),
                        directory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        long acknowledged = 0;
        try (BufferedReader lines = writer.inputReader()) {
            for (int i = 0; i < batches; i++) {
                acknowledged = Long.parseLong(lines.readLine());
            }
            for (long end = System.nanoTime() + nanos; System.nanoTime() < end; ) {
                Thread.onSpinWait();
            }
            writer.toHandle()
                    .destroyForcibly(); // that of the process would also close the pipe with what was said last
            writer.waitFor();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                acknowledged = Long.parseLong(line);
            }
        } finally {
            writer.destroyForcibly();
        }
        return acknowledged;
    }
}
