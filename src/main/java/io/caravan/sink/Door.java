package io.caravan.sink;

import io.caravan.event.Batch;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import io.caravan.event.IndicatorState;
import io.caravan.event.IndicatorState.Named;
import io.caravan.event.Meaning;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What may go to a sink: objects of some types, up to a TLP marking; an object without one may. It looks at every state in
 * a change. An object that was let through and is marked up later is removed at the sink; one that is marked down appears.
 * An event's envelope goes only where all that stands in it may: the object, its state before, the sources of a merge.
 *
 * @param maxTlp the strictest marking that may pass; empty: any
 * @param types the STIX types that may pass; none: all
 */
public record Door(Optional<Tlp> maxTlp, Set<String> types) {

    /** Lets everything through. */
    public static final Door OPEN = new Door(Optional.empty(), Set.of());

    private static final Bytes NOTHING = Bytes.of("{}");

    public Door {
        types = Set.copyOf(types);
    }

    public Batch let(Batch batch) {
        if (equals(OPEN)) {
            return batch;
        }
        List<Meaning> meanings = new ArrayList<>();
        for (Meaning meaning : batch.meanings()) {
            Meaning let = let(meaning);
            if (!let.isWithheld()
                    || !let.changes().isEmpty()
                    || !let.indicators().isEmpty()) {
                meanings.add(let);
            }
        }
        return batch.with(meanings);
    }

    private Meaning let(Meaning meaning) {
        boolean isWithheld = !mayPass(meaning);
        Event event = isWithheld ? placeOf(meaning.event()) : meaning.event();
        List<Change> changes = new ArrayList<>();
        for (Change change : meaning.changes()) {
            let(change, event).ifPresent(changes::add);
        }
        List<IndicatorState> indicators = new ArrayList<>();
        for (IndicatorState state : meaning.indicators()) {
            let(state, event).ifPresent(indicators::add);
        }
        return new Meaning(event, isWithheld, changes, indicators, meaning.staleReferences());
    }

    /** All that stands in the envelope; what is only known, as a relation that vanishes or moves, does not. */
    private boolean mayPass(Meaning meaning) {
        Event event = meaning.event();
        if (!mayPass(event.object().type(), event.object().tlp())) {
            return false;
        }
        for (Change change : meaning.changes()) {
            boolean isInEnvelope = change.object().key().equals(event.object().key())
                    || change.reason() == Reason.MERGED_INTO
                    || change.reason() == Reason.CASCADE
                            && event.envelope().context().isPresent();
            if (isInEnvelope && !(mayPass(change.object().type(), change.tlp()) && mayPassBefore(change))) {
                return false;
            }
        }
        return true;
    }

    private Optional<Change> let(Change change, Event event) {
        boolean after = mayPass(change.object().type(), change.tlp());
        boolean before = change.before().isPresent() && mayPassBefore(change);
        if (change.type() == Type.REMOVE) {
            return after ? Optional.of(with(change, event)) : Optional.empty();
        }
        if (after) {
            return Optional.of(before || change.before().isEmpty() ? with(change, event) : appears(change, event));
        }
        return before ? Optional.of(disappears(change, event)) : Optional.empty();
    }

    private Optional<IndicatorState> let(IndicatorState state, Event event) {
        boolean isOwn = state.change().object().key().equals(state.indicator().key());
        if (mayPass(state.indicator().type(), state.tlp())) {
            Change change = with(state.change(), event);
            return Optional.of(new IndicatorState(
                    change,
                    state.indicator(),
                    state.gone(),
                    state.author().filter(author -> mayPass(author.type(), author.tlp())),
                    mildEnough(state.malware()),
                    mildEnough(state.actors()),
                    state.dependency(),
                    state.tlp()));
        }
        boolean wasThere = isOwn
                && state.change().type() == Type.UPSERT
                && state.change().before().isPresent()
                && mayPassBefore(state.change());
        if (!wasThere) {
            return Optional.empty();
        }
        return Optional.of(IndicatorState.gone(disappears(state.change(), event)));
    }

    /** It was not there for the sink. */
    private static Change appears(Change change, Event event) {
        return new Change(
                event,
                Type.UPSERT,
                Reason.ENTERED_SCOPE,
                change.object(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                List.of(),
                change.dependency(),
                change.tlp(),
                Optional.empty());
    }

    private static Change disappears(Change change, Event event) {
        StixObject last = change.before().orElseThrow();
        return new Change(
                event,
                Type.REMOVE,
                Reason.LEFT_SCOPE,
                last,
                Optional.empty(),
                Optional.empty(),
                change.before(),
                change.beforeComplete(),
                List.of(),
                change.dependency(),
                change.tlpBefore(),
                change.tlpBefore());
    }

    /** Where the envelope is withheld, what a source was merged into stays unsaid: a STIX id is made of a name. */
    private static Change with(Change change, Event event) {
        boolean isUnsaid = event.raw().equals(NOTHING) && change.mergedInto().isPresent();
        return new Change(
                event,
                change.type(),
                isUnsaid ? Reason.DELETED : change.reason(),
                change.object(),
                change.previousId(),
                isUnsaid ? Optional.empty() : change.mergedInto(),
                change.before(),
                change.beforeComplete(),
                change.changed(),
                change.dependency(),
                change.tlp(),
                change.tlpBefore());
    }

    /** Without what the platform says of it in a sentence, which names objects. */
    private static Event placeOf(Event event) {
        StixObject object = event.object();
        StixObject ids = new StixObject(
                NOTHING,
                object.id(),
                object.type(),
                object.internalId(),
                object.entityType(),
                "",
                "",
                List.of(),
                List.of(),
                List.of());
        Envelope envelope = new Envelope(event.kind(), event.envelope().type(), "", ids, Optional.empty());
        return new Event(event.id(), event.op(), envelope, NOTHING);
    }

    private List<Named> mildEnough(List<Named> named) {
        return named.stream().filter(one -> mayPass(one.type(), one.tlp())).toList();
    }

    private boolean mayPassBefore(Change change) {
        return change.before().isEmpty() || mayPass(change.object().type(), change.tlpBefore());
    }

    private boolean mayPass(String type, Optional<Tlp> tlp) {
        return (types.isEmpty() || types.contains(type)) && isMildEnough(tlp);
    }

    private boolean isMildEnough(Optional<Tlp> tlp) {
        return maxTlp.isEmpty() || tlp.isEmpty() || tlp.get().compareTo(maxTlp.get()) <= 0;
    }
}
