package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.PushConfiguration;
import io.caravan.opencti.push.Rights.Finding;
import io.caravan.opencti.push.Rights.Verdict;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakeDestination;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RightsTest {

    private static final String SOURCE = "https://source.example.org";

    private final FakeDestination destination = FakeDestination.start();
    private final PushConfiguration options = new PushConfiguration();

    @AfterEach
    void close() {
        assertThat(destination.failures()).isEmpty();
        destination.close();
    }

    @Test
    void saysWhoTheTokenIsAndThatItMayDoAll() throws Exception {
        assertThat(look())
                .containsExactly(
                        good(destination.url() + " is OpenCTI 7.260817.0, and the token is pusher's"),
                        good("pusher may write, remove, merge and make labels, kill chain phases and markings there"));
        assertThat(destination.connectors()).isEmpty();
        assertThat(destination.pushes()).isEmpty();
    }

    @Test
    void bypassHasAllRights() throws Exception {
        destination.rights("BYPASS");
        assertThat(look()).allMatch(finding -> finding.verdict() == Verdict.GOOD);
    }

    @Test
    void namesEveryRightThatFailsInSilence() throws Exception {
        destination.rights("KNOWLEDGE", "CONNECTORAPI");
        assertThat(mistakes())
                .hasSize(6)
                .allMatch(text -> text.contains(": give it by a role"))
                .anyMatch(text -> text.contains("without which nothing is written, and no error tells"))
                .anyMatch(text -> text.contains("KNOWLEDGE_KNUPDATE, without which nothing is written"))
                .anyMatch(text -> text.contains("KNOWLEDGE_KNUPDATE_KNDELETE, without which nothing is removed"))
                .anyMatch(text -> text.contains("KNOWLEDGE_KNUPDATE_KNMERGE, without which nothing is merged"))
                .anyMatch(text -> text.contains("SETTINGS_SETLABELS, without which labels"))
                .anyMatch(text -> text.contains("SETTINGS_SETKILLCHAINPHASES, without which kill chain phases"))
                .anyMatch(text -> text.contains("SETTINGS_SETMARKINGS: markings that"));
    }

    @Test
    void needsTheRightToRemoveOnlyWhereRemovalsAreApplied() throws Exception {
        destination.rights(with("KNOWLEDGE_KNUPDATE_KNMERGE", "CONNECTORAPI"));
        options.setDeletions(false);
        assertThat(mistakes()).isEmpty();
        options.setDeletions(true);
        assertThat(mistakes()).hasSize(1);
    }

    @Test
    void namesTheRightToPushAtAll() throws Exception {
        destination.rights(with("KNOWLEDGE_KNUPDATE_KNDELETE", "KNOWLEDGE_KNUPDATE_KNMERGE"));
        assertThat(mistakes()).hasSize(1).allMatch(text -> text.contains("CONNECTORAPI"));
    }

    @Test
    void notesThatFailuresStayUnknownWhereWorksMayNotBeRead() throws Exception {
        destination.mayReadWorks(false);
        assertThat(mistakes()).isEmpty();
        assertThat(notes()).hasSize(1).allMatch(text -> text.contains("stays unknown"));
    }

    @Test
    void doesNotTakeAWrongTokenForALackOfRights() throws Exception {
        destination.token("another");
        assertThat(look())
                .containsExactly(new Finding(
                        Verdict.MISTAKE,
                        destination.url() + " does not know this token: copy it from the user's profile"));
    }

    @Test
    void mayNotAlwaysSeeTheRightsOfAnotherUser() throws Exception {
        asAnother("BYPASS");
        destination.rights("CONNECTORAPI");
        assertThat(mistakes()).hasSize(1).allMatch(text -> text.startsWith("RabbitMQ"));
        assertThat(notes())
                .anyMatch(text -> text.contains("the user another, whose rights the token's user may not see")
                        && text.endsWith("and BYPASS for perfect-sync"));
    }

    @Test
    void seesThatAnotherUserBypassesRestrictions() throws Exception {
        asAnother("BYPASS");
        assertThat(look())
                .contains(good(
                        "another may write, remove, merge and make labels, kill chain phases and markings there, and bypasses restrictions, as"
                                + " perfect-sync needs"));
    }

    @Test
    void seesThatAnotherUserDoesNotBypassRestrictions() throws Exception {
        asAnother(with("KNOWLEDGE_KNUPDATE_KNDELETE", "KNOWLEDGE_KNUPDATE_KNMERGE"));
        assertThat(mistakes())
                .anyMatch(text ->
                        text.startsWith("another does not bypass restrictions, which destination.perfect-sync"));
        options.setPerfectSync(false);
        assertThat(look())
                .contains(
                        good("another may write, remove, merge and make labels, kill chain phases and markings there"));
    }

    @Test
    void seesWhatElseAnotherUserLacks() throws Exception {
        asAnother("KNOWLEDGE_KNUPDATE");
        assertThat(mistakes()).anyMatch(text -> text.startsWith("another lacks the right SETTINGS_SETLABELS"));
    }

    @Test
    void seesThatThereIsNoSuchUser() throws Exception {
        asAnother("BYPASS");
        options.setUser("nobody");
        assertThat(mistakes()).anyMatch(text -> text.startsWith(destination.url() + " has no user nobody, "));
    }

    @Test
    void perfectSyncNeedsAUserThatBypassesRestrictions() throws Exception {
        byQueue();
        options.setPerfectSync(true);
        assertThat(mistakes()).anyMatch(text -> text.contains("BYPASS"));
    }

    @Test
    void tellsWhetherACollectionTakesWrites() throws Exception {
        options.setWay(PushConfiguration.Way.taxii);
        options.setCollection("a63cea26-f347-4293-b236-be672692f910");
        assertThat(mistakes())
                .hasSize(1)
                .allMatch(text -> text.contains("is not there, or not running, or not this user's"));
        destination.collection(options.getCollection(), false);
        assertThat(mistakes())
                .hasSize(1)
                .allMatch(text -> text.contains("is not there, or not running, or not this user's"));
        destination.collection(options.getCollection(), true);
        assertThat(mistakes()).isEmpty();
        assertThat(notes())
                .anyMatch(text -> text.contains("the collection's user, whose rights cannot be seen"))
                .anyMatch(text -> text.contains("for want of the right INGESTION"));
    }

    @Test
    void saysThatATaxiiServerCannotBeAskedWhoElseHasWritten() throws Exception {
        options.setWay(PushConfiguration.Way.taxii);
        options.setCollection("a63cea26-f347-4293-b236-be672692f910");
        destination.collection(options.getCollection(), true).withoutGraphQl();
        assertThat(notes()).anyMatch(text -> text.contains("set destination.protect-others=false"));
        options.setProtectOthers(false);
        assertThat(notes()).noneMatch(text -> text.contains("protect-others"));
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403, 406, 200})
    void namesTheSettingsForAServerThatAnswersForGraphQlOtherwise(int status) throws Exception {
        options.setWay(PushConfiguration.Way.taxii);
        options.setCollection("a63cea26-f347-4293-b236-be672692f910");
        destination
                .collection(options.getCollection(), true)
                .answerAll(
                        request -> request.path().equals("/graphql"),
                        Answer.status(status).body("text/html", "<html>no</html>"));
        assertThat(mistakes())
                .anyMatch(text -> text.contains("set destination.check-markings=false"))
                .anyMatch(text -> text.contains("set destination.protect-others=false"));
        options.setCheckMarkings(false);
        options.setProtectOthers(false);
        assertThat(mistakes()).isEmpty();
        assertThat(notes()).anyMatch(text -> text.contains("is not asked which markings it has"));
    }

    @Test
    void doesNotTakeAnythingForAPlatform() {
        destination.withoutGraphQl();
        assertThatThrownBy(this::look).isInstanceOf(IOException.class).hasMessageContaining("404");
    }

    /** In whose name everything is to be replaced; the token's user may see what others may do. */
    private void asAnother(String... rights) {
        byQueue();
        options.setPerfectSync(true);
        options.setUser("another");
        destination.rights("CONNECTORAPI", "SETTINGS_SETACCESSES").user("another", rights);
    }

    /** And the rights to make what objects bear. */
    private static String[] with(String... rights) {
        List<String> all = new ArrayList<>(List.of(rights));
        all.addAll(List.of("SETTINGS_SETLABELS", "SETTINGS_SETKILLCHAINPHASES", "SETTINGS_SETMARKINGS"));
        return all.toArray(String[]::new);
    }

    /** To a port where nothing listens; what a RabbitMQ answers is another test's. */
    private void byQueue() {
        options.setWay(PushConfiguration.Way.queue);
        destination.broker("127.0.0.1", 1, false, "guest", "guest");
    }

    private List<Finding> look() throws Exception {
        OpenctiConfiguration connection = new OpenctiConfiguration();
        connection.setUrl(destination.url());
        connection.setToken(FakeDestination.TOKEN);
        return new Rights(connection, options, "destination", SOURCE).look();
    }

    private List<String> mistakes() throws Exception {
        return texts(Verdict.MISTAKE);
    }

    private List<String> notes() throws Exception {
        return texts(Verdict.NOTE);
    }

    private List<String> texts(Verdict verdict) throws Exception {
        List<String> texts = new ArrayList<>();
        for (Finding finding : look()) {
            if (finding.verdict() == verdict) {
                texts.add(finding.text());
            }
        }
        return texts;
    }

    private static Finding good(String text) {
        return new Finding(Verdict.GOOD, text);
    }
}
