// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import dev.vitesse.io.InputFiles;
import dev.vitesse.io.InvalidFileException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Decodes JPEG, PNG, BMP, GIF and WebP to the pixels that Pillow gives. Photographs are turned upright. As Pillow's
 * {@code convert("RGB")} does, it drops transparency and leaves colour profiles aside; of samples of 16 bits it takes
 * the upper byte (Pillow 9.4 does so in colour, and turns grey ones above 255 white).
 *
 * <p>Memory is bounded before anything is decoded: by {@link #MAX_PIXELS}, and by what a file of that length can hold
 * at all. WebP alone can describe any number of pixels in a few bytes.
 */
public final class Images {
    /** The largest number of pixels that is decoded; the limit of Pillow's decompression bomb check. */
    public static final long MAX_PIXELS = 89_478_485;

    /** The longest file that is read: {@link #MAX_PIXELS} of eight bytes, and what goes with them. */
    static final long MAX_BYTES = 1L << 30;

    private static final String REMEDY = "use a JPEG, PNG, BMP, GIF or WebP image that other programs can open";

    private Images() {}

    /**
     * Decodes a file; of an animation, the first image.
     *
     * @return grey or RGB, as the file is
     * @throws InvalidFileException if the file is missing, damaged, cut short, of an unknown format or too large
     */
    public static Image read(Path path) throws IOException {
        InputFiles.requireFile(path, "an image");
        byte[] start;
        try (InputStream in = Files.newInputStream(path)) {
            start = in.readNBytes(ImageFormat.SIGNATURE_BYTES);
        }
        // Films and archives are told by their first bytes, not read whole.
        format(path, start);
        return decode(path, InputFiles.read(path, "an image", MAX_BYTES));
    }

    /**
     * Decodes an image that is in memory already, such as an upload.
     *
     * @param file the contents of an image file
     * @return grey or RGB, as the file is
     * @throws InvalidFileException as {@link #read} does, with a message about the file {@code image}
     */
    public static Image decode(byte[] file) throws InvalidFileException {
        return decode(Path.of("image"), file);
    }

    private static Image decode(Path path, byte[] file) throws InvalidFileException {
        ImageFormat format = format(path, file);
        try {
            Image image = format == ImageFormat.WEBP ? webp(path, file) : withImageIo(path, format, file);
            return Orientation.upright(image, Orientation.of(format, file));
        } catch (InvalidFileException e) {
            throw e;
        } catch (OutOfMemoryError e) {
            throw new InvalidFileException(path, "takes more memory to decode than there is (" + e.getMessage() + ")",
                    "make it smaller or raise the limit with -Xmx", e);
        } catch (Exception e) {
            // Decoders answer damaged files with whatever exception their arithmetic leads to.
            String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new InvalidFileException(path, "cannot be decoded: " + reason, REMEDY, e);
        }
    }

    private static ImageFormat format(Path path, byte[] start) throws InvalidFileException {
        ImageFormat format = ImageFormat.of(start);
        if (format == null) {
            throw new InvalidFileException(path, "is of no known image format", REMEDY);
        }
        return format;
    }

    private static Image webp(Path path, byte[] file) throws Exception {
        WebP frame = WebP.parse(file);
        if (frame == null) {
            throw new InvalidFileException(path, "is cut short", REMEDY);
        }
        requireAllowed(path, frame.width(), frame.height());
        requireAllowed(path, frame.canvasWidth(), frame.canvasHeight());
        return frame.decode();
    }

    private static void requireAllowed(Path path, int width, int height) throws InvalidFileException {
        if ((long) width * height > MAX_PIXELS) {
            throw new InvalidFileException(path, "has " + width + " x " + height + " pixels, more than the "
                    + MAX_PIXELS + " allowed", "make it smaller");
        }
    }

    private static void requirePossible(Path path, ImageFormat format, int width, int height, byte[] file)
            throws InvalidFileException {
        if (!format.canHold(file.length, (long) width * height)) {
            throw new InvalidFileException(path, "says that it has " + width + " x " + height
                    + " pixels, more than its " + file.length + " bytes can hold", REMEDY);
        }
    }

    private static Image withImageIo(Path path, ImageFormat format, byte[] file) throws IOException {
        ImageReader reader = format.reader();
        try (ImageInputStream stream = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            reader.setInput(stream, true, true);
            requireAllowed(path, reader.getWidth(0), reader.getHeight(0));
            requirePossible(path, format, reader.getWidth(0), reader.getHeight(0), file);
            AtomicBoolean truncated = new AtomicBoolean();
            reader.addIIOReadWarningListener((source, warning) -> {
                if (warning.contains("Truncated File") || warning.contains("premature end")) {
                    truncated.set(true);
                }
            });
            Image image = switch (format) {
                case JPEG -> jpeg(reader, file);
                case GIF -> gif(path, reader, file);
                default -> Rasters.toImage(reader.read(0));
            };
            // The JPEG decoder fills what is missing with grey and only warns.
            if (truncated.get()) {
                throw new InvalidFileException(path, "is cut short", REMEDY);
            }
            return image;
        } finally {
            reader.dispose();
        }
    }

    /** ImageIO leaves the four inks of print to its caller. */
    private static Image jpeg(ImageReader reader, byte[] file) throws IOException {
        JpegHeader header = JpegHeader.parse(file);
        if (header.components() != 4) {
            return Rasters.toImage(reader.read(0));
        }
        return Rasters.fromInks(reader.readRaster(0, null), header.adobeTransform() == JpegHeader.YCCK);
    }

    /** The first image of a GIF may be smaller than its screen. */
    private static Image gif(Path path, ImageReader reader, byte[] file) throws IOException {
        BufferedImage first = reader.read(0);
        GifScreen screen = GifScreen.of(file).around(first);
        if (screen.isFilledBy(first)) {
            return Rasters.toImage(first);
        }
        requireAllowed(path, screen.width(), screen.height());
        return Rasters.toImage(screen.show(first));
    }
}
