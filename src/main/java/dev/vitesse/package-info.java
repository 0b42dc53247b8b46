// SPDX-License-Identifier: Apache-2.0
/** {@link dev.vitesse.VitModel}: a pretrained Vision Transformer in one class. The packages below are what it stands on. */
@NullMarked
package dev.vitesse;

import org.jspecify.annotations.NullMarked;
