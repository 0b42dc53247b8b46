// SPDX-License-Identifier: Apache-2.0
/**
 * What a device must offer so that the model can run on it: {@link dev.vitesse.backend.Kernels}, the operations of a
 * Vision Transformer; {@link dev.vitesse.backend.Tensor}, device memory; {@link dev.vitesse.backend.Program}, a
 * recorded sequence of operations; {@link dev.vitesse.backend.Backend}, which makes the last two.
 */
@NullMarked
package dev.vitesse.backend;

import org.jspecify.annotations.NullMarked;
