// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.data.ImageDataset;
import dev.vitesse.train.Evaluation;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/** {@code samples.png}: images of the test set with the class predicted and, where it is another, the true one. */
final class SamplesPicture {
    private static final int SAMPLES = 32;
    private static final int COLUMNS = 8;
    private static final int IMAGE = 88;
    private static final int GAP = 14;
    private static final int CAPTION = 36;
    private static final int HEADER = 44;

    /**
     * One image and what the model made of it.
     *
     * @param image [C, S, S] with 1 or 3 channels
     * @param side S
     */
    record Sample(byte[] image, int side, String label, String predicted) {
        boolean isMistake() {
            return !label.equals(predicted);
        }
    }

    private SamplesPicture() {}

    /** Some of the mistakes, then examples from the start of the test set that were classified correctly. */
    static BufferedImage of(ImageDataset test, Evaluation evaluation) {
        List<Sample> mistakes = new ArrayList<>();
        List<Sample> correct = new ArrayList<>();
        int mistaken = 0;
        for (int i = 0; i < test.count(); i++) {
            boolean mistake = evaluation.predictions()[i] != test.label(i);
            mistaken += mistake ? 1 : 0;
            List<Sample> list = mistake ? mistakes : correct;
            if (list.size() < SAMPLES) {
                list.add(sample(test, i, evaluation.predictions()[i]));
            }
        }
        List<Sample> shown = new ArrayList<>(mistakes.subList(0, Math.min(mistakes.size(), SAMPLES / 2)));
        shown.addAll(correct.subList(0, Math.min(correct.size(), SAMPLES - shown.size())));
        return draw(shown, mistaken + " of " + test.count() + " test images are mistaken; predicted class below each");
    }

    private static Sample sample(ImageDataset test, int index, int prediction) {
        return new Sample(test.image(index), test.size(), test.classes().get(test.label(index)),
                test.classes().get(prediction));
    }

    /** @param title what the images are and how many were mistaken, in one line */
    static BufferedImage draw(List<Sample> samples, String title) {
        int rows = Math.max(1, Math.ceilDiv(samples.size(), COLUMNS));
        int width = GAP + COLUMNS * (IMAGE + GAP);
        int height = HEADER + rows * (IMAGE + CAPTION + GAP) - GAP / 2;
        return Pictures.paint(width, height, g -> {
            g.setColor(Pictures.TEXT);
            g.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 15));
            g.drawString(title, GAP, 28);
            for (int i = 0; i < samples.size(); i++) {
                int x = GAP + i % COLUMNS * (IMAGE + GAP);
                int y = HEADER + i / COLUMNS * (IMAGE + CAPTION + GAP);
                drawSample(g, samples.get(i), x, y);
            }
        });
    }

    private static void drawSample(Graphics2D g, Sample sample, int x, int y) {
        // Enlarged pixels stay visible as squares: that is what the model sees.
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        g.drawImage(toImage(sample), x, y, IMAGE, IMAGE, null);
        boolean mistake = sample.isMistake();
        g.setColor(mistake ? Pictures.RED : new Color(0xc8c8c8));
        g.setStroke(new BasicStroke(mistake ? 3 : 1));
        g.drawRect(x, y, IMAGE, IMAGE);
        g.setColor(mistake ? Pictures.RED : Pictures.TEXT);
        g.setFont(new Font(Font.SANS_SERIF, mistake ? Font.BOLD : Font.PLAIN, 13));
        drawCentred(g, sample.predicted(), x, y + IMAGE + 17);
        if (mistake) {
            g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
            drawCentred(g, "true: " + sample.label(), x, y + IMAGE + 32);
        }
    }

    private static void drawCentred(Graphics2D g, String text, int x, int baseline) {
        FontMetrics metrics = g.getFontMetrics();
        String fitting = text;
        while (fitting.length() > 1 && metrics.stringWidth(fitting) > IMAGE + GAP - 4) {
            fitting = fitting.substring(0, fitting.length() - 1);
        }
        g.drawString(fitting, x + (IMAGE - metrics.stringWidth(fitting)) / 2, baseline);
    }

    private static BufferedImage toImage(Sample sample) {
        int side = sample.side();
        int plane = side * side;
        int channels = sample.image().length / plane;
        BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < plane; i++) {
            int rgb = 0;
            for (int c = 0; c < 3; c++) {
                rgb = rgb << 8 | sample.image()[Math.min(c, channels - 1) * plane + i] & 0xff;
            }
            image.setRGB(i % side, i / side, rgb);
        }
        return image;
    }
}
