// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.fuzz;

import com.sun.management.ThreadMXBean;
import dev.vitesse.image.Image;
import dev.vitesse.image.Images;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.Npz;
import dev.vitesse.io.PyTorchFile;
import dev.vitesse.io.Safetensors;
import dev.vitesse.io.TensorFile;
import dev.vitesse.io.TensorFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** The readers of files, each under its promise. */
enum Reader {
    SAFETENSORS {
        @Override
        void read(Path file, byte[] input) throws IOException {
            Files.write(file, input);
            try (TensorFile tensors = Safetensors.open(file)) {
                readAll(tensors, 2L * input.length);
            }
        }
    },
    /** Whole archives, NumPy's or PyTorch's, and whatever else claims to hold weights. */
    ARCHIVE {
        @Override
        void read(Path file, byte[] input) throws IOException {
            Files.write(file, input);
            try (TensorFile tensors = TensorFiles.open(file)) {
                readAll(tensors, 2 * DEFLATE * input.length);
            }
        }
    },
    /** The input is one {@code .npy} file: checksums round it would stop every change. */
    NPZ {
        @Override
        void read(Path file, byte[] input) throws IOException {
            Files.write(file, zip("a.npy", input));
            try (TensorFile tensors = Npz.open(file)) {
                readAll(tensors, 2L * input.length);
            }
        }
    },
    /** The input is the pickle of a file with one storage. */
    PICKLE {
        @Override
        void read(Path file, byte[] input) throws IOException {
            Files.write(file, zip("archive/data.pkl", input, "archive/data/0", new byte[STORAGE]));
            try (TensorFile tensors = PyTorchFile.open(file)) {
                readAll(tensors, 2 * STORAGE);
            }
        }
    },
    IMAGE {
        @Override
        void read(Path file, byte[] input) throws IOException {
            Image image = Images.decode(input);
            if (image.pixels().length != image.width() * image.height() * image.channels()) {
                throw new AssertionError("not all pixels are there");
            }
        }

        /** Sixteen bytes for each pixel that so many bytes can hold: in WebP as many as there are allowed at all. */
        @Override
        long heapLimit(byte[] input) {
            long pixels = input.length > 0 && input[0] == 'R' ? Images.MAX_PIXELS : PIXELS_PER_BYTE * input.length;
            return FREE + 512L * input.length + 16 * Math.min(Images.MAX_PIXELS, pixels);
        }
    };

    private static final long DEFLATE = 1032;
    private static final int STORAGE = 256;
    private static final long PIXELS_PER_BYTE = 16_384;
    /** What readers may take for the smallest input: buffers of inflaters, and classes that are loaded first. */
    private static final long FREE = 32 << 20;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** Reads all that there is in a file. */
    abstract void read(Path file, byte[] input) throws IOException;

    /** Bytes of Java objects that reading may allocate, garbage included. */
    long heapLimit(byte[] input) {
        return FREE + 512L * input.length;
    }

    /**
     * Reads {@code input}; whatever it is, this returns.
     *
     * @param scratch a file that may be overwritten
     * @throws AssertionError if the reader breaks its promise
     */
    final void check(Path scratch, byte[] input) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            read(scratch, input);
        } catch (InvalidFileException e) {
            requireOneLine(e);
        } catch (IOException | RuntimeException e) {
            throw new AssertionError(this + " answers with " + e, e);
        }
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        if (allocated > heapLimit(input)) {
            throw new AssertionError(this + " allocates " + allocated + " bytes for " + input.length);
        }
    }

    private static void requireOneLine(InvalidFileException e) {
        String message = String.valueOf(e.getMessage());
        if (message.contains("\n") || !message.contains("; ") || message.length() > 1 << 16) {
            throw new AssertionError("not one line: " + message);
        }
    }

    private static void readAll(TensorFile tensors, long limit) throws IOException {
        for (TensorFile.Entry entry : tensors.tensors().values()) {
            try (Arena arena = Arena.ofConfined()) {
                SegmentAllocator counting = new SegmentAllocator() {
                    private long left = limit;

                    @Override
                    public MemorySegment allocate(long bytes, long alignment) {
                        left -= bytes;
                        if (left < 0) {
                            throw new AssertionError(entry.describe() + " takes more than " + limit + " bytes");
                        }
                        return arena.allocate(bytes, alignment);
                    }
                };
                if (entry.type().floating()) {
                    tensors.float32(entry.name(), counting);
                } else {
                    tensors.bytes(entry.name(), counting);
                }
            }
        }
    }

    /** An archive of stored entries: names and contents in turn. */
    private static byte[] zip(Object... entries) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.setMethod(ZipOutputStream.STORED);
            for (int i = 0; i < entries.length; i += 2) {
                byte[] contents = (byte[]) entries[i + 1];
                ZipEntry entry = new ZipEntry((String) entries[i]);
                CRC32 crc = new CRC32();
                crc.update(contents);
                entry.setSize(contents.length);
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(contents);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
