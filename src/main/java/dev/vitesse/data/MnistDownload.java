// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import dev.vitesse.io.AtomicFiles;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.zip.GZIPInputStream;

/**
 * Downloads MNIST's four files. A file is kept only if its decompressed contents have the right SHA-256 (mirrors
 * compress them differently), and appears in one step.
 */
final class MnistDownload {
    private static final List<URI> MIRRORS = List.of(
            URI.create("https://ossci-datasets.s3.amazonaws.com/mnist/"),
            URI.create("https://storage.googleapis.com/cvdf-datasets/mnist/"));

    /**
     * A file.
     *
     * @param bytes size of its decompressed contents
     * @param sha256 of its decompressed contents
     */
    record Item(String name, int bytes, String sha256) {}

    private static final List<Item> ITEMS = List.of(
            new Item("train-images-idx3-ubyte.gz", 47_040_016,
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
            new Item("train-labels-idx1-ubyte.gz", 60_008,
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
            new Item("t10k-images-idx3-ubyte.gz", 7_840_016,
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
            new Item("t10k-labels-idx1-ubyte.gz", 10_008,
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"));

    /** How much larger than its contents a file may be that does not compress at all. */
    private static final int GZIP_OVERHEAD = 1 << 12;

    private static final Duration CONNECT = Duration.ofSeconds(5);
    private static final Duration WHOLE_FILE = Duration.ofSeconds(120);

    private final List<URI> mirrors;
    private final List<Item> items;
    private final Duration limit;

    /** MNIST from its public mirrors. */
    MnistDownload() {
        this(MIRRORS, ITEMS, WHOLE_FILE);
    }

    /** @param limit for one file from one mirror */
    MnistDownload(List<URI> mirrors, List<Item> items, Duration limit) {
        this.mirrors = mirrors;
        this.items = items;
        this.limit = limit;
    }

    /** Whether {@code folder} has every file. */
    boolean isComplete(Path folder) {
        return missing(folder).isEmpty();
    }

    private List<Item> missing(Path folder) {
        return items.stream().filter(item -> !Files.isRegularFile(folder.resolve(item.name()))).toList();
    }

    /**
     * Downloads the files that {@code folder} lacks, each from the first mirror that has it.
     *
     * @throws IOException if no mirror has a file, in one line with every mirror's problem
     */
    void fetch(Path folder) throws IOException {
        // Closing a client waits for what it still does; shutting it down ends a stalled transfer.
        HttpClient client = HttpClient.newBuilder().connectTimeout(CONNECT)
                .followRedirects(HttpClient.Redirect.NORMAL).build();
        try {
            for (Item item : missing(folder)) {
                byte[] contents = fetch(client, item);
                AtomicFiles.write(folder.resolve(item.name()),
                        channel -> AtomicFiles.writeFully(channel, ByteBuffer.wrap(contents)));
            }
        } finally {
            client.shutdownNow();
        }
    }

    private byte[] fetch(HttpClient client, Item item) throws IOException {
        StringBuilder problems = new StringBuilder();
        for (URI mirror : mirrors) {
            try {
                byte[] contents = get(client, mirror.resolve(item.name()), item.bytes() + GZIP_OVERHEAD);
                verify(item, contents);
                return contents;
            } catch (IOException e) {
                problems.append(problems.isEmpty() ? "" : "; ").append(mirror.getHost()).append(": ").append(reason(e));
            }
        }
        throw new IOException(item.name() + " from " + problems);
    }

    /** @param most bytes that are accepted; whoever sends more is cut off */
    private byte[] get(HttpClient client, URI address, int most) throws IOException {
        HttpRequest request = HttpRequest.newBuilder(address).timeout(limit).build();
        CompletableFuture<HttpResponse<byte[]>> future = client.sendAsync(request,
                HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofByteArray(), most));
        try {
            HttpResponse<byte[]> response = future.get(limit.toMillis(), TimeUnit.MILLISECONDS);
            if (response.statusCode() != 200) {
                throw new IOException("status " + response.statusCode());
            }
            return response.body();
        } catch (TimeoutException e) {
            future.cancel(true);
            throw new IOException("no whole answer within " + limit.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
        } catch (InterruptedException e) {
            future.cancel(true);
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static void verify(Item item, byte[] compressed) throws IOException {
        byte[] contents;
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(compressed))) {
            contents = in.readNBytes(item.bytes() + 1);
        }
        String actual;
        try {
            actual = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(contents));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
        if (!actual.equals(item.sha256())) {
            throw new IOException("its SHA-256 is " + actual + ", not " + item.sha256());
        }
    }

    /** What a user understands: connection failures come wrapped, and some without a message. */
    private static String reason(Throwable e) {
        if (e instanceof UnresolvedAddressException) {
            return "its address is unknown";
        }
        if (e.getMessage() != null) {
            return e.getMessage();
        }
        return e.getCause() == null ? e.getClass().getSimpleName() : reason(e.getCause());
    }
}
