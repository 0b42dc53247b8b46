// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Hugging Face's {@code preprocessor_config.json} of a ViT. What is absent has the default of its ViTImageProcessor;
 * what this library would do differently is refused.
 */
final class HuggingFacePreprocessing {
    /** PIL's numbers of its filters. */
    private static final Map<Integer, Filter> FILTERS =
            Map.of(1, Filter.LANCZOS, 2, Filter.BILINEAR, 3, Filter.BICUBIC, 4, Filter.BOX);

    private static final int PIL_BILINEAR = 2;

    private HuggingFacePreprocessing() {}

    /**
     * @param imageSize side of the images that the model was trained with
     * @param resamples whether the library fits the positions to another size by itself, so that images of that size go
     *     in
     */
    static Preprocessing parse(Settings s, int channels, int imageSize, boolean resamples)
            throws InvalidFileException {
        float rescale = s.number("rescale_factor", 1 / 255f);
        if (!s.flag("do_rescale", true) || Math.abs(rescale * 255 - 1) > 1e-5) {
            throw new InvalidFileException(s.path(), "does not divide bytes by 255", "only that is supported");
        }
        if (!s.flag("do_resize", true)) {
            throw s.wrong("do_resize", "true");
        }
        Filter filter = FILTERS.get(s.integer("resample", PIL_BILINEAR));
        if (filter == null) {
            throw s.wrong("resample", "1 (Lanczos), 2 (bilinear), 3 (bicubic) or 4 (box)");
        }
        Settings size = s.below("size");
        boolean crops = s.flag("do_center_crop", false);
        boolean shortest = size == null ? crops && !squashes(s) : size.has("shortest_edge");
        int resized = size != null && shortest ? size.integer("shortest_edge") : side(s, "size");
        int result = crops ? side(s, "crop_size") : resized;
        if (result != imageSize && !resamples || resized < result) {
            throw s.contradiction("makes images of " + result + " pixels from ones of " + resized
                    + ", but the model takes " + imageSize);
        }
        boolean normalizes = s.flag("do_normalize", true);
        List<Float> mean = normalizes ? required(s, "image_mean") : List.of(0f);
        List<Float> std = normalizes ? required(s, "image_std") : List.of(1f);
        try {
            return new Preprocessing(channels, result, shortest || crops ? resized : 0,
                    crops && !shortest, filter,
                    VitConfigs.perChannel(mean, channels), VitConfigs.perChannel(std, channels));
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(s.path(), e.getMessage(), "correct it");
        }
    }

    /** Whether a size given as one number is that of both sides: so do the processors of DeiT and ViT. */
    private static boolean squashes(Settings s) throws InvalidFileException {
        for (String key : List.of("image_processor_type", "feature_extractor_type")) {
            if (s.has(key)) {
                return s.text(key).matches("(DeiT|ViT).*");
            }
        }
        return true;
    }

    private static List<Float> required(Settings s, String key) throws InvalidFileException {
        List<Float> values = s.numbers(key);
        if (values.isEmpty()) {
            throw s.missing(key);
        }
        return Collections.unmodifiableList(values);
    }

    /** A square's side, given as one number or as height and width. */
    private static int side(Settings s, String key) throws InvalidFileException {
        Settings sides = s.below(key);
        if (sides == null) {
            return s.integer(key);
        }
        if (sides.integer("height") != sides.integer("width")) {
            throw s.wrong(key, "a square");
        }
        return sides.integer("height");
    }
}
