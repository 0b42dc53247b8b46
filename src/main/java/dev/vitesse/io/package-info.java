// SPDX-License-Identifier: Apache-2.0
/**
 * Files: {@link dev.vitesse.io.ModelFiles} saves and loads whole models, {@link dev.vitesse.io.Checkpoint} a training
 * run's state; {@link dev.vitesse.io.ModelExport} writes models for Python. {@link dev.vitesse.io.LoadPlan} is what loading
 * works out before it allocates anything. Below them, {@link dev.vitesse.io.TensorFile} is a file of named tensors
 * ({@link dev.vitesse.io.Safetensors}), {@link dev.vitesse.io.WeightNames} knows what each library calls a Vision
 * Transformer's parameters, {@link dev.vitesse.io.VitConfigs} reads and writes configurations, and
 * {@link dev.vitesse.io.AtomicFiles} replaces a file in one step.
 *
 * <p>Whatever a file holds, a reader throws nothing but {@link dev.vitesse.io.InvalidFileException} or, where the
 * system fails, another {@link java.io.IOException}; and it takes no more memory than a small multiple of the file.
 */
@NullMarked
package dev.vitesse.io;

import org.jspecify.annotations.NullMarked;
