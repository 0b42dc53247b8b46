// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.VitModel;
import dev.vitesse.image.Images;
import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * Decodes and prepares images on threads of its own while the device computes, two batches ahead and in the order of
 * the files.
 */
final class PreparedImages implements AutoCloseable {
    /** Each may hold a large image: more threads would need more memory than they save time. */
    private static final int MOST_THREADS = 4;

    private final VitModel model;
    private final Iterator<Path> files;
    private final int batch;
    private final Queue<Future<Prepared>> ahead = new ArrayDeque<>();
    /** Null where a single image makes threads not worth starting. */
    private final @Nullable ExecutorService threads;

    /**
     * An image for the model, or why there is none.
     *
     * @param values [C, S, S]; null if the file is no sound image
     * @param problem null if it is
     */
    record Prepared(Path file, float @Nullable [] values, @Nullable String problem) {}

    PreparedImages(VitModel model, List<Path> files, int batch) {
        this.model = model;
        this.files = files.iterator();
        this.batch = batch;
        int processors = Runtime.getRuntime().availableProcessors();
        threads = files.size() < 2 ? null : Executors.newFixedThreadPool(Math.min(MOST_THREADS, processors),
                Thread.ofPlatform().daemon().name("image-", 0).factory());
    }

    /**
     * The next files, at most a batch of them; none after the last.
     *
     * @throws IOException if a file cannot be read for reasons that are not the file's
     */
    List<Prepared> next() throws IOException {
        while (files.hasNext() && ahead.size() < 2 * batch) {
            ahead.add(start(files.next()));
        }
        List<Prepared> prepared = new ArrayList<>();
        while (!ahead.isEmpty() && prepared.size() < batch) {
            prepared.add(await(ahead.remove()));
        }
        return prepared;
    }

    private Future<Prepared> start(Path file) {
        if (threads != null) {
            return threads.submit(() -> prepare(file));
        }
        FutureTask<Prepared> task = new FutureTask<>(() -> prepare(file));
        task.run();
        return task;
    }

    private Prepared prepare(Path file) throws IOException {
        try {
            return new Prepared(file, model.prepare(Images.read(file)), null);
        } catch (InvalidFileException e) {
            return new Prepared(file, null, e.getMessage());
        }
    }

    private static Prepared await(Future<Prepared> future) throws IOException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case IOException cause -> throw cause;
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                default -> throw new IllegalStateException(e.getCause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public void close() {
        if (threads != null) {
            threads.shutdownNow();
        }
    }
}
