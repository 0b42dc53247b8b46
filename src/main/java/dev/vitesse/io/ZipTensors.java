// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** Tensors in the entries of a zip archive, each a run of bytes of one entry; read when they are asked for. */
final class ZipTensors implements TensorFile {
    static final String REMEDY = "the file is damaged: copy or download it again";

    /** Deflate cannot shrink data further than this. */
    private static final long MAX_RATIO = 1032;

    private static final int PIECE = 1 << 20;

    private final Path path;
    private final ZipFile zip;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, Place> places = new LinkedHashMap<>();

    /** Where a tensor's elements start. */
    private record Place(ZipEntry entry, long offset) {}

    ZipTensors(Path path) throws IOException {
        this.path = path;
        InputFiles.requireFile(path, "a file of weights");
        zip = openZip(path);
    }

    /**
     * Opens an archive.
     *
     * @throws InvalidFileException if it is none; also where the JDK says so by an {@link EOFException}, because the
     *     archive's comment is missing
     */
    static ZipFile openZip(Path path) throws IOException {
        try {
            return new ZipFile(path.toFile());
        } catch (ZipException e) {
            throw new InvalidFileException(path, "is not a valid zip archive: " + e.getMessage(), REMEDY, e);
        } catch (EOFException e) {
            throw new InvalidFileException(path, "is not a valid zip archive: it is cut short", REMEDY, e);
        }
    }

    ZipFile zip() {
        return zip;
    }

    /**
     * Adds a tensor, after checking that its entry is long enough.
     *
     * @param offset of its first byte in {@code place}
     */
    void add(Entry tensor, ZipEntry place, long offset) throws InvalidFileException {
        long end;
        try {
            end = Math.addExact(offset, Math.multiplyExact(tensor.elements(), tensor.type().bytes()));
        } catch (ArithmeticException e) {
            throw new InvalidFileException(path, "tensor " + tensor.describe() + " is larger than 2^63 bytes", REMEDY);
        }
        long claimed = place.getSize();
        // An archive may claim any size; what it can really unpack to bounds the memory.
        if (offset < 0 || end > claimed || claimed / MAX_RATIO > place.getCompressedSize()) {
            throw new InvalidFileException(path, "tensor " + tensor.describe() + " needs " + end + " bytes of "
                    + place.getName() + ", which has " + claimed, REMEDY);
        }
        if (entries.putIfAbsent(tensor.name(), tensor) != null) {
            throw new InvalidFileException(path, "has two tensors " + tensor.name(), REMEDY);
        }
        places.put(tensor.name(), new Place(place, offset));
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public Map<String, String> metadata() {
        return Map.of();
    }

    @Override
    public Map<String, Entry> tensors() {
        return Collections.unmodifiableMap(entries);
    }

    @Override
    public MemorySegment bytes(String name, SegmentAllocator allocator) throws InvalidFileException {
        Entry entry = entry(name);
        Place place = places.get(name);
        MemorySegment target = allocator.allocate(entry.elements() * entry.type().bytes(), 8);
        try (InputStream in = zip.getInputStream(place.entry())) {
            in.skipNBytes(place.offset());
            byte[] piece = new byte[(int) Math.min(PIECE, target.byteSize())];
            for (long done = 0; done < target.byteSize(); done += piece.length) {
                int count = (int) Math.min(piece.length, target.byteSize() - done);
                if (in.readNBytes(piece, 0, count) < count) {
                    throw new InvalidFileException(path, "ends within tensor " + entry.describe(), REMEDY);
                }
                MemorySegment.copy(piece, 0, target, ValueLayout.JAVA_BYTE, done, count);
            }
        } catch (InvalidFileException e) {
            throw e;
        } catch (IOException e) {
            throw new InvalidFileException(path, "tensor " + entry.describe() + " cannot be read: " + e.getMessage(),
                    REMEDY, e);
        }
        return target;
    }

    @Override
    public void close() {
        try {
            zip.close();
        } catch (IOException e) {
            // It was only read.
        }
    }
}
