// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.cli.ProgressDisplay.Position;
import dev.vitesse.train.EpochMetrics;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressDisplayTest {
    private static final Position POSITION = new Position(2, 4, 250, 500, 0.1234f, 10500, Duration.ofSeconds(3725));

    @Test
    void theBarSaysWhereTheRunIs() {
        assertThat(ProgressBarDisplay.render(POSITION, 100))
                .startsWith("epoch 2/4 [").contains("=>").contains(" ]")
                .endsWith(" step 250/500  loss 0.1234  10500 images/s  1:02:05 left");
        String bar = ProgressBarDisplay.render(POSITION, 100).replaceAll(".*\\[|].*", "");
        assertThat(bar.indexOf('>') / (double) bar.length()).isBetween(0.33, 0.42);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 10, 40, 60, 79, 80, 200})
    void theBarFitsTheTerminal(int width) {
        assertThat(ProgressBarDisplay.render(POSITION, width).length()).isLessThanOrEqualTo(width);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 80})
    void everyEpochLeavesALine(int terminalWidth) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(System.out, new PrintStream(err), terminalWidth);
        try (ProgressDisplay progress = ProgressDisplay.of(console, 3)) {
            progress.step(1, 1, 1, 2, 100);
            progress.epoch(new EpochMetrics(1, 1e-3f, 2, 0.25, 1.5, 0.5, 100));
            progress.epoch(new EpochMetrics(2, 1e-3f, 1, 0.5, Double.NaN, Double.NaN, 100));
        }
        assertThat(err.toString())
                .contains("vitesse: epoch 1/3: training loss 2.0000, accuracy 25.00 %; validation loss 1.5000,"
                        + " accuracy 50.00 %; 100 images/s\n")
                .contains("vitesse: epoch 2/3: training loss 1.0000, accuracy 50.00 %; 100 images/s\n");
        assertThat(err.toString().contains("\r")).isEqualTo(terminalWidth > 0);
    }

    @Test
    void compilationTakesALineOfTheTerminalThatTrainingLeavesAloneUntilItsFirstStep() throws InterruptedException {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(System.out, new PrintStream(err), 60);
        try (ProgressDisplay progress = ProgressDisplay.of(console, 3)) {
            CompileDisplay compilation = new CompileDisplay(console);
            compilation.compiling("training", 0, 15, "gemm");
            Thread.sleep(600); // the bar would be redrawn
            assertThat(err.toString()).isEqualTo("\r\u001b[Kcompiling training: kernel 1 of 15 (gemm)");
            compilation.compiling("training", 15, 15, "");
            assertThat(err.toString()).endsWith("(gemm)\r\u001b[K");
            progress.step(1, 1, 1, 2, 100);
        }
        assertThat(err.toString()).endsWith("\r\u001b[K");
    }

    @Test
    void compilationIsNotWrittenToLogFilesWhileItIsShort() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        CompileDisplay compilation = new CompileDisplay(new Console(System.out, new PrintStream(err), 0));
        compilation.compiling("training", 0, 2, "gemm");
        compilation.compiling("training", 1, 2, "norm");
        compilation.compiling("training", 2, 2, "");
        assertThat(err.toString()).isEmpty();
    }
}
