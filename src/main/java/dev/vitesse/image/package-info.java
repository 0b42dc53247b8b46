// SPDX-License-Identifier: Apache-2.0
/**
 * From an image file to a model's input: decoding ({@link dev.vitesse.image.Images}), resizing exactly as Pillow does
 * ({@link dev.vitesse.image.Resampling}), cropping and normalising ({@link dev.vitesse.image.Preprocessing}).
 */
@NullMarked
package dev.vitesse.image;

import org.jspecify.annotations.NullMarked;
