// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.TrainingStep;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CpuBackendTest {
    private static final VitConfig CONFIG = VitConfig.mnist().toBuilder().depth(2).dropout(0.1f).dropPath(0.1f)
            .layerScale(0.5f).build();

    @Test
    void nameTellsThreadsAndVectors() {
        try (Backend one = open(1);
                Backend three = open(3)) {
            assertThat(one.name()).isEqualTo("cpu (1 thread, " + Simd.BITS + "-bit vectors)");
            assertThat(three.name()).isEqualTo("cpu (3 threads, " + Simd.BITS + "-bit vectors)");
        }
    }

    @Test
    void trainingGivesTheSameBitsOnAnyNumberOfThreads() {
        Map<String, float[]> expected = train(1);
        for (int threads : new int[] {1, 2, 5}) {
            Map<String, float[]> state = train(threads);
            assertThat(state.keySet()).isEqualTo(expected.keySet());
            state.forEach((name, values) ->
                    assertThat(values).as(name + " on " + threads + " threads").isEqualTo(expected.get(name)));
        }
    }

    /** The state after a few steps. */
    private static Map<String, float[]> train(int threads) {
        int batch = 9;
        Random random = new Random(5);
        float[] images = new float[batch * CONFIG.imageElements()];
        int[] labels = new int[batch];
        Map<String, float[]> state = new TreeMap<>();
        try (Backend backend = open(threads);
                VisionTransformer model = VisionTransformer.create(CONFIG, backend, 3);
                TrainingStep step = new TrainingStep(
                        model, batch, new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.1f, true), 1, 0.1f)) {
            for (int i = 1; i <= 3; i++) {
                for (int j = 0; j < images.length; j++) {
                    images[j] = (float) random.nextGaussian();
                }
                for (int j = 0; j < batch; j++) {
                    labels[j] = random.nextInt(CONFIG.classes());
                }
                assertThat(step.run(images, labels, 1e-3f, i, 7).isFinite()).isTrue();
            }
            step.state().forEach((name, tensor) -> state.put(name, tensor.toFloats()));
        }
        return state;
    }

    @Test
    void changedWeightsArePackedAgain() {
        try (Backend backend = open(2);
                Tensor x = backend.tensor("x", 3, 5);
                Tensor slab = backend.tensor("slab", 2, 4, 5);
                Tensor y = backend.tensor("y", 3, 4);
                Program fill = backend.record("fill", k -> k.fill(slab, 2));
                Program product =
                        backend.record("product", k -> k.linear(y, x, slab.slice(1), null, Epilogue.NONE))) {
            x.write(new float[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
            product.run();
            assertThat(y.toFloats()).containsOnly(0);
            fill.run();
            product.run();
            assertThat(y.toFloats()).containsOnly(10);
            slab.slice(1).slice(0).write(new float[] {3, 3, 3, 3, 3});
            product.run();
            assertThat(y.toFloats()).containsExactly(15, 10, 10, 10, 15, 10, 10, 10, 15, 10, 10, 10);
        }
    }

    @Test
    void tooLargeATensorIsRefusedAndTheBackendGoesOn() {
        try (Backend backend = open(2)) {
            assertThatThrownBy(() -> backend.tensor("huge", 3, 1 << 30))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("'huge' needs 12884901888 bytes");
            assertThatThrownBy(() -> {
                // Each alone may fit the heap; together they do not.
                for (int i = 0; i < 1000; i++) {
                    backend.tensor("large", Integer.MAX_VALUE - 8);
                }
            }).isInstanceOf(DeviceException.class).hasMessageMatching(
                    "cpu: out of memory for 'large': asked for 8589934556 bytes, \\d+ available; raise .*-Xmx");
        }
        try (Backend backend = open(2)) {
            assertThat(backend.tensor("small", 3).toFloats()).containsOnly(0);
        }
    }

    @Test
    void closedThingsSaySo() {
        Backend backend = open(2);
        Tensor x = backend.tensor("x", 3);
        Tensor kept = backend.tensor("kept", 3);
        Program fill = backend.record("fill", k -> k.fill(x, 1));
        x.close();
        assertThatThrownBy(fill::run).isInstanceOf(IllegalStateException.class).hasMessage("tensor 'x' is closed");
        fill.close();
        assertThatThrownBy(fill::run).isInstanceOf(IllegalStateException.class).hasMessage("program 'fill' is closed");
        backend.close();
        backend.close();
        assertThatThrownBy(kept::toFloats).isInstanceOf(IllegalStateException.class)
                .hasMessage("tensor 'kept' is closed");
        assertThatThrownBy(() -> backend.tensor("y", 1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void anotherBackendsTensorsAreRefused() {
        try (Backend backend = open(1);
                Backend other = open(1)) {
            Tensor foreign = other.tensor("foreign", 3);
            assertThatThrownBy(() -> backend.record("fill", k -> k.fill(foreign, 1)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("foreign FLOAT32[3] was not made by this backend");
        }
    }

    @Test
    void aLabelThatIsNoClassIsRefused() {
        try (Backend backend = open(1);
                VisionTransformer model = VisionTransformer.create(CONFIG, backend, 3);
                TrainingStep step = new TrainingStep(model, 1, new OptimizerRule.Sgd(0, 0, false), 0, 0)) {
            assertThatThrownBy(() -> step.run(new float[CONFIG.imageElements()], new int[] {10}, 0.1f, 1, 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("crossEntropy: label 10 of row 0 is not below 10");
        }
    }

    /** What runs over and over must not feed the garbage collector; arrays for the results are the caller's. */
    @Test
    void aWarmProgramAllocatesNothing() {
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        try (Backend backend = open(1);
                Tensor a = backend.tensor("a", 64);
                Tensor sum = backend.tensor("sum", 1);
                Program program = backend.record("program", k -> {
                    k.fill(a, 3);
                    k.sumOfSquares(sum, a);
                    k.residualAdd(a, a, a, null, dev.vitesse.backend.Dropout.NONE, null);
                })) {
            // Compiling takes as long as the machine is busy; until then vectors are objects.
            long allocated = Long.MAX_VALUE;
            for (long end = System.nanoTime() + 60_000_000_000L; allocated > 0 && System.nanoTime() < end; ) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 1000; i++) {
                    program.run();
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
            }
            assertThat(allocated).isZero();
        }
    }

    @Test
    void inferenceAgreesForEveryBatchSize() {
        float[] images = new float[7 * CONFIG.imageElements()];
        Random random = new Random(2);
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        try (Backend backend = open(2);
                VisionTransformer model = VisionTransformer.create(CONFIG, backend, 3);
                Inference seven = model.inference(7);
                Inference single = model.inference(1)) {
            float[] all = seven.logits(images, 7);
            for (int i = 0; i < 7; i++) {
                float[] image = java.util.Arrays.copyOfRange(
                        images, i * CONFIG.imageElements(), (i + 1) * CONFIG.imageElements());
                float[] expected = java.util.Arrays.copyOfRange(all, i * 10, (i + 1) * 10);
                assertThat(single.logits(image, 1)).isEqualTo(expected);
            }
        }
    }

    private static Backend open(int threads) {
        return Backends.open("cpu", BackendOptions.DEFAULTS.withThreads(threads));
    }
}
