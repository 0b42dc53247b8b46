// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import java.util.List;
import java.util.SplittableRandom;

/** Three classes of 8 x 8 grey images, told apart by where a bright bar stands in noise. */
final class SyntheticDataset implements Dataset {
    static final int SIDE = 8;
    private final float[][] images;

    SyntheticDataset(int size, long seed) {
        images = new float[size][SIDE * SIDE];
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < size; i++) {
            for (int p = 0; p < SIDE * SIDE; p++) {
                images[i][p] = (float) random.nextDouble(-0.5, 0.5);
            }
            for (int row = 0; row < SIDE; row++) {
                images[i][row * SIDE + 1 + 3 * label(i)] += 1;
            }
        }
    }

    @Override
    public int size() {
        return images.length;
    }

    @Override
    public List<String> classes() {
        return List.of("left", "middle", "right");
    }

    @Override
    public int label(int index) {
        return index % 3;
    }

    @Override
    public void read(int index, int epoch, float[] target, int offset) {
        System.arraycopy(images[index], 0, target, offset, SIDE * SIDE);
    }
}
