package io.caravan.ops;

import io.caravan.event.Bytes;
import io.caravan.event.DeadLetter;
import io.caravan.event.Event;
import io.caravan.event.EventId;
import io.caravan.event.Unreadable;
import io.caravan.sink.DeadLetterDay;
import io.caravan.sink.DeadLetterLine;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Lines of a dead letters' file that follow one another, those to be sent as one batch and those between them. An event of
 * which several lines tell, as where several of its records were refused, is sent once.
 *
 * @see Redrive
 */
final class Parcel {

    /** How many letters went, and how many lines are kept of what was refused. */
    record Outcome(long sent, long kept) {}

    private record Entry(Bytes line, Optional<DeadLetterLine> letter) {}

    /** What a letter and the one that is kept when it is refused again have in common. */
    private record Subject(String sink, String position, String op, String id) {
        static Subject of(DeadLetter letter) {
            return new Subject(letter.sink(), letter.position(), letter.op(), letter.id());
        }
    }

    private record Identity(EventId id, long fingerprint) {}

    private final List<Entry> entries = new ArrayList<>();
    private final List<Event> events = new ArrayList<>();
    private final Set<Identity> known = new HashSet<>();
    private final List<DeadLetter> unreadable = new ArrayList<>();
    private Optional<Optional<String>> sink = Optional.empty();
    private long bytes;

    /** @param letter to be sent; empty where the line stays as it is */
    void add(Bytes line, Optional<DeadLetterLine> letter) {
        entries.add(new Entry(line, letter));
        bytes += line.length();
        letter.ifPresent(this::add);
    }

    private void add(DeadLetterLine letter) {
        sink = Optional.of(letter.sink());
        try {
            Event event = letter.event();
            if (known.add(new Identity(event.id(), event.fingerprint()))) {
                events.add(event);
            }
        } catch (Unreadable e) {
            DeadLetter old = letter.letter();
            String error = old.op() + ": unreadable: " + e.getMessage();
            unreadable.add(new DeadLetter(old.sink(), old.position(), old.op(), old.id(), error, 1, Optional.empty()));
        }
    }

    /** Whether a letter for this sink, empty: for all, may go with those that are in. */
    boolean goesTo(Optional<String> other) {
        return sink.isEmpty() || sink.get().equals(other);
    }

    boolean hasRoomFor(Bytes line, int maxEvents, long maxBytes) {
        return entries.isEmpty() || entries.size() < maxEvents && bytes + line.length() <= maxBytes;
    }

    /** The sink that it is for; empty: all. */
    Optional<String> sink() {
        return sink.orElse(Optional.empty());
    }

    List<Event> events() {
        return events;
    }

    /** Keeps every line as it is. */
    void keep(DeadLetterDay.Rewriting file) throws IOException {
        for (Entry entry : entries) {
            file.keep(entry.line());
        }
    }

    /** Keeps what did not go: of letters that were refused again, the lines; of what others refused on the way, new ones. */
    Outcome keep(DeadLetterDay.Rewriting file, List<DeadLetter> refused) throws IOException {
        Map<Subject, Deque<DeadLetter>> again = new HashMap<>();
        unreadable.forEach(letter -> put(letter, again));
        refused.forEach(letter -> put(letter, again));
        long sent = 0;
        long kept = 0;
        for (Entry entry : entries) {
            if (entry.letter().isEmpty()) {
                file.keep(entry.line());
                continue;
            }
            DeadLetterLine line = entry.letter().get();
            Optional<DeadLetter> refusal =
                    Optional.ofNullable(again.get(Subject.of(line.letter()))).map(Deque::poll);
            if (refusal.isPresent()) {
                DeadLetterLine next = line.again(refusal.get());
                file.keep(next.letter(), next.time());
                kept++;
            } else {
                sent++;
            }
        }
        Instant now = Instant.now();
        for (Deque<DeadLetter> others : again.values()) {
            for (DeadLetter other : others) {
                file.keep(other, now);
                kept++;
            }
        }
        return new Outcome(sent, kept);
    }

    private static void put(DeadLetter letter, Map<Subject, Deque<DeadLetter>> letters) {
        letters.computeIfAbsent(Subject.of(letter), any -> new ArrayDeque<>()).add(letter);
    }
}
