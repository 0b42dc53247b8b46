// SPDX-License-Identifier: Apache-2.0
/**
 * The command line: {@link dev.vitesse.cli.Main} and one class per command. The only package that uses picocli, XChart
 * and progressbar, which library users need not have.
 */
@NullMarked
package dev.vitesse.cli;

import org.jspecify.annotations.NullMarked;
