// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Weights whose panels take the place of their rows, and their way back. */
class PackedWeightTest {
    private static final int LAYERS = 3;
    private static final int IN = 19;
    private static final int OUT = 2 * Gemm.PANEL;
    private final Random random = new Random(1);

    private float[] numbers(int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = random.nextFloat() - 0.5f;
        }
        return numbers;
    }

    private static float[] read(Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        tensor.read(values);
        return values;
    }

    private static float[] product(float[] x, float[] w, int layer) {
        float[] y = new float[OUT];
        for (int j = 0; j < OUT; j++) {
            double sum = 0;
            for (int k = 0; k < IN; k++) {
                sum += (double) x[k] * w[(layer * OUT + j) * IN + k];
            }
            y[j] = (float) sum;
        }
        return y;
    }

    @Test
    void rowsAreThereForWhoAsksAndProductsStayTheSame() {
        float[] x = numbers(IN);
        float[] w = numbers(LAYERS * OUT * IN);
        try (Backend backend = Backends.open("cpu")) {
            Tensor input = backend.tensor("x", 1, IN);
            Tensor weight = backend.tensor("w", LAYERS, OUT, IN);
            Tensor output = backend.tensor("y", LAYERS, 1, OUT);
            input.write(x);
            weight.write(w);
            CpuBuffer buffer = ((CpuTensor) weight).buffer();
            Program program = backend.record("layers", k -> {
                for (int layer = 0; layer < LAYERS; layer++) {
                    k.linear(output.slice(layer), input, weight.slice(layer), null, Epilogue.NONE);
                }
            });
            program.run();
            float[] first = read(output);
            for (int layer = 0; layer < LAYERS; layer++) {
                assertThat(read(output.slice(layer))).containsExactly(product(x, w, layer), within());
            }
            assertThat(buffer.array()).as("panels lie in the buffer").isNotEqualTo(w);
            program.run();
            assertThat(read(output)).isEqualTo(first);
            assertThat(read(weight)).isEqualTo(w);
            program.run();
            assertThat(read(output)).as("with rows and panels").isEqualTo(first);
            assertThat(buffer.array()).as("rows stay once they were asked for").isEqualTo(w);

            float[] changed = numbers(OUT * IN);
            weight.slice(1).write(changed);
            System.arraycopy(changed, 0, w, OUT * IN, changed.length);
            program.run();
            for (int layer = 0; layer < LAYERS; layer++) {
                assertThat(read(output.slice(layer))).containsExactly(product(x, w, layer), within());
            }
        }
    }

    /** A write between two runs: the other layers' rows come back with it. */
    @Test
    void aLayerIsWrittenBetweenPanels() {
        float[] x = numbers(IN);
        float[] w = numbers(LAYERS * OUT * IN);
        try (Backend backend = Backends.open("cpu")) {
            Tensor input = backend.tensor("x", 1, IN);
            Tensor weight = backend.tensor("w", LAYERS, OUT, IN);
            Tensor output = backend.tensor("y", 1, OUT);
            input.write(x);
            weight.write(w);
            Program last = backend.record("last", k -> k.linear(output, input, weight.slice(2), null, Epilogue.NONE));
            last.run();
            float[] changed = numbers(OUT * IN);
            weight.slice(0).write(changed);
            System.arraycopy(changed, 0, w, 0, changed.length);
            assertThat(read(weight)).isEqualTo(w);
            last.run();
            assertThat(read(output)).containsExactly(product(x, w, 2), within());
        }
    }

    /** Two matrices that share rows cannot both have panels in their place. */
    @Test
    void overlappingMatrices() {
        float[] x = numbers(IN);
        float[] w = numbers(LAYERS * OUT * IN);
        try (Backend backend = Backends.open("cpu")) {
            Tensor input = backend.tensor("x", 1, IN);
            Tensor weight = backend.tensor("w", LAYERS * OUT, IN);
            Tensor all = backend.tensor("all", 1, LAYERS * OUT);
            Tensor middle = backend.tensor("middle", 1, OUT);
            input.write(x);
            weight.write(w);
            Program program = backend.record("both", k -> {
                k.linear(all, input, weight, null, Epilogue.NONE);
                k.linear(middle, input, weight.rows(OUT, OUT), null, Epilogue.NONE);
            });
            for (int i = 0; i < 3; i++) {
                program.run();
                assertThat(read(middle)).containsExactly(product(x, w, 1), within());
                assertThat(read(all.reshape(LAYERS, OUT).slice(2))).containsExactly(product(x, w, 2), within());
            }
        }
    }

    private static org.assertj.core.data.Offset<Float> within() {
        return org.assertj.core.data.Offset.offset(1e-5f);
    }
}
