package io.caravan.sink;

import io.caravan.event.Batch;
import io.caravan.event.Change;
import io.caravan.event.Change.Reason;
import io.caravan.event.Change.Type;
import io.caravan.event.Envelope;
import io.caravan.event.Event;
import io.caravan.event.IndicatorState;
import io.caravan.event.IndicatorState.Named;
import io.caravan.event.Json;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Marked;
import io.caravan.event.Meaning;
import io.caravan.event.RecordFailedException;
import io.caravan.event.StixObject;
import io.caravan.event.Tlp;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What may go to a sink: objects of some types, up to a TLP marking; an object without one may. It looks at every state in
 * a change. An object that was let through and is marked up later is removed at the sink; one that is marked down appears.
 * An event's envelope goes only where all that stands in it may: the object, its state before, the sources of a merge.
 *
 * @param maxTlp the strictest marking that may pass; empty: any
 * @param types the STIX types that may pass; none: all
 */
public record Door(Optional<Tlp> maxTlp, Set<String> types) implements Predicate<KnownObject> {

    /** Lets everything through. */
    public static final Door OPEN = new Door(Optional.empty(), Set.of());

    public Door {
        types = Set.copyOf(types);
    }

    /** Is told of the events of which it cannot be said what may pass; nothing of them does. */
    @FunctionalInterface
    public interface Failures {
        void take(Event event, RecordFailedException failure);
    }

    public Batch let(Batch batch, Failures failures) throws IOException {
        if (equals(OPEN)) {
            return batch;
        }
        List<Meaning> meanings = new ArrayList<>();
        for (Meaning meaning : batch.meanings()) {
            try {
                Meaning let = RecordFailedException.during(() -> let(meaning));
                if (!let.isWithheld()
                        || !let.changes().isEmpty()
                        || !let.indicators().isEmpty()) {
                    meanings.add(let);
                }
            } catch (RecordFailedException e) {
                failures.take(meaning.event(), e);
            }
        }
        return batch.with(meanings);
    }

    private Meaning let(Meaning meaning) {
        boolean isWithheld = !mayPass(meaning.contents());
        Event event = isWithheld ? placeOf(meaning.event()) : meaning.event();
        List<Change> changes = new ArrayList<>();
        for (Change change : meaning.changes()) {
            let(change, event).ifPresent(changes::add);
        }
        List<IndicatorState> indicators = new ArrayList<>();
        for (IndicatorState state : meaning.indicators()) {
            let(state, event).ifPresent(indicators::add);
        }
        return meaning.with(event, isWithheld, changes, indicators);
    }

    private boolean mayPass(Meaning.Contents contents) {
        return (types.isEmpty() || types.containsAll(contents.types())) && isMildEnough(contents.strictest());
    }

    private Optional<Change> let(Change change, Event event) {
        boolean mayPass = mayPass(change.state());
        if (mayPass && mayHaveBeenThere(change)) {
            return Optional.of(with(change, event));
        }
        if (mayPass && change.type() == Type.UPSERT) {
            return Optional.of(appears(change, event));
        }
        return mayPass ? Optional.empty() : lastThere(change).map(last -> disappears(change, last, event));
    }

    private Optional<IndicatorState> let(IndicatorState state, Event event) {
        boolean isOwn = state.change().object().key().equals(state.indicator().key());
        if (isOwn) {
            return let(state.change(), event).map(change -> let(state, change));
        }
        return mayPass(state.indicator().type(), state.tlp())
                ? Optional.of(let(state, again(state, event)))
                : Optional.empty();
    }

    private IndicatorState let(IndicatorState state, Change change) {
        return change.type() == Type.REMOVE
                        && change.object().key().equals(state.indicator().key())
                ? IndicatorState.gone(change)
                : new IndicatorState(
                        change,
                        state.indicator(),
                        state.gone(),
                        state.author().filter(author -> mayPass(author.type(), author.tlp())),
                        mildEnough(state.malware()),
                        mildEnough(state.actors()),
                        state.dependency(),
                        state.tlp());
    }

