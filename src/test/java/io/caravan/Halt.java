package io.caravan;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;

/** Halts processes, which notice nothing of it but that time has gone by; one that has ended stays so. */
final class Halt {

    private Halt() {}

    /** Returns when it goes on. */
    static void of(Process process, Duration time) throws IOException, InterruptedException {
        signal("STOP", process);
        Thread.sleep(time.toMillis());
        signal("CONT", process);
    }

    private static void signal(String name, Process process) throws IOException, InterruptedException {
        int code = new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid()))
                .start()
                .waitFor();
        assertThat(code == 0 || !process.isAlive()).as("kill -%s", name).isTrue();
    }
}
