// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.data.GeneratedDigits;
import dev.vitesse.data.ImageDataset;
import dev.vitesse.data.Idx;
import dev.vitesse.train.EpochMetrics;
import dev.vitesse.train.Evaluation;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PicturesTest {
    private static List<EpochMetrics> history(int epochs, double validation) {
        List<EpochMetrics> history = new ArrayList<>();
        for (int epoch = 1; epoch <= epochs; epoch++) {
            history.add(new EpochMetrics(epoch, 1e-3f, 2.0 / epoch, 1 - 0.5 / epoch, validation / epoch,
                    validation / (epoch + 1), 1000));
        }
        return history;
    }

    private static long pixels(BufferedImage image, Color color) {
        return IntStream.range(0, image.getWidth() * image.getHeight())
                .filter(i -> (image.getRGB(i % image.getWidth(), i / image.getWidth()) & 0xffffff)
                        == (color.getRGB() & 0xffffff))
                .count();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 10, 300})
    void curvesShowBothSeries(int epochs) {
        BufferedImage image = CurvesPicture.draw(history(epochs, 1));
        assertThat(pixels(image, Pictures.BLUE)).isGreaterThan(100);
        assertThat(pixels(image, Pictures.ORANGE)).isGreaterThan(100);
    }

    @Test
    void curvesWithoutValidationShowTraining() {
        BufferedImage image = CurvesPicture.draw(history(3, Double.NaN));
        assertThat(pixels(image, Pictures.BLUE)).isGreaterThan(100);
        assertThat(pixels(image, Pictures.ORANGE)).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 10, 100})
    void confusionMatricesOfAnySize(int classes) {
        int[][] confusion = new int[classes][classes];
        for (int k = 0; k < classes; k++) {
            confusion[k][k] = 100;
            confusion[k][(k + 1) % classes] += k % 3;
        }
        BufferedImage image = ConfusionPicture.draw(confusion, List.of("the same long name", "the same long name"));
        assertThat(pixels(image, Color.WHITE)).isLessThan((long) image.getWidth() * image.getHeight());
        assertThat(image.getWidth()).isEqualTo(image.getHeight());
    }

    @Test
    void samplesMarkMistakes() {
        ImageDataset digits = GeneratedDigits.draw(20, 1);
        int[] predictions = IntStream.range(0, 20).map(digits::label).toArray();
        int[][] none = new int[10][10];
        BufferedImage right = SamplesPicture.of(digits, new Evaluation(0, none, predictions.clone()));
        assertThat(pixels(right, Pictures.RED)).isZero();
        predictions[3] = (predictions[3] + 1) % 10;
        BufferedImage wrong = SamplesPicture.of(digits, new Evaluation(0, none, predictions));
        assertThat(pixels(wrong, Pictures.RED)).isGreaterThan(500);
    }

    @Test
    void samplesInColour() {
        byte[] red = new byte[3 * 4 * 4];
        java.util.Arrays.fill(red, 0, 16, (byte) 255);
        ImageDataset images = new ImageDataset(3, 4, red, new int[] {0}, Idx.DIGITS);
        BufferedImage picture = SamplesPicture.of(images, new Evaluation(0, new int[10][10], new int[] {0}));
        assertThat(pixels(picture, Color.RED)).isGreaterThan(1000);
    }

    @Test
    void aMachineWithoutFontsCostsAPictureAndAWarning(@TempDir Path folder) throws IOException {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(System.out, new PrintStream(err), 0);
        Path file = folder.resolve("picture.png");
        Pictures.save(console, file, () -> {
            throw new Error("Probable fatal error: No physical fonts found.");
        });
        assertThat(err.toString()).contains("warning: " + file).contains("install fontconfig");
        assertThat(file).doesNotExist();
        assertThatThrownBy(() -> Pictures.save(console, file, () -> {
            throw new IllegalStateException("something else");
        })).isInstanceOf(IllegalStateException.class);
    }
}
