package io.caravan.opencti.push;

import io.caravan.opencti.Platform;
import java.io.IOException;
import java.util.Set;

/** What the HTTP statuses of a destination mean, and whether an answer holds what was promised. */
final class Answers {

    private static final int TOO_LARGE = 413;
    /** Those by which an API says, in its JSON, that it will never take what was sent. From anything else they may mean all. */
    private static final Set<Integer> OF_THE_CONTENT = Set.of(400, 409, 422);

    /**
     * The other statuses from 400 to 499 that are about the token, the proxy, the address or the moment. A load balancer answers
     * 404 now and then while a platform is updated behind it.
     */
    private static final Set<Integer> OUTAGES =
            Set.of(401, 402, 404, 405, 407, 408, 410, 421, 423, 424, 425, 426, 428, 429);

    private Answers() {}

    /** The same will never be taken; less of it, or each part alone, perhaps. */
    static final class NotTaken extends IOException {
        private static final long serialVersionUID = 1L;

        NotTaken(String message) {
            super(message);
        }
    }

    /**
     * The status says it of what was sent, or of the user: a filter in between answers 403 or 406 to a text that
     * it does not like, a server 403 to a user without the right. Something harmless sent to the same address tells.
     */
    static class Forbidden extends IOException {
        private static final long serialVersionUID = 1L;
        private final int status;

        Forbidden(String message, int status) {
            super(message);
            this.status = status;
        }

        int status() {
            return status;
        }
    }

    /** What was got instead of what the protocol promises: an outage, for the destination has done nothing that it tells of. */
    static IOException unpromised(Platform platform, Platform.Answer answer, String promised) {
        return unpromised(platform, answer, promised, platform.kind(answer));
    }

    /** As {@link #unpromised}, where the answer may hold a secret, and is not repeated. */
    static IOException unpromisedSecret(Platform platform, Platform.Answer answer, String promised) {
        return unpromised(platform, answer, promised, platform.form(answer));
    }

    private static IOException unpromised(Platform platform, Platform.Answer answer, String promised, String what) {
        return new IOException(platform.url() + " answers " + answer.status() + " without " + promised
                + ": the answer is " + what
                + "; something else than a destination answers there, or stands in front of it");
    }

    /**
     * What an answer that says no means: {@link NotTaken}, {@link Forbidden}, or an outage.
     *
     * @param place what the address is of: a platform, or a collection
     */
    static IOException refusal(Platform platform, Platform.Answer answer, String place) {
        int status = answer.status();
        String meaning =
                switch (status) {
                    case 301, 302, 303, 307, 308 ->
                        "it redirects, which is not followed because the token would go along: set url to where the platform is";
                    case 401 -> "the token is missing or wrong";
                    case 403 ->
                        "there is no such " + place
                                + ", or this user has no right to it, or something in between forbids this";
                    case 404 -> "there is no such " + place + ", or it is not running, or this user may not see it";
                    case 400, 409, 413, 422 -> "it does not take this";
                    case 429 -> "too many requests";
                    case 502, 503, 504 -> "it is away, says what stands in front of it";
                    default -> "unexpected";
                };
        String said = platform.reason(answer).map(reason -> " (" + reason + ")").orElse("");
        String message = platform.url() + " answers " + status + ": " + meaning + said;
        boolean isOfTheContent =
                OF_THE_CONTENT.contains(status) && answer.json().isObject();
        if (isOfTheContent || status == TOO_LARGE) {
            return new NotTaken(message);
        }
        boolean isForbidden = status >= 400 && status < 500 && !OUTAGES.contains(status);
        return isForbidden ? new Forbidden(message, status) : new IOException(message);
    }
}
