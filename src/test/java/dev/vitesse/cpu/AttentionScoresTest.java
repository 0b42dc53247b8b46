// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.reference.ReferenceBackend;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Heads of {@link NarrowAttention} (4 and 8 elements) and {@link ShortAttention} (16 and 32), which take nothing out of
 * small scores: with scores that are small, large, on one side of zero, or no numbers.
 */
class AttentionScoresTest {
    private static final int TOKENS = 21;
    private static final int HEADS = 2;

    /**
     * Scores from -score to score, or half of the queries with all scores near -score and half with all near score.
     * With 91.8, what fills up the keys would have infinite probabilities.
     */
    @ParameterizedTest
    @CsvSource({"4, 1, false", "4, 30, false", "4, 36, true", "4, 60, false", "4, 91.8, true", "4, 1000, true",
        "8, 20, true", "8, 60, false", "8, 1000, true", "16, 1, false", "16, 38, true", "16, 44, true", "16, 60, false",
        "16, 91.8, true", "16, 1000, true", "32, 36, true", "32, 1000, true"})
    void scoresOfAnySizeGiveWhatTheReferenceGives(int headWidth, float score, boolean oneSide) {
        float[] qkv = random(3 * headWidth);
        float factor = (float) Math.sqrt(score / Math.sqrt(headWidth));
        for (int i = 0; i < TOKENS; i++) {
            for (int d = 0; d < 2 * HEADS * headWidth; d++) {
                float sign = d >= HEADS * headWidth ? oneSide ? 1 : i % 3 - 1 : i % 2 == 0 ? 1 : -1;
                int at = i * 3 * HEADS * headWidth + d;
                qkv[at] = factor * (sign + 0.01f * qkv[at]);
            }
        }
        float[] dContext = random(headWidth);
        float[][] expected;
        float[][] actual;
        try (Backend backend = new ReferenceBackend()) {
            expected = attend(backend, qkv, dContext, headWidth);
        }
        try (Backend backend = Backends.open("cpu", BackendOptions.DEFAULTS.withThreads(1))) {
            actual = attend(backend, qkv, dContext, headWidth);
        }
        // A score's rounding error is a relative error of its probability.
        float error = 4e-6f + 4e-7f * score;
        assertThat(actual[0]).as("context").usingComparatorWithPrecision(error).containsExactly(expected[0]);
        assertThat(actual[1]).as("log sum exp").usingComparatorWithPrecision(error).containsExactly(expected[1]);
        assertThat(actual[2]).as("gradients").usingComparatorWithPrecision(4 * error * factor)
                .containsExactly(expected[2]);
    }

    /** Nothing of one query reaches the others. */
    @ParameterizedTest
    @CsvSource({"4, NaN", "4, Infinity", "4, 1e30", "16, NaN", "16, Infinity", "16, 1e30"})
    void aBadQueryIsTheOnlyOneWithABadContext(int headWidth, float bad) {
        float[] qkv = random(3 * headWidth);
        float[] dContext = random(headWidth);
        try (Backend backend = Backends.open("cpu", BackendOptions.DEFAULTS.withThreads(1))) {
            float[][] good = attend(backend, qkv, dContext, headWidth);
            int token = 13;
            qkv[token * 3 * HEADS * headWidth + 1] = bad;
            float[][] actual = attend(backend, qkv, dContext, headWidth);
            for (int i = 0; i < actual[0].length; i++) {
                int element = i % (HEADS * headWidth);
                if (i / (HEADS * headWidth) != token || element >= headWidth) {
                    assertThat(actual[0][i]).as("element %d", i).isCloseTo(good[0][i], Offset.offset(1e-6f));
                } else if (bad == Float.POSITIVE_INFINITY || Float.isNaN(bad)) {
                    assertThat(actual[0][i]).as("element %d", i).isNaN();
                } else {
                    assertThat(actual[0][i]).as("element %d", i).isFinite();
                }
            }
        }
    }

    private static float[] random(int width) {
        Random random = new Random(width);
        float[] x = new float[TOKENS * HEADS * width];
        for (int i = 0; i < x.length; i++) {
            x[i] = 2 * random.nextFloat() - 1;
        }
        return x;
    }

    /** Context, log sum exp and the gradients of qkv. */
    private static float[][] attend(Backend backend, float[] x, float[] dContext, int headWidth) {
        int width = HEADS * headWidth;
        try (Tensor qkv = backend.tensor("qkv", 1, TOKENS, 3 * width);
                Tensor c = backend.tensor("c", 1, TOKENS, width);
                Tensor lse = backend.tensor("lse", 1, HEADS, TOKENS);
                Tensor dC = backend.tensor("dC", 1, TOKENS, width);
                Tensor dQkv = backend.tensor("dQkv", 1, TOKENS, 3 * width);
                Program program = backend.record("attention", k -> {
                    k.attention(c, lse, qkv, HEADS);
                    k.attentionBackward(dQkv, dC, c, qkv, lse, HEADS);
                })) {
            qkv.write(x);
            dC.write(dContext);
            program.run();
            return new float[][] {c.toFloats(), lse.toFloats(), dQkv.toFloats()};
        }
    }
}
