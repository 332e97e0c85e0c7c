package io.caravan.opencti.push;

import io.caravan.event.Known;
import io.caravan.event.Pending;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What of a batch goes to the destination, and in which words.
 *
 * @param withDeletions whether what is gone is removed there
 * @param protection of what others have written there; empty: none
 * @param files that go with their objects
 * @param presence by which is asked what is there; empty: nothing is asked, and objects go whatever they bear
 * @param known what is known before a batch: what objects of the batch bear goes before them
 */
record Rules(
        Wording wording,
        boolean withDeletions,
        Optional<Protection> protection,
        Files files,
        Optional<Presence> presence,
        Supplier<Known> known) {

    Rules(Wording wording, boolean withDeletions, Optional<Protection> protection, Files files) {
        this(wording, withDeletions, protection, files, Optional.empty(), Pending::overNothing);
    }

    /** Objects are upserted, without their files, and nothing is removed. */
    static Rules ofUpserts(Wording wording, Presence presence) {
        return new Rules(
                wording,
                false,
                Optional.empty(),
                new Files(Optional.empty(), 0),
                Optional.of(presence),
                Pending::overNothing);
    }
}
