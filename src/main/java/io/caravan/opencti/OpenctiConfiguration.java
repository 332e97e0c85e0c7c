package io.caravan.opencti;

import io.caravan.event.DeadLetters;
import io.caravan.event.PositionStore;
import java.util.function.Consumer;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriParams;

/**
 * The options of the {@code opencti:} component and of each of its endpoints. In Caravan's settings the option {@code x}
 * is {@code opencti.x}, with dashes between words.
 */
@UriParams
public class OpenctiConfiguration implements Cloneable {

    /** What to do when the platform no longer keeps the position. */
    public enum OnGap {
        /** Read everything as a snapshot and tell what differs from what was told. */
        recover,
        /** Stop following and report a failure. */
        fail
    }

    @UriParam(description = "The platform's address, http or https, without /stream; a base path is kept.")
    @Metadata(required = true)
    private String url;

    @UriParam(
            label = "security",
            secret = true,
            description = "The user's token, sent as a bearer token and never logged. A public stream needs none.")
    private String token;

    @UriParam(
            label = "security",
            description =
                    "A file that holds the token, read at start; white space around it is dropped. Instead of token.")
    private String tokenFile;

    @UriParam(
            description =
                    "Where a first run begins; a stored position wins. Empty: everything (a snapshot, then live; the base stream has"
                            + " none: all that it keeps). now: only what happens from now on. An ISO date, such as 2026-01-31 or"
                            + " 2026-01-31T12:00:00Z: what changed since, as a snapshot, then live. An event id, such as"
                            + " 1795282698973-0, or 0-0 for the oldest kept: the log after it; milliseconds alone are the id that"
                            + " ends in -0.")
    private String start;

    @UriParam(
            defaultValue = "true",
            description =
                    "Take deletions into account. When false the platform is asked for none, and one that comes is left out.")
    private boolean listenDelete = true;

    @UriParam(
            label = "consumer",
            description =
                    "The ids of users, separated by commas, whose writing is not carried: events in their name, and what a"
                            + " snapshot or a dependency shows that nobody else has created. For what is written there from where it"
                            + " would be carried to.")
    private String ignoreUsers;

    @UriParam(description = "Ask the platform to leave out the relations of what matches the stream's filter.")
    private boolean noDependencies;

    @UriParam(description = "Ask for relations that the platform's rules infer, too.")
    private boolean withInferences;

    @UriParam(
            label = "security",
            defaultValue = "true",
            description =
                    "Verify the platform's certificate and host name. Off only for tests: whoever stands in between"
                            + " can read the token.")
    private boolean sslVerify = true;

    @UriParam(label = "security", description = "A file of PEM certificates to trust besides the JVM's.")
    private String caFile;

    @UriParam(
            label = "security",
            description = "A PEM file with the client's certificate and its chain, for mutual TLS.")
    private String clientCertFile;

    @UriParam(label = "security", description = "A PEM file with the client certificate's unencrypted private key.")
    private String clientKeyFile;

    @UriParam(
            label = "security",
            secret = true,
            description = "An HTTP proxy to go through, http://host:port or http://user:secret@host:port. Without it"
                    + " HTTPS_PROXY and NO_PROXY apply to an https platform.")
    private String proxy;

    @UriParam(
            defaultValue = "30s",
            javaType = "java.time.Duration",
            description =
                    "The silence after which a connection is given up, and the longest wait for an answer to begin. At"
                            + " least 1s; the platform's heartbeat comes every 5s.")
    private long heartbeatTimeout = 30_000;

    @UriParam(
            defaultValue = "recover",
            description =
                    "What to do when the platform no longer keeps the position: recover reads what changed since as a"
                            + " snapshot, fail stops.")
    private OnGap onGap = OnGap.recover;

    @UriParam(
            label = "consumer",
            defaultValue = "1000",
            description = "A batch closes at this many events; at least 1.")
    private int batchMaxEvents = 1000;

    @UriParam(
            label = "consumer",
            defaultValue = "16777216",
            description = "A batch closes at this many bytes of events; one larger event is a batch of its own.")
    private long batchMaxBytes = 16 << 20;

    @UriParam(
            label = "consumer",
            defaultValue = "67108864",
            description =
                    "The largest event that is read into memory, in bytes; a larger one becomes a dead letter without"
                            + " its content.")
    private int eventMaxBytes = 64 << 20;

    @UriParam(
            label = "advanced",
            defaultValue = "true",
            description =
                    "Follow the platform. When false nothing is read there, and batches come from the program that the"
                            + " consumer runs in.")
    private boolean following = true;

