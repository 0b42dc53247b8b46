// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import org.jspecify.annotations.Nullable;

/** What {@link Kernels#linear} does to each element z = x W^T + b before it stores it. */
public sealed interface Epilogue {
    /** y = z. */
    Epilogue NONE = new None();

    record None() implements Epilogue {}

    /**
     * y = function(z).
     *
     * @param function the activation
     * @param preActivation where z is kept for the backward pass, of y's shape; null where there is none
     */
    record Activate(Activation function, @Nullable Tensor preActivation) implements Epilogue {}

    /**
     * y = residual + z.
     *
     * @param residual of y's shape; may be y itself
     */
    record Add(Tensor residual) implements Epilogue {}
}
