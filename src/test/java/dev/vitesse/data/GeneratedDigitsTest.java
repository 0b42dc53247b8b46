// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class GeneratedDigitsTest {
    @Test
    void dependsOnSeedAndIndexOnly() {
        ImageDataset few = GeneratedDigits.draw(20, 3);
        ImageDataset many = GeneratedDigits.draw(40, 3);
        for (int i = 0; i < 20; i++) {
            assertThat(many.label(i)).isEqualTo(few.label(i));
            assertThat(many.image(i)).isEqualTo(few.image(i));
        }
        assertThat(GeneratedDigits.draw(1, 4).image(0)).isNotEqualTo(few.image(0));
    }

    @Test
    void looksLikeMnist() {
        ImageDataset data = GeneratedDigits.draw(2000, 1);
        // MNIST's own: 0.1307 and 0.3081.
        assertThat(data.mean().getFirst()).isCloseTo(0.13f, within(0.02f));
        assertThat(data.std().getFirst()).isCloseTo(0.308f, within(0.02f));
        int[] counts = new int[10];
        for (int i = 0; i < data.count(); i++) {
            counts[data.label(i)]++;
            assertCentred(data.image(i));
        }
        assertThat(java.util.Arrays.stream(counts).boxed()).allMatch(count -> count > 150 && count < 250);
    }

    private static void assertCentred(byte[] image) {
        double sum = 0;
        double x = 0;
        double y = 0;
        int darkBorder = 0;
        for (int i = 0; i < image.length; i++) {
            int ink = image[i] & 0xff;
            sum += ink;
            x += ink * (i % 28 + 0.5);
            y += ink * (i / 28 + 0.5);
            darkBorder += i / 28 == 0 || i / 28 == 27 || i % 28 == 0 || i % 28 == 27 ? ink : 0;
        }
        assertThat(x / sum).isCloseTo(14, within(1.5));
        assertThat(y / sum).isCloseTo(14, within(1.5));
        assertThat(sum).as("ink").isGreaterThan(20 * 255);
        assertThat(darkBorder).as("ink on the border").isLessThan(1000);
    }

    /** The nearest of 1000 drawn digits has the right label most of the time: classes are told apart by their shape. */
    @Test
    void canBeLearnt() {
        ImageDataset known = GeneratedDigits.draw(1000, 1);
        ImageDataset asked = GeneratedDigits.draw(200, 2);
        int correct = 0;
        for (int i = 0; i < asked.count(); i++) {
            byte[] image = asked.image(i);
            long nearest = Long.MAX_VALUE;
            int label = -1;
            for (int k = 0; k < known.count(); k++) {
                long distance = 0;
                for (int p = 0; p < image.length; p++) {
                    int difference = (image[p] & 0xff) - known.pixel(k, p);
                    distance += (long) difference * difference;
                }
                if (distance < nearest) {
                    nearest = distance;
                    label = known.label(k);
                }
            }
            correct += label == asked.label(i) ? 1 : 0;
        }
        assertThat(correct).isGreaterThan(180);
    }
}
