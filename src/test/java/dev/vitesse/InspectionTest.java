// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.io.Safetensors;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Features and attention against what PyTorch recorded of the same weights and images. */
class InspectionTest {
    private static final VitModel.Options CPU = VitModel.Options.DEFAULTS.withDevice("cpu").withThreads(2);

    @ParameterizedTest
    @ValueSource(strings = {"tiny", "odd", "mnist"})
    void featuresAreThoseOfPyTorch(String name) throws Exception {
        try (VitModel model = VitModel.load(golden(name + ".timm"), CPU);
                Safetensors expected = Safetensors.open(golden(name + ".expected"))) {
            float[] image = Arrays.copyOf(expected.floats("input"), model.config().imageElements());
            Features features = model.features(image);
            int width = model.config().width();
            int elements = model.config().tokens() * width;
            assertThat(features.blocks()).hasSize(model.config().depth());
            for (int block = 0; block < features.blocks().size(); block++) {
                assertClose(features.blocks().get(block), expected.floats("activation.blocks." + block), elements);
            }
            String norm = "activation.norm";
            if (expected.tensors().containsKey(norm)) {
                assertClose(features.tokens(), expected.floats(norm), elements);
            }
            int first = model.config().prefixTokens() * width;
            for (int d = 0; d < width; d++) {
                double sum = 0;
                for (int i = first + d; i < elements; i += width) {
                    sum += features.tokens()[i];
                }
                assertThat(features.patchMean()[d]).isCloseTo((float) (sum / model.config().patches()), within(1e-5f));
            }
            if (model.config().classToken()) {
                assertThat(features.classToken()).containsExactly(Arrays.copyOf(features.tokens(), width));
            } else {
                assertThat(features.classToken()).isNull();
            }
        }
    }

    /** Softmax of queries and keys in double precision, from PyTorch's output of the norm before them. */
    @ParameterizedTest
    @ValueSource(strings = {"tiny", "odd", "mnist"})
    void attentionIsThatOfPyTorch(String name) throws Exception {
        try (VitModel model = VitModel.load(golden(name + ".timm"), CPU);
                Safetensors weights = Safetensors.open(golden(name + ".timm"));
                Safetensors expected = Safetensors.open(golden(name + ".expected"))) {
            float[] image = Arrays.copyOf(expected.floats("input"), model.config().imageElements());
            Attention attention = model.attention(image);
            assertThat(attention.blocks()).isEqualTo(model.config().depth());
            for (int block = 0; block < attention.blocks(); block++) {
                String prefix = "blocks." + block + ".";
                double[][] qkv = linear(expected.floats("activation." + prefix + "norm1"), model.config().tokens(),
                        weights.floats(prefix + "attn.qkv.weight"),
                        weights.tensors().containsKey(prefix + "attn.qkv.bias")
                                ? weights.floats(prefix + "attn.qkv.bias")
                                : new float[3 * model.config().attentionWidth()]);
                for (int head = 0; head < attention.heads(); head++) {
                    double[] probabilities = softmax(qkv, head * model.config().headWidth(),
                            model.config().attentionWidth(), model.config().headWidth());
                    float[] actual = attention.head(block, head);
                    for (int i = 0; i < actual.length; i++) {
                        assertThat((double) actual[i]).isCloseTo(probabilities[i], within(2e-5));
                    }
                }
            }
        }
    }

    private static double[][] linear(float[] x, int tokens, float[] weight, float[] bias) {
        int outputs = bias.length;
        int inputs = weight.length / outputs;
        double[][] y = new double[tokens][outputs];
        for (int t = 0; t < tokens; t++) {
            for (int o = 0; o < outputs; o++) {
                y[t][o] = bias[o];
                for (int i = 0; i < inputs; i++) {
                    y[t][o] += (double) x[t * inputs + i] * weight[o * inputs + i];
                }
            }
        }
        return y;
    }

    private static double[] softmax(double[][] qkv, int query, int attentionWidth, int headWidth) {
        int tokens = qkv.length;
        double[] probabilities = new double[tokens * tokens];
        for (int i = 0; i < tokens; i++) {
            double sum = 0;
            for (int j = 0; j < tokens; j++) {
                double score = 0;
                for (int a = 0; a < headWidth; a++) {
                    score += qkv[i][query + a] * qkv[j][attentionWidth + query + a];
                }
                probabilities[i * tokens + j] = Math.exp(score / Math.sqrt(headWidth));
                sum += probabilities[i * tokens + j];
            }
            for (int j = 0; j < tokens; j++) {
                probabilities[i * tokens + j] /= sum;
            }
        }
        return probabilities;
    }

    @Test
    void rolloutMultipliesTheBlocks() throws Exception {
        try (VitModel model = VitModel.load(golden("tiny.timm"), CPU)) {
            Attention attention = model.attention(new float[model.config().imageElements()]);
            int tokens = attention.tokens();
            float[] rollout = attention.rollout();
            float[] first = attention.mean(0);
            float[] second = attention.mean(1);
            assertThat(attention.blocks()).isEqualTo(2);
            for (int i = 0; i < tokens; i++) {
                double sum = 0;
                for (int j = 0; j < tokens; j++) {
                    double expected = 0;
                    for (int k = 0; k < tokens; k++) {
                        expected += (second[i * tokens + k] + (i == k ? 1 : 0)) / 2
                                * (first[k * tokens + j] + (k == j ? 1 : 0)) / 2;
                    }
                    assertThat((double) rollout[i * tokens + j]).isCloseTo(expected, within(1e-6));
                    sum += rollout[i * tokens + j];
                }
                assertThat(sum).isCloseTo(1, within(1e-5));
            }
            assertThat(attention.map(rollout)).hasSize(attention.grid() * attention.grid())
                    .containsExactly(Arrays.copyOfRange(rollout, attention.prefixTokens(), tokens));
            assertThatThrownBy(() -> attention.map(new float[3])).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> attention.head(2, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> attention.head(0, 99)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    private static void assertClose(float[] actual, float[] expected, int elements) {
        assertThat(actual).hasSize(elements);
        float largest = 0;
        for (int i = 0; i < elements; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        for (int i = 0; i < elements; i++) {
            assertThat(actual[i]).as("element " + i).isCloseTo(expected[i], within(2e-5f * largest));
        }
    }

    private static Path golden(String name) throws Exception {
        return Path.of(Objects.requireNonNull(InspectionTest.class.getResource("/golden/" + name + ".safetensors"))
                .toURI());
    }
}
