package io.caravan;

import static io.caravan.testkit.Frames.create;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import io.caravan.ops.Program;
import io.caravan.testkit.FakePlatform;
import io.caravan.testkit.Frame;
import io.caravan.testkit.Patience;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The routes that the README shows, taken from it and run. */
class ReadmeIT {

    private static final Duration SOON = Patience.SOON;
    private static final Frame TOOL = create("1000-0", "tool--00000000-0000-4000-8000-000000000001");
    private static final Frame REFERENCE = create("2000-0", "external-reference--00000000-0000-4000-8000-000000000002");
    private static final Frame MALWARE = create("3000-0", "malware--00000000-0000-4000-8000-000000000003");

    @TempDir
    Path home;

    private FakePlatform platform;
    private Installation caravan;
    private Program program;

    @BeforeEach
    void install() throws IOException {
        platform = FakePlatform.start().append(TOOL, REFERENCE, MALWARE);
        caravan = new Installation(home, platform);
    }

    @AfterEach
    void stop() {
        if (program != null) {
            program.close();
        }
        platform.close();
    }

    @Test
    void leavesExternalReferencesOut() throws Exception {
        Path route = home.resolve("routes/create.camel.yaml");
        String steps = yaml("external-reference--");
        String original = Files.readString(route);
        Files.writeString(
                route, original.replaceFirst("( +- bean: \\{ref: create.*\n)", Matcher.quoteReplacement(steps) + "$1"));
        program = caravan.start();
        await().atMost(SOON).until(() -> program.consumers().get(0).counters().delivered() == 3);
        assertThat(caravan.journal()).containsExactly(Installation.Line.of(TOOL), Installation.Line.of(MALWARE));
    }

    @Test
    void postsEachEventToAHookThatIsAwayForAWhile() throws Exception {
        List<String> posted = new CopyOnWriteArrayList<>();
        AtomicInteger requests = new AtomicInteger();
        HttpServer hook = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        hook.createContext("/events", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            boolean isAway = requests.incrementAndGet() <= 2;
            if (!isAway) {
                posted.add(new String(body, StandardCharsets.UTF_8));
            }
            exchange.sendResponseHeaders(isAway ? 500 : 204, -1);
            exchange.close();
        });
        hook.start();
        try {
            String url = "http://127.0.0.1:" + hook.getAddress().getPort() + "/events";
            caravan.route("sinks/hook.camel.yaml", yaml("sink-hook").replace("https://siem.example.org/events", url));
            program = caravan.set("caravan.sinks", "journal,hook").start();
            await().atMost(SOON)
                    .until(() -> program.consumers().get(0).counters().delivered() == 3);
            assertThat(posted).containsExactly(text(TOOL), text(REFERENCE), text(MALWARE));
        } finally {
            hook.stop(0);
        }
    }

    /** The README's YAML block that holds this text. */
    private static String yaml(String text) throws IOException {
        Matcher block =
                Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(Path.of("README.md")));
        return block.results()
                .map(found -> found.group(1))
                .filter(found -> found.contains(text))
                .findFirst()
                .orElseThrow();
    }

    private static String text(Frame frame) {
        return new String(frame.data(), StandardCharsets.UTF_8);
    }
}
