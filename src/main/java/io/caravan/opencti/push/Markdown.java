package io.caravan.opencti.push;

import java.util.Optional;

/** The images of a Markdown text: {@code ![what it shows](address "title")}, as the platform finds them. */
final class Markdown {

    private Markdown() {}

    /** What stands in an image's place. */
    interface Images {

        /** Another address for the image; empty where it stays. */
        Optional<String> instead(String address) throws InterruptedException;
    }

    /** The text with other addresses of its images; the same text where all stay. */
    static String withImages(String text, Images images) throws InterruptedException {
        StringBuilder changed = new StringBuilder();
        int copied = 0;
        for (int image = text.indexOf("!["); image >= 0; image = text.indexOf("![", image + 2)) {
            int bracket = text.indexOf(']', image + 2);
            if (bracket < 0 || !text.startsWith("(", bracket + 1)) {
                continue;
            }
            int end = closing(text, bracket + 2);
            if (end < 0) {
                continue;
            }
            int from = skipBlanks(text, bracket + 2, end);
            boolean isInAngles = from < end && text.charAt(from) == '<';
            int to = isInAngles ? text.indexOf('>', ++from) : endOfWord(text, from, end);
            if (to <= from || to > end) {
                continue;
            }
            Optional<String> other = images.instead(text.substring(from, to));
            if (other.isPresent()) {
                changed.append(text, copied, from).append(other.get());
                copied = to;
            }
        }
        return copied == 0 ? text : changed.append(text, copied, text.length()).toString();
    }

    /** Where the parenthesis that was opened before closes; negative where it does not. */
    private static int closing(String text, int from) {
        int open = 0;
        for (int i = from; i < text.length(); i++) {
            switch (text.charAt(i)) {
                case '\\' -> i++;
                case '(' -> open++;
                case ')' -> {
                    if (open-- == 0) {
                        return i;
                    }
                }
                default -> {}
            }
        }
        return -1;
    }

    private static int skipBlanks(String text, int from, int end) {
        int i = from;
        while (i < end && Character.isWhitespace(text.charAt(i))) {
            i++;
        }
        return i;
    }

    private static int endOfWord(String text, int from, int end) {
        int i = from;
        while (i < end && !Character.isWhitespace(text.charAt(i))) {
            i++;
        }
        return i;
    }
}
