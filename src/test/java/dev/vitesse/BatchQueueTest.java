// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.io.Safetensors;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BatchQueueTest {
    private static final int IMAGES = 3;

    private VitModel model;
    private float[][] images;
    private float[][] logits;

    @BeforeEach
    void load() throws Exception {
        model = VitModel.load(golden("tiny.timm"), VitModel.Options.DEFAULTS.withDevice("cpu").withThreads(1));
        try (Safetensors expected = Safetensors.open(golden("tiny.expected"))) {
            images = split(expected.floats("input"));
            logits = split(expected.floats("logits"));
        }
    }

    @AfterEach
    void close() {
        model.close();
    }

    private static float[][] split(float[] all) {
        int size = all.length / IMAGES;
        float[][] parts = new float[IMAGES][];
        Arrays.setAll(parts, i -> Arrays.copyOfRange(all, i * size, (i + 1) * size));
        return parts;
    }

    @Test
    void everyCallerGetsTheAnswerToItsOwnImage() throws Exception {
        try (BatchQueue queue = new BatchQueue(model, 8, 16, Duration.ofMillis(1));
                ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<float[]>> answers = new ArrayList<>();
            for (int call = 0; call < 600; call++) {
                float[] image = images[call % IMAGES];
                answers.add(callers.submit(() -> queue.submit(image).get()));
            }
            for (int call = 0; call < answers.size(); call++) {
                assertClose(answers.get(call).get(), logits[call % IMAGES]);
            }
        }
    }

    @Test
    void holdsCallersUpWhenItIsFull() throws Exception {
        int batch = 2;
        int capacity = 3;
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch proceed = new CountDownLatch(1);
        try (BatchQueue queue = new BatchQueue(model, batch, capacity, Duration.ZERO);
                ExecutorService threads = Executors.newFixedThreadPool(2)) {
            Future<?> device = threads.submit(() -> model.intermediates(images[0], computed -> {
                busy.countDown();
                await(proceed);
                return computed;
            }));
            busy.await();
            List<CompletableFuture<float[]>> answers = new ArrayList<>();
            answers.add(queue.submit(images[0]));
            // The first batch waits for the device; what fits beside it waits in the queue.
            Future<?> filling = threads.submit(() -> {
                for (int i = 1; i < 20; i++) {
                    answers.add(queue.submit(images[i % IMAGES]));
                }
                return null;
            });
            assertThatThrownBy(() -> filling.get(400, TimeUnit.MILLISECONDS))
                    .isInstanceOf(java.util.concurrent.TimeoutException.class);
            assertThat(answers.size()).isBetween(capacity, capacity + batch);
            assertThat(answers).noneMatch(CompletableFuture::isDone);
            proceed.countDown();
            device.get();
            filling.get();
            for (int i = 0; i < answers.size(); i++) {
                assertClose(answers.get(i).get(), logits[i % IMAGES]);
            }
        }
    }

    @Test
    void computesWhatWaitsBeforeItCloses() throws Exception {
        BatchQueue queue = new BatchQueue(model, 4, 64, Duration.ofMillis(50));
        List<CompletableFuture<float[]>> answers = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            answers.add(queue.submit(images[i % IMAGES]));
        }
        queue.close();
        queue.close();
        assertThat(answers).allMatch(CompletableFuture::isDone);
        assertClose(answers.getLast().join(), logits[29 % IMAGES]);
        assertThatThrownBy(() -> queue.submit(images[0])).isInstanceOf(IllegalStateException.class)
                .hasMessage("the queue is closed");
    }

    @Test
    void tellsEachCallerThatTheModelFailed() throws Exception {
        try (BatchQueue queue = new BatchQueue(model, 4, 4, Duration.ZERO)) {
            model.close();
            CompletableFuture<float[]> answer = queue.submit(images[0]);
            assertThatThrownBy(answer::join).isInstanceOf(CompletionException.class)
                    .hasRootCauseInstanceOf(IllegalStateException.class);
            assertThatThrownBy(queue.submit(images[1])::join).hasRootCauseMessage("the model is closed");
        }
    }

    @Test
    void refusesWhatCannotBeComputed() {
        try (BatchQueue queue = new BatchQueue(model, 4, 4, Duration.ZERO)) {
            assertThatThrownBy(() -> queue.submit(new float[5])).isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("image has 5 elements; the model takes 3072");
        }
        assertThatThrownBy(() -> new BatchQueue(model, 0, 4, Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSize(expected.length);
        for (int i = 0; i < actual.length; i++) {
            assertThat(actual[i]).isCloseTo(expected[i], within(1e-4f));
        }
    }

    private static Path golden(String name) throws Exception {
        return Path.of(Objects.requireNonNull(BatchQueueTest.class.getResource("/golden/" + name + ".safetensors"))
                .toURI());
    }
}
