package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class OriginTest {

    private static final String CARRIER = "dd11bb69-a9d8-472c-8261-854db2c62ecf";
    private static final String ANALYST = "5bd2ee52-16b5-4a6b-9a01-9d9ee3e1c7d4";
    private static final Set<String> USERS = Set.of(CARRIER);

    @Test
    void anEventIsByWhoeverDidIt() throws Exception {
        assertThat(isIgnored("{\"ip\":\"x\",\"user_id\":\"" + CARRIER + "\"}", ANALYST))
                .isTrue();
        assertThat(isIgnored("{\"user_id\":\"" + ANALYST + "\"}", CARRIER)).isFalse();
    }

    @Test
    void anEventIsByWhomTheWorkerDidItFor() throws Exception {
        assertThat(isIgnored(
                        "{\"user_id\":\"" + ANALYST + "\",\"user_metadata\":{\"user_id\":1},\"applicant_id\":\""
                                + CARRIER + "\"}",
                        ANALYST))
                .isTrue();
    }

    @Test
    void anEventWithoutOriginIsNobodys() throws Exception {
        assertThat(isIgnored("null", CARRIER)).isFalse();
        assertThat(isIgnored("{\"user_metadata\":{\"user_id\":\"" + CARRIER + "\"}}", CARRIER))
                .isFalse();
        assertThat(isIgnored("{\"user_id\":null}", CARRIER)).isFalse();
    }

    @Test
    void whatASnapshotOrADependencyShowsIsItsSoleCreators() throws Exception {
        for (String referer : new String[] {"init-create", "init-dependencies"}) {
            String origin = "{\"referer\":\"" + referer + "\"}";
            assertThat(isIgnored(origin, CARRIER)).isTrue();
            assertThat(isIgnored(origin, CARRIER, ANALYST)).isFalse();
            assertThat(isIgnored(origin, ANALYST)).isFalse();
            assertThat(isIgnored(origin)).isFalse();
        }
    }

    @Test
    void theOriginIsFoundBehindTheObjectToo() throws Exception {
        assertThat(Origin.isOf(
                        USERS, event("{\"data\":" + data(CARRIER) + ",\"origin\":{\"referer\":\"init-create\"}}")))
                .isTrue();
        assertThat(Origin.isOf(
                        USERS, event("{\"data\":" + data(ANALYST) + ",\"origin\":{\"user_id\":\"" + CARRIER + "\"}}")))
                .isTrue();
    }

    @Test
    void usersAreSeparatedByCommas() {
        assertThat(Origin.users(" " + CARRIER.toUpperCase(java.util.Locale.ROOT) + ", " + ANALYST + ","))
                .containsExactlyInAnyOrder(CARRIER, ANALYST);
        assertThat(Origin.users("")).isEmpty();
    }

    private static boolean isIgnored(String origin, String... creators) throws Unreadable {
        return Origin.isOf(USERS, event("{\"origin\":" + origin + ",\"data\":" + data(creators) + "}"));
    }

    private static Event event(String envelope) throws Unreadable {
        Bytes raw = Bytes.of(envelope);
        return new Event(new EventId(1, 0), "create", Envelope.read(raw), raw);
    }

    private static String data(String... creators) {
        String ids = creators.length == 0 ? "" : "\"" + String.join("\",\"", creators) + "\"";
        return "{\"id\":\"tool--1\",\"extensions\":{\"other\":{\"creator_ids\":[\"x\"]},\"" + StixObject.OPENCTI
                + "\":{\"id\":\"1\",\"creator_ids\":[" + ids + "]}}}";
    }
}
