// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import org.jspecify.annotations.Nullable;

/** Patch embedding: tokens [B, T, D], images [B, C, S, S], weight [D, C, P, P], prefix [R, D], position [Q, D]. */
final class ReferencePatches {
    private ReferencePatches() {}

    static void forward(
            ReferenceTensor tokens,
            ReferenceTensor images,
            ReferenceTensor weight,
            ReferenceTensor bias,
            @Nullable ReferenceTensor prefix,
            ReferenceTensor position) {
        int patches = patches(images, weight);
        int prefixTokens = tokens.dim(1) - patches;
        int prefixPositions = position.dim(0) - patches;
        for (int b = 0; b < tokens.dim(0); b++) {
            for (int d = 0; d < tokens.dim(2); d++) {
                for (int r = 0; r < prefixTokens; r++) {
                    tokens.set(prefix.get(r, d) + (r < prefixPositions ? position.get(r, d) : 0), b, r, d);
                }
                for (int n = 0; n < patches; n++) {
                    double projected = project(images, weight, b, n, d) + bias.get(d);
                    tokens.set(projected + position.get(prefixPositions + n, d), b, prefixTokens + n, d);
                }
            }
        }
    }

    /** The patches of an image, N = (S / P)^2. */
    private static int patches(ReferenceTensor images, ReferenceTensor weight) {
        int patchesPerSide = images.dim(2) / weight.dim(2);
        return patchesPerSide * patchesPerSide;
    }

    /** The product of row d of the weight and patch n of image b. */
    private static double project(ReferenceTensor images, ReferenceTensor weight, int b, int n, int d) {
        int patch = weight.dim(2);
        double sum = 0;
        for (int c = 0; c < images.dim(1); c++) {
            for (int i = 0; i < patch; i++) {
                for (int j = 0; j < patch; j++) {
                    sum += weight.get(d, c, i, j) * pixel(images, patch, b, n, c, i, j);
                }
            }
        }
        return sum;
    }

    /** Pixel (i, j) of patch n; patches are numbered row by row. */
    private static double pixel(ReferenceTensor images, int patch, int b, int n, int c, int i, int j) {
        int patchesPerSide = images.dim(2) / patch;
        return images.get(b, c, n / patchesPerSide * patch + i, n % patchesPerSide * patch + j);
    }

    /** dWeight[d] = sum dTokens[b, R + n, d] patch(b, n), dBias[d] = sum dTokens[b, R + n, d]. */
    static void backwardWeight(
            ReferenceTensor dWeight, ReferenceTensor dBias, ReferenceTensor dTokens, ReferenceTensor images) {
        int patch = dWeight.dim(2);
        int patches = patches(images, dWeight);
        int prefixTokens = dTokens.dim(1) - patches;
        dWeight.fill(0);
        dBias.fill(0);
        for (int b = 0; b < images.dim(0); b++) {
            for (int n = 0; n < patches; n++) {
                for (int d = 0; d < dWeight.dim(0); d++) {
                    double dToken = dTokens.get(b, prefixTokens + n, d);
                    dBias.set(dBias.get(d) + dToken, d);
                    for (int c = 0; c < images.dim(1); c++) {
                        for (int i = 0; i < patch; i++) {
                            for (int j = 0; j < patch; j++) {
                                double product = dToken * pixel(images, patch, b, n, c, i, j);
                                dWeight.set(dWeight.get(d, c, i, j) + product, d, c, i, j);
                            }
                        }
                    }
                }
            }
        }
    }

    /** The gradients of what is the same for every image: sums over the batch. */
    static void backwardTokens(
            @Nullable ReferenceTensor dPrefix,
            @Nullable ReferenceTensor dPosition,
            ReferenceTensor dTokens,
            ReferenceTensor images,
            ReferenceTensor weight) {
        int patches = patches(images, weight);
        int prefixTokens = dTokens.dim(1) - patches;
        for (int d = 0; d < dTokens.dim(2); d++) {
            for (int r = 0; dPrefix != null && r < prefixTokens; r++) {
                dPrefix.set(sumOverBatch(dTokens, r, d), r, d);
            }
            for (int q = 0; dPosition != null && q < dPosition.dim(0); q++) {
                int n = q - (dPosition.dim(0) - patches);
                dPosition.set(sumOverBatch(dTokens, n < 0 ? q : prefixTokens + n, d), q, d);
            }
        }
    }

    private static double sumOverBatch(ReferenceTensor dTokens, int t, int d) {
        double sum = 0;
        for (int b = 0; b < dTokens.dim(0); b++) {
            sum += dTokens.get(b, t, d);
        }
        return sum;
    }

    /** Pixel (i, j) of patch n gets the sum over d of weight[d, c, i, j] dTokens[b, R + n, d]. */
    static void backwardImages(ReferenceTensor dImages, ReferenceTensor dTokens, ReferenceTensor weight) {
        int side = dImages.dim(2);
        int patch = weight.dim(2);
        int prefixTokens = dTokens.dim(1) - patches(dImages, weight);
        for (int b = 0; b < dImages.dim(0); b++) {
            for (int c = 0; c < dImages.dim(1); c++) {
                for (int y = 0; y < side; y++) {
                    for (int x = 0; x < side; x++) {
                        int n = y / patch * (side / patch) + x / patch;
                        double sum = 0;
                        for (int d = 0; d < weight.dim(0); d++) {
                            sum += weight.get(d, c, y % patch, x % patch) * dTokens.get(b, prefixTokens + n, d);
                        }
                        dImages.set(sum, b, c, y, x);
                    }
                }
            }
        }
    }
}
