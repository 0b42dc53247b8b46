// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.OptimizerRule;
import java.util.Arrays;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** The specification against values known from elsewhere. */
class ReferenceKernelsTest {
    private static final Offset<Double> EXACT = within(1e-14);

    private final Jacobians j = new Jacobians();

    /** Phi(1), Phi(2) and Phi(3) from tables of the normal distribution. */
    @Test
    void geluIsTheNormalDistributionTimesItsArgument() {
        assertThat(ReferenceLinear.activation(Activation.GELU, 1)).isEqualTo(0.841344746068542949, EXACT);
        assertThat(ReferenceLinear.activation(Activation.GELU, -2)).isEqualTo(-2 * 0.0227501319481792072, EXACT);
        assertThat(ReferenceLinear.activation(Activation.GELU, -3)).isEqualTo(-3 * 0.00134989803163009453, EXACT);
        assertThat(ReferenceLinear.activation(Activation.GELU, 0)).isZero();
        assertThat(ReferenceLinear.derivative(Activation.GELU, 0)).isEqualTo(0.5, EXACT);
        assertThat(ReferenceLinear.activation(Activation.GELU_TANH, 1)).isEqualTo(0.8411919906082768, within(1e-12));
    }

    /** A convolution whose kernel and stride are the patch is a linear layer over flattened patches. */
    @Test
    void patchProjectionIsALinearLayerOverFlattenedPatches() {
        ReferenceTensor images = j.random("images", 2, 3, 6, 6);
        ReferenceTensor weight = j.random("weight", 5, 3, 2, 2);
        ReferenceTensor bias = j.random("bias", 5);
        ReferenceTensor tokens = j.tensor("tokens", 2, 9, 5);
        ReferenceTensor position = j.tensor("position", 9, 5);
        ReferenceTensor flattened = j.tensor("flattened", 2, 9, 12);
        ReferenceTensor expected = j.tensor("expected", 2, 9, 5);
        int index = 0;
        for (int b = 0; b < 2; b++) {
            for (int patchRow = 0; patchRow < 3; patchRow++) {
                for (int patchColumn = 0; patchColumn < 3; patchColumn++) {
                    for (int c = 0; c < 3; c++) {
                        for (int pixel = 0; pixel < 4; pixel++) {
                            int y = 2 * patchRow + pixel / 2;
                            int x = 2 * patchColumn + pixel % 2;
                            flattened.set(images.get(b, c, y, x), index++);
                        }
                    }
                }
            }
        }
        j.record(k -> {
            k.patchEmbedding(tokens, images, weight, bias, null, position);
            k.linear(expected, flattened, (ReferenceTensor) weight.reshape(5, 12), bias, Epilogue.NONE);
        }).run();
        assertThat(tokens.toDoubles()).containsExactly(expected.toDoubles(), EXACT);
    }

    @Test
    void lossOfEqualLogitsIsTheLogarithmOfTheClasses() {
        ReferenceTensor metrics = j.tensor("metrics", 2);
        ReferenceTensor logits = j.tensor("logits", 3, 4);
        logits.fill(2);
        j.record(k -> k.crossEntropy(metrics, null, logits, j.ints("labels", 0, 3, -1), 0.1f)).run();
        assertThat(metrics.toDoubles()).containsExactly(new double[] {Math.log(4), 1}, EXACT);
    }

    @Test
    void lossOfABatchWithoutLabelsIsZero() {
        ReferenceTensor metrics = j.random("metrics", 2);
        ReferenceTensor dLogits = j.random("dLogits", 2, 4);
        j.record(k -> k.crossEntropy(metrics, dLogits, j.random("logits", 2, 4), j.ints("labels", -1, -1), 0)).run();
        assertThat(metrics.toDoubles()).containsOnly(0);
        assertThat(dLogits.toDoubles()).containsOnly(0);
    }

