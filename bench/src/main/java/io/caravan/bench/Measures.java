package io.caravan.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the benchmarks' steps, each in a JVM of its own, measure and tell: lines of a name and a number. */
final class Measures {

    private Measures() {}

    static Map<String, Double> answers(Process step) throws Exception {
        var answers = new LinkedHashMap<String, Double>();
        try (var lines = step.inputReader()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                int tab = line.indexOf('\t');
                answers.put(line.substring(0, tab), Double.parseDouble(line.substring(tab + 1)));
            }
        }
        if (step.waitFor() != 0) {
            throw new IllegalStateException("a step ended with exit code " + step.exitValue());
        }
        return answers;
    }

    static String number(double value) {
        return String.format(value == Math.rint(value) || value >= 100 ? "%,.0f" : "%.2f", value);
    }

    static void answer(String name, double value) {
        System.out.println(name + "\t" + value);
    }

    static double peakMemory() throws IOException {
        String line = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(status -> status.startsWith("VmHWM:"))
                .findFirst()
                .orElseThrow();
        return Double.parseDouble(line.replaceAll("[^0-9]", "")) * 1024;
    }

    static double liveHeap() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    static double size(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        }
    }

    static void delete(Path directory) throws IOException {
        if (Files.exists(directory)) {
            try (var files = Files.walk(directory)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
