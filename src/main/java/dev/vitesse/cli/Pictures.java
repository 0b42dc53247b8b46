// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.io.AtomicFiles;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Supplier;
import javax.imageio.ImageIO;
import org.knowm.xchart.style.AxesChartStyler;

/** What the pictures of a run have in common. They are drawn at twice their nominal size, for sharp text. */
final class Pictures {
    static final Color BLUE = new Color(0x2b7bba);
    static final Color ORANGE = new Color(0xe6762a);
    static final Color RED = new Color(0xc62828);
    static final Color TEXT = new Color(0x303030);

    private static final int SCALE = 2;
    private static final int INNERMOST_FRAMES = 12;

    private Pictures() {}

    /**
     * Draws a picture and writes it as PNG. On a machine without fonts Java cannot draw text: that costs the picture
     * and a warning, not the run.
     */
    static void save(Console console, Path path, Supplier<BufferedImage> picture) throws IOException {
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        try {
            ImageIO.write(picture.get(), "png", png);
        } catch (RuntimeException | Error e) {
            if (!fontsAreMissing(e)) {
                throw e;
            }
            console.warning(path + " was not drawn: Java finds no fonts here; install fontconfig and a font"
                    + " (fonts-dejavu-core), then draw it with --resume " + path.getParent());
            return;
        }
        AtomicFiles.write(path, channel -> AtomicFiles.writeFully(channel, ByteBuffer.wrap(png.toByteArray())));
    }

    /** Java says so in many ways, all of which name fonts, a library for them, or come from its font code. */
    private static boolean fontsAreMissing(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
            boolean inFontCode = Arrays.stream(cause.getStackTrace()).limit(INNERMOST_FRAMES)
                    .anyMatch(frame -> frame.getClassName().startsWith("sun.font."));
            if (inFontCode || text.contains("font") || text.contains("freetype")) {
                return true;
            }
        }
        return false;
    }

    /** A white picture of {@code width} x {@code height} nominal pixels that {@code painter} paints. */
    static BufferedImage paint(int width, int height, Consumer<Graphics2D> painter) {
        BufferedImage image = new BufferedImage(SCALE * width, SCALE * height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        try {
            g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            g.scale(SCALE, SCALE);
            g.setColor(Color.WHITE);
            g.fillRect(0, 0, width, height);
            painter.accept(g);
        } finally {
            g.dispose();
        }
        return image;
    }

    /** Fonts and colours of a chart. */
    static void style(AxesChartStyler styler) {
        styler.setPlotMargin(0)
                .setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14))
                .setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13))
                .setAxisTickLabelsColor(TEXT);
        styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 16))
                .setChartTitleBoxVisible(false)
                .setChartBackgroundColor(Color.WHITE)
                .setChartFontColor(TEXT)
                .setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13))
                .setLegendBorderColor(new Color(0xd0d0d0))
                .setPlotBorderColor(new Color(0xb0b0b0))
                .setMarkerSize(6);
    }
}
