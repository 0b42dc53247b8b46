// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;

/**
 * Reads NumPy's {@code .npz}: a zip archive of {@code .npy} files (NEP 1, versions 1 to 3), stored or deflated. Arrays
 * must be in C order and little-endian. Two-byte raw elements ({@code |V2}) are taken for bfloat16, which NumPy does
 * not know and JAX saves like that.
 */
public final class Npz {
    private static final String SUFFIX = ".npy";
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int MAX_HEADER = 1 << 16;
    private static final Pattern HEADER = Pattern.compile("\\{\\s*'descr':\\s*'([^']*)',\\s*'fortran_order':\\s*(\\w+),"
            + "\\s*'shape':\\s*\\(([0-9, ]*)\\),?\\s*}\\s*");
    private static final Map<String, StoredType> TYPES = Map.ofEntries(
            Map.entry("<f8", StoredType.F64), Map.entry("<f4", StoredType.F32), Map.entry("<f2", StoredType.F16),
            Map.entry("|V2", StoredType.BF16), Map.entry("<V2", StoredType.BF16), Map.entry("<i8", StoredType.I64),
            Map.entry("<i4", StoredType.I32), Map.entry("<i2", StoredType.I16), Map.entry("|i1", StoredType.I8),
            Map.entry("|u1", StoredType.U8), Map.entry("|b1", StoredType.BOOL));

    private Npz() {}

    /**
     * Opens an archive and reads its arrays' headers.
     *
     * @throws InvalidFileException if the archive is damaged, or an array of a kind that is not supported, named then
     */
    public static TensorFile open(Path path) throws IOException {
        ZipTensors file = new ZipTensors(path);
        try {
            Enumeration<? extends ZipEntry> entries = file.zip().entries();
            while (entries.hasMoreElements()) {
                ZipEntry entry = entries.nextElement();
                if (entry.isDirectory() || !entry.getName().endsWith(SUFFIX)) {
                    throw new InvalidFileException(path, "holds " + entry.getName(), "it must hold .npy files only");
                }
                addArray(file, entry);
            }
            return file;
        } catch (InvalidFileException e) {
            file.close();
            throw e;
        } catch (IOException | IllegalArgumentException e) {
            file.close();
            throw new InvalidFileException(path, "cannot be read: " + e.getMessage(), ZipTensors.REMEDY, e);
        }
    }

    private static void addArray(ZipTensors file, ZipEntry entry) throws IOException {
        String name = entry.getName().substring(0, entry.getName().length() - SUFFIX.length());
        byte[] header;
        int start;
        try (InputStream in = file.zip().getInputStream(entry)) {
            byte[] preamble = in.readNBytes(MAGIC.length + 2);
            int version = preamble.length < MAGIC.length + 2 ? 0 : preamble[MAGIC.length];
            if (version < 1 || version > 3 || !Arrays.equals(preamble, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
                throw unsupported(file, name, "is no .npy file of version 1 to 3");
            }
            int width = version == 1 ? 2 : 4;
            byte[] padded = Arrays.copyOf(in.readNBytes(width), 4);
            int length = ByteBuffer.wrap(padded).order(ByteOrder.LITTLE_ENDIAN).getInt();
            if (length < 0 || length > MAX_HEADER) {
                throw unsupported(
                        file, name, "says that its header has " + Integer.toUnsignedString(length) + " bytes");
            }
            header = in.readNBytes(length);
            start = MAGIC.length + 2 + width + length;
        }
        Matcher fields = HEADER.matcher(new String(header, StandardCharsets.UTF_8));
        if (!fields.matches()) {
            throw unsupported(file, name, "has a header that is not NumPy's usual one");
        }
        StoredType type = TYPES.get(fields.group(1));
        if (type == null) {
            throw unsupported(file, name, "has the type " + fields.group(1) + ", supported are " + TYPES.keySet());
        }
        if (!fields.group(2).equals("False")) {
            throw unsupported(file, name, "is in Fortran order");
        }
        file.add(new TensorFile.Entry(name, type, shape(file, name, fields.group(3))), entry, start);
    }

    private static long[] shape(ZipTensors file, String name, String text) throws InvalidFileException {
        try {
            return Arrays.stream(text.split(",")).map(String::strip).filter(size -> !size.isEmpty())
                    .mapToLong(Long::parseLong).toArray();
        } catch (NumberFormatException e) {
            throw unsupported(file, name, "has the shape (" + text + ")");
        }
    }

    private static InvalidFileException unsupported(ZipTensors file, String name, String problem) {
        return new InvalidFileException(file.path(), "array " + name + " " + problem,
                "save it again with numpy.savez as a contiguous array");
    }
}
