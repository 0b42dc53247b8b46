// SPDX-License-Identifier: Apache-2.0
/**
 * Hostile files. {@link dev.vitesse.fuzz.Reader} hands arbitrary bytes to each reader of files and checks its promise:
 * nothing but {@link dev.vitesse.io.InvalidFileException}, and memory bounded by the input's size. The tests here feed
 * it known inputs and a few random ones; the profile {@code fuzz} adds Jazzer and jqwik ({@code src/fuzz/java}).
 */
@NullMarked
package dev.vitesse.fuzz;

import org.jspecify.annotations.NullMarked;
