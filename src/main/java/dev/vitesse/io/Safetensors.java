// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * Reads the safetensors format: eight bytes of header length, a JSON header, the elements. The file is mapped into
 * memory, not read; while it is open, nobody should write into it (replacing it by a move, as {@link AtomicFiles} does,
 * is harmless).
 *
 * <p>Everything that can be wrong with a file is found by {@link #open}; see {@link SafetensorsHeader} for the rules.
 */
public final class Safetensors implements TensorFile {
    private static final String REMEDY = "the file is damaged or not safetensors: copy or download it again";

    private final Path path;
    private final Arena arena;
    private final MemorySegment data;
    private final SafetensorsHeader header;

    private Safetensors(Path path, Arena arena, MemorySegment data, SafetensorsHeader header) {
        this.path = path;
        this.arena = arena;
        this.data = data;
        this.header = header;
    }

    /**
     * Maps {@code path} and checks its header.
     *
     * @throws InvalidFileException if the file is missing or breaks a rule of the format
     */
    public static Safetensors open(Path path) throws IOException {
        InputFiles.requireFile(path, "a .safetensors file");
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            long headerBytes = headerBytes(path, file);
            SafetensorsHeader header = SafetensorsHeader.parse(
                    path, file.asSlice(Long.BYTES, headerBytes), file.byteSize() - Long.BYTES - headerBytes);
            return new Safetensors(path, arena, file.asSlice(Long.BYTES + headerBytes), header);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static long headerBytes(Path path, MemorySegment file) throws InvalidFileException {
        if (file.byteSize() < Long.BYTES) {
            throw new InvalidFileException(path, "has only " + file.byteSize() + " bytes", REMEDY);
        }
        long bytes = file.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
        if (bytes < 2 || bytes > SafetensorsHeader.MAX_BYTES) {
            throw new InvalidFileException(path, "says that its header has " + Long.toUnsignedString(bytes) + " bytes",
                    REMEDY);
        }
        if (bytes > file.byteSize() - Long.BYTES) {
            throw new InvalidFileException(path, "ends within its header (" + bytes + " bytes announced, "
                    + (file.byteSize() - Long.BYTES) + " there)", REMEDY);
        }
        return bytes;
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public Map<String, String> metadata() {
        return header.metadata();
    }

    @Override
    public Map<String, Entry> tensors() {
        return header.tensors();
    }

    @Override
    public MemorySegment bytes(String name, SegmentAllocator allocator) throws InvalidFileException {
        Entry entry = entry(name);
        return data.asSlice(header.offset(name), entry.elements() * entry.type().bytes());
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
