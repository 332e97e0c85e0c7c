package io.caravan.ops;

import io.caravan.event.Comparison;
import io.caravan.event.Comparison.Finding;
import io.caravan.event.Position;
import io.caravan.event.State;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.stream.DryReconcile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * {@code ./caravan reconcile --dry-run}: how many objects a reconcile would remove and upsert, and which the first are. It
 * reads the state as it is now, also beside a running program, and a snapshot; it delivers and writes nothing.
 */
public final class DryRun {

    private static final int MOST_EXAMPLES = 20;
    private static final Map<Finding, String> SAID = Map.of(
            Finding.GONE, "would be removed: the platform no longer has them",
            Finding.STILL_SHOWN, "would stay: the snapshot lacks them, and the platform still shows them",
            Finding.UNANSWERED, "would stay: the snapshot lacks them, and the platform does not say whether they exist",
            Finding.DIFFERENT, "would be upserted: the platform has them otherwise",
            Finding.NEW, "would be upserted: they were never told",
            Finding.SAME, "are the same");

    /** Not said where there is none. */
    private static final Set<Finding> RARE = Set.of(Finding.STILL_SHOWN, Finding.UNANSWERED);

    private final Settings settings;
    private final PrintStream out;

    public DryRun(Settings settings, PrintStream out) {
        this.settings = settings;
        this.out = out;
    }

    /** @throws IOException when there is nothing to compare, or it cannot be read; says why */
    public void run() throws IOException, InterruptedException {
        Path directory = settings.stateDirectory();
        OpenctiConfiguration options = settings.opencti();
        String stream = settings.get("opencti.stream");
        if (!Files.exists(directory)) {
            throw new IOException("caravan.data-dir: nothing is known in " + directory + ": ./caravan run begins");
        }
        try (State state = State.readOnly(directory)) {
            Position known = ours(state.read(), new Platform(options).url(), stream);
            Comparison comparison = new Comparison(state, known.isFiltered(), MOST_EXAMPLES);
            DryReconcile.read(options, stream, comparison);
            for (Finding finding : Finding.values()) {
                if (comparison.count(finding) > 0 || !RARE.contains(finding)) {
                    out.println(comparison.count(finding) + " " + SAID.get(finding));
                    comparison.examples(finding).forEach(id -> out.println("    " + id));
                }
            }
        }
    }

    private static Position ours(Optional<Position> position, String platform, String stream) throws IOException {
        Optional<Position> ours = position.filter(
                known -> known.platform().equals(platform) && known.stream().equals(stream));
        if (ours.isEmpty()) {
            throw new IOException("caravan.data-dir: nothing has been told of " + stream + " of " + platform + " yet"
                    + position.map(other -> ", but of " + other.stream() + " of " + other.platform())
                            .orElse(": let ./caravan run begin to follow the stream first"));
        }
        return ours.get();
    }
}
