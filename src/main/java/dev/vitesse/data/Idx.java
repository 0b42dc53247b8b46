// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import dev.vitesse.io.InputFiles;
import dev.vitesse.io.InvalidFileException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Reads the IDX files of MNIST and of the data sets in its format, such as Fashion-MNIST: plain or compressed with
 * gzip, named {@code train-images-idx3-ubyte} or {@code train-images.idx3-ubyte}, with or without {@code .gz}.
 *
 * <p>An images file is big-endian: the magic number 0x803, count, rows, columns, then a byte per pixel; a labels file
 * 0x801, count, then a byte per label.
 */
public final class Idx {
    /** The names of MNIST's classes. */
    public static final List<String> DIGITS = IntStream.range(0, 10).mapToObj(Integer::toString).toList();

    private static final int IMAGES_MAGIC = 0x803;
    private static final int LABELS_MAGIC = 0x801;
    private static final int MAX_SIDE = 4096;

    /** Deflate cannot shrink data further than this. */
    private static final long MAX_RATIO = 1032;

    private static final String DAMAGED = "the file is damaged: copy or download it again";

    private Idx() {}

    /**
     * Reads the training images and labels of a folder.
     *
     * @throws InvalidFileException if a file is missing, malformed, or the two do not fit each other
     */
    public static ImageDataset train(Path folder) throws IOException {
        return read(find(folder, "train-images", 3), find(folder, "train-labels", 1), DIGITS);
    }

    /** Reads the test images and labels of a folder; see {@link #train}. */
    public static ImageDataset test(Path folder) throws IOException {
        return read(find(folder, "t10k-images", 3), find(folder, "t10k-labels", 1), DIGITS);
    }

    private static Path find(Path folder, String stem, int rank) throws InvalidFileException {
        if (!Files.isDirectory(folder)) {
            throw new InvalidFileException(folder, Files.exists(folder) ? "is not a folder" : "does not exist",
                    "give a folder with MNIST's IDX files");
        }
        for (String separator : List.of("-", ".")) {
            for (String suffix : List.of("", ".gz")) {
                Path path = folder.resolve(stem + separator + "idx" + rank + "-ubyte" + suffix);
                if (Files.exists(path)) {
                    return path;
                }
            }
        }
        throw new InvalidFileException(folder, "has no " + stem + "-idx" + rank + "-ubyte and no such file with .gz",
                "give a folder with MNIST's IDX files");
    }

    /**
     * Reads a file of images and one of their labels.
     *
     * @param classes names of the classes, which bound the labels
     * @throws InvalidFileException if a file is missing, malformed, or the two do not fit each other
     */
    public static ImageDataset read(Path images, Path labels, List<String> classes) throws IOException {
        byte[] labelBytes = readLabels(labels, classes.size());
        InputFiles.requireFile(images, "an IDX file");
        try (InputStream in = open(images)) {
            int[] header = header(images, in, IMAGES_MAGIC, 4);
            int count = header[1];
            int size = header[2];
            if (size != header[3] || size <= 0 || size > MAX_SIDE) {
                throw new InvalidFileException(images, "holds images of " + size + " x " + header[3] + " pixels",
                        "only square ones up to " + MAX_SIDE + " are supported");
            }
            if (count != labelBytes.length) {
                throw new InvalidFileException(images, "holds " + count + " images, but " + labels.getFileName() + " "
                        + labelBytes.length + " labels", "use two files that belong together");
            }
            byte[] pixels = body(images, in, (long) count * size * size, 16);
            int[] numbers = new int[count];
            for (int i = 0; i < count; i++) {
                numbers[i] = labelBytes[i];
            }
            return new ImageDataset(1, size, pixels, numbers, classes);
        }
    }

    private static byte[] readLabels(Path path, int classes) throws IOException {
        InputFiles.requireFile(path, "an IDX file");
        try (InputStream in = open(path)) {
            int[] header = header(path, in, LABELS_MAGIC, 2);
            byte[] labels = body(path, in, header[1], 8);
            for (int i = 0; i < labels.length; i++) {
                if ((labels[i] & 0xff) >= classes) {
                    throw new InvalidFileException(path, "label " + i + " is " + (labels[i] & 0xff),
                            "labels must be 0 to " + (classes - 1));
                }
            }
            return labels;
        }
    }

    /** Opens a file, decompressing it if it starts as gzip does. */
    private static InputStream open(Path path) throws IOException {
        InputStream in = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
        in.mark(2);
        boolean compressed = in.read() == 0x1f && in.read() == 0x8b;
        in.reset();
        if (!compressed) {
            return in;
        }
        try {
            return new GZIPInputStream(in, 1 << 16);
        } catch (ZipException | EOFException e) {
            in.close();
            throw new InvalidFileException(path, "is not valid gzip: " + e.getMessage(), DAMAGED, e);
        }
    }

    private static int[] header(Path path, InputStream in, int magic, int numbers) throws IOException {
        byte[] bytes = readFully(path, in, 4 * numbers, 4 * numbers);
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int[] header = new int[numbers];
        for (int i = 0; i < numbers && buffer.hasRemaining(); i++) {
            header[i] = bytes.length >= 4 * (i + 1) ? buffer.getInt() : 0;
            if (i == 0 && bytes.length >= 4 && header[0] != magic) {
                String found = header[0] == LABELS_MAGIC ? "a labels file"
                        : header[0] == IMAGES_MAGIC ? "an images file" : "no IDX file of bytes";
                throw new InvalidFileException(path, String.format("starts with 0x%08x, not with 0x%08x: it is %s",
                        header[0], magic, found), "give the right file");
            }
        }
        if (bytes.length < 4 * numbers) {
            throw new InvalidFileException(path, "ends within its header", DAMAGED);
        }
        if (header[1] <= 0) {
            throw new InvalidFileException(path, "holds " + Integer.toUnsignedString(header[1]) + " entries",
                    "it must be 1 to 2147483647");
        }
        return header;
    }

    /** Reads what follows a header: exactly {@code expected} bytes and then the end. */
    private static byte[] body(Path path, InputStream in, long expected, int headerBytes) throws IOException {
        long most = Files.size(path) * (in instanceof GZIPInputStream ? MAX_RATIO : 1);
        if (expected > Math.min(most, Integer.MAX_VALUE - 8)) {
            // Found before anything is allocated for a size that the header only claims.
            long there = in instanceof GZIPInputStream ? -1 : most - headerBytes;
            throw truncated(path, expected, there);
        }
        byte[] body = readFully(path, in, (int) expected, expected);
        if (body.length < expected) {
            throw truncated(path, expected, body.length);
        }
        if (readFully(path, in, 1, expected).length > 0) {
            throw new InvalidFileException(path, "goes on after the " + expected + " bytes that its header announces",
                    DAMAGED);
        }
        return body;
    }

    private static InvalidFileException truncated(Path path, long expected, long there) {
        return new InvalidFileException(path, "is cut short: its header announces " + expected + " bytes, "
                + (there < 0 ? "fewer" : Long.toString(there)) + " are there", DAMAGED);
    }

    /** Up to {@code limit} bytes, fewer at the end of the file. */
    private static byte[] readFully(Path path, InputStream in, int limit, long expected) throws IOException {
        try {
            return in.readNBytes(limit);
        } catch (EOFException e) {
            throw truncated(path, expected, -1);
        } catch (ZipException e) {
            throw new InvalidFileException(path, "is not valid gzip: " + e.getMessage(), DAMAGED, e);
        }
    }
}
