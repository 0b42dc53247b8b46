// SPDX-License-Identifier: Apache-2.0
/**
 * The CPU backend: plain Java on the Vector API. A recorded program is a list of operations over heap arrays; each
 * splits its work into items which the {@link dev.vitesse.cpu.ThreadTeam} computes. How work is split may depend on the
 * number of threads only where that leaves every result's bits alone; sums over rows are split by shape.
 *
 * <p>No operation uses a vector operation whose result is not exactly defined (reductions of floats, transcendental
 * functions), because it would differ between interpreted and compiled code.
 */
@NullMarked
package dev.vitesse.cpu;

import org.jspecify.annotations.NullMarked;
