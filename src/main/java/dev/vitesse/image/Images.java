// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import dev.vitesse.io.InputFiles;
import dev.vitesse.io.InvalidFileException;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.FileImageInputStream;
import javax.imageio.stream.ImageInputStream;

/**
 * Decodes PNG, JPEG, BMP and GIF, and whatever else ImageIO has a plug-in for. Photographs are turned upright. As
 * Pillow's {@code convert("RGB")} does, it drops transparency and leaves colour profiles aside.
 */
public final class Images {
    /** The largest number of pixels that is decoded; the limit of Pillow's decompression bomb check. */
    public static final long MAX_PIXELS = 89_478_485;

    private static final String REMEDY = "use a PNG, JPEG, BMP or GIF image that other programs can open";

    private Images() {}

    /**
     * Decodes a file; of an animation, the first image.
     *
     * @return grey or RGB, as the file is
     * @throws InvalidFileException if the file is missing, damaged, cut short, of an unknown format or too large
     */
    public static Image read(Path path) throws IOException {
        InputFiles.requireFile(path, "an image");
        try (ImageInputStream stream = new FileImageInputStream(path.toFile())) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(stream);
            if (!readers.hasNext()) {
                throw new InvalidFileException(path, "is of no known image format", REMEDY);
            }
            ImageReader reader = readers.next();
            try {
                return Orientation.upright(read(path, reader, stream), Orientation.of(path));
            } catch (InvalidFileException e) {
                throw e;
            } catch (IOException | RuntimeException e) {
                // Decoders answer damaged files with whatever exception their arithmetic leads to.
                String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
                throw new InvalidFileException(path, "cannot be decoded: " + reason, REMEDY, e);
            } finally {
                reader.dispose();
            }
        }
    }

    private static Image read(Path path, ImageReader reader, ImageInputStream stream) throws IOException {
        reader.setInput(stream, true, true);
        int width = reader.getWidth(0);
        int height = reader.getHeight(0);
        if ((long) width * height > MAX_PIXELS) {
            throw new InvalidFileException(path, "has " + width + " x " + height + " pixels, more than the "
                    + MAX_PIXELS + " allowed", "make it smaller");
        }
        AtomicBoolean truncated = new AtomicBoolean();
        reader.addIIOReadWarningListener((source, warning) -> {
            if (warning.contains("Truncated File") || warning.contains("premature end")) {
                truncated.set(true);
            }
        });
        BufferedImage image = reader.read(0);
        // The JPEG decoder fills what is missing with grey and only warns.
        if (truncated.get()) {
            throw new InvalidFileException(path, "is cut short", REMEDY);
        }
        return convert(image);
    }

    private static Image convert(BufferedImage image) {
        if (image.getColorModel() instanceof IndexColorModel) {
            return fromPalette(image);
        }
        // Samples as they are: getRGB would convert grey ones as if they were linear, and apply profiles.
        Raster raster = image.getRaster();
        int width = image.getWidth();
        int bands = raster.getNumBands();
        int channels = bands < 3 ? 1 : 3;
        int[] shifts = new int[channels];
        Arrays.setAll(shifts, c -> image.getSampleModel().getSampleSize(c) - 8);
        byte[] pixels = new byte[width * image.getHeight() * channels];
        int[] row = new int[width * bands];
        int next = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < channels; c++) {
                    pixels[next++] = toByte(row[x * bands + c], shifts[c]);
                }
            }
        }
        return new Image(width, image.getHeight(), channels, pixels);
    }

    /** The upper byte of a wider sample; a narrower one is stretched, so that its largest value becomes 255. */
    private static byte toByte(int sample, int shift) {
        return (byte) (shift >= 0 ? sample >> shift : sample * 255 / ((1 << shift + 8) - 1));
    }

    private static Image fromPalette(BufferedImage image) {
        int width = image.getWidth();
        int[] row = new int[width];
        byte[] pixels = new byte[3 * width * image.getHeight()];
        boolean grey = true;
        int next = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int rgb : row) {
                pixels[next++] = (byte) (rgb >> 16);
                pixels[next++] = (byte) (rgb >> 8);
                pixels[next++] = (byte) rgb;
                grey &= (rgb >> 16 & 0xff) == (rgb & 0xff) && (rgb >> 8 & 0xff) == (rgb & 0xff);
            }
        }
        Image result = new Image(width, image.getHeight(), 3, pixels);
        // ImageIO reads grey of fewer than 8 bits as a palette. Equal channels keep their value as luma.
        return grey ? result.withChannels(1) : result;
    }
}
