package io.caravan.opencti;

import io.caravan.event.FailureText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** A secret that stands in an option or in the file that another option names. */
final class Secrets {

    private Secrets() {}

    /** @throws IllegalArgumentException when both are given, or the file cannot be read or is empty */
    static Optional<String> read(String option, String secret, String fileOption, String file) {
        boolean given = secret != null && !secret.isBlank();
        if (file == null || file.isBlank()) {
            return given ? checked(option, secret) : Optional.empty();
        }
        if (given) {
            throw new IllegalArgumentException(option + " and " + fileOption + " are both set: keep one");
        }
        try {
            String content = Files.readString(Path.of(file));
            if (content.isBlank()) {
                throw new IllegalArgumentException(fileOption + ": the file " + file + " is empty");
            }
            return checked(fileOption, content);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    fileOption + ": the file " + file + " cannot be read: " + FailureText.withoutPath(e), e);
        }
    }

    private static Optional<String> checked(String option, String secret) {
        String token = secret.strip();
        if (!token.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new IllegalArgumentException(
                    option + ": the token holds a space, a line break or a letter outside ASCII");
        }
        return Optional.of(token);
    }
}
