// SPDX-License-Identifier: Apache-2.0
/**
 * Writes models as ONNX: {@link dev.vitesse.onnx.OnnxExport} knows a Vision Transformer's graph, the classes below it
 * the file format.
 */
@NullMarked
package dev.vitesse.onnx;

import org.jspecify.annotations.NullMarked;
