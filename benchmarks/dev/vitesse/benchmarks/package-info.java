// SPDX-License-Identifier: Apache-2.0
/**
 * Compares devices, and other libraries, on a model's kernels, inference and training.
 *
 * <p>{@link dev.vitesse.benchmarks.Session} takes the {@link dev.vitesse.benchmarks.Workload}s one after the other. For
 * each, every {@link dev.vitesse.benchmarks.Contender} starts a process of its own (a fork of JMH that runs {@link
 * dev.vitesse.benchmarks.DeviceBenchmark}, or a peer's) and runs until it is steady ({@link
 * dev.vitesse.benchmarks.WarmUp}), and {@link dev.vitesse.benchmarks.Match} lets them take turns: one iteration each per round, so that a machine's drift hits all alike. What they compute is compared with {@code
 * reference} before and after; {@link dev.vitesse.benchmarks.Statistics} makes figures of the times.
 */
@NullMarked
package dev.vitesse.benchmarks;

import org.jspecify.annotations.NullMarked;
