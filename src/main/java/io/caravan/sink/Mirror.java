package io.caravan.sink;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.DeadLetter;
import io.caravan.event.DeadLetters;
import io.caravan.event.RecordFailedException;
import io.caravan.event.StixObject;
import io.caravan.sink.ObjectFiles.Content;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mirror sink: the current state of every object, a file an object, as {@link ObjectFiles} keeps them.
 *
 * <p>The files after a batch are those that its changes leave if they are made one by one, wherever batches are cut, so a
 * batch may come again, with more or fewer events behind it; but of each file only the last state is written. For that, a
 * removal takes a file only from the object it belongs to, told by the internal id: another may bear the STIX id by now.
 *
 * <p>What has no STIX id that may become a file's name, or no content that can be made, becomes a dead letter, once a batch,
 * and the rest goes on. Called by one thread at a time.
 */
public final class Mirror implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Mirror.class);
    private static final String NAME = "mirror";

    private final ObjectFiles files;
    private final DeadLetters deadLetters;
    /** The batch that is being tried, by its number, and what of it is a dead letter by now. */
    private long tried = -1;

    private final Set<DeadLetter> kept = new HashSet<>();

    /** @param root where the types' folders are */
    public Mirror(Path root, DeadLetters deadLetters) {
        this.files = new ObjectFiles(root);
        this.deadLetters = deadLetters;
    }

    /** Makes the batch's changes; they are on the disk when this returns. */
    public void deliver(Batch batch) throws IOException, InterruptedException {
        if (tried != batch.before().batches()) {
            tried = batch.before().batches();
            kept.clear();
        }
        Map<String, Optional<Content>> states = new LinkedHashMap<>();
        for (Change change : batch.changes()) {
            try {
                RecordFailedException.during(() -> apply(change, states));
            } catch (RecordFailedException e) {
                LOG.debug("No file of {}", change, e);
                refuse(change, "its file cannot be made: " + e.getMessage());
            }
        }
        files.replace(states);
    }

    @Override
    public void close() {
        files.close();
    }

    /** @param states what the changes so far make of the files; nothing where a file goes */
    private Map<String, Optional<Content>> apply(Change change, Map<String, Optional<Content>> states)
            throws IOException {
        StixObject object = change.object();
        Optional<Content> content = change.after().map(Content::of);
        if (change.previousId().isPresent()) {
            remove(change.previousId().get(), object, states);
        }
        if (!ObjectFiles.isName(object.id())) {
            refuse(change, "its STIX id cannot be a file's name: that is " + ObjectFiles.NAMES);
        } else if (content.isPresent()) {
            states.put(ObjectFiles.name(object.id()), content);
        } else {
            remove(object.id(), object, states);
        }
        return states;
    }

    private void remove(String id, StixObject object, Map<String, Optional<Content>> states) throws IOException {
        if (!ObjectFiles.isName(id)) {
            return; // there is no such file
        }
        String name = ObjectFiles.name(id);
        String owner = states.containsKey(name)
                ? states.get(name).map(Content::internalId).orElse("")
                : files.internalId(name);
        boolean isAnothers = !owner.isEmpty() && !object.internalId().isEmpty() && !owner.equals(object.internalId());
        if (!isAnothers) {
            states.put(name, Optional.empty());
        }
    }

    private void refuse(Change change, String error) throws IOException {
        DeadLetter letter = new DeadLetter(
                NAME,
                change.event().id().toString(),
                change.event().op(),
                change.object().id(),
                error,
                1,
                Optional.of(change.event().kept()));
        if (!kept.contains(letter.subject())) {
            deadLetters.keep(letter);
            kept.add(letter.subject());
            LOG.warn("Dead letter, position {}: {}", letter.position(), letter.error()); // the id could be anything
        }
    }
}
