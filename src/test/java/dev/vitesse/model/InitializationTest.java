// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Tensor;
import dev.vitesse.reference.ReferenceBackend;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.commons.math3.distribution.AbstractRealDistribution;
import org.apache.commons.math3.distribution.NormalDistribution;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.inference.KolmogorovSmirnovTest;
import org.junit.jupiter.api.Test;

class InitializationTest {
    private static final VitConfig CONFIG = VitConfig.mnist().toBuilder().depth(2).layerScale(0.1f).build();

    @Test
    void drawsTruncatedNormalsOfTheStatedDeviation() {
        float[] values = new float[20_000];
        Initialization.truncatedNormal(values, 0.02, 7);
        double[] doubles = doubles(values);
        assertThat(Math.sqrt(StatUtils.variance(doubles))).isEqualTo(0.02, within(0.02 * 0.02));
        // A normal cut at two deviations keeps 0.8796 of its deviation.
        double cut = 2 * 0.02 / 0.87962566103423978;
        assertThat(StatUtils.max(doubles)).isLessThanOrEqualTo(cut + 1e-8).isGreaterThan(0.98 * cut);
        assertThat(StatUtils.min(doubles)).isGreaterThanOrEqualTo(-cut - 1e-8).isLessThan(-0.98 * cut);
        KolmogorovSmirnovTest test = new KolmogorovSmirnovTest();
        assertThat(test.kolmogorovSmirnovTest(new TruncatedNormal(cut / 2), doubles)).isGreaterThan(0.01);
        assertThat(test.kolmogorovSmirnovTest(new NormalDistribution(0, 0.02), doubles)).isLessThan(0.01);
    }

    @Test
    void everyKindStartsAsDocumented() {
        try (Backend backend = new ReferenceBackend()) {
            Map<String, Tensor> weights = VisionTransformer.create(CONFIG, backend, 1).weights().slabs();
            assertDeviation(weights.get("blocks.attn.qkv.weight"), Math.sqrt(2.0 / (64 + 192)));
            assertDeviation(weights.get("blocks.mlp.fc2.weight"), Math.sqrt(2.0 / (128 + 64)));
            assertDeviation(weights.get("patch_embed.proj.weight"), Math.sqrt(1.0 / 16));
            assertDeviation(weights.get("head.weight"), 0.02);
            assertDeviation(weights.get("pos_embed"), 0.5);
            assertThat(weights.get("blocks.attn.qkv.bias").toFloats()).containsOnly(0);
            assertThat(weights.get("norm.bias").toFloats()).containsOnly(0);
            assertThat(weights.get("blocks.norm1.weight").toFloats()).containsOnly(1);
            assertThat(weights.get("blocks.ls1.gamma").toFloats()).containsOnly(0.1f);
        }
    }

    private static void assertDeviation(Tensor tensor, double deviation) {
        double[] values = doubles(tensor.toFloats());
        // Four standard deviations of an estimate from so many values; a cut normal's is a little smaller.
        double error = 4 * deviation / Math.sqrt(2.0 * values.length);
        assertThat(Math.sqrt(StatUtils.variance(values))).as(tensor.name()).isEqualTo(deviation, within(error));
        assertThat(StatUtils.mean(values)).as(tensor.name())
                .isEqualTo(0, within(4 * deviation / Math.sqrt(values.length)));
    }

    @Test
    void valuesDependOnTheSeedAndTheName() {
        try (Backend backend = new ReferenceBackend()) {
            Map<String, Tensor> first = VisionTransformer.create(CONFIG, backend, 1).weights().named();
            Map<String, Tensor> same = VisionTransformer.create(CONFIG, backend, 1).weights().named();
            Map<String, Tensor> other = VisionTransformer.create(CONFIG, backend, 2).weights().named();
            first.forEach((name, tensor) ->
                    assertThat(same.get(name).toFloats()).as(name).containsExactly(tensor.toFloats()));
            float[] projection = first.get("blocks.0.attn.proj.weight").toFloats();
            assertThat(other.get("blocks.0.attn.proj.weight").toFloats()).isNotEqualTo(projection);
            assertThat(first.get("blocks.1.attn.proj.weight").toFloats()).isNotEqualTo(projection);
            float[] hidden = first.get("blocks.0.mlp.fc1.weight").toFloats();
            assertThat(Arrays.copyOf(hidden, 64)).isNotEqualTo(Arrays.copyOf(projection, 64));
        }
    }

    /** The first elements of Vaswani et al.'s encoding. */
    @Test
    void sinusoidsFollowTheirFormula() {
        float[] values = Initialization.sinusoids(3, 4);
        assertThat(values).usingComparatorWithPrecision(1e-6f).containsExactly(
                0, 1, 0, 1,
                (float) Math.sin(1), (float) Math.cos(1), (float) Math.sin(0.01), (float) Math.cos(0.01),
                (float) Math.sin(2), (float) Math.cos(2), (float) Math.sin(0.02), (float) Math.cos(0.02));
    }

    private static double[] doubles(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    /** A normal distribution without what lies beyond two of its deviations. */
    private static final class TruncatedNormal extends AbstractRealDistribution {
        private static final long serialVersionUID = 1L;
        private final NormalDistribution normal;
        private final double cut;

        TruncatedNormal(double deviation) {
            super(null);
            normal = new NormalDistribution(0, deviation);
            cut = 2 * deviation;
        }

        @Override
        public double cumulativeProbability(double x) {
            double below = normal.cumulativeProbability(-cut);
            double share = (normal.cumulativeProbability(x) - below) / (1 - 2 * below);
            return Math.clamp(share, 0.0, 1.0);
        }

        @Override
        public double density(double x) {
            return Math.abs(x) > cut ? 0 : normal.density(x) / normal.probability(-cut, cut);
        }

        @Override
        public double getNumericalMean() {
            return 0;
        }

        @Override
        public double getNumericalVariance() {
            return Double.NaN;
        }

        @Override
        public double getSupportLowerBound() {
            return -cut;
        }

        @Override
        public double getSupportUpperBound() {
            return cut;
        }

        @Override
        public boolean isSupportLowerBoundInclusive() {
            return true;
        }

        @Override
        public boolean isSupportUpperBoundInclusive() {
            return true;
        }

        @Override
        public boolean isSupportConnected() {
            return true;
        }
    }
}
