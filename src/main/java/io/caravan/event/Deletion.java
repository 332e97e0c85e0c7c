package io.caravan.event;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.caravan.event.Change.Reason;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An event named delete: the object is gone, and before it what ends at it: the objects that the platform says (before 6.0),
 * and the relations and sightings that are known to. An object that only left the stream's scope takes nothing with it.
 */
public final class Deletion implements Meaning.Reading {

    @Override
    public Meaning of(Event event, Known known, boolean isFiltered) throws Unreadable, IOException {
        List<StixObject> deletions = listed("deletions", event);
        Telling telling = new Telling(event, known, isFiltered);
        telling.showsInContext(deletions);
        if (event.envelope().type().equals(Creation.SCOPE_CHANGE)) {
            telling.gone(Reason.LEFT_SCOPE, event.object());
            return telling.told();
        }
        Map<String, StixObject> told = new LinkedHashMap<>();
        deletions.forEach(deleted -> told.put(deleted.key(), deleted));
        told.remove(event.object().key());
        told.put(event.object().key(), event.object()); // the last
        for (StixObject deleted : told.values()) {
            telling.cascade(deleted, told.keySet());
            telling.gone(deleted == event.object() ? Reason.DELETED : Reason.CASCADE, deleted);
        }
        return telling.told();
    }

    /** The whole objects that the event's context lists under a name; none where it does not. */
    static List<StixObject> listed(String name, Event event) throws Unreadable {
        List<StixObject> objects = new ArrayList<>();
        if (event.envelope().context().isEmpty()) {
            return objects;
        }
        Bytes context = event.envelope().context().get();
        try (JsonParser json = Json.parser(context)) {
            json.nextToken();
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                if (field.equals(name) && json.isExpectedStartArrayToken()) {
                    while (json.nextToken() != JsonToken.END_ARRAY) {
                        objects.add(StixObject.read(json, context));
                    }
                } else {
                    json.skipChildren();
                }
            }
        } catch (JsonProcessingException e) {
            throw new Unreadable("its context cannot be read: " + Json.reason(e), e);
        } catch (IOException e) {
            throw new Unreadable("its context cannot be read: " + e.getMessage(), e);
        }
        objects.removeIf(object -> object.id().isEmpty());
        return objects;
    }
}
