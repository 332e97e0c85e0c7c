package io.caravan.opencti.push;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * How runs get into the destination. Pushed means queued there, not done. One thread at a time pushes; others may ask for
 * outcomes, ping and close meanwhile.
 */
interface Way {

    /** The destination will never take the run, or one object of it. */
    final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String reason) {
            super(reason);
        }
    }

    /**
     * What became of what was pushed.
     *
     * @param hasBegun whether anything of it has been done
     * @param isDone whether the destination is through with it
     * @param failures of the objects that failed, as far as they are told
     * @param failed how many failed, told or not
     * @param counted how many objects the destination has reported on, applied or failed; the others may be lost
     */
    record Outcome(boolean hasBegun, boolean isDone, List<Failure> failures, int failed, int counted) {}

    /**
     * What the destination says of an object that it did not apply.
     *
     * @param object its STIX id, or empty where it is not told
     */
    record Failure(String object, String reason) {}

    /**
     * Pushes a run.
     *
     * @return what its outcome is asked for by; empty where nothing tells
     * @throws IOException when the destination is away, needs a person, or answers otherwise than the protocol has it
     */
    Optional<String> push(Run run) throws IOException, InterruptedException, Refused;

    /**
     * Whether something harmless that is sent to the same address is answered as the protocol has it: then a refusal by a status
     * that may mean all or one is about what was sent.
     *
     * @throws IOException when the destination is away by now
     */
    default boolean answersOthers(Answers.Forbidden refusal) throws IOException, InterruptedException {
        return false;
    }

    /**
     * Asks for the outcome.
     *
     * @return empty where this user may not know, or the destination knows it no more
     * @throws IOException when it cannot be asked now
     */
    Optional<Outcome> outcome(String work) throws IOException, InterruptedException;

    /** Tells the destination that the connector is alive, with its state. */
    void ping(String state) throws IOException, InterruptedException;

    /** Lets go of what it holds open. A push that is under way fails. By any thread. */
    default void close() {}
}
