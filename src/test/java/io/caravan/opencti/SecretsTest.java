package io.caravan.opencti;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class SecretsTest {

    private static final String TOKEN = "11111111-2222-4333-8444-555555555555";

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {TOKEN, " " + TOKEN + "\n", "flgrn_octi_tkn_!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"})
    void theOptionHoldsTheToken(String option) {
        assertThat(Secrets.read("token", option, "token-file", null)).contains(option.strip());
    }

    @ParameterizedTest
    @ValueSource(strings = {TOKEN, TOKEN + "\n", TOKEN + "\r\n", "\n  " + TOKEN + "\t\n\n"})
    void theFileHoldsTheTokenAndPerhapsWhiteSpaceAroundIt(String content) throws IOException {
        assertThat(Secrets.read("token", null, "token-file", file(content))).contains(TOKEN);
        assertThat(Secrets.read("token", " ", "token-file", file(content))).contains(TOKEN);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "  "})
    void withNeitherThereIsNone(String nothing) {
        assertThat(Secrets.read("token", nothing, "token-file", nothing)).isEmpty();
    }

    @Test
    void bothAreAMistake() throws IOException {
        String file = file(TOKEN);

        assertThatThrownBy(() -> Secrets.read("token", TOKEN, "token-file", file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("token and token-file are both set: keep one");
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        String file = directory.resolve("absent").toString();

        assertThatThrownBy(() -> Secrets.read("token", null, "token-file", file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("token-file")
                .hasMessageContaining(file)
                .hasMessageContaining("cannot be read");
    }

    @Test
    void aDirectoryIsNoFile() {
        assertThatThrownBy(() -> Secrets.read("token", null, "token-file", directory.toString()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("token-file")
                .hasMessageContaining(directory.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", " \t\r\n"})
    void anEmptyFileIsAMistake(String content) throws IOException {
        String file = file(content);

        assertThatThrownBy(() -> Secrets.read("token", null, "token-file", file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("token-file")
                .hasMessageContaining(file)
                .hasMessageContaining("is empty");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "first\nsecond",
                "two words",
                "a\tb",
                "a\u00a0b",
                "p\u00e4ss",
                "\uFEFF" + TOKEN,
                "a\0b",
                "a\u007fb"
            })
    void whatNoHeaderCanHoldIsAMistakeThatKeepsTheTokenToItself(String secret) throws IOException {
        String file = file(secret);

        assertThatThrownBy(() -> Secrets.read("token", secret, "token-file", null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("token: ")
                .hasMessageNotContaining(secret);
        assertThatThrownBy(() -> Secrets.read("token", null, "token-file", file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("token-file: ")
                .hasMessageNotContaining(secret);
    }

    @Test
    void aFileThatIsNoTextIsAMistake() throws IOException {
        Path file = Files.write(directory.resolve("token"), new byte[] {(byte) 0xff, (byte) 0xfe, 'a', 0});

        assertThatThrownBy(() -> Secrets.read("token", null, "token-file", file.toString()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("token-file")
                .hasMessageContaining(file.toString());
    }

    private String file(String content) throws IOException {
        return Files.writeString(directory.resolve("token"), content).toString();
    }
}
