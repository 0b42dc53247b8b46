// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistSourceTest {
    @TempDir
    Path folder;

    private final List<String> messages = new ArrayList<>();
    private final Map<String, byte[]> contents = new LinkedHashMap<>();
    private final List<MnistDownload.Item> items = new ArrayList<>();
    private final ExecutorService executor = Executors.newCachedThreadPool();
    private HttpServer server;
    private Path cache;

    @BeforeEach
    void serve() throws Exception {
        add("train-images-idx3-ubyte.gz", IdxTest.idx(new byte[2 * 784], 0x803, 2, 28, 28));
        add("train-labels-idx1-ubyte.gz", IdxTest.idx(new byte[] {1, 2}, 0x801, 2));
        add("t10k-images-idx3-ubyte.gz", IdxTest.idx(new byte[784], 0x803, 1, 28, 28));
        add("t10k-labels-idx1-ubyte.gz", IdxTest.idx(new byte[] {3}, 0x801, 1));
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(executor);
        server.createContext("/good/", exchange -> answer(exchange, contents.get(name(exchange))));
        server.createContext("/other/", exchange -> answer(exchange, IdxTest.gzip(new byte[100])));
        server.createContext("/none/", exchange -> {
            exchange.sendResponseHeaders(404, -1);
            exchange.close();
        });
        server.createContext("/cut/", exchange -> {
            byte[] whole = contents.get(name(exchange));
            exchange.sendResponseHeaders(200, whole.length);
            exchange.getResponseBody().write(whole, 0, whole.length / 2);
            exchange.close();
        });
        server.createContext("/huge/", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write(new byte[1 << 20]);
            exchange.close();
        });
        server.createContext("/stalled/", exchange -> {
            exchange.sendResponseHeaders(200, 1000);
            exchange.getResponseBody().write(1);
            exchange.getResponseBody().flush();
        });
        server.start();
        cache = folder.resolve("cache").resolve("vitesse").resolve("mnist");
    }

    @AfterEach
    void stop() {
        server.stop(0);
        executor.shutdownNow();
    }

    private void add(String name, byte[] bytes) throws Exception {
        contents.put(name, IdxTest.gzip(bytes));
        String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        items.add(new MnistDownload.Item(name, bytes.length, sha256));
    }

    private static String name(HttpExchange exchange) {
        return Path.of(exchange.getRequestURI().getPath()).getFileName().toString();
    }

    private static void answer(HttpExchange exchange, byte[] body) throws IOException {
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @Test
    void downloadsOnce() throws IOException {
        MnistSource.Digits digits = source(Map.of(), "good").find(null);
        assertThat(digits.folder()).isEqualTo(cache);
        assertThat(digits.train().count()).isEqualTo(2);
        assertThat(digits.test().label(0)).isEqualTo(3);
        assertThat(messages).containsExactly("downloading MNIST into " + cache);
        server.stop(0);
        messages.clear();
        assertThat(source(Map.of(), "good").find(null).train().count()).isEqualTo(2);
        assertThat(messages).isEmpty();
    }

    @Test
    void triesTheNextMirror() throws IOException {
        for (String bad : List.of("none", "other", "cut", "huge")) {
            MnistSource.Digits digits = source(Map.of(), bad, "good").find(null);
            assertThat(digits.folder()).as(bad).isEqualTo(cache);
            assertThat(digits.train().count()).isEqualTo(2);
            try (Stream<Path> files = Files.list(cache)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    @Test
    void drawsDigitsWhereNoMirrorAnswers() throws IOException {
        MnistSource.Digits digits = source(Map.of(), "none", "other", "cut", "huge", "stalled").find(null);
        assertThat(digits.folder()).isNull();
        assertThat(digits.describe()).isEqualTo("generated digits");
        assertThat(messages).hasSize(2);
        assertThat(messages.getLast()).startsWith("MNIST is not available (train-images-idx3-ubyte.gz from ")
                .contains("status 404").contains("its SHA-256 is").contains("no whole answer within 1 s")
                .endsWith("name a folder with its IDX files to use the real ones").doesNotContain("\n");
        try (Stream<Path> files = Files.list(cache)) {
            assertThat(files).isEmpty();
        }
        server.stop(0);
        assertThat(source(Map.of(), "good").find(null).folder()).isNull();
    }

    @Test
    void neverReplacesAFolderThatWasNamed() throws IOException {
        Path none = folder.resolve("none");
        assertThatThrownBy(() -> source(Map.of(), "good").find(none)).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith(none + ": does not exist");
        assertThatThrownBy(() -> source(Map.of(MnistSource.VARIABLE, none.toString()), "good").find(null))
                .isInstanceOf(InvalidFileException.class).hasMessageContaining("correct or unset VITESSE_DATA");
        Path empty = Files.createDirectory(folder.resolve("empty"));
        MnistSource.Digits digits = source(Map.of(MnistSource.VARIABLE, none.toString()), "good").find(empty);
        assertThatThrownBy(digits::train).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("has no train-images-idx3-ubyte");
        assertThat(messages).isEmpty();
    }

    private MnistSource source(Map<String, String> environment, String... mirrors) {
        Map<String, String> variables = new LinkedHashMap<>(environment);
        variables.put("XDG_CACHE_HOME", folder.resolve("cache").toString());
        List<URI> addresses = Stream.of(mirrors).map(mirror ->
                URI.create("http://localhost:" + server.getAddress().getPort() + "/" + mirror + "/")).toList();
        return new MnistSource(variables, folder, new MnistDownload(addresses, items, Duration.ofSeconds(1)),
                messages::add);
    }
}
