package io.caravan.opencti.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.testkit.Answer;
import io.caravan.testkit.FakePlatform;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BackoffTest {

    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Backoff FOUR_SECONDS = new Backoff(Duration.ofSeconds(4));

    @Test
    void doublesFromASecondToAMinute() {
        assertThat(Stream.iterate(Backoff.FIRST, Backoff::next).limit(9).map(wait -> wait.delay()
                        .toSeconds()))
                .containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 60L, 60L, 60L);
    }

    /** The platform may wish for it; a platform that stays away is not to be asked without a pause. */
    @Test
    void growsFromNothingToo() {
        Backoff none = new Backoff(Duration.ZERO);

        assertThat(Stream.iterate(none, Backoff::next).limit(20).map(Backoff::delay))
                .contains(MINUTE);
    }

    @Test
    void waitsBetweenHalfTheDelayAndTheWhole() {
        assertThat(Stream.generate(FOUR_SECONDS::withJitter).limit(1000))
                .allSatisfy(wait -> assertThat(wait).isBetween(Duration.ofSeconds(2), Duration.ofSeconds(4)))
                .anySatisfy(wait -> assertThat(wait).isLessThan(Duration.ofMillis(2500)))
                .anySatisfy(wait -> assertThat(wait).isGreaterThan(Duration.ofMillis(3500)));
    }

    @Test
    void aConnectionThatBreaksIsWaitedForAsLongAsTheDelaySays() {
        assertIsWithinTheDelay(FOUR_SECONDS.after(new IOException("reset")));
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 425, 429, 500, 502, 503, 504})
    void aPlatformThatIsAwayIsWaitedForAsLongAsTheDelaySays(int status) {
        assertIsWithinTheDelay(FOUR_SECONDS.after(refusal(Answer.status(status))));
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 403, 404, 407, 410})
    void whatOnlyAPersonCanMendIsAskedForOnceAMinute(int status) {
        assertThat(FOUR_SECONDS.after(refusal(Answer.status(status)))).isEqualTo(MINUTE);
    }

    @Test
    void aWebPageInPlaceOfAStreamIsAskedForOnceAMinute() {
        assertThat(FOUR_SECONDS.after(refusal(Answer.html("<h1>Sign in</h1>")))).isEqualTo(MINUTE);
        assertThat(FOUR_SECONDS.after(refusal(Answer.redirect("https://elsewhere.example.org/"))))
                .isEqualTo(MINUTE);
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 429, 503})
    void retryAfterIsObeyed(int status) {
        assertThat(FOUR_SECONDS.after(refusal(Answer.status(status).header("Retry-After", "7"))))
                .isEqualTo(Duration.ofSeconds(7));
        assertThat(FOUR_SECONDS.after(refusal(Answer.status(status).header("Retry-After", "120"))))
                .isEqualTo(Duration.ofMinutes(2));
    }

    @Test
    void retryAfterMayBeADate() {
        String date = httpDate(Instant.now().plusSeconds(90));

        assertThat(FOUR_SECONDS.after(refusal(Answer.status(503).header("Retry-After", date))))
                .isBetween(Duration.ofSeconds(60), Duration.ofSeconds(90));
    }

    @Test
    void aRetryAfterInThePastOrWithoutMeaningIsIgnored() {
        String date = httpDate(Instant.now().minusSeconds(90));

        for (String value : new String[] {date, "soon", "-1", "1.5", "99999999999"}) {
            assertIsWithinTheDelay(FOUR_SECONDS.after(refusal(Answer.status(503).header("Retry-After", value))));
        }
    }

    private static void assertIsWithinTheDelay(Duration wait) {
        assertThat(wait).isBetween(Duration.ofSeconds(2), Duration.ofSeconds(4));
    }

    private static String httpDate(Instant time) {
        return DateTimeFormatter.RFC_1123_DATE_TIME.format(time.atOffset(ZoneOffset.UTC));
    }

    private static Platform.Refused refusal(Answer answer) {
        try (FakePlatform server = FakePlatform.start().always(answer)) {
            OpenctiConfiguration options = new OpenctiConfiguration();
            options.setUrl(server.url());
            options.setToken(FakePlatform.TOKEN);
            Platform platform = new Platform(options);
            Platform.StreamRequest request = new Platform.StreamRequest("/stream/live", Map.of("from", "0-0"));
            return catchThrowableOfType(Platform.Refused.class, () -> platform.open(request, Duration.ofSeconds(10)));
        }
    }
}
