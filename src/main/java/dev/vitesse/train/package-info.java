// SPDX-License-Identifier: Apache-2.0
/** Training: one step on the device, and the loop over epochs with its schedule, validation and checkpoints. */
@NullMarked
package dev.vitesse.train;

import org.jspecify.annotations.NullMarked;
