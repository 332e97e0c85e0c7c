package io.caravan.opencti.push;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.caravan.event.Bytes;
import io.caravan.event.Change;
import io.caravan.event.Json;
import io.caravan.event.Known;
import io.caravan.event.Known.KnownObject;
import io.caravan.event.Marked;
import io.caravan.event.StixObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * What objects bear (labels, markings, kill chain phases, external references) and who their authors are, as objects of their
 * own, from the known objects: what a batch does not bring and the destination does not have goes before what bears it. The
 * destination's worker would make it up from what bears it, or leave it out. Used by one thread at a time.
 */
final class Prerequisites {

    /** Of OpenCTI's own ids, which are made of what names an object. */
    private static final UUID NAMESPACE = UUID.fromString("00abedb4-aa42-466c-9c01-fed23315a9b7");

    private static final String PHASES = "kill_chain_phases";
    private static final String REFERENCES = "external_references";
    private static final String AUTHOR = "identity";
    private static final String DEFINITION = "marking-definition";

    private final Supplier<Known> known;
    private final Presence presence;
    private final Markings markings;
    private final Wording wording;

    /** So many are remembered. */
    private static final int MOST = 50_000;

    /** By any of their ids, what is there or was pushed from here, and may wait in the destination's queue; no markings. */
    private final Set<String> settled = Collections.newSetFromMap(new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > MOST;
        }
    });

    /** @param known what is known before the batch under way */
    Prerequisites(Supplier<Known> known, Presence presence, Markings markings, Wording wording) {
        this.known = known;
        this.presence = presence;
        this.markings = markings;
        this.wording = wording;
    }

    /**
     * What has to be pushed before these upserts.
     *
     * @param inBatch the keys of objects that the batch tells of: their known state may be outdated
     * @param mayPass what may go to the sink
     */
    List<Item> missing(List<Item> upserts, Set<String> inBatch, Predicate<KnownObject> mayPass)
            throws IOException, InterruptedException {
        Known objects = known.get();
        Map<String, Item> candidates = new LinkedHashMap<>();
        Deque<Item> bearers = new ArrayDeque<>(upserts);
        while (!bearers.isEmpty()) {
            Item bearer = bearers.poll();
            for (String id : needs(bearer.object())) {
                if (settled.contains(id)) {
                    continue;
                }
                Optional<KnownObject> found = id.contains("--") ? objects.withId(id) : objects.object(id);
                String key = found.map(one -> one.object().key()).orElse("");
                boolean isWanted = found.isPresent()
                        && isPrerequisite(found.get().object())
                        && !inBatch.contains(key)
                        && !candidates.containsKey(key)
                        && mayPass.test(found.get());
                if (isWanted) {
                    Item item = wording.upsert(change(bearer.change(), found.get()));
                    candidates.put(key, item);
                    bearers.add(item); // an author has markings and labels of its own
                }
            }
        }
        return candidates.isEmpty() ? List.of() : absent(List.copyOf(candidates.values()));
    }

    private List<Item> absent(List<Item> candidates) throws IOException, InterruptedException {
        List<String> ids = new ArrayList<>();
        Set<String> definitions = new HashSet<>();
        for (Item item : candidates) {
            boolean isDefinition = item.object().type().equals(DEFINITION);
            (isDefinition ? definitions : ids).add(item.object().id());
        }
        Set<String> absent = new HashSet<>(markings.undefined(definitions));
        absent.addAll(presence.absent(ids, Duration.ZERO).orElse(Set.copyOf(ids)));
        settle(candidates.stream()
                .filter(item -> !absent.contains(item.object().id()))
                .toList());
        return candidates.stream()
                .filter(item -> absent.contains(item.object().id()))
                .toList();
    }

    /** These are there, or wait in the destination's queue, and are not pushed again from here; the markings remember their own. */
    void settle(List<Item> items) {
        for (Item item : items) {
            if (!item.object().type().equals(DEFINITION)) {
                settled.add(item.object().id());
                settled.add(item.key());
            }
        }
    }

    private static boolean isPrerequisite(StixObject object) {
        return Runs.BORNE.contains(object.type()) || object.type().equals(AUTHOR);
    }

    /** It follows from what bears it: a dead letter of it brings both again. */
    private static Change change(Change bearer, KnownObject object) {
        return new Change(
                bearer.event(),
                Change.Type.UPSERT,
                Change.Reason.DEPENDENCY,
                new Marked(object.object(), object.strictest(), object.strictest()),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                List.of(),
                object.dependency(),
                Optional.of(object));
    }

    /** By STIX ids or internal ids, what an object may need of that kind. */
    private static List<String> needs(StixObject object) throws IOException {
        List<String> ids = new ArrayList<>();
        Markings.of(object).forEach(ids::add);
        object.references().stream()
                .filter(id -> !id.contains("--") || id.startsWith(AUTHOR + "--"))
                .forEach(ids::add);
        ids.addAll(embedded(object.json()));
        return ids;
    }

    /** The ids of the kill chain phases and external references that stand in an object, without ids there. */
    private static List<String> embedded(Bytes json) throws IOException {
        List<String> ids = new ArrayList<>();
        try (JsonParser parser = Json.parser(json)) {
            parser.setCodec(Json.mapper());
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                if (field.equals(PHASES) || field.equals(REFERENCES)) {
                    for (JsonNode one : parser.<JsonNode>readValueAsTree()) {
                        (field.equals(PHASES) ? idOfPhase(one) : idOfReference(one)).ifPresent(ids::add);
                    }
                } else {
                    parser.skipChildren();
                }
            }
        }
        return ids;
    }

    private static Optional<String> idOfPhase(JsonNode phase) {
        return id("kill-chain-phase", phase, "kill_chain_name", "phase_name");
    }

    private static Optional<String> idOfReference(JsonNode reference) {
        Optional<String> ofUrl = id("external-reference", reference, "url");
        return ofUrl.isPresent() ? ofUrl : id("external-reference", reference, "external_id", "source_name");
    }

    /** @param names of the texts that it is made of, in the order of canonical JSON */
    private static Optional<String> id(String type, JsonNode object, String... names) {
        ObjectNode data = JsonNodeFactory.instance.objectNode();
        for (String name : names) {
            if (!object.path(name).isTextual() || object.path(name).asText().isEmpty()) {
                return Optional.empty();
            }
            data.put(name, object.path(name).asText());
        }
        return Optional.of(type + "--" + uuid(data.toString().getBytes(StandardCharsets.UTF_8)));
    }

    /** Version 5, RFC 9562. */
    private static UUID uuid(byte[] name) {
        try {
            MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
            sha1.update(ByteBuffer.allocate(16)
                    .putLong(NAMESPACE.getMostSignificantBits())
                    .putLong(NAMESPACE.getLeastSignificantBits())
                    .flip());
            ByteBuffer digest = ByteBuffer.wrap(sha1.digest(name));
            long high = digest.getLong() & ~0xF000L | 0x5000L;
            long low = digest.getLong() & 0x3FFF_FFFF_FFFF_FFFFL | 0x8000_0000_0000_0000L;
            return new UUID(high, low);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }
}
