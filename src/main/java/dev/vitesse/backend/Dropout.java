// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/**
 * Which elements of a branch are dropped in a training step. Whether an element is kept is a function of the step, the
 * site and the element's index alone, so the backward pass computes the mask again instead of storing it, and every
 * backend drops the same elements. With 32-bit wrapping arithmetic,
 *
 * <pre>
 * mix(x):  x += 0x9e3779b9;  x = (x ^ x >>> 16) * 0x7feb352d;  x = (x ^ x >>> 15) * 0x846ca68b;  return x ^ x >>> 16
 * key(s):  mix(s ^ mix(step ^ mix(seed)))
 * keep element i:      mix(mix(i) ^ key(2 site))     >>> 8 >= rate     * 2^24
 * keep batch entry b:  mix(mix(b) ^ key(2 site + 1)) >>> 8 >= pathRate * 2^24
 * </pre>
 *
 * (lowbias32, Wellons 2018), where seed and step are the two elements of the {@code random} tensor. What is kept is
 * scaled by 1/(1 - rate) and 1/(1 - pathRate).
 *
 * @param rate the share of elements dropped, at least 0 and below 1
 * @param pathRate the share of batch entries whose whole branch is dropped (Huang et al. 2016, arXiv:1603.09382)
 * @param site distinguishes the places of a model, at least 0
 */
public record Dropout(float rate, float pathRate, int site) {
    /** Drops nothing. */
    public static final Dropout NONE = new Dropout(0, 0, 0);

    public Dropout {
        if (!(rate >= 0 && rate < 1 && pathRate >= 0 && pathRate < 1)) {
            throw new IllegalArgumentException(
                    "dropout rates must be at least 0 and below 1, got " + rate + " and " + pathRate);
        }
    }

    public boolean dropsNothing() {
        return rate == 0 && pathRate == 0;
    }

    /** The first 24-bit number that keeps an element, for {@code rate} or {@code pathRate}. */
    public static int threshold(float rate) {
        return (int) Math.ceil(rate * (double) (1 << 24));
    }

    /** The hash on which the choice rests. */
    public static int mix(int x) {
        x += 0x9e3779b9;
        x = (x ^ (x >>> 16)) * 0x7feb352d;
        x = (x ^ (x >>> 15)) * 0x846ca68b;
        return x ^ (x >>> 16);
    }

    /** The key of a stream of decisions: {@code stream} is 2 site for elements, 2 site + 1 for batch entries. */
    public static int key(int seed, int step, int stream) {
        return mix(stream ^ mix(step ^ mix(seed)));
    }

    /** Whether entry {@code index} of the stream with {@code key} is kept. */
    public static boolean keeps(int index, int key, int threshold) {
        return mix(mix(index) ^ key) >>> 8 >= threshold;
    }
}
