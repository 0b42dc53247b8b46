// SPDX-License-Identifier: Apache-2.0
/**
 * The backend for OpenCL 1.2 and later, over JOCL. {@link dev.vitesse.opencl.OpenClRuntime} is all there is of a runtime:
 * one context, one in-order queue, buffers and built programs. Recording turns each call of {@link
 * dev.vitesse.backend.Kernels} into {@link dev.vitesse.opencl.Launch}es (one class per family of operations, next to the
 * kernel file of the same name under {@code kernels/opencl}); {@link dev.vitesse.opencl.OpenClProgram} prepares them once
 * and enqueues them, without a wait, every time it runs. {@link dev.vitesse.opencl.Tuning} holds the tile sizes of a
 * device.
 */
@NullMarked
package dev.vitesse.opencl;

import org.jspecify.annotations.NullMarked;
