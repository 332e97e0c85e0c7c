package io.caravan.opencti.push;

import com.fasterxml.jackson.databind.JsonNode;
import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.opencti.PushConfiguration;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * What can be known of a destination before anything is written there: above all the rights whose lack no answer tells. It
 * asks and changes nothing. Only with the way queue it registers the connector, as a run does: no other answer tells
 * the way to RabbitMQ.
 */
public final class Rights {

    private static final String WHO = "query Who { about { version } me { id name capabilities { name } } }";
    private static final String USER = "query User($id: String!) { user(id: $id) { id name capabilities { name } } }";
    private static final String MARKING = "query Marking($id: String!) { markingDefinition(id: $id) { id } }";
    private static final String RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";
    private static final String WORK = "query Work($id: ID!) { work(id: $id) { id } }";

    private static final String BY_A_ROLE = ": give it by a role, under Settings > Security > Roles";

    /** What a finding says of a run. */
    public enum Verdict {
        GOOD,
        /** It stands against a run, or something is lost in it. */
        MISTAKE,
        NOTE
    }

    /** One line for a person, with what to do. */
    public record Finding(Verdict verdict, String text) {}

    private final OpenctiConfiguration connection;
    private final PushConfiguration options;
    private final Platform platform;
    private final Duration patience;
    private final GraphQl api;
    private final String name;
    private final String connector;
    private final List<Finding> findings = new ArrayList<>();

    /**
     * @param name the destination's, as routes say it
     * @param source the address of the platform that is followed
     */
    public Rights(OpenctiConfiguration connection, PushConfiguration options, String name, String source) {
        this.connection = connection;
        this.options = options;
        this.platform = new Platform(connection);
        this.patience = Duration.ofMillis(options.getAnswerTimeout());
        this.api = new GraphQl(platform, patience);
        this.name = name;
        this.connector = Connector.idOf(name, source);
    }

    /** The destination's, as routes say it. */
    public String name() {
        return name;
    }

    /** The destination's address. */
    public String url() {
        return platform.url();
    }

    /** @throws IOException when the destination cannot be reached or answers otherwise than a platform */
    public List<Finding> look() throws IOException, InterruptedException {
        if (options.getWay() == PushConfiguration.Way.taxii) {
            lookAtCollection();
        } else {
            lookAtPlatform();
        }
        return List.copyOf(findings);
    }

    private void lookAtPlatform() throws IOException, InterruptedException {
        JsonNode told;
        try {
            told = api.ask(WHO, Map.of(), "about", "me");
            api.text(told, "/me/id");
        } catch (GraphQl.Failed e) {
            if (e.isForbidden()) {
                mistake(platform.url() + " does not know this token: copy it from the user's profile");
                return;
            }
            throw e;
        }
        JsonNode me = told.path("me");
        good(platform.url() + " is OpenCTI " + told.at("/about/version").asText() + ", and the token is " + nameOf(me)
                + "'s");
        if (!has(me, "CONNECTORAPI")) {
            mistake(nameOf(me) + " lacks the right CONNECTORAPI, without which nothing can be pushed" + BY_A_ROLE);
        }
        boolean writesAsAnother = isSet(options.getUser())
                && !options.getUser().equals(me.path("id").asText());
        if (writesAsAnother) {
            lookAtAnother(options.getUser());
        } else {
            lookAtWriting(me);
        }
        if (has(me, "CONNECTORAPI")) {
            lookAtWorks();
            if (options.getWay() == PushConfiguration.Way.queue) {
                lookAtQueue();
            }
        }
    }

    private void lookAtAnother(String id) throws IOException, InterruptedException {
        try {
            JsonNode user = api.ask(USER, Map.of("id", id), "user").path("user");
            if (user.isObject()) {
                lookAtWriting(user);
            } else {
                mistake(platform.url() + " has no user " + id
                        + ", as whom nothing can be written: set destination.user to the id of one");
            }
        } catch (GraphQl.Failed e) {
            if (!e.isForbidden()) {
                throw e;
            }
            note("objects are written as the user " + id + ", whose rights the token's user may not see"
                    + " (that needs SETTINGS_SETACCESSES): " + neededToWrite());
        }
    }

    private void lookAtWriting(JsonNode user) {
        int before = findings.size();
        need(user, "KNOWLEDGE_KNUPDATE", "nothing is written");
        if (options.isDeletions()) {
            need(user, "KNOWLEDGE_KNUPDATE_KNDELETE", "nothing is removed (or set destination.deletions=false)");
        }
        need(user, "KNOWLEDGE_KNUPDATE_KNMERGE", "nothing is merged");
        need(user, "SETTINGS_SETLABELS", "labels that the destination does not have vanish");
        need(
                user,
                "SETTINGS_SETKILLCHAINPHASES",
                "kill chain phases that the destination does not have vanish from what bears them");
        if (!has(user, "SETTINGS_SETMARKINGS")) {
            mistake(nameOf(user)
                    + " lacks the right SETTINGS_SETMARKINGS: markings that the destination does not have are not made"
                    + " there, and what bears them becomes a dead letter" + BY_A_ROLE);
        }
        if (options.isPerfectSync() && !has(user, "BYPASS")) {
            mistake(nameOf(user)
                    + " does not bypass restrictions, which destination.perfect-sync needs to have an effect"
                    + ": give a role with BYPASS, or set it to false");
        }
        if (findings.size() == before) {
            good(nameOf(user) + " may write, " + (options.isDeletions() ? "remove, " : "")
                    + "merge and make labels, kill chain phases and markings there"
                    + (options.isPerfectSync() ? ", and bypasses restrictions, as perfect-sync needs" : ""));
        }
    }

