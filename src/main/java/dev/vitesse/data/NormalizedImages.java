// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import dev.vitesse.train.Dataset;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An {@link ImageDataset} as a model's input: (byte / 255 - mean) / std, after an optional random distortion. */
public final class NormalizedImages implements Dataset {
    private final ImageDataset images;
    private final @Nullable Augmentation augmentation;
    private final float[][] values;

    /**
     * @param mean of each channel
     * @param std of each channel
     * @param augmentation distorts every image anew in every epoch; null for none
     */
    public NormalizedImages(
            ImageDataset images, List<Float> mean, List<Float> std, @Nullable Augmentation augmentation) {
        if (mean.size() != images.channels() || std.size() != images.channels()) {
            throw new IllegalArgumentException("mean " + mean + " and std " + std + " do not fit "
                    + images.channels() + " channels");
        }
        this.images = images;
        this.augmentation = augmentation;
        values = new float[images.channels()][256];
        for (int c = 0; c < images.channels(); c++) {
            for (int x = 0; x < 256; x++) {
                values[c][x] = (x / 255f - mean.get(c)) / std.get(c);
            }
        }
    }

    @Override
    public int size() {
        return images.count();
    }

    @Override
    public List<String> classes() {
        return images.classes();
    }

    @Override
    public int label(int index) {
        return images.label(index);
    }

    @Override
    public void read(int index, int epoch, float[] target, int offset) {
        int plane = images.size() * images.size();
        byte[] distorted = augmentation == null ? null : augmentation.apply(images, index, epoch);
        for (int c = 0; c < images.channels(); c++) {
            for (int i = c * plane; i < (c + 1) * plane; i++) {
                int x = distorted == null ? images.pixel(index, i) : distorted[i] & 0xff;
                target[offset + i] = values[c][x];
            }
        }
    }
}
