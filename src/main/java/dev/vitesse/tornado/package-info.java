// SPDX-License-Identifier: Apache-2.0
/**
 * The TornadoVM backend. This part of the package knows nothing of TornadoVM's classes, so that it is there in every
 * build and says what is missing; the part in {@code kernels/tornado}, which the Maven profile {@code tornado} compiles,
 * has the kernels and everything else that calls TornadoVM, behind {@link dev.vitesse.tornado.TornadoAccess}.
 */
@NullMarked
package dev.vitesse.tornado;

import org.jspecify.annotations.NullMarked;