    private void need(JsonNode user, String right, String otherwise) {
        if (!has(user, right)) {
            mistake(nameOf(user) + " lacks the right " + right + ", without which " + otherwise + ", and no error tells"
                    + BY_A_ROLE);
        }
    }

    private void lookAtWorks() throws IOException, InterruptedException {
        try {
            api.ask(WORK, Map.of("id", "work_" + connector + "_1970-01-01T00:00:00.000Z"), "work");
        } catch (GraphQl.Failed e) {
            if (e.isForbidden()) {
                note("the token's user may not read works: what fails at the destination stays unknown"
                        + " (caravan_push_unknown_total), unless a role gives the right MODULES, connectors");
            }
        }
    }

    private void lookAtQueue() throws IOException, InterruptedException {
        JsonNode config;
        try {
            config = new Connector(api, connector, options.getName())
                    .registered()
                    .path("config");
        } catch (GraphQl.Failed e) {
            mistake("this connector cannot be registered: " + e.getMessage());
            return;
        }
        try {
            WorkerQueue queue = WorkerQueue.open(config, Ways.terms(connection, options));
            queue.close();
            good(queue + " takes the platform's login, and has this connector's exchange and queue "
                    + config.path("push").asText());
        } catch (IOException e) {
            mistake(e.getMessage());
        }
    }

    private void lookAtCollection() throws IOException, InterruptedException {
        TaxiiWay way = new TaxiiWay(platform, options.getApiRoot(), options.getCollection(), patience);
        Optional<JsonNode> collection = way.collection();
        String name = "the collection " + options.getCollection() + " of " + platform.url() + options.getApiRoot();
        if (collection.isEmpty()) {
            mistake(name + " is not there, or not running, or not this user's: start it, and make the token's user a"
                    + " member, under Data > Ingestion > TAXII Push");
        } else if (!collection.get().path("can_write").asBoolean()) {
            mistake(name + " takes no writes: say one that does, a TAXII push ingestion on a platform");
        } else {
            good(name + " (" + collection.get().path("title").asText() + ") takes writes");
        }
        note("objects are written as the collection's user, whose rights cannot be seen from here: " + neededToWrite());
        lookAtMarkings();
        if (options.isDeletions() && options.isProtectOthers()) {
            lookAtProtection();
        }
    }

    /** Objects go only with markings that are there. */
    private void lookAtMarkings() throws IOException, InterruptedException {
        if (!options.isCheckMarkings()) {
            note("the destination is not asked which markings it has (" + Presence.SETTING
                    + "): objects are sent with those that they bear, and how it protects them is its own affair");
            return;
        }
        try {
            api.ask(MARKING, Map.of("id", RED));
        } catch (GraphQl.Absent e) {
            note(
                    "this server cannot be asked which markings it has: objects are sent with those that they bear, and how it"
                            + " protects them is its own affair");
        } catch (GraphQl.Failed e) {
            if (!e.isForbidden()) {
                throw e;
            }
            mistake(
                    "the token's user may not be told which markings the destination has, without which no marked object is"
                            + " sent: it needs the right KNOWLEDGE" + BY_A_ROLE);
        } catch (IOException e) {
            mistake(
                    "which markings the destination has cannot be asked, although its TAXII collection answers, and without"
                            + " that no marked object is sent: " + e.getMessage()
                            + "; if the destination is no OpenCTI, set "
                            + Presence.SETTING);
        }
    }

    private void lookAtProtection() throws IOException, InterruptedException {
        try {
            ActingUser user = new ActingUser(api, options);
            if (!user.isCertain()) {
                note(
                        "who the collection's user is cannot be seen either, for want of the right INGESTION: what others than "
                                + user.id()
                                + ", the token's user, have written counts as written by others, and is not removed;"
                                + " set destination.protect-others=false to remove all that is gone");
            }
        } catch (GraphQl.Absent e) {
            note("this server cannot be asked who else has written an object, so none is removed"
                    + " (caravan_push_kept_total): set destination.protect-others=false to remove what is gone");
        } catch (GraphQl.Failed e) {
            throw e;
        } catch (IOException e) {
            mistake("who else has written an object cannot be asked, and without that none is removed: "
                    + e.getMessage() + "; if the destination is no OpenCTI, set destination.protect-others=false");
        }
    }

    private String neededToWrite() {
        return "it needs KNOWLEDGE_KNUPDATE, " + (options.isDeletions() ? "KNOWLEDGE_KNUPDATE_KNDELETE, " : "")
                + "KNOWLEDGE_KNUPDATE_KNMERGE, SETTINGS_SETLABELS, SETTINGS_SETKILLCHAINPHASES, SETTINGS_SETMARKINGS"
                + (options.isPerfectSync() ? ", and BYPASS for perfect-sync" : "");
    }

    /** A right includes those that its name begins with. */
    private static boolean has(JsonNode user, String right) {
        return StreamSupport.stream(user.path("capabilities").spliterator(), false)
                .map(capability -> capability.path("name").asText())
                .anyMatch(name -> name.equals("BYPASS") || name.equals(right) || name.startsWith(right + "_"));
    }

    private static String nameOf(JsonNode user) {
        return user.path("name").asText();
    }

    private static boolean isSet(String option) {
        return option != null && !option.isBlank();
    }

    private void good(String text) {
        findings.add(new Finding(Verdict.GOOD, text));
    }

    private void mistake(String text) {
        findings.add(new Finding(Verdict.MISTAKE, text));
    }

    private void note(String text) {
        findings.add(new Finding(Verdict.NOTE, text));
    }
}
