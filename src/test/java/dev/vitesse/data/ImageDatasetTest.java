// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class ImageDatasetTest {
    private static final List<String> CLASSES = List.of("a", "b");

    @Test
    void slicesShareWhatTheyShow() {
        ImageDataset data = new ImageDataset(1, 1, new byte[] {10, 20, 30, 40}, new int[] {0, 1, 0, 1}, CLASSES);
        ImageDataset.Split split = data.split(1);
        assertThat(split.training().count()).isEqualTo(3);
        assertThat(split.validation().image(0)).containsExactly(40);
        ImageDataset middle = split.training().slice(1, 2);
        assertThat(middle.label(0)).isEqualTo(1);
        assertThat(middle.image(1)).containsExactly(30);
        assertThatThrownBy(() -> middle.label(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> data.split(5)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void checksItsParts() {
        assertThatThrownBy(() -> new ImageDataset(1, 2, new byte[3], new int[1], CLASSES))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ImageDataset(1, 1, new byte[1], new int[] {2}, CLASSES))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void normalizesByItsStatistics() {
        ImageDataset data = new ImageDataset(2, 1, new byte[] {0, 51, (byte) 255, 51, 102, 51, (byte) 204, 51},
                new int[] {0, 1, 0, 1}, CLASSES);
        assertThat(data.mean()).containsExactly(0.55f, 0.2f);
        assertThat(data.std().get(0)).isCloseTo((float) Math.sqrt(0.1475), within(1e-6f));
        assertThat(data.std().get(1)).as("a constant channel").isEqualTo(1);
        NormalizedImages normalized = new NormalizedImages(data, data.mean(), data.std(), null);
        float[] all = new float[8];
        for (int i = 0; i < 4; i++) {
            normalized.read(i, 0, all, 2 * i);
        }
        assertThat(all[2]).isCloseTo((1 - 0.55f) / (float) Math.sqrt(0.1475), within(1e-5f));
        assertThat(all[0] + all[2] + all[4] + all[6]).isCloseTo(0, within(1e-5f));
        assertThat(all[1]).isZero();
    }

    @Test
    void augmentsByEpochAndIndexOnly() {
        ImageDataset data = GeneratedDigits.draw(4, 3);
        Augmentation augmentation = Augmentation.digits(5);
        byte[] once = augmentation.apply(data, 2, 7);
        assertThat(augmentation.apply(data, 2, 7)).isEqualTo(once);
        assertThat(augmentation.apply(data, 2, 8)).isNotEqualTo(once);
        assertThat(Augmentation.digits(6).apply(data, 2, 7)).isNotEqualTo(once);
        assertThat(new Augmentation(0, 0, 0, 5).apply(data, 2, 7)).as("no distortion").isEqualTo(data.image(2));
    }

    @Test
    void augmentationMovesAndTurns() {
        byte[] pixels = new byte[81];
        pixels[4 * 9 + 4] = (byte) 200;
        ImageDataset dot = new ImageDataset(1, 9, pixels, new int[1], CLASSES);
        for (int epoch = 0; epoch < 20; epoch++) {
            byte[] turned = new Augmentation(180, 0, 0, 1).apply(dot, 0, epoch);
            assertThat(turned[40] & 0xff).as("the centre stays").isBetween(199, 200);
            byte[] moved = new Augmentation(0, 0, 3, 1).apply(dot, 0, epoch);
            int sum = 0;
            for (byte b : moved) {
                sum += b & 0xff;
            }
            assertThat(sum).as("nothing is lost").isBetween(198, 202);
        }
    }
}
