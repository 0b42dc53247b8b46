// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Labelled square images of one size, one byte per channel and pixel. Slices share the memory of the whole; nobody may
 * change it.
 */
public final class ImageDataset {
    private final int channels;
    private final int size;
    private final byte[] pixels;
    private final int[] labels;
    private final List<String> classes;
    private final int first;
    private final int count;

    /**
     * @param channels colour channels (C)
     * @param size side of the images (S)
     * @param pixels [count, C, S, S], 0 to 255
     * @param labels [count], indices into {@code classes}
     * @param classes names of the classes
     * @throws IllegalArgumentException if sizes do not fit together or a label is out of range
     */
    public ImageDataset(int channels, int size, byte[] pixels, int[] labels, List<String> classes) {
        this(channels, size, pixels, labels, List.copyOf(classes), 0, labels.length);
        if ((long) labels.length * channels * size * size != pixels.length) {
            throw new IllegalArgumentException(pixels.length + " bytes are not " + labels.length + " images of "
                    + channels + "x" + size + "x" + size);
        }
        for (int label : labels) {
            Objects.checkIndex(label, classes.size());
        }
    }

    private ImageDataset(
            int channels, int size, byte[] pixels, int[] labels, List<String> classes, int first, int count) {
        this.channels = channels;
        this.size = size;
        this.pixels = pixels;
        this.labels = labels;
        this.classes = classes;
        this.first = first;
        this.count = count;
    }

    /** Number of images. */
    public int count() {
        return count;
    }

    public int channels() {
        return channels;
    }

    /** Side of the images in pixels. */
    public int size() {
        return size;
    }

    /** Names of the classes by label. */
    public List<String> classes() {
        return classes;
    }

    /** The label of image {@code index}. */
    public int label(int index) {
        return labels[first + Objects.checkIndex(index, count)];
    }

    /** A copy of image {@code index}: [C, S, S]. */
    public byte[] image(int index) {
        int offset = offset(index);
        return Arrays.copyOfRange(pixels, offset, offset + imageBytes());
    }

    /** One byte of image {@code index}; {@code element} counts over [C, S, S]. */
    int pixel(int index, int element) {
        return pixels[offset(index) + element] & 0xff;
    }

    private int offset(int index) {
        return (first + Objects.checkIndex(index, count)) * imageBytes();
    }

    /** Bytes of one image. */
    public int imageBytes() {
        return channels * size * size;
    }

    /** The {@code length} images from {@code start} on. */
    public ImageDataset slice(int start, int length) {
        Objects.checkFromIndexSize(start, length, count);
        return new ImageDataset(channels, size, pixels, labels, classes, first + start, length);
    }

    /** The first images and, apart, the last {@code validation} ones. */
    public Split split(int validation) {
        return new Split(slice(0, count - validation), slice(count - validation, validation));
    }

    /** Two parts of a data set. */
    public record Split(ImageDataset training, ImageDataset validation) {}

    /** Each channel's mean, of bytes divided by 255. */
    public List<Float> mean() {
        List<Float> means = new ArrayList<>();
        for (int c = 0; c < channels; c++) {
            means.add((float) (sums(c)[0] / elementsPerChannel() / 255));
        }
        return means;
    }

    /** Each channel's standard deviation, of bytes divided by 255; 1 for a constant channel. */
    public List<Float> std() {
        List<Float> deviations = new ArrayList<>();
        for (int c = 0; c < channels; c++) {
            double[] sums = sums(c);
            double mean = sums[0] / elementsPerChannel();
            // The sums are exact integers: no cancellation beyond the last rounding.
            double variance = sums[1] / elementsPerChannel() - mean * mean;
            deviations.add(variance <= 0 ? 1f : (float) (Math.sqrt(variance) / 255));
        }
        return deviations;
    }

    private double elementsPerChannel() {
        return (double) count * size * size;
    }

    /** The sum of a channel's bytes and of their squares. */
    private double[] sums(int channel) {
        long sum = 0;
        long squares = 0;
        int plane = size * size;
        for (int i = 0; i < count; i++) {
            int start = (first + i) * imageBytes() + channel * plane;
            for (int p = start; p < start + plane; p++) {
                int x = pixels[p] & 0xff;
                sum += x;
                squares += (long) x * x;
            }
        }
        return new double[] {sum, squares};
    }
}
