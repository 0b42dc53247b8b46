// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_PROGRAM_BINARIES;
import static org.jocl.CL.CL_PROGRAM_BINARY_SIZES;
import static org.jocl.CL.CL_PROGRAM_BUILD_LOG;
import static org.jocl.CL.CL_SUCCESS;
import static org.jocl.CL.clBuildProgram;
import static org.jocl.CL.clCreateProgramWithBinary;
import static org.jocl.CL.clCreateProgramWithSource;
import static org.jocl.CL.clGetProgramBuildInfo;
import static org.jocl.CL.clGetProgramInfo;
import static org.jocl.CL.clReleaseProgram;

import dev.vitesse.backend.DeviceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_device_id;
import org.jocl.cl_program;
import org.jspecify.annotations.Nullable;

/**
 * Compiled programs, each built once per backend, and kept on disk from one process to the next under a digest of
 * source, options, device and driver. A file is the digest of what follows it, then the driver's binary: one that is
 * cut short, altered or no longer accepted by the driver is built again and replaced.
 */
final class ProgramCache implements AutoCloseable {
    private static final int DIGEST_BYTES = 32;

    private final OpenClRuntime runtime;
    private final @Nullable Path directory;
    private final Map<String, cl_program> programs = new HashMap<>();
    private int compiled;

    /**
     * @param directory where binaries are kept, or null to keep none
     */
    ProgramCache(OpenClRuntime runtime, @Nullable Path directory) {
        this.runtime = runtime;
        this.directory = directory;
    }

    /**
     * {@code ~/.cache/vitesse/opencl}, below {@code XDG_CACHE_HOME} where that is set; the system property {@code
     * vitesse.opencl.cache} names another one, or {@code off} for none. None for PoCL, which keeps a cache of its own,
     * and compiles every kernel a second time when asked for a binary.
     */
    static @Nullable Path directory(OpenClDevice device) {
        String property = System.getProperty("vitesse.opencl.cache");
        if (property != null) {
            return property.equals("off") ? null : Path.of(property);
        }
        if (device.platformName().startsWith("Portable Computing Language")) {
            return null;
        }
        String cache = System.getenv("XDG_CACHE_HOME");
        Path base = cache == null || cache.isEmpty()
                ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
        return base.resolve("vitesse").resolve("opencl");
    }

    /** Programs compiled from source so far, neither found in memory nor on disk. */
    int compiled() {
        return compiled;
    }

    /**
     * The program of kernel file {@code file} under {@code options}.
     *
     * @throws DeviceException with the compiler's log if it does not compile
     */
    cl_program program(String file, String options) {
        cl_program known = programs.get(file + " " + options);
        if (known != null) {
            return known;
        }
        cl_program program = load(file, KernelSource.load(file), options);
        programs.put(file + " " + options, program);
        runtime.countLive(1);
        return program;
    }

    private cl_program load(String file, String source, String options) {
        Path entry = directory == null ? null : directory.resolve(key(source, options) + ".bin");
        byte[] binary = entry == null ? null : readEntry(entry);
        cl_program program = binary == null ? null : fromBinary(binary, options);
        if (program == null) {
            program = compile(file, source, options);
            if (entry != null) {
                writeEntry(entry, program);
            }
        }
        return program;
    }

    private String key(String source, String options) {
        MessageDigest digest = sha256();
        for (String part : new String[] {runtime.device().identity(), options, source}) {
            digest.update(part.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has it
        }
    }

    private cl_program compile(String file, String source, String options) {
        compiled++;
        cl_program program = runtime.create("clCreateProgramWithSource", status ->
                clCreateProgramWithSource(runtime.context(), 1, new String[] {source}, null, status));
        try {
            runtime.call("clBuildProgram", () -> build(program, options));
        } catch (DeviceException e) {
            String log = log(program);
            clReleaseProgram(program);
            throw new DeviceException(e.getMessage() + " compiling " + file + ".cl with " + options
                    + (log.isEmpty() ? "" : "; the compiler says:\n" + log), e);
        }
        return program;
    }

    private int build(cl_program program, String options) {
        return clBuildProgram(program, 1, new cl_device_id[] {runtime.device().handle()}, options, null, null);
    }

    private String log(cl_program program) {
        cl_device_id device = runtime.device().handle();
        long[] size = new long[1];
        if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, null, size) != CL_SUCCESS || size[0] == 0) {
            return "";
        }
        byte[] text = new byte[(int) size[0]];
        clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, text.length, Pointer.to(text), null);
        return DeviceQuery.decode(text);
    }

    /** Null if the driver does not take it, whatever the reason. */
    private @Nullable cl_program fromBinary(byte[] binary, String options) {
        int[] status = new int[1];
        cl_program program = clCreateProgramWithBinary(runtime.context(), 1,
                new cl_device_id[] {runtime.device().handle()}, new long[] {binary.length}, new byte[][] {binary},
                null, status);
        if (status[0] != CL_SUCCESS || program == null) {
            return null;
        }
        if (build(program, options) != CL_SUCCESS) {
            clReleaseProgram(program);
            return null;
        }
        return program;
    }

    private static byte @Nullable [] readEntry(Path entry) {
        try {
            byte[] bytes = Files.readAllBytes(entry);
            if (bytes.length <= DIGEST_BYTES) {
                return null;
            }
            byte[] binary = Arrays.copyOfRange(bytes, DIGEST_BYTES, bytes.length);
            byte[] digest = Arrays.copyOf(bytes, DIGEST_BYTES);
            return MessageDigest.isEqual(digest, sha256().digest(binary)) ? binary : null;
        } catch (IOException e) {
            return null; // not there, or not readable: compiling works as well
        }
    }

    /** Keeps the binary; if that fails, the next process compiles again. */
    private void writeEntry(Path entry, cl_program program) {
        byte[] binary = binary(program);
        if (binary.length == 0) {
            return;
        }
        try {
            Files.createDirectories(entry.getParent());
            Path temporary = Files.createTempFile(entry.getParent(), "entry", ".tmp");
            try {
                Files.write(temporary, sha256().digest(binary));
                Files.write(temporary, binary, StandardOpenOption.APPEND);
                Files.move(temporary, entry, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            System.getLogger(ProgramCache.class.getName())
                    .log(System.Logger.Level.DEBUG, "cannot keep a compiled program in " + entry, e);
        }
    }

    private static byte[] binary(cl_program program) {
        long[] size = new long[1];
        int status = clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, Sizeof.size_t, Pointer.to(size), null);
        if (status != CL_SUCCESS || size[0] == 0) {
            return new byte[0];
        }
        byte[] binary = new byte[Math.toIntExact(size[0])];
        status = clGetProgramInfo(
                program, CL_PROGRAM_BINARIES, Sizeof.POINTER, Pointer.to(Pointer.to(binary)), null);
        return status == CL_SUCCESS ? binary : new byte[0];
    }

    @Override
    public void close() {
        for (cl_program program : programs.values()) {
            clReleaseProgram(program);
            runtime.countLive(-1);
        }
        programs.clear();
    }
}
