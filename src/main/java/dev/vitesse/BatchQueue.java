// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Gathers the images of many callers into batches: a device computes 32 images in far less time than 32 times one. A
 * caller waits a moment for others to join its batch, and where the device cannot keep up, for room in the queue.
 *
 * <pre>{@code
 * try (VitModel model = VitModel.load(path); BatchQueue queue = new BatchQueue(model, 32, 256, Duration.ofMillis(2))) {
 *     // from any number of threads:
 *     float[] logits = queue.submit(model.prepare(image)).join();
 * }
 * }</pre>
 *
 * <p>Any thread may submit. Close the queue before its model.
 */
public final class BatchQueue implements AutoCloseable {
    private static final long LOOK_FOR_CLOSE_MILLIS = 100;

    private final VitModel model;
    private final int batch;
    private final long waitNanos;
    private final BlockingQueue<Request> requests;
    private final Thread worker;
    private volatile boolean closed;

    private record Request(float[] image, CompletableFuture<float[]> logits) {}

    /**
     * Starts the thread that serves the queue.
     *
     * @param batch the most images that are computed together
     * @param capacity the most images that wait; whoever comes then is held up until there is room
     * @param wait how long the first image of a batch waits for others
     * @throws IllegalArgumentException if {@code batch} or {@code capacity} is not positive, or {@code wait} negative
     */
    public BatchQueue(VitModel model, int batch, int capacity, Duration wait) {
        if (batch < 1 || capacity < 1 || wait.isNegative()) {
            throw new IllegalArgumentException("batch is " + batch + ", capacity " + capacity + " and wait " + wait
                    + "; they must be at least 1, 1 and 0");
        }
        this.model = model;
        this.batch = batch;
        waitNanos = wait.toNanos();
        requests = new ArrayBlockingQueue<>(capacity);
        worker = Thread.ofPlatform().daemon().name("vitesse-batches").start(this::serve);
    }

    /**
     * Adds an image, waiting for room.
     *
     * @param image [C, S, S], prepared by {@link VitModel#prepare}
     * @return its logits, [K], once they are computed; a failure of the device fails it
     * @throws IllegalArgumentException if the image has another size
     * @throws IllegalStateException if the queue is closed
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public CompletableFuture<float[]> submit(float[] image) throws InterruptedException {
        if (image.length != model.config().imageElements()) {
            throw new IllegalArgumentException("image has " + image.length + " elements; the model takes "
                    + model.config().imageElements());
        }
        Request request = new Request(image, new CompletableFuture<>());
        do {
            if (closed) {
                throw new IllegalStateException("the queue is closed");
            }
        } while (!requests.offer(request, LOOK_FOR_CLOSE_MILLIS, TimeUnit.MILLISECONDS));
        if (closed && requests.remove(request)) {
            // The worker may have looked for the last time before this came.
            throw new IllegalStateException("the queue is closed");
        }
        return request.logits();
    }

    private void serve() {
        List<Request> requests = new ArrayList<>(batch);
        try {
            while (gather(requests)) {
                compute(requests);
                requests.clear();
            }
        } catch (InterruptedException e) {
            // Nobody else knows this thread.
            throw new IllegalStateException(e);
        }
    }

    /** Waits for a first request, then a moment for more; false once the queue is closed and empty. */
    private boolean gather(List<Request> gathered) throws InterruptedException {
        Request first = requests.poll(LOOK_FOR_CLOSE_MILLIS, TimeUnit.MILLISECONDS);
        while (first == null) {
            if (closed) {
                return false;
            }
            first = requests.poll(LOOK_FOR_CLOSE_MILLIS, TimeUnit.MILLISECONDS);
        }
        gathered.add(first);
        long end = System.nanoTime() + waitNanos;
        requests.drainTo(gathered, batch - gathered.size());
        while (gathered.size() < batch) {
            Request next = requests.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (next == null) {
                break;
            }
            gathered.add(next);
        }
        return true;
    }

    private void compute(List<Request> gathered) {
        int elements = model.config().imageElements();
        try {
            float[] images = new float[gathered.size() * elements];
            for (int i = 0; i < gathered.size(); i++) {
                System.arraycopy(gathered.get(i).image(), 0, images, i * elements, elements);
            }
            float[] logits = model.logits(images);
            int classes = logits.length / gathered.size();
            for (int i = 0; i < gathered.size(); i++) {
                float[] own = new float[classes];
                System.arraycopy(logits, i * classes, own, 0, classes);
                gathered.get(i).logits().complete(own);
            }
        } catch (RuntimeException | Error e) {
            // Whatever it was, nobody must wait for an answer that does not come; the next batch may do better.
            gathered.forEach(request -> request.logits().completeExceptionally(e));
        }
    }

    /** Takes no more images, computes those that wait, and ends the thread. Closing twice does nothing. */
    @Override
    public void close() {
        closed = true;
        boolean interrupted = false;
        while (worker.isAlive()) {
            try {
                worker.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
