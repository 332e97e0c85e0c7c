package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MarkdownTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a ![b](c.png) d | c.png | a ![b](X) d",
                "![b]( c.png \"title\" ) | c.png | ![b]( X \"title\" )",
                "![b](<c d.png>) | c d.png | ![b](<X>)",
                "![](c(1).png)! | c(1).png | ![](X)!",
                "![x] ![b](c.png | | ![x] ![b](c.png",
                "[b](c.png) ![] () | | [b](c.png) ![] ()",
                "![b]() ![b](<>) ![b](<c) | | ![b]() ![b](<>) ![b](<c)"
            })
    void findsImages(String text, String address, String changed) throws Exception {
        List<String> found = new ArrayList<>();
        String result = Markdown.withImages(text, one -> {
            found.add(one);
            return Optional.of("X");
        });
        assertThat(result).isEqualTo(changed);
        assertThat(found).isEqualTo(address == null ? List.of() : List.of(address));
    }

    @Test
    void changesSomeOfMany() throws Exception {
        String changed = Markdown.withImages(
                "![a](1) ![b](2) ![c](1)", one -> one.equals("1") ? Optional.of("one") : Optional.empty());
        assertThat(changed).isEqualTo("![a](one) ![b](2) ![c](one)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "!", "![", "![]", "![](", "![](\\", "![](<", "![]((", "![](\\)"})
    void takesWhateverComes(String text) throws Exception {
        assertThat(Markdown.withImages(text, one -> Optional.of("X"))).isEqualTo(text);
    }
}
