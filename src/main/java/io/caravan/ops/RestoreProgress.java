package io.caravan.ops;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.event.Durably;
import io.caravan.event.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * How far a restore is, as a file tells the next start.
 *
 * @param source what is restored, as {@link RestoreSource} says it
 * @param destination the address
 * @param pass what is gone through
 * @param last the STIX id of the object that was sent last
 * @param all how many objects there are to send, as far as they are counted
 * @param sent queued at the destination, or refused by it
 * @param refused not taken by it
 * @param applied done there, as it told
 * @param failed not done there, as it told
 * @param unreadable of which there was nothing to send
 */
record RestoreProgress(
        String source,
        String destination,
        Pass pass,
        String last,
        long all,
        long sent,
        long refused,
        long applied,
        long failed,
        long unreadable) {

    /** In this order. */
    enum Pass {
        /** The journal is read. */
        READING,
        GROUND,
        THING,
        RELATION,
        CONTAINER,
        /** What referred to something behind it goes again. */
        CIRCLES;

        static Pass of(Holdings.Kind kind) {
            return valueOf(kind.name());
        }
    }

    static RestoreProgress beginning(String source, String destination) {
        return new RestoreProgress(source, destination, Pass.READING, "", 0, 0, 0, 0, 0, 0);
    }

    RestoreProgress in(Pass next, long of) {
        return new RestoreProgress(source, destination, next, last, of, sent, refused, applied, failed, unreadable);
    }

    RestoreProgress sent(int more, String newest) {
        return new RestoreProgress(
                source, destination, pass, newest, all, sent + more, refused, applied, failed, unreadable);
    }

    RestoreProgress told(long nowRefused, long nowApplied, long nowFailed) {
        return new RestoreProgress(
                source, destination, pass, last, all, sent, nowRefused, nowApplied, nowFailed, unreadable);
    }

    RestoreProgress andUnreadable() {
        return new RestoreProgress(
                source, destination, pass, last, all, sent, refused, applied, failed, unreadable + 1);
    }

    /** Of those that were sent. */
    long unknown() {
        return sent - refused - applied - failed;
    }

    boolean isClean() {
        return refused == 0 && failed == 0 && unreadable == 0;
    }

    /** Empty where there is no file. */
    static Optional<RestoreProgress> read(Path file) throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            JsonNode json = Json.mapper().readTree(Files.readAllBytes(file));
            return Optional.of(new RestoreProgress(
                    json.path("source").asText(),
                    json.path("destination").asText(),
                    Pass.valueOf(json.path("pass").asText().toUpperCase(Locale.ROOT)),
                    json.path("last").asText(),
                    json.path("all").asLong(),
                    json.path("sent").asLong(),
                    json.path("refused").asLong(),
                    json.path("applied").asLong(),
                    json.path("failed").asLong(),
                    json.path("unreadable").asLong()));
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw new IOException(file + " cannot be read: remove it, or say --again, to begin anew", e);
        }
    }

    void write(Path file) throws IOException {
        Durably.replace(
                file,
                Json.mapper()
                        .writeValueAsBytes(Json.mapper()
                                .createObjectNode()
                                .put("source", source)
                                .put("destination", destination)
                                .put("pass", pass.name().toLowerCase(Locale.ROOT))
                                .put("last", last)
                                .put("all", all)
                                .put("sent", sent)
                                .put("refused", refused)
                                .put("applied", applied)
                                .put("failed", failed)
                                .put("unreadable", unreadable)));
    }

    @Override
    public String toString() {
        return sent + " of " + all + " sent, " + applied + " applied, " + failed + " failed, " + refused + " refused, "
                + unknown() + " unknown" + (unreadable == 0 ? "" : ", " + unreadable + " cannot be read");
    }
}
