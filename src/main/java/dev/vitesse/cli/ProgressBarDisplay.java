// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import java.util.Locale;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;
import org.jspecify.annotations.Nullable;

/** Progress on a terminal: one line that a thread of its own redraws, and a line per epoch above it. */
final class ProgressBarDisplay extends ProgressDisplay {
    private static final String CLEAR_LINE = "\r\u001b[K";
    private static final int REDRAW_MILLIS = 200;
    private static final int SHORTEST_BAR = 8;
    private static final int LONGEST_BAR = 40;

    private final ProgressBar bar;
    private volatile @Nullable Position position;
    private boolean drawn;

    ProgressBarDisplay(Console console, int epochs) {
        super(console, epochs);
        int width = console.terminalWidth() - 1;
        bar = new ProgressBarBuilder()
                .setUpdateIntervalMillis(REDRAW_MILLIS)
                .setRenderer(this::render)
                .setConsumer(new DelegatingProgressBarConsumer(this::draw, width))
                .build();
    }

    @Override
    void show(Position now) {
        position = now;
        bar.step();
    }

    private String render(ProgressState state, int width) {
        Position now = position;
        return now == null ? "" : render(now, width);
    }

    /** {@code epoch 2/5 [=====>     ] step 117/469  loss 0.1234  12345 images/s  1:15 left}, cut to {@code width}. */
    static String render(Position p, int width) {
        String before = String.format(Locale.ROOT, "epoch %d/%d ", p.epoch(), p.epochs());
        String after = String.format(Locale.ROOT, " step %d/%d  loss %.4f  %.0f images/s  %s",
                p.step(), p.steps(), p.loss(), p.imagesPerSecond(), p.timeLeft());
        int length = Math.min(LONGEST_BAR, width - before.length() - after.length() - 2);
        String bar = "";
        if (length >= SHORTEST_BAR) {
            int done = (int) Math.round(p.share() * length);
            String head = done < length ? ">" : "";
            bar = "[" + "=".repeat(done) + head + " ".repeat(length - done - head.length()) + "]";
        }
        String line = before + bar + after;
        return line.length() > width ? line.substring(0, Math.max(0, width)) : line;
    }

    private void draw(String text) {
        synchronized (console) {
            if (!text.isEmpty() || drawn) { // before the first step the line may be somebody else's
                console.err().print(CLEAR_LINE + text);
                console.err().flush();
                drawn = !text.isEmpty();
            }
        }
    }

    @Override
    void line(String text) {
        synchronized (console) {
            console.err().print(CLEAR_LINE);
            console.message(text);
        }
    }

    @Override
    public void close() {
        position = null;
        bar.close();
        draw("");
    }
}