    @UriParam(label = "advanced", description = "Where the position is kept. Without one every start is a first run.")
    @Metadata(autowired = true)
    private PositionStore positionStore;

    @UriParam(
            label = "advanced",
            description = "Who keeps events that cannot be read. Without one such an event holds the stream up.")
    @Metadata(autowired = true)
    private DeadLetters deadLetters;

    @UriParam(
            label = "advanced",
            description =
                    "Who is told, a java.util.function.Consumer of an exception, when the stream cannot be followed"
                            + " any further without a person. Without one it is logged.")
    private Consumer<Exception> failureHandler;

    public OpenctiConfiguration copy() {
        try {
            return (OpenctiConfiguration) clone();
        } catch (CloneNotSupportedException e) {
            throw new RuntimeCamelException(e);
        }
    }

    public String getUrl() {
        return url;
    }

    public void setUrl(String url) {
        this.url = url;
    }

    public String getToken() {
        return token;
    }

    public void setToken(String token) {
        this.token = token;
    }

    public String getTokenFile() {
        return tokenFile;
    }

    public void setTokenFile(String tokenFile) {
        this.tokenFile = tokenFile;
    }

    public String getStart() {
        return start;
    }

    public void setStart(String start) {
        this.start = start;
    }

    public boolean isListenDelete() {
        return listenDelete;
    }

    public void setListenDelete(boolean listenDelete) {
        this.listenDelete = listenDelete;
    }

    public String getIgnoreUsers() {
        return ignoreUsers;
    }

    public void setIgnoreUsers(String ignoreUsers) {
        this.ignoreUsers = ignoreUsers;
    }

    public boolean isNoDependencies() {
        return noDependencies;
    }

    public void setNoDependencies(boolean noDependencies) {
        this.noDependencies = noDependencies;
    }

    public boolean isWithInferences() {
        return withInferences;
    }

    public void setWithInferences(boolean withInferences) {
        this.withInferences = withInferences;
    }

    public boolean isSslVerify() {
        return sslVerify;
    }

    public void setSslVerify(boolean sslVerify) {
        this.sslVerify = sslVerify;
    }

    public String getCaFile() {
        return caFile;
    }

    public void setCaFile(String caFile) {
        this.caFile = caFile;
    }

    public String getClientCertFile() {
        return clientCertFile;
    }

    public void setClientCertFile(String clientCertFile) {
        this.clientCertFile = clientCertFile;
    }

    public String getClientKeyFile() {
        return clientKeyFile;
    }

    public void setClientKeyFile(String clientKeyFile) {
        this.clientKeyFile = clientKeyFile;
    }

    public String getProxy() {
        return proxy;
    }

    public void setProxy(String proxy) {
        this.proxy = proxy;
    }

    public long getHeartbeatTimeout() {
        return heartbeatTimeout;
    }

    public void setHeartbeatTimeout(long heartbeatTimeout) {
        this.heartbeatTimeout = heartbeatTimeout;
    }

    public OnGap getOnGap() {
        return onGap;
    }

    public void setOnGap(OnGap onGap) {
        this.onGap = onGap;
    }

    public int getBatchMaxEvents() {
        return batchMaxEvents;
    }

    public void setBatchMaxEvents(int batchMaxEvents) {
        this.batchMaxEvents = batchMaxEvents;
    }

    public long getBatchMaxBytes() {
        return batchMaxBytes;
    }

    public void setBatchMaxBytes(long batchMaxBytes) {
        this.batchMaxBytes = batchMaxBytes;
    }

    public int getEventMaxBytes() {
        return eventMaxBytes;
    }

    public void setEventMaxBytes(int eventMaxBytes) {
        this.eventMaxBytes = eventMaxBytes;
    }

    public boolean isFollowing() {
        return following;
    }

    public void setFollowing(boolean following) {
        this.following = following;
    }

    public PositionStore getPositionStore() {
        return positionStore;
    }

    public void setPositionStore(PositionStore positionStore) {
        this.positionStore = positionStore;
    }

    public DeadLetters getDeadLetters() {
        return deadLetters;
    }

    public void setDeadLetters(DeadLetters deadLetters) {
        this.deadLetters = deadLetters;
    }

    public Consumer<Exception> getFailureHandler() {
        return failureHandler;
    }

    public void setFailureHandler(Consumer<Exception> failureHandler) {
        this.failureHandler = failureHandler;
    }
}