    /** An indicator that is told again says nothing of the object that is the reason. */
    private static Change again(IndicatorState state, Event event) {
        Change change = state.change();
        return new Change(
                event,
                Type.UPSERT,
                change.reason(),
                new Marked(state.indicator(), state.tlp(), state.tlp()),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                List.of(),
                state.dependency(),
                Optional.empty());
    }

    /** The state that the sink has, by what was told last; where nothing was, by what the platform says of the state before. */
    private Optional<Marked> lastThere(Change change) {
        return change.told()
                .map(told -> new Marked(told.object(), told.strictest(), told.strictest()))
                .or(change::past)
                .filter(this::mayPass);
    }

    private boolean mayHaveBeenThere(Change change) {
        return change.told().isEmpty() && change.past().isEmpty()
                || lastThere(change).isPresent();
    }

    /** It was not there for the sink. */
    private static Change appears(Change change, Event event) {
        return new Change(
                event,
                Type.UPSERT,
                Reason.ENTERED_SCOPE,
                change.state(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                List.of(),
                change.dependency(),
                change.told());
    }

    /** A removal keeps its reason, but for what a source was merged into. */
    private static Change disappears(Change change, Marked last, Event event) {
        Reason reason = change.reason() == Reason.MERGED_INTO ? Reason.DELETED : change.reason();
        return new Change(
                event,
                Type.REMOVE,
                change.type() == Type.REMOVE ? reason : Reason.LEFT_SCOPE,
                last,
                Optional.empty(),
                Optional.empty(),
                Optional.of(last),
                change.told().isPresent() || change.beforeComplete(),
                List.of(),
                change.dependency(),
                change.told());
    }

    /**
     * Without a state before that may not pass. Where the envelope is withheld, what a source was merged into stays unsaid:
     * a STIX id is made of a name.
     */
    private Change with(Change change, Event event) {
        boolean isUnsaid = event.raw().equals(Json.EMPTY) && change.mergedInto().isPresent();
        Optional<Marked> before = change.past().filter(this::mayPass);
        boolean isBeforeUnsaid = before.isEmpty() && change.past().isPresent();
        return new Change(
                event,
                change.type(),
                isUnsaid ? Reason.DELETED : change.reason(),
                change.state(),
                change.previousId(),
                isUnsaid ? Optional.empty() : change.mergedInto(),
                before,
                change.beforeComplete() && !isBeforeUnsaid,
                isBeforeUnsaid ? List.of() : change.changed(),
                change.dependency(),
                change.told());
    }

    /** Without what the platform says of it in a sentence, which names objects. */
    private static Event placeOf(Event event) {
        StixObject object = event.object();
        StixObject ids = new StixObject(
                Json.EMPTY,
                object.id(),
                object.type(),
                object.internalId(),
                object.entityType(),
                "",
                "",
                List.of(),
                List.of(),
                List.of(),
                List.of());
        Envelope envelope = new Envelope(event.kind(), event.envelope().type(), "", ids, Optional.empty());
        return new Event(event.id(), event.op(), envelope, Json.EMPTY, event.kept());
    }

    private List<Named> mildEnough(List<Named> named) {
        return named.stream().filter(one -> mayPass(one.type(), one.tlp())).toList();
    }

    private boolean mayPass(Marked state) {
        return mayPass(state.object().type(), state.strictest());
    }

    /** What may go along with what passes: a marking's definition, whatever its type, for nothing goes without its markings. */
    @Override
    public boolean test(KnownObject object) {
        boolean isDefinition = object.object().type().equals("marking-definition");
        return isDefinition ? isMildEnough(object.strictest()) : mayPass(object);
    }

    boolean mayPass(KnownObject object) {
        return mayPass(object.object().type(), object.strictest());
    }

    private boolean mayPass(String type, Optional<Tlp> tlp) {
        return (types.isEmpty() || types.contains(type)) && isMildEnough(tlp);
    }

    private boolean isMildEnough(Optional<Tlp> tlp) {
        return maxTlp.isEmpty() || tlp.isEmpty() || tlp.get().compareTo(maxTlp.get()) <= 0;
    }
}
