package io.caravan.opencti.push;

import java.util.Optional;

/**
 * What of a batch goes to the destination, and in which words.
 *
 * @param withDeletions whether what is gone is removed there
 * @param protection of what others have written there; empty: none
 * @param files that go with their objects
 */
record Rules(Wording wording, boolean withDeletions, Optional<Protection> protection, Files files) {

    /** Objects are upserted, without their files, and nothing is removed. */
    static Rules ofUpserts(Wording wording) {
        return new Rules(wording, false, Optional.empty(), new Files(Optional.empty(), 0));
    }
}
