package io.caravan.event;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What an event means for one object: it is there in this state from now on, or it is gone.
 *
 * @param event the event that it follows from
 * @param state the object after an upsert; its last known state before a removal
 * @param previousId the STIX id it was known by until now, where that is another
 * @param mergedInto the STIX id of the object it went into
 * @param past its state until now, as far as the platform or what was told lets it be known
 * @param beforeComplete false where {@code past} lacks something, or nothing is known of it
 * @param changed JSON pointers of what differs between before and after, as far as the platform tells; lists as a whole
 * @param dependency on a stream with a filter, true where the object has come only because others need it: it may not match,
 *     and then gets no later delete, merge or rename from the platform
 * @param told what was told of it last; the platform's {@code past} differs where something was missed
 */
public record Change(
        Event event,
        Type type,
        Reason reason,
        Marked state,
        Optional<String> previousId,
        Optional<String> mergedInto,
        Optional<Marked> past,
        boolean beforeComplete,
        List<String> changed,
        boolean dependency,
        Optional<Known.KnownObject> told) {

    public enum Type {
        UPSERT,
        REMOVE;

        private final String text = name().toLowerCase(Locale.ROOT);

        /** As it stands in records. */
        @Override
        public String toString() {
            return text;
        }
    }

    /** Why it changed. */
    public enum Reason {
        CREATED,
        UPDATED,
        DELETED,
        MERGED,
        MERGED_INTO,
        RENAMED,
        LEFT_SCOPE,
        ENTERED_SCOPE,
        CASCADE,
        DEPENDENCY,
        SNAPSHOT,
        RECONCILED;

        private final String text = name().toLowerCase(Locale.ROOT).replace('_', '-');

        /** As it stands in records: {@code left-scope}. */
        @Override
        public String toString() {
            return text;
        }
    }

    public StixObject object() {
        return state.object();
    }

    /** Its strictest TLP marking. */
    public Optional<Tlp> tlp() {
        return state.tlp();
    }

    /** The state until now, as far as it is known. */
    public Optional<StixObject> before() {
        return past.map(Marked::object);
    }

    /** The state from now on; empty for a removal. */
    public Optional<StixObject> after() {
        return type == Type.UPSERT ? Optional.of(object()) : Optional.empty();
    }

    /** For logs. */
    @Override
    public String toString() {
        return type + " " + object().id() + " (" + reason + ")";
    }
}
