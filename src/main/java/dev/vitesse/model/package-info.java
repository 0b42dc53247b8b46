// SPDX-License-Identifier: Apache-2.0
/**
 * The Vision Transformer: its configuration, parameters, activations, and the forward and backward pass written once
 * against {@link dev.vitesse.backend.Kernels}.
 *
 * <p>Shapes use these letters throughout: B batch, C channels, S image side, P patch side, N patches of an image, R
 * prefix tokens, T = R + N tokens, D width, H heads, A head width, M hidden width of the MLP, L depth (number of blocks),
 * K classes. The width of attention is H A, which need not be D.
 */
@NullMarked
package dev.vitesse.model;

import org.jspecify.annotations.NullMarked;
