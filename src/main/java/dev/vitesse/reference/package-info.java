// SPDX-License-Identifier: Apache-2.0
/**
 * The executable specification: every operation as naive loops with double accumulators, for tests. Far too slow for
 * use.
 */
@NullMarked
package dev.vitesse.reference;

import org.jspecify.annotations.NullMarked;
