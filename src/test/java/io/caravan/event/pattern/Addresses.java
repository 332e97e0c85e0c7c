package io.caravan.event.pattern;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Made-up texts that are addresses or nearly, and what each is by Python's {@code ipaddress}. */
public final class Addresses {

    private Addresses() {}

    /** Pairs: the text; its kind and what its value is. */
    public static List<String[]> all() throws IOException {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                Addresses.class.getResourceAsStream("/addresses/addresses.tsv"), StandardCharsets.UTF_8))) {
            return lines.lines().map(line -> line.split("\t", -1)).toList();
        }
    }
}
