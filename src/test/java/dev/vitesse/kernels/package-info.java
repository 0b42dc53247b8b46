// SPDX-License-Identifier: Apache-2.0
/**
 * The one table of cases that every backend has to pass: {@link dev.vitesse.kernels.KernelCases} lists them, a class per
 * family of operations describes them, {@link dev.vitesse.kernels.CaseRunner} runs one against the reference backend and
 * {@link dev.vitesse.kernels.BackendConformance} makes JUnit tests of them. The descriptors know nothing of JUnit.
 *
 * <p>{@code mvn test -Dtest='*ConformanceTest' -Dvitesse.case='attention(b=1,t=17'} replays the cases whose names contain
 * that text; {@code -Dvitesse.cases=small} takes the short list, for slow devices and sanitizers.
 */
@NullMarked
package dev.vitesse.kernels;

import org.jspecify.annotations.NullMarked;
