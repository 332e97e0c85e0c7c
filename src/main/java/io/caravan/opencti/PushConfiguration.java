package io.caravan.opencti;

import org.apache.camel.RuntimeCamelException;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriParams;

/**
 * How a platform is written to: the options of {@code to: opencti:}. In Caravan's settings the option {@code x} is
 * {@code destination.x}, with dashes between words.
 */
@UriParams
public class PushConfiguration implements Cloneable {

    /** How bundles get into the platform. */
    public enum Way {
        /** GraphQL's stixBundlePush: a right to be a connector is all it needs. */
        bundle,
        /** The queue of the platform's workers on RabbitMQ: all that the platform's own synchronizer can do. */
        queue,
        /** TAXII 2.1: any TAXII server, or a TAXII push ingestion of the platform. */
        taxii
    }

    @UriParam(
            label = "producer",
            defaultValue = "bundle",
            description = "How bundles get into the platform: bundle (GraphQL), queue (RabbitMQ), taxii (TAXII 2.1).")
    private Way way = Way.bundle;

    @UriParam(
            label = "producer",
            description = "The id of the TAXII collection to write to; only with way=taxii, which needs it.")
    private String collection;

    @UriParam(
            label = "producer",
            defaultValue = "Caravan",
            description = "The name in the platform's list of connectors.")
    private String name = "Caravan";

    @UriParam(
            label = "producer",
            description =
                    "The id of the user in whose name objects are written; only with way=queue. With perfectSync one that"
                            + " bypasses restrictions, else nothing happens and nobody says so.")
    private String user;

    @UriParam(
            label = "producer",
            description = "The STIX id of the identity that is set as author where an object has none.")
    private String defaultAuthor;

    @UriParam(
            label = "producer",
            description = "Replace what the platform has by what the stream says, lists included; only with way=queue.")
    private boolean perfectSync;

    @UriParam(label = "producer", defaultValue = "true", description = "Remove what is gone.")
    private boolean deletions = true;

    @UriParam(
            label = "producer",
            defaultValue = "true",
            description =
                    "Do not remove what somebody else has written there, too, or what something others made contains.")
    private boolean protectOthers = true;

    @UriParam(
            label = "producer",
            defaultValue = "true",
            description =
                    "Ask the destination which markings it has, and send an object only with markings that it has."
                            + " False: it is no OpenCTI, or cannot be asked; objects are sent with the markings they bear.")
    private boolean checkMarkings = true;

    @UriParam(
            label = "producer",
            defaultValue = "true",
            description = "Fetch attached files from the platform that is followed, and send them along.")
    private boolean files = true;

    @UriParam(label = "producer", defaultValue = "52428800", description = "A larger file is left out, in bytes.")
    private long filesMaxBytes = 50 << 20;

    @UriParam(
            label = "producer",
            defaultValue = "60s",
            javaType = "java.time.Duration",
            description = "The longest wait for an answer.")
    private long answerTimeout = 60_000;

    @UriParam(
            label = "producer",
            defaultValue = "/taxii2/root",
            description = "The TAXII API root below the address; only with way=taxii.")
    private String apiRoot = "/taxii2/root";

    public PushConfiguration copy() {
        try {
            return (PushConfiguration) clone();
        } catch (CloneNotSupportedException e) {
            throw new RuntimeCamelException(e);
        }
    }

    public Way getWay() {
        return way;
    }

    public void setWay(Way way) {
        this.way = way;
    }

    public String getCollection() {
        return collection;
    }

    public void setCollection(String collection) {
        this.collection = collection;
    }

    public String getName() {
        return name;
    }

    public void setName(String name) {
        this.name = name;
    }

    public String getUser() {
        return user;
    }

    public void setUser(String user) {
        this.user = user;
    }

    public String getDefaultAuthor() {
        return defaultAuthor;
    }

    public void setDefaultAuthor(String defaultAuthor) {
        this.defaultAuthor = defaultAuthor;
    }

    public boolean isPerfectSync() {
        return perfectSync;
    }

    public void setPerfectSync(boolean perfectSync) {
        this.perfectSync = perfectSync;
    }

    public boolean isDeletions() {
        return deletions;
    }

    public void setDeletions(boolean deletions) {
        this.deletions = deletions;
    }

    public boolean isProtectOthers() {
        return protectOthers;
    }

    public void setProtectOthers(boolean protectOthers) {
        this.protectOthers = protectOthers;
    }

    public boolean isCheckMarkings() {
        return checkMarkings;
    }

    public void setCheckMarkings(boolean checkMarkings) {
        this.checkMarkings = checkMarkings;
    }

    public boolean isFiles() {
        return files;
    }

    public void setFiles(boolean files) {
        this.files = files;
    }

    public long getFilesMaxBytes() {
        return filesMaxBytes;
    }

    public void setFilesMaxBytes(long filesMaxBytes) {
        this.filesMaxBytes = filesMaxBytes;
    }

    public long getAnswerTimeout() {
        return answerTimeout;
    }

    public void setAnswerTimeout(long answerTimeout) {
        this.answerTimeout = answerTimeout;
    }

    public String getApiRoot() {
        return apiRoot;
    }

    public void setApiRoot(String apiRoot) {
        this.apiRoot = apiRoot;
    }
}
