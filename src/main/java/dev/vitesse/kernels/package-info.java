// SPDX-License-Identifier: Apache-2.0
/**
 * One descriptor per kernel case - shapes, data, FLOPs, bytes, tolerance - for whatever checks or times kernels: the
 * tests of every backend, the tuner and the benchmarks. A class per family of operations describes its cases, {@link
 * dev.vitesse.kernels.KernelCases} lists those that every backend has to pass, and {@link dev.vitesse.kernels.CaseRunner}
 * runs one against the reference backend. Nothing here knows of a test framework.
 *
 * <p>{@code mvn test -Dtest='*ConformanceTest' -Dvitesse.case='attention(b=1,t=17'} replays the cases whose names contain
 * that text; {@code -Dvitesse.cases=small} takes the short list, for slow devices and sanitizers.
 */
@NullMarked
package dev.vitesse.kernels;

import org.jspecify.annotations.NullMarked;
