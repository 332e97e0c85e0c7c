package io.caravan.event;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToIntFunction;

/** What somebody probably meant who wrote a name that does not exist. */
public final class Suggestion {

    private Suggestion() {}

    /** {@code "; did you mean indicator?"}, or nothing where no known name is near. */
    public static String didYouMean(String name, Collection<String> known) {
        return nearest(name, known).map(Suggestion::question).orElse("");
    }

    static String question(String near) {
        return "; did you mean " + near + "?";
    }

    /** The known name that at most two typing errors lead to, or one where it is short; in whatever case. */
    public static Optional<String> nearest(String name, Collection<String> known) {
        ToIntFunction<String> errors =
                candidate -> distance(name.toLowerCase(Locale.ROOT), candidate.toLowerCase(Locale.ROOT));
        return known.stream()
                .filter(candidate -> errors.applyAsInt(candidate) <= (candidate.length() < 6 ? 1 : 2))
                .min(Comparator.comparingInt(errors));
    }

    /** How many letters must be put in, taken out, replaced or swapped with the next (optimal string alignment). */
    private static int distance(String a, String b) {
        if (Math.abs(a.length() - b.length()) > 2) {
            return Integer.MAX_VALUE;
        }
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int replaced = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                d[i][j] = Math.min(replaced, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
