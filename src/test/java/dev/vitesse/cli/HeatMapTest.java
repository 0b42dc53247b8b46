// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.image.Filter;
import dev.vitesse.image.Image;
import dev.vitesse.image.Preprocessing;
import java.awt.image.BufferedImage;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeatMapTest {
    @Test
    void putsWeightsWhereTheirPatchesAre() {
        // Of 1200 x 600 pixels the model sees a square of 600 * 224 / 256 in the middle.
        Preprocessing preprocessing = new Preprocessing(3, 224, 256, Filter.BICUBIC, List.of(0f, 0f, 0f),
                List.of(1f, 1f, 1f));
        Preprocessing.Region region = preprocessing.region(1200, 600);
        assertThat(region).isEqualTo(new Preprocessing.Region(337.5, 37.5, 525, 525));
        Image black = new Image(1200, 600, 1, new byte[1200 * 600]);
        BufferedImage picture = HeatMap.of(black, new float[] {0, 0, 0, 7}, 2, region);
        assertThat(picture.getWidth()).isEqualTo(1024);
        assertThat(picture.getHeight()).isEqualTo(512);
        assertThat(picture.getRGB(100, 256) & 0xffffff).as("outside").isZero();
        assertThat(brightness(picture, 620, 360)).as("the fourth patch").isGreaterThan(300);
        assertThat(brightness(picture, 400, 150)).as("the first patch").isLessThan(10);
        assertThat(brightness(picture, 620, 150)).as("the second patch").isLessThan(40);
    }

    @Test
    void drawsMapsWithoutContrastAndTinyPictures() {
        Image white = new Image(3, 1, 1, new byte[] {-1, -1, -1});
        BufferedImage picture = HeatMap.of(white, new float[] {1, 1, 1, 1}, 2, new Preprocessing.Region(0, 0, 3, 1));
        assertThat(picture.getWidth()).isEqualTo(1024);
        assertThat(picture.getHeight()).isEqualTo(341);
    }

    private static int brightness(BufferedImage picture, int x, int y) {
        int rgb = picture.getRGB(x, y);
        return (rgb >> 16 & 0xff) + (rgb >> 8 & 0xff) + (rgb & 0xff);
    }
}
