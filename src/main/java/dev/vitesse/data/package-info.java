// SPDX-License-Identifier: Apache-2.0
/**
 * Where training data come from: {@link dev.vitesse.data.MnistSource} finds digits, {@link dev.vitesse.data.Idx} reads
 * MNIST's format, {@link dev.vitesse.data.GeneratedDigits} draws digits where there are none;
 * {@link dev.vitesse.data.ImageDataset} holds the bytes and {@link dev.vitesse.data.NormalizedImages} makes a model's
 * input of them.
 */
@NullMarked
package dev.vitesse.data;

import org.jspecify.annotations.NullMarked;