    /** With bias correction, Adam's first step is the rate in the direction of each gradient's sign. */
    @Test
    void adamStartsWithTheRateTimesTheSign() {
        ReferenceTensor weight = j.tensor("weight", 2);
        weight.writeDoubles(1, -2);
        ReferenceTensor gradient = j.tensor("gradient", 2);
        gradient.writeDoubles(0.5, -3);
        step(weight, gradient, new OptimizerRule.Adam(0.9f, 0.999f, 0, 0, true));
        assertThat(weight.toDoubles()).containsExactly(new double[] {0.9, -1.9}, within(1e-7));
        weight.writeDoubles(1, -2);
        step(weight, gradient, new OptimizerRule.Adam(0.9f, 0.999f, 0, 0.25f, true));
        assertThat(weight.toDoubles()).containsExactly(new double[] {0.875, -1.85}, within(1e-7));
    }

    private void step(ReferenceTensor weight, ReferenceTensor gradient, OptimizerRule.Adam rule) {
        ReferenceTensor schedule = j.tensor("schedule", 3);
        schedule.writeDoubles(0.1, 1 - (double) rule.beta1(), 1 - (double) rule.beta2());
        ReferenceTensor clip = j.tensor("clip", 2);
        clip.writeDoubles(1, 1);
        j.record(k -> k.adam(weight, j.tensor("m", 2), j.tensor("v", 2), gradient, schedule, clip, rule)).run();
    }

    /** Two steps of torch.optim.SGD(lr=0.1, momentum=0.5) from 1 with gradients 1, 1: v = 1, 1.5. */
    @Test
    void sgdKeepsItsVelocity() {
        ReferenceTensor weight = j.tensor("weight", 1);
        ReferenceTensor ones = j.tensor("ones", 1);
        ReferenceTensor velocity = j.tensor("velocity", 1);
        ReferenceTensor schedule = j.tensor("schedule", 3);
        schedule.writeDoubles(0.1, 0, 0);
        ReferenceTensor clip = j.tensor("clip", 2);
        clip.writeDoubles(1, 1);
        ones.fill(1);
        for (boolean nesterov : new boolean[] {false, true}) {
            weight.fill(1);
            velocity.fill(0);
            j.record(k -> {
                for (int step = 0; step < 2; step++) {
                    k.sgd(weight, velocity, ones, schedule, clip, new OptimizerRule.Sgd(0.5f, 0, nesterov));
                }
            }).run();
            // Nesterov's steps are g + 0.5 v: 1.5 and 1.75.
            assertThat(weight.toDoubles()[0]).isEqualTo(nesterov ? 0.675 : 0.75, EXACT);
        }
    }

    @Test
    void dropoutKeepsAboutItsShareAndTheMean() {
        int elements = 200_000;
        ReferenceTensor ones = j.tensor("ones", 2000, 100);
        ones.fill(1);
        ReferenceTensor y = j.tensor("y", 2000, 100);
        ReferenceTensor random = j.ints("random", 42, 3);
        j.record(k -> k.residualAdd(y, ones, null, null, new Dropout(0.2f, 0, 0), random)).run();
        long kept = Arrays.stream(y.toDoubles()).filter(x -> x != 0).count();
        // Five standard deviations of a binomial distribution.
        assertThat((double) kept).isEqualTo(0.8 * elements, within(5 * Math.sqrt(0.16 * elements)));
        assertThat(Arrays.stream(y.toDoubles()).max().orElseThrow()).isEqualTo(1.25, within(1e-7));
        j.record(k -> k.residualAdd(y, ones, null, null, new Dropout(0, 0.2f, 0), random)).run();
        for (int b = 0; b < 2000; b++) {
            assertThat(y.slice(b).toDoubles()).containsOnly(y.get(b, 0));
        }
        double entries = Arrays.stream(y.toDoubles()).filter(x -> x != 0).count() / 100.0;
        assertThat(entries).isEqualTo(1600, within(5 * Math.sqrt(0.16 * 2000)));
    }
}
